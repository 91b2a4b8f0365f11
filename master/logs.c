/*
 * logs.c - opens log files before anything is dropped; children only ever get the descriptors.
 */
#include "master/logs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/log_syslog.h"
#include "master/syslog.h"

#define LOG_MODE 0640

void
logs_init(struct logs *l)
{
	*l = (struct logs){ .event = STDERR_FILENO, .access = -1 };
}

static void
close_fd(int *fd)
{
	if (*fd > STDERR_FILENO)
		close(*fd);
	*fd = -1;
}

void
logs_fini(struct logs *l)
{
	log_reopen(STDERR_FILENO);
	close_fd(&l->event);
	close_fd(&l->access);
	free(l->event_path);
	free(l->access_path);
	logs_init(l);
}

static int
open_path(int *fd, const char *path, const char *key, struct errdetail *ed)
{
	*fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, LOG_MODE);
	return *fd >= 0 ? 0 : err_sys(ed, "%s: cannot open '%s' for writing", key, path);
}

/* One log: what is open, and what the configuration wants. */
struct place { int fd; char *path; };

static int
open_named(struct place *p, const struct place *have, const char *name, const char *key,
    struct errdetail *ed)
{
	struct logplace to;
	int rc;

	*p = (struct place){ .fd = -1 };
	if (name == NULL)
		return 0;
	rc = logplace_parse(&to, name, ed);
	if (rc != 0)
		return rc;
	switch (to.kind) {
	case LOGPLACE_OFF: return 0;
	case LOGPLACE_STDOUT: p->fd = STDOUT_FILENO; return 0;
	case LOGPLACE_STDERR: p->fd = STDERR_FILENO; return 0;
	case LOGPLACE_SYSLOG: return syslog_open(&to, &p->fd, ed);
	case LOGPLACE_FILE: break;
	}
	p->path = strdup(name);
	if (p->path == NULL)
		return err_set(ed, -E_NOMEM, "%s: no memory", key);
	if (have->path != NULL && strcmp(have->path, name) == 0)
		p->fd = fcntl(have->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return p->fd >= 0 ? 0 : open_path(&p->fd, name, key, ed);
}

static void
place_close(struct place *p)
{
	close_fd(&p->fd);
	free(p->path);
}

/* A local syslog daemon that is not there yet is found with the first line that is written when it is. */
static void
event_to(const struct conf *conf, int fd)
{
	struct logplace to;

	if (conf->process.log != NULL && logplace_parse(&to, conf->process.log, NULL) == 0 &&
	    to.kind == LOGPLACE_SYSLOG) {
		(void)connect(fd, &to.syslog.u.sa, to.syslog.len);
		log_syslog_to(&to.syslog);
	} else {
		log_syslog_to(NULL);
	}
	log_reopen(fd);
}

int
logs_open(struct logs *l, const struct conf *conf, struct errdetail *ed)
{
	struct place old[2] = { { l->event, l->event_path }, { l->access, l->access_path } };
	struct place event = { .fd = -1 }, access = { .fd = -1 };
	int rc;

	rc = open_named(&event, &old[0], conf->process.log, "process.log", ed);
	if (rc == 0)
		rc = open_named(&access, &old[1], conf->telemetry.access_log.path,
		    "telemetry.access_log.path", ed);
	if (rc != 0) {
		place_close(&event);
		place_close(&access);
		return rc;
	}
	if (event.fd < 0)
		event.fd = STDERR_FILENO;
	event_to(conf, event.fd);
	place_close(&old[0]);
	place_close(&old[1]);
	*l = (struct logs){ event.fd, access.fd, event.path, access.path };
	return 0;
}

int
logs_take(struct logs *l, int event, const char *event_path, int access, const char *access_path,
    struct errdetail *ed)
{
	if (event_path != NULL)
		l->event_path = strdup(event_path);
	if (access_path != NULL)
		l->access_path = strdup(access_path);
	if ((event_path != NULL && l->event_path == NULL) ||
	    (access_path != NULL && l->access_path == NULL))
		return err_set(ed, -E_NOMEM, "logs: no memory");
	if (event_path != NULL)
		l->event = event;
	if (access_path != NULL)
		l->access = access;
	return 0;
}

int
logs_reopen(struct logs *l, struct errdetail *ed)
{
	int fd, rc = 0;

	if (l->event_path != NULL && (rc = open_path(&fd, l->event_path, "process.log", ed)) == 0) {
		log_reopen(fd);
		close_fd(&l->event);
		l->event = fd;
	}
	if (l->access_path != NULL &&
	    open_path(&fd, l->access_path, "telemetry.access_log.path", ed) == 0) {
		close_fd(&l->access);
		l->access = fd;
	} else if (l->access_path != NULL) {
		rc = -E_SYS;
	}
	return rc;
}

void
logs_level(const struct conf *conf)
{
	enum log_level level;

	if (conf->process.log_level != NULL &&
	    log_level_parse(&level, conf->process.log_level) == 0)
		log_set_level(level);
}
