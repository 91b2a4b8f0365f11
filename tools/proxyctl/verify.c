/*
 * verify.c - the keeper reads the store in its idle time; this asks for it, then looks until it is over.
 */
#include "tools/proxyctl/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/proxyctl/output.h"

#define LOOK_US		200000

static int64_t
int_of(const struct json *o, const char *key)
{
	return json_int(json_get(o, key), 0);
}

/* On a terminal, over what stood there. */
static void
show_progress(const struct call *c, const struct json *v)
{
	if (c->o->tty && !c->o->json)
		fprintf(stderr, "\r%" PRId64 " looked at, %" PRId64 " damaged ",
		    int_of(v, "looked"), int_of(v, "bad"));
}

static int
show_end(const struct call *c, const struct json *v)
{
	struct str text = STR_INIT;
	int rc;

	if (c->o->tty && !c->o->json)
		fputc('\n', stderr);
	if (c->o->json)
		return output_json(v);
	str_printf(&text, "%" PRId64 " objects looked at, %" PRId64 " damaged and removed\n",
	    int_of(v, "looked"), int_of(v, "bad"));
	rc = output_str(&text);
	str_fini(&text);
	return rc;
}

int
verify_run(struct call *c)
{
	int64_t number;
	int rc = call_words(c);

	if (rc != EXIT_OK || (rc = call_ask(c, CALL_PATIENCE_MS)) != EXIT_OK)
		return rc;
	number = int_of(c->answer.data, "number");
	c->nwords = 0;
	call_word(c, "cache");
	call_word(c, "stat");
	for (;;) {
		const struct json *v;

		client_fini(&c->answer);
		if ((rc = call_ask(c, CALL_PATIENCE_MS)) != EXIT_OK)
			return rc;
		v = json_get(c->answer.data, "verify");
		if (int_of(v, "done") >= number)
			return show_end(c, v);
		show_progress(c, v);
		(void)usleep(LOOK_US);
	}
}
