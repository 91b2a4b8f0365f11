/*
 * admin_request.h - one request line of the admin socket, judged: a pure function of its bytes.
 *
 * What a verb takes is read from its row in admin_tbl.h, the text that help prints: "-x" or "--name" is an option,
 * with a value when a word follows it, and every other word stands for an argument.
 */
#pragma once
#include "conf/base/json.h"

#define ADMIN_LINE_MAX	8192
#define ADMIN_WORDS	64	/* of a request, the verb's included */
#define ADMIN_WAIT_MAX	3600	/* seconds */

enum admin_who { ADMIN_LOCAL, ADMIN_VIEW, ADMIN_OPERATE };

enum admin_cmd {
#define CMD(id, verb, args, who, help) id,
#include "master/admin_tbl.h"
#undef CMD
	CMD_MAX
};

struct admin_option { const char *name, *value; };	/* value "" of an option that takes none */

struct admin_request {
	enum admin_cmd	cmd;
	unsigned	nargs, noptions;
	const char	*arg[ADMIN_WORDS];
	struct admin_option option[ADMIN_WORDS];	/* in the order given; the verb knows every one */
	char		room[ADMIN_LINE_MAX + 1];	/* the texts */
};

/* The line without its newline. On failure the detail is what the client is told. */
int	admin_parse(struct admin_request *, struct span line, struct errdetail *) MUST_CHECK;
/* The same of words that stand behind the verb; they are lent for the life of the request. */
int	admin_args(struct admin_request *, enum admin_cmd, const char *const *words, size_t n, struct errdetail *)
	    MUST_CHECK;

const char *admin_option(const struct admin_request *, const char *name);	/* NULL: not given; first of several */
/* A number up to max; *out stays what it was when the option is not given. */
int	admin_option_number(const struct admin_request *, const char *name, uint64_t max, uint64_t *out,
	    struct errdetail *) MUST_CHECK;
