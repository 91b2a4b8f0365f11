/*
 * cover.h - which rules and routes can never match because earlier ones take all of their requests.
 *
 * Exact about what it says and silent about what it cannot decide: lists of files, regexes of different text, and what
 * several earlier ones cover only together are never reported.
 */
#pragma once
#include "conf/conf.h"

/* Does every request that matches a also match b? false: no, or not decidable. */
bool	cover_acl(const struct conf_acl *a, const struct conf_acl *b);
/* Does every request that matches `later` also match `earlier`? */
bool	cover_rule(const struct conf_rule *later, const struct conf_rule *earlier);
/* Is every condition of b implied by one of a? */
bool	cover_conditions(const struct conf_conditions *a, const struct conf_conditions *b);
/* Methods: an empty list is any. */
bool	cover_methods(const struct conf_strs *a, const struct conf_strs *b);
