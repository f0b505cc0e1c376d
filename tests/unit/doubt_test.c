/* SPDX-License-Identifier: BSD-2-Clause */
/* doubt_test: spans of time that touch, overlap, and give way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "trace/doubt.h"

static void covers(void **state)
{
	struct doubt d = {};

	assert_false(doubt_covers(&d, 0, UINT64_MAX));
	doubt_add(&d, 100, 200);
	assert_false(doubt_covers(&d, 0, 99));
	assert_true(doubt_covers(&d, 0, 100));
	assert_true(doubt_covers(&d, 150, 160));
	assert_true(doubt_covers(&d, 200, 300));
	assert_true(doubt_covers(&d, 50, 300));
	assert_false(doubt_covers(&d, 201, 300));
}

static void spans_that_touch(void **state)
{
	struct doubt d = {};

	doubt_add(&d, 100, 200);
	doubt_add(&d, 200, 300);
	doubt_add(&d, 250, 260);
	assert_int_equal(d.next, 1);
	assert_true(doubt_covers(&d, 300, 300));
	doubt_add(&d, 50, 150); /* known late */
	assert_true(doubt_covers(&d, 40, 60));
	assert_false(doubt_covers(&d, 0, 49));
	doubt_add(&d, 301, 302);
	assert_int_equal(d.next, 2);
}

static void oldest_give_way(void **state)
{
	struct doubt d = {};

	for (u64 i = 0; i < DOUBT_SPANS + 1; i++)
		doubt_add(&d, 1000 * i + 1, 1000 * i + 2);
	assert_false(doubt_covers(&d, 0, 999));
	for (u64 i = 1; i < DOUBT_SPANS + 1; i++)
		assert_true(doubt_covers(&d, 1000 * i, 1000 * i + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covers),
		cmocka_unit_test(spans_that_touch),
		cmocka_unit_test(oldest_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
