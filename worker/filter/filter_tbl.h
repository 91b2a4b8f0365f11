/*
 * filter_tbl.h - the filters in the order they see a request; answers pass them from the last to the first.
 * FILTER(name): struct filter filter_NAME. The order is code, not configuration: nobody can put a limit behind
 * what it should protect.
 */
FILTER(body_limit)
FILTER(headers)
FILTER(forwarded)
