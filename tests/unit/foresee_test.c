/* SPDX-License-Identifier: BSD-2-Clause */
/* foresee_test: who answered will answer, there first, and anywhere else. */
#include "trace/foresee.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/inet.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static struct addr router(u32 i)
{
	return addr_from_v4(be32_put(0x0a000000 + i));
}

static void hear(struct foresee *f, const char *dst, u8 ttl, u32 from)
{
	const struct addr to = addr(dst), by = router(from);

	foresee_heard(f, &to, ttl, &by);
}

static struct foreseen who(struct foresee *f, const char *dst, u8 ttl)
{
	const struct addr to = addr(dst);
	struct foreseen w;

	foresee_who(f, &to, ttl, 1000, &w);
	return w;
}

/* How a router is called: as it is where nobody else has answered. */
static u32 name(u32 i)
{
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	hear(&f, "192.0.2.1", 1, i);
	w = who(&f, "192.0.2.1", 1);
	assert_int_equal(w.count, 1);
	foresee_close(&f);
	return w.by[0].router;
}

/* All shares of a router. */
static u32 share(const struct foreseen *w, u32 i)
{
	u32 sum = 0, called = name(i);

	for (u32 n = 0; n < w->count; n++)
		if (w->by[n].router == called)
			sum += w->by[n].share;
	return sum;
}

static void test_until_the_first_answer(void **state)
{
	const struct addr dst = addr("192.0.2.1"), six = addr("2001:db8::1");
	const u64 t = 1000000, end = t + FORESEE_WAIT_NS;
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	foresee_who(&f, &dst, 3, t, &w);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.by[0].share, FORESEE_WHOLE);
	assert_int_equal(w.until_ns, end);
	foresee_who(&f, &dst, 3, end - 1, &w);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.until_ns, end);
	/* nobody ever answers */
	foresee_who(&f, &dst, 3, end, &w);
	assert_int_equal(w.count, 0);
	assert_int_equal(w.until_ns, UINT64_MAX);
	/* another TTL, another family */
	foresee_who(&f, &dst, 4, end, &w);
	assert_int_equal(w.count, 1);
	foresee_who(&f, &six, 3, end, &w);
	assert_int_equal(w.count, 1);
	/* late, but somebody */
	hear(&f, "192.0.2.1", 3, 7);
	w = who(&f, "192.0.2.1", 3);
	assert_int_equal(share(&w, 7), FORESEE_WHOLE);
	assert_int_equal(w.until_ns, UINT64_MAX);
	foresee_close(&f);
}

static void test_there_and_elsewhere(void **state)
{
	const char *place = "192.0.2.1", *there = "192.0.99.1",
		   *other = "198.51.100.1";
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	for (int i = 0; i < 30; i++)
		hear(&f, place, 5, 1);
	for (int i = 0; i < 10; i++)
		hear(&f, other, 5, 2);
	w = who(&f, there, 5);
	assert_int_equal(share(&w, 1), FORESEE_WHOLE);
	assert_int_equal(share(&w, 2), 0);
	w = who(&f, other, 5);
	assert_int_equal(share(&w, 1), 0);
	assert_int_equal(share(&w, 2), FORESEE_WHOLE);
	w = who(&f, "203.0.113.1", 5); /* not heard of */
	assert_int_equal(share(&w, 1), FORESEE_WHOLE * 3 / 4);
	assert_int_equal(share(&w, 2), FORESEE_WHOLE / 4);
	foresee_close(&f);
}

/* Of IPv6, a /32 is a place; destinations are no routers. */
static void test_destinations(void **state)
{
	const struct addr a = addr("2001:db8::1"), b = addr("2001:db8:1::1"),
			  other = addr("2001:db9::1"), by = router(1);
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	for (int i = 0; i < 10; i++) {
		foresee_heard(&f, &a, 9, &a);
		foresee_heard(&f, &b, 9, &by);
		foresee_heard(&f, &other, 9, &other);
	}
	foresee_who(&f, &a, 9, 1000, &w);
	assert_int_equal(share(&w, 1), FORESEE_WHOLE / 2);
	assert_int_equal(w.count, 1);
	foresee_who(&f, &other, 9, 1000, &w);
	assert_int_equal(w.count, 0);
	foresee_close(&f);
}

/* More routers than counters: who answers half of all has half a share at
 * least, and the rare ones none that would stop everything. */
static void test_many_routers(void **state)
{
	struct foresee f;
	struct foreseen w;
	u32 sum = 0;

	assert_int_equal(foresee_open(&f, 1), 0);
	for (u32 i = 0; i < 20000; i++) {
		hear(&f, "192.0.2.1", 6, i & 1 ? 1 : 2 + i / 2 % 100);
		hear(&f, "192.0.2.1", 7, i % 300);
	}
	w = who(&f, "192.0.2.1", 6);
	assert_in_range(share(&w, 1), FORESEE_WHOLE / 2, FORESEE_WHOLE * 4 / 5);
	w = who(&f, "192.0.2.1", 7);
	for (u32 i = 0; i < w.count; i++) {
		sum += w.by[i].share;
		assert_in_range(w.by[i].share, 1, FORESEE_WHOLE / 4);
	}
	assert_in_range(sum, 0, FORESEE_WHOLE + FORESEE_MAX);
	foresee_close(&f);
}

/* Ways change: the past counts less and less. */
static void test_a_way_that_changes(void **state)
{
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	for (u32 i = 0; i < 100000; i++)
		hear(&f, "192.0.2.1", 6, 1);
	for (u32 i = 0; i < 4096; i++)
		hear(&f, "192.0.2.1", 6, 2);
	w = who(&f, "192.0.2.1", 6);
	assert_in_range(share(&w, 2), FORESEE_WHOLE * 9 / 10,
			FORESEE_WHOLE + 1);
	foresee_close(&f);
}

/* More places than the table holds: routers that all pass are foreseen all
 * the same. */
static void test_more_places_than_it_holds(void **state)
{
	const struct addr by = router(1);
	struct foresee f;
	struct foreseen w;

	assert_int_equal(foresee_open(&f, 1), 0);
	for (u32 i = 0; i < 1 << 16; i++) {
		const struct addr dst = addr_from_v4(be32_put(i << 16 | 1));

		foresee_heard(&f, &dst, 2, &by);
	}
	for (u32 i = 0; i < 1 << 16; i += 99) {
		const struct addr dst = addr_from_v4(be32_put(i << 16 | 1));

		foresee_who(&f, &dst, 2, 1000, &w);
		assert_int_equal(share(&w, 1), FORESEE_WHOLE);
	}
	foresee_close(&f);
}

static void test_none(void **state)
{
	struct foresee f = {};
	struct foreseen w;

	hear(&f, "192.0.2.1", 1, 1);
	w = who(&f, "192.0.2.1", 1);
	assert_int_equal(w.count, 0);
	foresee_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_the_first_answer),
		cmocka_unit_test(test_there_and_elsewhere),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_many_routers),
		cmocka_unit_test(test_a_way_that_changes),
		cmocka_unit_test(test_more_places_than_it_holds),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
