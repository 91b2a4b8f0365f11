/*
 * acl.h - ordered rules over named acls, compiled: address blocks in prefix trees, domains in a hash of suffixes.
 * First match wins; the last rule is always the implicit deny.
 *
 * `dst` judges addresses. A rule that needs one while none is known yet answers ACL_NEED_ADDRESS: resolve, then
 * ask again. For every address actually dialled the decision is asked again (acl_allows_address).
 */
#pragma once
#include "conf/conf.h"
#include "conf/http/reason.h"
#include "worker/mode/condition.h"

struct acl_table;
struct acl_table *acl_table_new(const struct conf *, struct errdetail *);
void	acl_table_free(struct acl_table **);
/* The images of conf's lists, by their index; lent as long as the table lives, and may change between events. */
void	acl_table_lists(struct acl_table *, const struct list_image *);

/*
 * A rule matches (yes), does not (no), or its acls cannot say: before the address is known (unknown), or because a
 * regular expression came to its limits (failed).
 */
enum acl_answer { ACL_NO, ACL_YES, ACL_UNKNOWN, ACL_FAILED };

/* What made an acl answer: an entry of a list, an expression, and the kind ("src", "port", ...) that said no. */
struct acl_hit {
	const struct conf_list *list;	/* NULL: none */
	uint32_t	line;
	const struct conf_regex *url;	/* that matched, or came to its limits; NULL: none */
	const char	*no;		/* NULL: it did not say no */
};

/*
 * A listener to a decision, for explaining it: embed it, and get your struct back from the pointer. `rule` is called
 * for every rule tried, in order, the deciding one last. by: the term that made a rule say no or, being the first that
 * cannot tell, unknown or failed; NULL when it says yes. `term` (NULL: not asked) is called before for every term of
 * the rule that was asked; once more where a rule that denies judges a second form of the path. What an acl says is
 * told: a term with "!" turns it round.
 */
struct acl_trace {
	void	(*rule)(struct acl_trace *, const struct conf_rule *, enum acl_answer, const struct conf_rule_term *by);
	void	(*term)(struct acl_trace *, const struct conf_rule_term *, enum acl_answer, const struct acl_hit *);
};

struct acl_query {
	const struct addr *src;
	struct span	host;		/* lower case, no trailing dot; a literal without brackets */
	uint16_t	port;
	enum method	method;
	struct span	method_text;
	const struct addr *dst;		/* NULL: not known yet */
	/*
	 * The rule that a decision on the same request named while dst was not known: those before it said no for
	 * reasons that no address changes, and are not asked again unless somebody listens. NULL: begin at the first.
	 */
	const struct conf_rule *from;
	uint8_t		*without;	/* what that decision leaves in it for those that come; NULL: nothing kept */
	struct span	url;		/* what "url" is matched against; needed when acl_wants_url */
	struct span	url_strict;	/* the form that deny rules judge too (uri_strict_form); p NULL: the same */
	struct condition_query head;
	int64_t		wall_s;		/* for times of the week, local time */
	struct acl_trace *trace;	/* NULL: nobody listens */
	struct acl_hit	*hit;		/* of the deciding rule's list, by acl_decide; NULL: not asked */
};
/*
 * ACL_UNDECIDED: the rule asked for a match that came to its limits. It denies: neither may an allow rule be taken for
 * matched nor any rule passed by, since a later one could let through what this one was written for.
 */
enum acl_result { ACL_ALLOW, ACL_DENY, ACL_NEED_ADDRESS, ACL_UNDECIDED };
bool	acl_wants_url(const struct acl_table *);
enum acl_result acl_decide(const struct acl_table *, const struct acl_query *, const struct conf_rule **rule);

/*
 * Last word before connect(): the protected ranges of SECURITY.md row 53 (loopback, private, link-local, CGNAT, mapped,
 * NAT64, 6to4, Teredo, multicast, …) are refused unless `rule` opens them; own listeners (address and port) always are.
 * R_NONE, R_ADDRESS_DENIED or R_ADDRESS_OWN.
 */
enum reason acl_allows_address(const struct acl_table *, const struct conf_rule *rule, const struct addr *dst);
