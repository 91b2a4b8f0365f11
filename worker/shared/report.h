/*
 * report.h - what a dying process leaves behind in shared memory: the master logs it.
 */
#pragma once
#include <stdatomic.h>
#include "conf/base/shm.h"

#define REPORT_TEXT	4080
/* One per lane. */
struct report_area { _Atomic uint32_t used; uint32_t pid; uint64_t pad; char text[REPORT_TEXT]; };
struct report_data { uint32_t lanes; uint32_t pad[15]; struct report_area area[]; };

#define REPORT_VERSION 1
size_t	report_size(unsigned lanes);
/* Async-signal-safe: the process's own area is set once; later text is appended until full. */
void	report_set_area(struct report_area *);
void	report_add(const char *text);
void	report_add_u64(const char *label, uint64_t);	/* "label=123 " */
/* Installs handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and the assert hook: each writes
 * signal, address and dump() output, then dies of it. */
void	report_install(void (*dump)(void));
