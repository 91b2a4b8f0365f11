/*
 * report.c - the crash report: written by a process in its last moments, so nothing here allocates, locks or
 * formats with the library.
 *
 * The area's `used` lies in shared memory and is checked each time; the text before it is complete when it moves.
 * Before report_set_area every call does nothing. Handlers run on a stack of their own, because running out of
 * stack is one of the ways to get here.
 */
#include "worker/shared/report.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "conf/base/assert.h"

static struct report_area *area;
static void (*dump_hook)(void);
static volatile sig_atomic_t dying;
static char handler_stack[64 * 1024] __attribute__((aligned(16)));

size_t
report_size(unsigned lanes)
{
	return sizeof(struct report_data) + lanes * sizeof(struct report_area);
}

void
report_set_area(struct report_area *a)
{
	area = a;
	if (a == NULL)
		return;
	a->pid = (uint32_t)getpid();
	atomic_store(&a->used, 0);
}

void
report_add(const char *text)
{
	uint32_t used, n;

	if (area == NULL || text == NULL)
		return;
	used = atomic_load(&area->used);
	if (used >= REPORT_TEXT)
		return;
	n = (uint32_t)strnlen(text, REPORT_TEXT - used);
	memcpy(area->text + used, text, n);
	atomic_store(&area->used, used + n);
}

static void
add_number(const char *label, uint64_t v, unsigned base)
{
	char digits[2 + 64 + 1], *p = digits + sizeof digits;

	*--p = '\0';
	do
		*--p = "0123456789abcdef"[v % base];
	while ((v /= base) != 0);
	if (base == 16) {
		*--p = 'x';
		*--p = '0';
	}
	report_add(label);
	report_add("=");
	report_add(p);
	report_add(" ");
}

void
report_add_u64(const char *label, uint64_t v)
{
	add_number(label, v, 10);
}

/* Where the process was. The address of a known function makes the other one a place in the file. */
static void
add_place(const ucontext_t *uc)
{
#if defined(__x86_64__)
	add_number("ip", (uint64_t)uc->uc_mcontext.gregs[REG_RIP], 16);
	add_number("sp", (uint64_t)uc->uc_mcontext.gregs[REG_RSP], 16);
#elif defined(__aarch64__)
	add_number("ip", uc->uc_mcontext.pc, 16);
	add_number("sp", uc->uc_mcontext.sp, 16);
#else
	(void)uc;
#endif
	add_number("report_install", (uint64_t)(uintptr_t)&report_install, 16);
}

static void
on_assert(const char *what)
{
	report_add(what);
	report_add(" ");
}

static void
on_fatal(int sig, siginfo_t *info, void *context)
{
	if (dying == 0) { /* a second fault, in the dump, must still end the process */
		dying = 1;
		report_add_u64("signal", (uint64_t)sig);
		add_number("address", (uint64_t)(uintptr_t)info->si_addr, 16);
		add_place(context);
		if (dump_hook != NULL)
			dump_hook();
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

void
report_install(void (*dump)(void))
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof handler_stack };
	struct sigaction sa = { .sa_sigaction = on_fatal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	dump_hook = dump;
	dying = 0;
	assert_on_fail(on_assert);
	sigemptyset(&sa.sa_mask);
	(void)sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &sa, NULL);
}
