#include "conf/base/err.h"
#include "conf/base/list.h"
#include "tests/unit/unit.h"

struct item { int id; struct list_node node; };

/* The ids in order as decimal digits, 0 for none. */
static int
order(const struct list *l)
{
	int v = 0;

	LIST_EACH(l, n)
		v = v * 10 + LIST_ENTRY(n, struct item, node)->id;
	return v;
}

START_TEST(nodes_keep_their_order_and_count)
{
	struct item a = { .id = 1 }, b = { .id = 2 }, c = { .id = 3 }, d = { .id = 4 };
	struct list l;

	list_init(&l);
	ck_assert(list_empty(&l));
	ck_assert_ptr_null(list_first(&l));
	ck_assert_ptr_null(list_last(&l));
	ck_assert_ptr_null(list_shift(&l));
	list_push(&l, &b.node);
	list_push(&l, &c.node);
	list_push_front(&l, &a.node);
	list_insert_after(&l, &b.node, &d.node);
	ck_assert_int_eq(order(&l), 1243);
	ck_assert_uint_eq(l.count, 4);
	ck_assert_ptr_eq(list_first(&l), &a.node);
	ck_assert_ptr_eq(list_last(&l), &c.node);
}
END_TEST

START_TEST(node_knows_whether_it_is_linked)
{
	struct item a = { .id = 1 }, b = { .id = 2 };
	struct list l;

	list_init(&l);
	ck_assert(!list_linked(&a.node));
	list_push(&l, &a.node);
	list_push(&l, &b.node);
	ck_assert(list_linked(&a.node));
	list_remove(&l, &a.node);
	ck_assert(!list_linked(&a.node));
	ck_assert_ptr_eq(list_shift(&l), &b.node);
	ck_assert(!list_linked(&b.node));
	ck_assert(list_empty(&l));
	ck_assert_uint_eq(l.count, 0);
}
END_TEST

START_TEST(current_node_may_leave_while_iterating)
{
	struct item items[5];
	struct list l;

	list_init(&l);
	for (int i = 0; i < 5; i++) {
		items[i] = (struct item){ .id = i + 1 };
		list_push(&l, &items[i].node);
	}
	LIST_EACH_SAFE(&l, n)
		if (LIST_ENTRY(n, struct item, node)->id % 2 == 0)
			list_remove(&l, n);
	ck_assert_int_eq(order(&l), 135);
	ck_assert_uint_eq(l.count, 3);
}
END_TEST

UNIT_MAIN("conf/base/list", nodes_keep_their_order_and_count, node_knows_whether_it_is_linked,
    current_node_may_leave_while_iterating)
