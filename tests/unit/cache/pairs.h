/* pairs.h - FIELDS("Name", "value", ...): the fields of a head, good until the next call. */
#pragma once
#include "conf/http/field.h"

#define FIELDS(...)	fields_of((const char *const[]){ __VA_ARGS__, NULL })

static inline const struct fields *
fields_of(const char *const *pairs)
{
	static struct field room[8];
	static struct fields set;

	set = (struct fields){ .v = room, .size = 8 };
	for (; *pairs != NULL; pairs += 2)
		fields_add(&set, span_str(pairs[0]), span_str(pairs[1]), SPAN_NONE);
	return &set;
}
