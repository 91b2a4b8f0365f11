/*
 * generation.c - builds and frees what belongs to one configuration.
 *
 * Building may fail at any point and then leaves no trace: sockets bound for it are closed again, those it
 * shares with an older generation stay. Memory failures are reported, since this runs at reload.
 */
#include "master/generation.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/master.h"
#include "master/seat.h"

#define WORKERS_MAX 1024

unsigned
conf_workers(const struct conf *conf)
{
	cpu_set_t set;
	int n = 1;

	if (conf->process.workers > 0)
		return (unsigned)conf->process.workers;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

unsigned
generation_seats(const struct generation *g)
{
	return g->seats == NULL ? 0 : g->nworkers + 1;
}

unsigned
generation_alive(const struct generation *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->nworkers; i++)
		if (g->seats[i].child != NULL || g->seats[i].wanted)
			n++;
	return n;
}

/* A missing account of the default name is no reason not to start: nobody has no more rights than it. */
static const struct passwd *
find_user(const char *name, unsigned generation)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL && strcmp(name, "proxyd") == 0) {
		pw = getpwnam("nobody");
		if (pw != NULL && generation == 1)
			log_write(LOG_WARN,
			    "no user 'proxyd' on this system: running children as 'nobody'");
	}
	return pw;
}

static int
find_identity(struct identity *id, const struct conf_process *p, unsigned generation,
    struct errdetail *ed)
{
	const struct passwd *pw;
	const struct group *gr;

	*id = (struct identity){ .drop = geteuid() == 0 };
	if (!id->drop || p->user == NULL || p->user[0] == '\0') {
		id->drop = false;
		return 0;
	}
	pw = find_user(p->user, generation);
	if (pw == NULL)
		return err_set(
		    ed, -E_UNKNOWN, "process.user: no user '%s' on this system", p->user);
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	if (p->group == NULL || p->group[0] == '\0' || strcmp(p->group, p->user) == 0)
		return 0;
	gr = getgrnam(p->group);
	if (gr == NULL)
		return err_set(
		    ed, -E_UNKNOWN, "process.group: no group '%s' on this system", p->group);
	id->gid = gr->gr_gid;
	return 0;
}

static unsigned
slot_of(struct stats_data *stats, enum stats_kind kind, const char *name)
{
	unsigned slot = stats_slot(stats, kind, name);

	stats_note_since(stats, slot, (int64_t)(clock_wall_us() / 1000000));
	return slot;
}

/* The four arrays of conf index to statistics slot, one behind the other: see env in spawn.c. */
static int
build_slots(struct generation *g, struct stats_data *stats)
{
	const struct conf *c = g->conf;
	size_t n = (size_t)c->nlisteners + c->nservices + c->nroutes + c->nrules;
	unsigned *at;

	g->slots = at = calloc(n + 1, sizeof *at);
	if (at == NULL)
		return -E_NOMEM;
	for (unsigned i = 0; i < c->nlisteners; i++)
		*at++ = slot_of(stats, STATS_LISTENER, c->listeners[i].name);
	for (unsigned i = 0; i < c->nservices; i++)
		*at++ = slot_of(stats, STATS_SERVICE, c->services[i].name);
	for (unsigned i = 0; i < c->nroutes; i++)
		*at++ = slot_of(stats, STATS_ROUTE, c->routes[i].name);
	for (unsigned i = 0; i < c->nrules; i++)
		*at++ = slot_of(stats, STATS_RULE, c->rules[i].id);
	return 0;
}

static int
build_endpoints(struct master *m, struct generation *g, struct errdetail *ed)
{
	unsigned lanes = m->segments.lanes;
	int rc;

	rc = shm_create(&g->endpoints, "endpoints", ENDPOINT_VERSION,
	    endpoint_size(g->conf, lanes), ed);
	if (rc != 0)
		return rc;
	endpoint_init(g->endpoints.data, g->conf, lanes);
	if (m->current != NULL)
		endpoint_carry(g->endpoints.data, m->current->endpoints.data);
	else
		heir_endpoints(m, g->endpoints.data);
	return 0;
}

