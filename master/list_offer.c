/*
 * list_offer.c - images to the workers, and who judges by them.
 */
#include "master/list_store_priv.h"

#include "master/master.h"

static void
worker_send(struct child *c)
{
	const struct conf *conf = c->seat->gen->conf;

	for (unsigned i = 0; i < conf->nlists && c->lists_unsent != 0; i++) {
		const struct list_entry *e;
		char buf[32];
		struct wire w;
		int rc;

		if ((c->lists_unsent & LIST_BIT(i)) == 0 || (e = list_entry_at(c, i)) == NULL)
			continue;
		wire_write_init(&w, buf, sizeof buf, LINK_LIST);
		list_put_image(&w, i, e->serial);
		rc = c->link.fd < 0 ? -E_CLOSED : wire_send(c->link.fd, &w, e->image);
		if (rc == -E_AGAIN)
			return;
		c->lists_unsent &= ~LIST_BIT(i);
		if (rc == 0)
			c->lists_due |= LIST_BIT(i);
	}
}

void
list_offer_all(struct master *m, const struct list_entry *e)
{
	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);
		int index = c->seat->role == ROLE_WORKER ? list_entry_index(c->seat->gen, e) : -1;

		if (index < 0)
			continue;
		c->lists_due &= ~LIST_BIT(index);
		c->lists_unsent |= LIST_BIT(index);
		worker_send(c);
	}
}

bool
list_entry_taken(const struct master *m, const struct list_entry *e)
{
	LIST_EACH(&m->children, n) {
		const struct child *c = LIST_ENTRY(n, struct child, node);
		int index = c->seat->role == ROLE_WORKER ? list_entry_index(c->seat->gen, e) : -1;

		if (index >= 0 && ((c->lists_due | c->lists_unsent) & LIST_BIT(index)) != 0)
			return false;
	}
	return true;
}

void
list_store_taken(struct child *c, struct wire *w)
{
	struct list_entry *e;
	uint32_t index, serial;

	if (list_get_image(w, &index, &serial) != 0 || (e = list_entry_at(c, index)) == NULL ||
	    serial != e->serial)
		return;
	c->lists_due &= ~LIST_BIT(index);
	if (list_entry_taken(c->master, e))
		list_entry_let_go(c->master, e);
	list_reload_step(c->master);
}

void
list_offer_greet(struct child *c)
{
	const struct conf *conf = c->seat->gen->conf;

	for (unsigned i = 0; i < conf->nlists; i++) {
		const struct list_entry *e = conf->lists[i].used ? list_entry_at(c, i) : NULL;

		if (e != NULL && e->image >= 0)
			c->lists_unsent |= LIST_BIT(i);
	}
	worker_send(c);
}

void
list_offer_tick(struct master *m)
{
	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		if (c->lists_unsent != 0)
			worker_send(c);
	}
}
