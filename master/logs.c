/*
 * logs.c - opens log files before anything is dropped; children only ever get the descriptors.
 */
#include "master/logs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/log.h"

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

/* One log as the configuration names it; *path is a copy when it is a file. */
static int
open_named(int *fd, char **path, const char *name, const char *key, struct errdetail *ed)
{
	*path = NULL;
	*fd = -1;
	if (name == NULL || strcmp(name, "off") == 0)
		return 0;
	if (strcmp(name, "stdout") == 0)
		*fd = STDOUT_FILENO;
	else if (strcmp(name, "stderr") == 0)
		*fd = STDERR_FILENO;
	if (*fd >= 0)
		return 0;
	*path = strdup(name);
	if (*path == NULL)
		return err_set(ed, -E_NOMEM, "%s: no memory", key);
	return open_path(fd, name, key, ed);
}

int
logs_open(struct logs *l, const struct conf *conf, struct errdetail *ed)
{
	struct logs new;
	int rc;

	logs_init(&new);
	rc = open_named(&new.event, &new.event_path, conf->process.log, "process.log", ed);
	if (rc == 0)
		rc = open_named(&new.access, &new.access_path, conf->telemetry.access_log.path,
		    "telemetry.access_log.path", ed);
	if (rc != 0) {
		close_fd(&new.event);
		close_fd(&new.access);
		free(new.event_path);
		free(new.access_path);
		return rc;
	}
	if (new.event < 0)
		new.event = STDERR_FILENO;
	log_reopen(new.event);
	close_fd(&l->event);
	close_fd(&l->access);
	free(l->event_path);
	free(l->access_path);
	*l = new;
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