static int
build_cache(struct master *m, struct generation *g, struct errdetail *ed)
{
	int rc = segment_cache_make(&m->segments.cache, &g->conf->cache, m->segments.lanes, ed);

	return rc == 0 ? segment_cache_directory(&g->conf->cache, &g->identity, ed) : rc;
}

static int
build_seats(struct master *m, struct generation *g)
{
	g->seats = calloc(g->nworkers + 1, sizeof *g->seats);
	g->adopter = calloc(g->nslots, sizeof(struct seat *));
	if (g->seats == NULL || g->adopter == NULL)
		return -E_NOMEM;
	for (unsigned i = 0; i <= g->nworkers; i++) {
		bool worker = i < g->nworkers;

		seat_init(&g->seats[i], m, g, worker ? ROLE_WORKER : ROLE_AGENT, worker ? i : 0);
	}
	return 0;
}

static int
build(struct master *m, struct generation *g, struct errdetail *ed)
{
	int rc;

	g->nworkers = conf_workers(g->conf);
	if (g->nworkers > WORKERS_MAX)
		return err_set(ed, -E_RANGE, "process.workers: %u is more than %d", g->nworkers,
		    WORKERS_MAX);
	rc = segments_fit(&m->segments, g->nworkers, ed);
	if (rc == 0)
		rc = find_identity(&g->identity, &g->conf->process, g->number, ed);
	if (rc == 0)
		rc = bounds_plan(&m->bounds, g->conf, g->nworkers, g->number, ed);
	if (rc == 0)
		rc = bounds_list(&m->bounds, g->number, &g->listens, &g->nlistens, &g->nslots);
	if (rc == 0 && g->conf->cache.path != NULL)
		rc = build_cache(m, g, ed);
	if (rc == 0)
		rc = build_slots(g, m->segments.stats.data);
	if (rc == 0)
		rc = build_endpoints(m, g, ed);
	if (rc == 0)
		rc = build_seats(m, g);
	return rc;
}

struct generation *
generation_new(struct master *m, struct conf *conf, unsigned number, struct errdetail *ed)
{
	struct generation *g = calloc(1, sizeof *g);
	int rc;

	if (g == NULL) {
		conf_free(&conf);
		(void)err_set(ed, -E_NOMEM, "no memory for a generation");
		return NULL;
	}
	g->number = number;
	g->conf = conf;
	g->endpoints.fd = -1;
	list_push(&m->generations, &g->node);
	rc = build(m, g, ed);
	if (rc == 0)
		return g;
	(void)err_set(ed, rc, "generation %u: %s", number, err_text(rc));
	generation_free(m, &g);
	return NULL;
}

/* Of a process that outlives generations: while one serves, it goes with that; so this is at the end only. */
static void
leave_seat(struct master *m, struct seat *s, const struct generation *g)
{
	struct list_node *last = list_last(&m->generations);

	if (s->gen != g)
		return;
	s->gen = last == NULL ? NULL : LIST_ENTRY(last, struct generation, node);
	s->wanted = s->wanted && last != NULL;
}

void
generation_free(struct master *m, struct generation **gp)
{
	struct generation *g = *gp;

	*gp = NULL;
	for (unsigned i = 0; i < generation_seats(g); i++)
		timer_fini(&m->loop.timers, &g->seats[i].respawn);
	if (m->current == g)
		m->current = NULL;
	list_remove(&m->generations, &g->node);
	leave_seat(m, &m->logger, g);
	leave_seat(m, &m->keeper, g);
	bounds_drop(&m->bounds, g->number);
	shm_close(&g->endpoints);
	conf_free(&g->conf);
	free(g->listens);
	free(g->slots);
	free(g->seats);
	free(g->adopter);
	free(g);
	list_store_drop(m);
}
