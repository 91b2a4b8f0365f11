/*
 * list.h - intrusive doubly linked list with a count. A node knows whether it is linked.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list_node { struct list_node *prev, *next; };
struct list { struct list_node head; uint32_t count; };

#define LIST_ENTRY(node, type, member)	((type *)(void *)((char *)(node) - offsetof(type, member)))
#define LIST_EACH(l, n)		for (struct list_node *n = (l)->head.next; n != &(l)->head; n = n->next)
/* The node may be removed (and freed) in the body. */
#define LIST_EACH_SAFE(l, n)	for (struct list_node *n = (l)->head.next, *n##_next = n->next; \
				    n != &(l)->head; n = n##_next, n##_next = n->next)

static inline void
list_init(struct list *l)
{
	l->head.prev = l->head.next = &l->head;
	l->count = 0;
}
static inline bool
list_linked(const struct list_node *n)
{
	return n->next != NULL;
}
static inline bool
list_empty(const struct list *l)
{
	return l->head.next == &l->head;
}
static inline struct list_node *
list_first(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.next;
}
static inline struct list_node *
list_last(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.prev;
}
static inline void
list_insert_after(struct list *l, struct list_node *at, struct list_node *n)
{
	n->prev = at;
	n->next = at->next;
	at->next->prev = n;
	at->next = n;
	l->count++;
}
static inline void
list_push(struct list *l, struct list_node *n)		/* at the end */
{
	list_insert_after(l, l->head.prev, n);
}
static inline void
list_push_front(struct list *l, struct list_node *n)
{
	list_insert_after(l, &l->head, n);
}
static inline void
list_remove(struct list *l, struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
	l->count--;
}
static inline struct list_node *
list_shift(struct list *l)
{
	struct list_node *n = list_first(l);

	if (n != NULL)
		list_remove(l, n);
	return n;
}
