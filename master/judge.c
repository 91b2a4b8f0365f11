/*
 * judge.c - the throw-away child and its answer, one JSON object through a pipe.
 */
#include "master/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/base/json.h"

#define CPU_SECONDS	10
#define MEMORY_MAX	((rlim_t)512 << 20)	/* beyond what the master has, which may be segments of any size */
#define TEXT_MAX	((size_t)1 << 20)	/* of problems, of differences */
#define ANSWER_MAX	((size_t)8 << 20)

#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* ----------------------------------------------------------- the child */

#ifdef __SANITIZE_ADDRESS__
static void
limit_memory(void)
{
	/* the shadow alone is larger */
}
#else
/* Bytes of address space that this process has now. */
static rlim_t
mapped(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	(void)!read(fd, text, sizeof text - 1);
	(void)close(fd);
	return (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void
limit_memory(void)
{
	rlim_t most = mapped() + MEMORY_MAX;
	struct rlimit memory = { most, most };

	(void)setrlimit(RLIMIT_AS, &memory);
}
#endif

static void
set_limits(void)
{
	struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS + 1 }, core = { 0, 0 };

	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_CORE, &core);
	limit_memory();
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			s = span_make(s.p + n, s.n - (size_t)n);
	}
}

static void
answer(int fd, const struct conf_problems *problems, const struct conf *next,
    const struct conf *current)
{
	struct str text = { .cap = TEXT_MAX }, diff = { .cap = TEXT_MAX }, out = STR_INIT;
	const char *restart = NULL;
	struct json *o = json_obj();
	unsigned changes = 0;

	conf_problems_text(problems, &text);
	if (next != NULL && current != NULL) {
		changes = conf_diff(current, next, &diff);
		restart = conf_needs_restart(current, next);
	}
	json_set_int(o, "errors", next == NULL && problems->errors == 0 ? 1 : problems->errors);
	json_set_int(o, "warnings", problems->n - problems->errors);
	json_set_int(o, "changes", changes);
	json_set_str(o, "problems", str_span(&text).p);
	json_set_str(o, "diff", str_span(&diff).p);
	json_set_str(o, "restart", restart == NULL ? "" : restart);
	json_dump(o, false, &out);
	write_all(fd, str_span(&out));
	json_free(&o);
	str_fini(&text);
	str_fini(&diff);
	str_fini(&out);
}

static _Noreturn void
child_run(int fd, const struct conf_source *source, const struct conf *current)
{
	struct conf_problems problems = { 0 };
	struct conf *next;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	set_limits();
	next = conf_load(source, &problems);
	answer(fd, &problems, next, current);
	conf_free(&next);
	conf_problems_fini(&problems);
	_exit(EXIT_SUCCESS);
}

/* ----------------------------------------------------------- the master */

int
judge_start(struct judge *j, const struct conf_source *source, const struct conf *current,
    struct errdetail *ed)
{
	int p[2];

	*j = (struct judge){ .source.fd = -1, .answer.cap = ANSWER_MAX };
	if (pipe2(p, O_CLOEXEC) != 0)
		return err_sys(ed, "pipe");
	j->pid = fork();
	if (j->pid == 0) {
		close(p[0]);
		child_run(p[1], source, current);
	}
	close(p[1]);
	if (j->pid < 0) {
		j->pid = 0;
		close(p[0]);
		return err_sys(ed, "fork");
	}
	(void)fcntl(p[0], F_SETFL, O_NONBLOCK);
	j->source.fd = p[0];
	return 0;
}

void
judge_read(struct judge *j)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(j->source.fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			str_add(&j->answer, span_make(buf, (size_t)n));
	j->ended = n == 0 || errno != EAGAIN;
}

void
judge_kill(struct judge *j)
{
	if (j->pid > 0 && !j->reaped)
		(void)kill(j->pid, SIGKILL);
}

static int
explain(int status, struct errdetail *ed)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return err_set(ed, -E_TIMEOUT, "checking the configuration took more than %d s",
		    CPU_SECONDS);
	if (WIFSIGNALED(status))
		return err_set(ed, -E_PROTO, "checking the configuration failed: signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(ed, -E_PROTO, "checking the configuration failed: status %d",
	    WEXITSTATUS(status));
}

static unsigned
get_count(const struct json *o, const char *key)
{
	int64_t n = json_int(json_get(o, key), 0);

	return n > 0 && n <= INT32_MAX ? (unsigned)n : 0;
}

static int
decode(const struct str *text, struct judgement *out, struct errdetail *ed)
{
	struct json *o = json_parse(str_span(text), ed);

	if (o == NULL || text->cut) {
		json_free(&o);
		return err_set(ed, -E_PROTO, "checking the configuration gave no answer");
	}
	out->errors = get_count(o, "errors");
	out->warnings = get_count(o, "warnings");
	out->changes = get_count(o, "changes");
	str_adds(&out->problems, json_str(json_get(o, "problems"), ""));
	str_adds(&out->diff, json_str(json_get(o, "diff"), ""));
	snprintf(out->restart, sizeof out->restart, "%s", json_str(json_get(o, "restart"), ""));
	json_free(&o);
	return 0;
}

int
judge_finish(struct judge *j, struct judgement *out, struct errdetail *ed)
{
	int rc;

	*out = (struct judgement){ 0 };
	if (j->status != 0)
		rc = explain(j->status, ed);
	else
		rc = decode(&j->answer, out, ed);
	str_fini(&j->answer);
	if (j->source.fd >= 0)
		close(j->source.fd);
	*j = (struct judge){ .source.fd = -1 };
	return rc;
}

void
judgement_fini(struct judgement *v)
{
	str_fini(&v->problems);
	str_fini(&v->diff);
}

int
judge_now(const struct conf_source *source, struct judgement *out, struct errdetail *ed)
{
	struct judge j;
	int rc = judge_start(&j, source, NULL, ed);

	if (rc != 0)
		return rc;
	(void)fcntl(j.source.fd, F_SETFL, 0);
	judge_read(&j);
	while (waitpid(j.pid, &j.status, 0) < 0 && errno == EINTR)
		;
	return judge_finish(&j, out, ed);
}
