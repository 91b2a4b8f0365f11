/*
 * err.c - the text table of the error codes, and the filling of a detail.
 *
 * The table is generated from err_tbl.h, as the enum is, so that a code without a text cannot
 * exist. A detail is written once: whoever is nearest to the cause speaks first, callers only pass
 * the code on.
 */
#include "conf/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[E_MAX] = {
	[E_NONE] = "no error",
#define ERR(name, text) [name] = text,
#include "conf/base/err_tbl.h"
#undef ERR
};

const char *
err_text(int code)
{
	if (code > 0 || code <= -E_MAX)
		return "unknown error";
	return texts[-code];
}

static void fill(struct errdetail *, int, const char *, va_list) PRINTF(3, 0);

static void
fill(struct errdetail *ed, int code, const char *fmt, va_list ap)
{
	ed->code = code;
	if (vsnprintf(ed->text, sizeof ed->text, fmt, ap) < 0)
		ed->text[0] = '\0';
}

int
err_set(struct errdetail *ed, int code, const char *fmt, ...)
{
	va_list ap;

	if (ed == NULL || ed->code != 0)
		return code;
	va_start(ap, fmt);
	fill(ed, code, fmt, ap);
	va_end(ap);
	return code;
}

int
err_sys(struct errdetail *ed, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (ed == NULL || ed->code != 0)
		return -E_SYS;
	va_start(ap, fmt);
	fill(ed, -E_SYS, fmt, ap);
	va_end(ap);
	n = strlen(ed->text);
	(void)snprintf(ed->text + n, sizeof ed->text - n, ": %s", strerror(saved));
	errno = saved;
	return -E_SYS;
}
