/*
 * assert.h - assertions that stay on in release.
 *
 * ASSERT and NEVER state what the program guarantees itself. What a peer, a file or the cache sends may
 * reach only SOFT (reports once per place, evaluates to true when the condition FAILED) or an error code.
 */
#pragma once
#include <stdint.h>

/* Logs the place, runs the crash hook (the crash report), aborts. */
_Noreturn void assert_fail(const char *expr, const char *file, int line, const char *func);
int	assert_soft(const char *expr, const char *file, int line);	/* logs, counts; returns 1 */
uint64_t assert_soft_count(void);

/*
 * The crash hook: called once with the printed failure, between the log line and abort. It may not return
 * to the program, must not allocate, and a failed assertion inside it aborts at once. NULL removes it.
 */
void	assert_on_fail(void (*hook)(const char *what));

#define ASSERT(e)	((e) ? (void)0 : assert_fail(#e, __FILE__, __LINE__, __func__))
#define NEVER(why)	assert_fail(why, __FILE__, __LINE__, __func__)
#define SOFT(e)		((e) ? 0 : assert_soft(#e, __FILE__, __LINE__))

/* Objects that travel as void * begin with `uint32_t magic`. */
#define ASSERT_OBJ(p, m)	ASSERT((p) != NULL && (p)->magic == (m))
