/* SPDX-License-Identifier: BSD-2-Clause */
/* addrset_test: a set against a list, and addresses chosen by an enemy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/addrset.h"

/* Few enough values that many come again. */
static struct addr draw(u64 *seed)
{
	u64 r = frame_random(seed);
	struct addr a = {};

	switch (r % 4) {
	case 0:
		return addr_from_v4(be32_put((u32)(r >> 8 & 0x3ff)));
	case 1: /* the halves swapped are other addresses */
		a.q[0] = be64_put(r >> 8 & 0x1f);
		a.q[1] = be64_put(r >> 16 & 0x1f);
		return a;
	case 2:
		a.q[0] = be64_put((r >> 8 & 0x3ff) << 54);
		return a;
	}
	a.q[1] = be64_put(r >> 8 & 0x3ff);
	return a;
}

static void check_each_once(const struct addrset *s, const struct addr *list,
			    u64 n)
{
	static bool came[8192];
	struct addr a;
	u64 at = 0;

	for (u64 i = 0; i < n; i++) {
		u64 k = 0;

		assert_true(addrset_next(s, &at, &a));
		while (k < n && !addr_equal(&list[k], &a))
			k++;
		assert_true(k < n && !came[k]);
		came[k] = true;
	}
	assert_false(addrset_next(s, &at, &a));
}

static void against_a_list(void **state)
{
	static struct addr list[8192];
	struct addrset s = {};
	u64 seed = 1, n = 0;

	for (int i = 0; i < 20000; i++) {
		struct addr a = draw(&seed);
		bool there = false;

		for (u64 k = 0; k < n && !there; k++)
			there = addr_equal(&list[k], &a);
		assert_int_equal(addrset_has(&s, &a), there);
		if (addr_is_none(&a)) {
			assert_int_equal(addrset_add(&s, &a), 0);
			continue;
		}
		assert_int_equal(addrset_add(&s, &a), !there);
		if (!there)
			list[n++] = a;
		assert_int_equal(s.count, n);
	}
	assert_in_range(n, 3000, 4096);
	for (u64 k = 0; k < n; k++)
		assert_true(addrset_has(&s, &list[k]));
	check_each_once(&s, list, n);
	addrset_fini(&s);
}

static void grows(void **state)
{
	struct addrset s = {};

	for (u32 i = 1; i <= 200000; i++) {
		struct addr a = addr_from_v4(be32_put(i));

		assert_int_equal(addrset_add(&s, &a), 1);
		assert_int_equal(s.count, i);
		assert_int_equal(s.v4.count, i);
		assert_true(s.v4.count <= s.v4.room / 4 * 3);
		assert_int_equal(s.v4.room & (s.v4.room - 1), 0);
	}
	assert_true(s.v4.room < 3 * s.count);
	assert_int_equal(s.v6.room, 0);
	for (u32 i = 0; i <= 200001; i++) {
		struct addr a = addr_from_v4(be32_put(i));

		assert_int_equal(addrset_has(&s, &a), i && i <= 200000);
	}
	addrset_fini(&s);
	assert_int_equal(s.count, 0);
	addrset_fini(&s);
}

static void nothing(void **state)
{
	struct addr none = {}, one = frame_addr("203.0.113.9");
	struct addrset s = {};

	assert_false(addrset_has(&s, &none));
	assert_false(addrset_has(&s, &one));
	assert_int_equal(addrset_add(&s, &none), 0);
	assert_int_equal(s.count, 0);
	addrset_add(&s, &one);
	assert_false(addrset_has(&s, &none));
	assert_int_equal(addrset_add(&s, &none), 0);
	assert_int_equal(s.count, 1);
	addrset_fini(&s);
}

/* The most slots in a row that must be passed to find a free one. */
static u64 longest_row(const struct addrset *s)
{
	const struct addr *slot = s->v6.slot;
	const be32 *slot4 = s->v4.slot;
	u64 room = s->v4.room ? s->v4.room : s->v6.room, row = 0, most = 0;

	for (u64 i = 0; i < 2 * room; i++) {
		u64 at = i & (room - 1);

		row = (slot4 ? !be32_get(slot4[at]) : addr_is_none(&slot[at]))
			      ? 0
			      : row + 1;
		most = row > most ? row : most;
	}
	return most;
}

/*
 * Whoever answers chooses from which address. Neither those that a plain
 * multiplicative hash would put into one slot, nor neighbours, nor those that
 * differ in a few high bits may stand in a row.
 */
static void chosen_addresses(void **state)
{
	static const u64 factor[] = { 0, 1, 0x9e3779b97f4a7c15ULL,
				      0xd1342543de82ef95ULL,
				      0xd6e8feb86659fd93ULL };

	for (int shift = 0; shift <= 48; shift += 16) {
		for (size_t f = 0; f < sizeof(factor) / sizeof(*factor); f++) {
			struct addrset s = {};

			for (u64 i = 1; i <= 16000; i++) {
				u64 high = i << shift;
				struct addr a = {
					.q = { be64_put(high),
					       be64_put(high * factor[f]) }
				};

				addrset_add(&s, &a);
			}
			assert_int_equal(s.count, 16000);
			assert_in_range(longest_row(&s), 1, 400);
			addrset_fini(&s);
		}
	}
}

static void chosen_v4_addresses(void **state)
{
	for (int shift = 0; shift <= 18; shift += 6) {
		struct addrset s = {};

		for (u32 i = 1; i < 1 << 14; i++) {
			struct addr a = addr_from_v4(be32_put(i << shift));

			addrset_add(&s, &a);
		}
		assert_int_equal(s.v4.count, (1 << 14) - 1);
		assert_in_range(longest_row(&s), 1, 400);
		addrset_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_list),
		cmocka_unit_test(grows),
		cmocka_unit_test(nothing),
		cmocka_unit_test(chosen_addresses),
		cmocka_unit_test(chosen_v4_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
