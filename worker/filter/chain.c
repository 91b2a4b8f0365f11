/* Two arrays per route: what sees requests, in order, and what sees answers, in reverse order. */
#include "conf/base/mem.h"
#include "worker/filter/filter.h"

struct link { const struct filter *filter; const void *self; };
struct chain { unsigned nrequest, nresponse; struct link *request, *response; };

static const struct filter *const filters[] = {
#define FILTER(name) &filter_##name,
#include "worker/filter/filter_tbl.h"
#undef FILTER
};

struct chain *
chain_new(const struct conf *c, const struct conf_route *route)
{
	struct chain *chain = mem_alloc(sizeof *chain);

	chain->request = mem_array(ARRAY_LEN(filters), sizeof *chain->request);
	chain->response = mem_array(ARRAY_LEN(filters), sizeof *chain->response);
	for (unsigned i = 0; i < ARRAY_LEN(filters); i++) {
		const void *self = filters[i]->configured(c, route);

		if (self != NULL && filters[i]->on_request != NULL)
			chain->request[chain->nrequest++] = (struct link){ filters[i], self };
	}
	for (unsigned i = ARRAY_LEN(filters); i-- > 0; ) {
		const void *self = filters[i]->configured(c, route);

		if (self != NULL && filters[i]->on_response != NULL)
			chain->response[chain->nresponse++] = (struct link){ filters[i], self };
	}
	return chain;
}

void
chain_free(struct chain **cp)
{
	struct chain *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	mem_free(c->request);
	mem_free(c->response);
	mem_free(c);
}

const struct chain *
chain_of(const struct req *r)
{
	return r->x->chains[r->route == NULL ? r->x->conf->nroutes : r->route->index];
}

const char *
chain_name(const struct chain *c, bool response, unsigned i)
{
	if (i >= (response ? c->nresponse : c->nrequest))
		return NULL;
	return (response ? c->response : c->request)[i].filter->name;
}

enum verdict
chain_request(const struct chain *c, struct req *r)
{
	for (unsigned i = 0; i < c->nrequest; i++)
		if (c->request[i].filter->on_request(r, c->request[i].self) == FLT_REPLY)
			return FLT_REPLY;
	return FLT_NEXT;
}

enum verdict
chain_response(const struct chain *c, struct req *r)
{
	for (unsigned i = 0; i < c->nresponse; i++)
		if (c->response[i].filter->on_response(r, c->response[i].self) == FLT_REPLY)
			return FLT_REPLY;
	return FLT_NEXT;
}
