/*
 * list_set.c - images offered, mapped, and put in place of older ones.
 */
#include "worker/mode/list_set.h"

#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/shared/list_link.h"

struct offer {
	struct list_image image;	/* head NULL: none */
	uint32_t serial;
};

struct list_set {
	const struct conf *conf;
	struct loop	*loop;
	list_taken_f	*taken;
	void		*owner;
	struct list_image *images;	/* by conf_list index */
	struct offer	*offers;
	struct loop_task swap;
};

static void
on_swap(struct loop_task *t)
{
	struct list_set *s = LIST_ENTRY(t, struct list_set, swap);

	for (uint32_t i = 0; i < s->conf->nlists; i++) {
		struct offer *o = &s->offers[i];

		if (o->image.head == NULL)
			continue;
		list_image_close(&s->images[i]);
		s->images[i] = o->image;
		o->image = (struct list_image){ 0 };
		s->taken(s->owner, i, o->serial);
	}
}

struct list_set *
list_set_new(const struct conf *conf, struct loop *loop, list_taken_f *taken, void *owner)
{
	struct list_set *s = mem_alloc(sizeof *s);

	*s = (struct list_set){
		.conf = conf, .loop = loop, .taken = taken, .owner = owner, .swap.run = on_swap
	};
	s->images = mem_array(conf->nlists + 1, sizeof *s->images);
	s->offers = mem_array(conf->nlists + 1, sizeof *s->offers);
	return s;
}

void
list_set_free(struct list_set **sp)
{
	struct list_set *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	loop_unpost(s->loop, &s->swap);
	for (uint32_t i = 0; i < s->conf->nlists; i++) {
		list_image_close(&s->images[i]);
		list_image_close(&s->offers[i].image);
	}
	mem_free(s->images);
	mem_free(s->offers);
	mem_free(s);
}

void
list_set_offer(struct list_set *s, struct wire *w, int fd)
{
	struct errdetail ed = { 0 };
	struct list_image image;
	uint32_t index, serial;

	if (list_get_image(w, &index, &serial) != 0 || index >= s->conf->nlists || fd < 0)
		return;
	if (list_image_open(&image, fd, s->conf->lists[index].kind, &ed) != 0) {
		log_write(LOG_ERROR, "list %s: the old image stays: %s", s->conf->lists[index].name,
		    ed.text);
		return;
	}
	list_image_close(&s->offers[index].image);
	s->offers[index] = (struct offer){ image, serial };
	loop_post(s->loop, &s->swap);
}

bool
list_set_complete(const struct list_set *s)
{
	for (unsigned i = 0; i < s->conf->nlists; i++)
		if (s->conf->lists[i].used && s->images[i].head == NULL)
			return false;
	return true;
}

const struct list_image *
list_set_images(const struct list_set *s)
{
	return s->images;
}
