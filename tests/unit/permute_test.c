/* SPDX-License-Identifier: BSD-2-Clause */
/* permute_test: it is a bijection, it can be undone, and it spreads. */
#include "plan/permute.h"

#include "lib/u128.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_all(u64 n, u64 seed, u8 *seen)
{
	struct permute p;

	permute_init(&p, n, seed);
	memset(seen, 0, n / 8 + 1);
	for (u64 i = 0; i < n; i++) {
		u64 v = permute_at(&p, i);

		if (v >= n || (seen[v / 8] >> v % 8 & 1))
			fail_msg("n %llu: %llu again or outside",
				 (unsigned long long)n, (unsigned long long)v);
		seen[v / 8] |= (u8)(1 << v % 8);
		if (permute_index(&p, v) != i)
			fail_msg("n %llu: %llu is not undone",
				 (unsigned long long)n, (unsigned long long)v);
	}
}

static void test_every_number_once(void **state)
{
	const u64 large[] = { 65535,   65536,	65537,	 99991,
			      1 << 20, 1000003, 2500000, (1 << 22) + 1 };
	u8 *seen = malloc((1 << 22) / 8 + 2);

	assert_non_null(seen);
	for (u64 n = 1; n < 2000; n++)
		check_all(n, n * 77, seen);
	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++)
		check_all(large[i], i, seen);
	free(seen);
}

static void test_undone_where_n_is_vast(void **state)
{
	struct permute p;

	srand(4);
	for (int i = 0; i < 20000; i++) {
		u64 n = (u64)rand() << 32 | (u64)rand() << 8;
		u64 index, value;

		/* every width; n - 1, n, n + 1 of powers of two among them */
		n = i % 3 ? (n >> i % 60) + 1 : (1ULL << i % 63) + i % 7;
		index = ((u64)rand() << 32 | (u64)rand()) % n;
		permute_init(&p, n, (u64)rand());
		value = permute_at(&p, index);
		assert_true(value < n);
		assert_true(permute_index(&p, value) == index);
		assert_true(permute_at(&p, permute_index(&p, n - 1)) == n - 1);
	}
	permute_init(&p, 1ULL << 63, 1);
	assert_true(permute_index(&p, permute_at(&p, (1ULL << 63) - 1)) ==
		    (1ULL << 63) - 1);
}

/* Two seeds agree at about one index, as two random orders do. */
static void test_seeds_differ(void **state)
{
	enum { N = 10000 };
	struct permute a, b;

	for (u64 seed = 0; seed < 50; seed++) {
		u32 same = 0;

		permute_init(&a, N, seed);
		permute_init(&b, N, seed + 1);
		for (u64 i = 0; i < N; i++)
			same += permute_at(&a, i) == permute_at(&b, i);
		assert_in_range(same, 0, 12);
	}
}

/*
 * Chi-square of `draws` successive indices over 64 equal parts of [0, n):
 * 63 degrees of freedom, so mean 63, standard deviation 11.2.
 */
static double chi_square(const struct permute *p, u64 from, u64 draws)
{
	double expected = (double)draws / 64, sum = 0;
	u32 part[64] = {};

	for (u64 i = from; i < from + draws; i++)
		part[(u128)permute_at(p, i) * 64 / p->n]++;
	for (int i = 0; i < 64; i++)
		sum += (part[i] - expected) * (part[i] - expected) / expected;
	return sum;
}

/* Windows of successive indices fall everywhere alike: the mean over many
 * seeds and places is that of chance, and no window is far off. */
static void test_successive_indices_spread(void **state)
{
	const u64 sizes[] = { 3000000, 1ULL << 24, 16777216ULL * 32, 1000000007,
			      1ULL << 48 };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		double total = 0, worst = 0;

		for (u64 seed = 0; seed < 100; seed++) {
			struct permute p;
			double chi;

			permute_init(&p, sizes[s], seed);
			chi = chi_square(&p, seed * 20011, 6400);
			total += chi;
			worst = chi > worst ? chi : worst;
		}
		print_message("n %llu: mean %.1f, worst %.1f of 63\n",
			      (unsigned long long)sizes[s], total / 100, worst);
		/* five standard deviations of the mean; one in 10^6 windows */
		assert_true(total / 100 > 57 && total / 100 < 69);
		assert_true(worst < 140);
	}
}

/* Distances of neighbours are as of independent numbers: |a - b| / n has
 * mean 1/3, and one in 500 neighbours is nearer than 1/1000. */
static void test_neighbours_are_strangers(void **state)
{
	enum { N = 1 << 20, DRAWS = 100000 };
	struct permute p;
	double sum = 0;
	u32 near = 0;

	permute_init(&p, N, 42);
	for (u64 i = 0; i < DRAWS; i++) {
		s64 a = (s64)permute_at(&p, i);
		s64 b = (s64)permute_at(&p, i + 1);

		sum += (double)llabs(a - b) / N;
		near += llabs(a - b) < N / 1000;
	}
	assert_true(sum / DRAWS > 0.328 && sum / DRAWS < 0.339);
	assert_in_range(near, 120, 280);
}

/* The same on every machine and in every version: checkpoints rest on it. */
static void test_order_is_fixed(void **state)
{
	struct permute p;

	permute_init(&p, 1000000, 1);
	assert_int_equal(permute_at(&p, 0), 783331);
	assert_int_equal(permute_at(&p, 999999), 535640);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_once),
		cmocka_unit_test(test_undone_where_n_is_vast),
		cmocka_unit_test(test_seeds_differ),
		cmocka_unit_test(test_successive_indices_spread),
		cmocka_unit_test(test_neighbours_are_strangers),
		cmocka_unit_test(test_order_is_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
