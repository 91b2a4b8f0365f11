/*
 * enc.c - hexadecimal digits and random bytes from the kernel.
 */
#include "conf/base/enc.h"

#include <errno.h>
#include <sys/random.h>

void
enc_hex(char *out, const uint8_t *in, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

int
enc_random(void *out, size_t n)
{
	char *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -E_SYS;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}
