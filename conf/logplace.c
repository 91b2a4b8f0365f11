/*
 * logplace.c - the words for a log's place and for syslog's facilities.
 */
#include "conf/logplace.h"

#include <stdio.h>

#define SOCKET_DEFAULT "/dev/log"
#define PORT_DEFAULT ":514"

const char *const logplace_facilities[] = { "user", "daemon", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL };

unsigned
logplace_facility(const char *name)
{
	static const unsigned char numbers[] = { 1, 3, 16, 17, 18, 19, 20, 21, 22, 23 };

	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(name, logplace_facilities[i]) == 0)
			return numbers[i];
	return numbers[2];
}

static int
refuse(const char *text, struct errdetail *ed)
{
	return err_set(ed, -E_SYNTAX,
	    "'%.100s': write \"syslog\", \"syslog:/path/of/socket\" or \"syslog://IP:PORT\" with an address, "
	    "not a name",
	    text);
}

/* "IP", "IP:PORT", "[IPv6]:PORT" */
static int
host_parse(struct addr *out, const char *host)
{
	char text[ADDR_TEXT + 16];
	const char *colon = strrchr(host, ':');
	bool port = colon != NULL && strchr(colon, ']') == NULL;

	if (snprintf(text, sizeof text, "%s%s", host, port ? "" : PORT_DEFAULT) >=
		(int)sizeof text ||
	    host[0] == '*' || strncmp(host, "unix:", 5) == 0)
		return -E_SYNTAX;
	if (addr_parse(out, text, NULL) != 0 || addr_port(out) == 0)
		return -E_SYNTAX;
	return 0;
}

static int
socket_parse(struct addr *out, const char *path)
{
	char text[ADDR_TEXT + 16];

	if (snprintf(text, sizeof text, "unix:%s", path) >= (int)sizeof text)
		return -E_RANGE;
	return addr_parse(out, text, NULL);
}

int
logplace_parse(struct logplace *p, const char *text, struct errdetail *ed)
{
	static const char *const words[] = { [LOGPLACE_OFF] = "off", [LOGPLACE_STDOUT] = "stdout",
		[LOGPLACE_STDERR] = "stderr" };
	int rc;

	*p = (struct logplace){ .kind = LOGPLACE_FILE };
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			p->kind = (enum logplace_kind)i;
	if (strcmp(text, "syslog") != 0 && strncmp(text, "syslog:", 7) != 0)
		return 0;
	p->kind = LOGPLACE_SYSLOG;
	if (text[6] == '\0')
		rc = socket_parse(&p->syslog, SOCKET_DEFAULT);
	else if (strncmp(text + 7, "//", 2) == 0)
		rc = host_parse(&p->syslog, text + 9);
	else
		rc = socket_parse(&p->syslog, text + 7);
	return rc == 0 ? 0 : refuse(text, ed);
}
