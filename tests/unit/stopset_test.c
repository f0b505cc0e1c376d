/* SPDX-License-Identifier: BSD-2-Clause */
/* stopset_test: known routers, by side, TTL and address. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "trace/stopset.h"

static const struct siphash_key key = { { 0x0706050403020100,
					  0x0f0e0d0c0b0a0908 } };

static struct addr v4(u32 a)
{
	return addr_from_v4(be32_put(a));
}

static struct addr v6(u64 high, u64 low)
{
	struct addr a;

	a.q[0] = be64_put(high);
	a.q[1] = be64_put(low);
	return a;
}

static enum stopset_result add(struct stopset *s, const struct addr *a, u8 ttl,
			       u32 side)
{
	return stopset_add(s, stopset_seek(s, a, ttl, side));
}

static void the_key_is_side_ttl_and_address(void **state)
{
	struct addr a = v4(0x01020304), b = v4(0x01020305);
	struct addr c = v6(0x20010db800000000, 1);
	struct addr d = v6(0x20010db800000001, 1);
	struct stopset s;

	assert_int_equal(stopset_open(&s, 1000, &key), 0);
	assert_int_equal(add(&s, &a, 5, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &a, 5, 0), STOPSET_KNOWN);
	assert_int_equal(add(&s, &a, 6, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &a, 5, 1), STOPSET_NEW);
	assert_int_equal(add(&s, &a, 5, 0xffffff), STOPSET_NEW);
	assert_int_equal(add(&s, &b, 5, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &c, 5, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &d, 5, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &c, 255, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &c, 5, 1), STOPSET_NEW);
	assert_int_equal(add(&s, &a, 6, 0), STOPSET_KNOWN);
	assert_int_equal(add(&s, &d, 5, 0), STOPSET_KNOWN);
	assert_int_equal(s.count, 9);
	assert_int_equal(s.overflow, 0);
	stopset_close(&s);
}

/* Distinct keys are not taken for each other, nor known ones forgotten. */
static void a_million(void **state)
{
	u32 n = 1000000, wrong = 0;
	struct stopset s;
	struct addr a;

	assert_int_equal(stopset_open(&s, 5 * n / 4, &key), 0);
	assert_in_range(stopset_octets(&s), 5 * n, 5 * n + 64);
	for (u32 i = 0; i < n; i++) {
		a = v4(i);
		wrong += add(&s, &a, (u8)i, i >> 8) == STOPSET_KNOWN;
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(s.count + s.overflow, n);
	print_message("80 %% full: %" PRIu64 " of %u did not fit\n", s.overflow,
		      n);
	assert_true(s.overflow < n / 50);
	for (u32 i = 0; i < n; i++) {
		a = v4(i);
		wrong += add(&s, &a, (u8)i, i >> 8) != STOPSET_KNOWN;
	}
	assert_in_range(wrong, 0, n / 50);
	stopset_close(&s);
}

/* What does not fit is new for ever, never known. */
static void overflow_is_counted(void **state)
{
	u32 full = 0, known = 0;
	struct stopset s;
	struct addr a;

	assert_int_equal(stopset_open(&s, 64, &key), 0);
	for (u32 i = 0; i < 10000; i++) {
		a = v6(i, ~(u64)i);
		switch (add(&s, &a, 9, 3)) {
		case STOPSET_NEW:
			break;
		case STOPSET_KNOWN:
			known++;
			break;
		case STOPSET_FULL:
			full++;
			break;
		}
	}
	assert_int_equal(known, 0);
	assert_int_equal(full, 10000 - 64);
	assert_int_equal(s.count, 64);
	assert_int_equal(s.overflow, full);
	stopset_close(&s);
}

static void another_key_another_place(void **state)
{
	static const struct siphash_key other = { { 1, 2 } };
	struct stopset s, t;
	struct addr a;
	u32 same = 0;

	assert_int_equal(stopset_open(&s, 1 << 16, &key), 0);
	assert_int_equal(stopset_open(&t, 1 << 16, &other), 0);
	for (u32 i = 0; i < 1000; i++) {
		a = v4(i);
		add(&s, &a, 1, 0);
		add(&t, &a, 1, 0);
	}
	for (u64 i = 0; i < s.buckets; i++)
		same += s.bucket[i][0] && s.bucket[i][0] == t.bucket[i][0];
	assert_int_equal(same, 0);
	stopset_close(&s);
	stopset_close(&t);
	stopset_close(&t);
}

static void no_room_at_all(void **state)
{
	struct addr a = v4(1);
	struct stopset s;

	assert_int_equal(stopset_open(&s, 0, &key), 0);
	assert_int_equal(add(&s, &a, 1, 0), STOPSET_NEW);
	assert_int_equal(add(&s, &a, 1, 0), STOPSET_KNOWN);
	stopset_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_side_ttl_and_address),
		cmocka_unit_test(a_million),
		cmocka_unit_test(overflow_is_counted),
		cmocka_unit_test(another_key_another_place),
		cmocka_unit_test(no_room_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
