/*
 * call.h - one use of a verb: what was typed behind it, the question to the server, its answer.
 *
 * Functions that return int return an exit code; what was wrong has been said when it is not EXIT_OK.
 */
#pragma once
#include "conf/socket_path.h"
#include "tools/proxyctl/client.h"
#include "tools/proxyctl/commands.h"

#define CALL_PATIENCE_MS 30000

struct call {
	struct globals	*o;
	enum admin_cmd	id;
	int		argc;			/* behind the verb; options are taken out as they are read */
	char		**argv;
	const char	*words[ADMIN_WORDS];	/* of the question */
	unsigned	nwords;
	struct answer	answer;
	struct errdetail ed;
};
typedef int call_f(struct call *);
typedef void call_format_f(const struct json *data, bool colour, struct str *out);

int	call_usage(const struct call *, const char *why);	/* how the verb is used: EXIT_USAGE */
int	call_failed(const struct call *);			/* says c->ed, to programs in the shape of an answer */

/* Takes "--name" out of the arguments. */
bool	call_flag(struct call *, const char *name);
/* Takes "--name VALUE" or "--name=VALUE" out; NULL when absent, "" when the value is missing. */
const char *call_value(struct call *, const char *name);
bool	call_number(const char *text, uint64_t max, uint64_t *out);

int	call_socket(struct call *, char path[SOCKET_PATH_MAX]);	/* 0 or -E_X */
void	call_word(struct call *, const char *word);		/* one more word for the server; lent */
int	call_words(struct call *);				/* all that is left in argv, judged by the verb's row */
int	call_ask(struct call *, int64_t patience_ms);		/* c->answer has the data */
/* All of it, for verbs that only ask: words, question, answer shown as it came (--json) or as format puts it. */
int	call_show(struct call *, call_format_f *);
int	call_show_within(struct call *, call_format_f *, int64_t patience_ms);
