/*
 * budget.c - linked into every target: an input may make the code hold fuzz_budget bytes and BUDGET_FACTOR times its
 * own size at once, the target's own copies included. A small input that costs much memory is an attack on whoever
 * serves others beside its sender.
 *
 * Counts in builds with AddressSanitizer, whose allocator tells; does nothing in others. Linked with
 * --wrap=LLVMFuzzerTestOneInput, so that the targets need not know.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BUDGET_FACTOR	32

/* Free of charge. A target whose code begins with an arena's block or tables of fixed size has its own figure. */
extern unsigned fuzz_budget;
__attribute__((weak)) unsigned fuzz_budget = 2048;	/* not const: a compiler folds what it sees */

int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The allocator's own words; NULL without a sanitizer. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));

/* Volatile: the compiler knows malloc and what it cannot change. */
static volatile size_t peak;

static void
on_malloc(const volatile void *p, size_t n)
{
	size_t now = __sanitizer_get_current_allocated_bytes();

	(void)p;
	(void)n;
	if (now > peak)
		peak = now;
}

static void
on_free(const volatile void *p)
{
	(void)p;
}

int
__wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int hooked;
	size_t before, held;
	int rc;

	if (__sanitizer_get_current_allocated_bytes == NULL)
		return __real_LLVMFuzzerTestOneInput(data, size);
	if (!hooked)
		hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	peak = before = __sanitizer_get_current_allocated_bytes();
	rc = __real_LLVMFuzzerTestOneInput(data, size);
	held = peak - before;
	if (held > fuzz_budget + BUDGET_FACTOR * size) {
		fprintf(stderr, "%zu bytes of input made the code hold %zu bytes\n", size, held);
		abort();
	}
	return rc;
}
