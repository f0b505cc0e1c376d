/* SPDX-License-Identifier: BSD-2-Clause */
/* near_test: near TTLs are asked until they show nothing new. */
#include "trace/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct addr router(u32 i)
{
	return addr_from_v4(be32_put(0x0a000000 + i));
}

static void test_until_nothing_new(void **state)
{
	struct addr a = router(1), b = router(2);
	struct near n;

	assert_int_equal(near_open(&n, 2, 100), 0);
	assert_false(near_skip(&n, 1, 1000));
	near_heard(&n, 1, &a, 1010);
	near_heard(&n, 1, &a, 1090); /* not new */
	assert_false(near_skip(&n, 1, 1109));
	assert_true(near_skip(&n, 1, 1110));
	/* late news: it is asked again */
	near_heard(&n, 1, &b, 1120);
	assert_false(near_skip(&n, 1, 1219));
	assert_true(near_skip(&n, 1, 1220));
	/* a TTL where nobody answers, from when it was first asked */
	assert_false(near_skip(&n, 2, 2000));
	assert_false(near_skip(&n, 2, 2099));
	assert_true(near_skip(&n, 2, 2100));
	/* far ones are none of its business */
	near_heard(&n, 3, &a, 1);
	assert_false(near_skip(&n, 3, 1));
	assert_false(near_skip(&n, 3, 1000000));
	assert_false(near_skip(&n, 255, 1000000));
	assert_int_equal(n.skipped, 3);
	near_close(&n);
}

/* More routers than are remembered: always something new. */
static void test_many_routers(void **state)
{
	struct near n;

	assert_int_equal(near_open(&n, 1, 100), 0);
	for (u32 round = 0; round < 3; round++)
		for (u32 i = 0; i < 4 * NEAR_ROUTERS; i++) {
			struct addr a = router(i);

			near_heard(&n, 1, &a, 10 + round * 1000);
		}
	assert_false(near_skip(&n, 1, 2100));
	assert_true(near_skip(&n, 1, 2110));
	near_close(&n);
}

static void test_none(void **state)
{
	struct addr a = router(1);
	struct near n;

	assert_int_equal(near_open(&n, 0, 100), 0);
	near_heard(&n, 1, &a, 1);
	assert_false(near_skip(&n, 1, 1000000));
	near_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_nothing_new),
		cmocka_unit_test(test_many_routers),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
