/* SPDX-License-Identifier: BSD-2-Clause */
/* heap_test: against a plain array, and at its edges. */
#include "lib/heap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct timer {
	u64 key; /* what the heap ought to know */
	struct heap_node node;
};

enum { TIMERS = 500 };

static u64 least(const struct timer *timer)
{
	u64 key = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (heap_has(&timer[i].node) && timer[i].key < key)
			key = timer[i].key;
	return key;
}

static void test_as_a_plain_array(void **state)
{
	struct timer timer[TIMERS] = {};
	struct heap h;
	u32 in = 0;

	srand(1);
	assert_int_equal(heap_init(&h, TIMERS), 0);
	for (int round = 0; round < 20000; round++) {
		struct timer *t = &timer[rand() % TIMERS];
		/* few keys, so that many are equal */
		u64 key = (u64)rand() % 300;

		if (!heap_has(&t->node)) {
			t->key = key;
			assert_int_equal(heap_insert(&h, &t->node, key), 0);
			in++;
		} else if (rand() % 2) {
			t->key = key;
			heap_update(&h, &t->node, key);
		} else {
			heap_remove(&h, &t->node);
			assert_false(heap_has(&t->node));
			in--;
		}
		assert_int_equal(h.count, in);
		assert_true(heap_min_key(&h) == least(timer));
		if (heap_has(&t->node))
			assert_true(heap_key(&h, &t->node) == t->key);
	}
	heap_fini(&h);
}

static void test_comes_out_in_order(void **state)
{
	struct timer timer[TIMERS] = {};
	struct heap_node *node;
	struct heap h;
	u64 last = 0;
	u32 n = 0;

	srand(2);
	assert_int_equal(heap_init(&h, TIMERS), 0);
	for (int i = 0; i < TIMERS; i++) {
		timer[i].key = (u64)rand() << 32 | (u64)rand();
		heap_insert(&h, &timer[i].node, timer[i].key);
	}
	while ((node = heap_due(&h, UINT64_MAX))) {
		struct timer *t = heap_of(node, struct timer, node);

		assert_true(t >= timer && t < timer + TIMERS);
		assert_true(t->key >= last);
		last = t->key;
		heap_remove(&h, node);
		n++;
	}
	assert_int_equal(n, TIMERS);
	heap_fini(&h);
}

static void test_due_is_not_before_its_time(void **state)
{
	struct heap_node a = {}, b = {};
	struct heap h;

	assert_int_equal(heap_init(&h, 2), 0);
	assert_null(heap_due(&h, UINT64_MAX));
	assert_null(heap_min(&h));
	assert_true(heap_min_key(&h) == UINT64_MAX);
	heap_insert(&h, &a, 100);
	heap_insert(&h, &b, 50);
	assert_null(heap_due(&h, 49));
	assert_ptr_equal(heap_due(&h, 50), &b);
	heap_update(&h, &b, 101);
	assert_ptr_equal(heap_min(&h), &a);
	heap_fini(&h);
}

static void test_full_and_absent(void **state)
{
	struct heap_node a = {}, b = {};
	struct heap h;

	assert_int_equal(heap_init(&h, 1), 0);
	heap_remove(&h, &a);
	assert_int_equal(h.count, 0);
	assert_int_equal(heap_insert(&h, &a, 1), 0);
	assert_int_equal(heap_insert(&h, &b, 2), -ENOSPC);
	assert_false(heap_has(&b));
	heap_remove(&h, &a);
	assert_int_equal(heap_insert(&h, &b, 2), 0);
	heap_fini(&h);
	heap_fini(&h);
	assert_int_equal(heap_init(&h, 0), 0);
	assert_int_equal(heap_insert(&h, &a, 1), -ENOSPC);
	heap_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_plain_array),
		cmocka_unit_test(test_comes_out_in_order),
		cmocka_unit_test(test_due_is_not_before_its_time),
		cmocka_unit_test(test_full_and_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
