/* enc.h - hexadecimal text of bytes and random ids. */
#pragma once
#include "conf/base/span.h"

void	enc_hex(char *out, const uint8_t *in, size_t n);	/* writes 2n lower-case digits, no NUL */
int	enc_random(void *out, size_t n) MUST_CHECK;		/* getrandom; -E_SYS */
