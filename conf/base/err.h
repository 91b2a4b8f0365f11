/*
 * err.h - error codes with one text table, and the detail a person reads.
 *
 * A function that can fail returns 0 or -E_X and is MUST_CHECK. Start-up, configuration and control
 * functions take a struct errdetail as last parameter (may be NULL): the first cause wins, later
 * err_set calls on a filled detail only return their code. The data path uses close reasons instead.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#define MUST_CHECK	__attribute__((warn_unused_result))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define UNUSED		__attribute__((unused))
#define UNFILLED	__attribute__((uninitialized))	/* a big local array, written before read */
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

enum err {
	E_NONE,
#define ERR(name, text) name,
#include "conf/base/err_tbl.h"
#undef ERR
	E_MAX
};

struct errdetail {
	int	code;		/* 0 or -E_X */
	char	text[512];	/* lower case: what failed, which object, why, what to do */
};

const char *err_text(int code);		/* static text for 0 or -E_X; never NULL */

/* Records code and text unless ed is NULL or already filled; returns code (give it negative). */
int err_set(struct errdetail *ed, int code, const char *fmt, ...) PRINTF(3, 4);

/* As err_set with ": strerror(errno)" appended; returns -E_SYS. errno survives. */
int err_sys(struct errdetail *ed, const char *fmt, ...) PRINTF(2, 3);
