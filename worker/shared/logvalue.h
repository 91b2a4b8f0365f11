/*
 * logvalue.h - the fields of conf/logfield_tbl.h out of a journal record.
 */
#pragma once
#include "conf/logfield.h"
#include "worker/shared/journal.h"

/* An expr_get_f; the subject is a struct journal_view. Text is as received: nothing hidden, escaped or cut further. */
void	logvalue_get(const void *view, unsigned field, struct expr_value *out);
/* Which of the record's strings holds the field; JS_MAX: none. */
enum journal_string logvalue_string(enum logfield);
