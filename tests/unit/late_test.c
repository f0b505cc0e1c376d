/* SPDX-License-Identifier: BSD-2-Clause */
/* late_test: what left late is looked at once, and only if something was lost
 * since. */
#include "trace/late.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_only_what_may_be_lost(void **state)
{
	const u64 t = NS_PER_S;
	struct late l;
	u64 turn;

	assert_int_equal(late_open(&l), 0);
	assert_int_equal(late_due(&l), UINT64_MAX);
	late_add(&l, 7, t);
	late_add(&l, 5, t + 1);
	late_add(&l, 6, t + 2);
	assert_int_equal(late_due(&l), UINT64_MAX);
	late_lost(&l, t + 1);
	late_lost(&l, t - 1); /* older news */
	assert_int_equal(late_due(&l), t + REDO_NS);
	assert_false(late_take(&l, t + REDO_NS - 1, &turn));
	assert_true(late_take(&l, t + REDO_NS, &turn));
	assert_int_equal(turn, 7);
	assert_false(late_take(&l, t + REDO_NS, &turn));
	assert_true(late_take(&l, t + 2 * REDO_NS, &turn));
	assert_int_equal(turn, 5);
	/* the third left after it */
	assert_int_equal(late_due(&l), UINT64_MAX);
	assert_false(late_take(&l, t + 2 * REDO_NS, &turn));
	late_lost(&l, t + 3 * REDO_NS);
	assert_false(late_take(&l, t + 4 * REDO_NS, &turn));
	late_close(&l);
}

/* The oldest makes room. */
static void test_more_than_it_holds(void **state)
{
	struct late l;
	u64 turn, n = 0;

	assert_int_equal(late_open(&l), 0);
	for (u64 i = 0; i < LATE_MAX + 10; i++)
		late_add(&l, i, NS_PER_S + i);
	late_lost(&l, 2 * NS_PER_S);
	while (late_take(&l, 3 * NS_PER_S, &turn))
		assert_int_equal(turn, 10 + n++);
	assert_int_equal(n, LATE_MAX);
	late_close(&l);
}

static void test_none(void **state)
{
	struct late l = {};
	u64 turn;

	late_add(&l, 1, 1);
	late_lost(&l, 2);
	assert_int_equal(late_due(&l), UINT64_MAX);
	assert_false(late_take(&l, UINT64_MAX, &turn));
	late_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_may_be_lost),
		cmocka_unit_test(test_more_than_it_holds),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
