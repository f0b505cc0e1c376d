/* SPDX-License-Identifier: BSD-2-Clause */
/* table_test: against a plain array, full, and with keys that collide. */
#include "lib/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 400 };

static void check_all(const struct table *t, const u64 *key, const u32 *value)
{
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(table_find(t, key[i]), value[i]);
}

/* Inserts and removes at random; `spread` says how the keys lie. */
static void churn(u64 spread, u64 seed)
{
	u64 key[KEYS];
	u32 value[KEYS], in = 0;
	struct table t;

	srand(3);
	assert_int_equal(table_init(&t, KEYS, seed), 0);
	for (int i = 0; i < KEYS; i++) {
		key[i] = (u64)i * spread;
		value[i] = TABLE_NONE;
	}
	for (int round = 0; round < 20000; round++) {
		int i = rand() % KEYS;
		u32 v = (u32)rand();

		if (value[i] == TABLE_NONE) {
			assert_int_equal(table_insert(&t, key[i], v), 0);
			value[i] = v;
			in++;
		} else {
			assert_int_equal(table_insert(&t, key[i], v), -EEXIST);
			assert_int_equal(table_remove(&t, key[i]), value[i]);
			assert_int_equal(table_remove(&t, key[i]), TABLE_NONE);
			value[i] = TABLE_NONE;
			in--;
		}
		assert_int_equal(t.count, in);
		if (round % 50 == 0)
			check_all(&t, key, value);
	}
	check_all(&t, key, value);
	table_clear(&t);
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(table_find(&t, key[i]), TABLE_NONE);
	table_fini(&t);
}

static void test_as_a_plain_array(void **state)
{
	churn(1, 0);
	churn(1, 12345);
	churn(0x9e3779b97f4a7c15ULL, 7);
	churn(1ULL << 55, 7);
	churn(1ULL << 32, 0);
}

static void test_any_key_will_do(void **state)
{
	struct table t;

	assert_int_equal(table_init(&t, 4, 99), 0);
	assert_int_equal(table_insert(&t, 0, 0), 0);
	assert_int_equal(table_insert(&t, UINT64_MAX, 0xfffffffe), 0);
	assert_int_equal(table_insert(&t, 99, 2), 0);
	assert_int_equal(table_find(&t, 0), 0);
	assert_int_equal(table_find(&t, UINT64_MAX), 0xfffffffe);
	assert_int_equal(table_find(&t, 99), 2);
	assert_int_equal(table_find(&t, 98), TABLE_NONE);
	table_fini(&t);
}

static void test_full(void **state)
{
	struct table t;

	for (u32 capacity = 0; capacity < 40; capacity++) {
		assert_int_equal(table_init(&t, capacity, capacity), 0);
		for (u32 i = 0; i < capacity; i++)
			assert_int_equal(table_insert(&t, i, i), 0);
		assert_int_equal(table_insert(&t, 1000, 1), -ENOSPC);
		/* an absent key is still found to be absent */
		assert_int_equal(table_find(&t, 1000), TABLE_NONE);
		assert_true((u64)capacity * 4 <= (t.mask + 1ULL) * 3);
		table_fini(&t);
	}
	table_fini(&t);
}

/* Steps from the first slot that a key looks at to where it is. */
static u64 steps(const struct table *t, u32 slot)
{
	u64 n = 0;

	while (t->value[(slot - n) & t->mask] != TABLE_NONE)
		n++;
	return n;
}

/* Keys in arithmetic progression do not pile up: runs stay short. */
static void test_no_pile(void **state)
{
	enum { MANY = 48000 };
	const u64 spread[] = { 1, 256, 65536, 1ULL << 32, 1ULL << 40 };
	struct table t;

	for (size_t s = 0; s < sizeof(spread) / sizeof(*spread); s++) {
		u64 longest = 0;

		assert_int_equal(table_init(&t, MANY, 5), 0);
		assert_int_equal(t.mask, 65535);
		for (u64 i = 0; i < MANY; i++)
			table_insert(&t, i * spread[s], (u32)i);
		assert_int_equal(t.count, MANY);
		for (u32 i = 0; i <= t.mask; i++)
			if (steps(&t, i) > longest)
				longest = steps(&t, i);
		/* about 150 for random keys at a load of 0.73 */
		assert_in_range(longest, 1, 600);
		table_fini(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_plain_array),
		cmocka_unit_test(test_any_key_will_do),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_pile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
