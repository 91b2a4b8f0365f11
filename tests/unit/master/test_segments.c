/*
 * Segments that outlive a master: taken when the layout is the same, else made anew; swept when nobody is left.
 */
#include "tests/unit/unit.h"
#include "master/segments.c"

#include <sys/wait.h>

static void
fds_of(const struct segments *s, int fd[HAND_SEGMENTS])
{
	fd[HAND_STATS] = dup(s->stats.fd);
	fd[HAND_JOURNAL] = dup(s->journal.fd);
	fd[HAND_REPORT] = dup(s->report.fd);
	fd[HAND_ENDPOINTS] = -1;
	fd[HAND_CACHE] = -1;
}

static pid_t
dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* A lane in use by process `pid` of master `owner`, with n requests counted. */
static unsigned
lane_with(struct segments *s, uint32_t owner, uint32_t pid, uint64_t n)
{
	unsigned lane = 0;
	struct stats_lane *l = segments_take(s, 1, 0, 1, &lane);

	ck_assert_ptr_nonnull(l);
	atomic_store(&l->owner, owner);
	atomic_store(&l->pid, pid);
	l->counter[C_REQUESTS] = n;
	return lane;
}

START_TEST(the_same_layout_is_the_same_memory)
{
	struct segments old, new;
	int fd[HAND_SEGMENTS];
	unsigned lane;

	ck_assert_int_eq(segments_open(&old, 2, NULL), 0);
	lane = lane_with(&old, 1, 1, 5);
	fds_of(&old, fd);
	ck_assert_int_eq(segments_take_over(&new, fd, 2, NULL), 0);
	ck_assert_uint_eq(new.lanes, old.lanes);
	ck_assert(new.journal_taken);
	ck_assert_uint_eq(stats_sum(new.stats.data, C_REQUESTS), 5);
	ck_assert_uint_eq(segments_free_lanes(&new), segments_free_lanes(&old));
	segments_give(&old, lane);
	ck_assert_uint_eq(stats_sum(new.stats.data, C_REQUESTS), 5);
	segments_close(&old);
	segments_close(&new);
}
END_TEST

START_TEST(another_layout_of_the_journal_is_made_anew_and_the_counters_stay)
{
	struct segments old, new;
	int fd[HAND_SEGMENTS];

	ck_assert_int_eq(segments_open(&old, 2, NULL), 0);
	(void)lane_with(&old, 1, 1, 5);
	old.journal.head->version++;
	fds_of(&old, fd);
	ck_assert_int_eq(segments_take_over(&new, fd, 2, NULL), 0);
	ck_assert(!new.journal_taken);
	ck_assert_uint_eq(((struct journal_data *)new.journal.data)->lanes, old.lanes);
	ck_assert_int_eq(new.report.fd, fd[HAND_REPORT]);
	ck_assert_uint_eq(stats_sum(new.stats.data, C_REQUESTS), 5);
	segments_close(&old);
	segments_close(&new);
}
END_TEST

START_TEST(another_layout_of_the_statistics_is_a_new_beginning)
{
	struct segments old, new;
	int fd[HAND_SEGMENTS];

	ck_assert_int_eq(segments_open(&old, 2, NULL), 0);
	(void)lane_with(&old, 1, 1, 5);
	old.stats.head->version++;
	fds_of(&old, fd);
	ck_assert_int_eq(segments_take_over(&new, fd, 2, NULL), 0);
	ck_assert_uint_eq(stats_sum(new.stats.data, C_REQUESTS), 0);
	ck_assert(!new.journal_taken);
	segments_close(&old);
	segments_close(&new);
}
END_TEST

START_TEST(a_number_of_lanes_that_is_not_the_size_is_not_believed)
{
	struct segments old, new;
	int fd[HAND_SEGMENTS];

	ck_assert_int_eq(segments_open(&old, 2, NULL), 0);
	((struct stats_data *)old.stats.data)->lanes = 1000000;
	fds_of(&old, fd);
	ck_assert_int_eq(segments_take_over(&new, fd, 2, NULL), 0);
	ck_assert_uint_lt(new.lanes, 1000);
	ck_assert_uint_eq(((struct stats_data *)new.stats.data)->lanes, new.lanes);
	segments_close(&new);
}
END_TEST

START_TEST(more_workers_than_lanes_were_made_for_are_a_new_beginning)
{
	struct segments old, new;
	int fd[HAND_SEGMENTS];

	ck_assert_int_eq(segments_open(&old, 2, NULL), 0);
	fds_of(&old, fd);
	ck_assert_int_eq(segments_take_over(&new, fd, 100, NULL), 0);
	ck_assert_uint_ge(new.lanes, 300);
	ck_assert_int_eq(segments_fit(&new, 100, NULL), 0);
	segments_close(&old);
	segments_close(&new);
}
END_TEST

START_TEST(only_what_the_dead_of_a_dead_master_left_is_swept)
{
	pid_t dead = dead_process(), me = getpid();
	struct segments s;
	struct stats_data *stats;
	unsigned gone_lane, living, child, mine;

	ck_assert_int_eq(segments_open(&s, 2, NULL), 0);
	stats = s.stats.data;
	gone_lane = lane_with(&s, (uint32_t)dead, (uint32_t)dead, 1);
	living = lane_with(&s, (uint32_t)dead, (uint32_t)me, 2);	/* drains though its master died */
	child = lane_with(&s, (uint32_t)getppid(), (uint32_t)dead, 3); /* its master will fold it */
	mine = lane_with(&s, (uint32_t)me, (uint32_t)dead, 4);
	segments_sweep(&s, me);
	ck_assert_uint_eq(atomic_load(&stats->lane[gone_lane].state), LANE_FREE);
	ck_assert_uint_ne(atomic_load(&stats->lane[living].state), LANE_FREE);
	ck_assert_uint_ne(atomic_load(&stats->lane[child].state), LANE_FREE);
	ck_assert_uint_ne(atomic_load(&stats->lane[mine].state), LANE_FREE);
	ck_assert_uint_eq(stats_sum(stats, C_REQUESTS), 10);
	segments_close(&s);
}
END_TEST

START_TEST(one_that_nobody_waited_for_is_gone_too)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	for (int i = 0; i < 500 && !gone((uint32_t)pid); i++)
		(void)usleep(10000);
	ck_assert(gone((uint32_t)pid));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(gone((uint32_t)pid));
	ck_assert(!gone((uint32_t)getpid()));
}
END_TEST

UNIT_MAIN("master/segments", the_same_layout_is_the_same_memory,
    another_layout_of_the_journal_is_made_anew_and_the_counters_stay,
    another_layout_of_the_statistics_is_a_new_beginning,
    a_number_of_lanes_that_is_not_the_size_is_not_believed,
    more_workers_than_lanes_were_made_for_are_a_new_beginning,
    only_what_the_dead_of_a_dead_master_left_is_swept, one_that_nobody_waited_for_is_gone_too)
