/* SPDX-License-Identifier: BSD-2-Clause */
/* limit_test: token buckets of many kinds are told from loss, silence and
 * chance. */
#include "out/limit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"

static u64 seed = 1;

static double chance(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(seed >> 11) / (double)(1ULL << 53);
}

/* A router that is asked by a random share of a sweep of `pps`. */
struct router {
	double pps, share, loss;
	double rate, burst; /* its bucket; 0: none */
	double lot;	    /* tokens come so many at a time; 0: one */
	double jitter;	    /* s, of answers */
	u32 batch;	    /* probes leave so many at once */
	double seconds;
};

/* The rate that was found; *answers: how many there were. */
static double judge(const struct router *r, u64 *answers)
{
	double tokens = r->burst, filled = 0, last = 0;
	struct limit l = {};
	u64 sent = 0;

	for (u64 i = 0; (double)i / r->pps < r->seconds; i++, sent++) {
		u32 batch = r->batch ? r->batch : 1;
		double t = (double)(i / batch * batch) / r->pps +
			   1e-6 * (double)(i % batch);
		double lot = r->lot > 0 ? r->lot : 1, at;

		if (chance() >= r->share)
			continue;
		if (r->rate > 0) {
			while (filled + lot / r->rate <= t) {
				filled += lot / r->rate;
				tokens = fmin(tokens + lot, r->burst);
			}
			if (tokens < 1)
				continue;
			tokens--;
		}
		if (chance() < r->loss)
			continue;
		at = t + 0.05 + r->jitter * chance();
		at = at > last ? at : last; /* a router keeps the order */
		last = at;
		limit_answer(&l, (u64)(at * NS_PER_S));
	}
	*answers = l.answers;
	return limit_rate(&l, sent);
}

static void test_buckets(void **state)
{
	static const struct router rows[] = {
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 10,
		  .burst = 6,
		  .seconds = 30 },
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 100,
		  .burst = 50,
		  .seconds = 10 },
		{ .pps = 100000,
		  .share = 0.1,
		  .rate = 1000,
		  .burst = 50,
		  .batch = 64,
		  .seconds = 4 },
		{ .pps = 100000,
		  .share = 0.03,
		  .rate = 1000,
		  .burst = 50,
		  .batch = 256,
		  .seconds = 4 },
		/* tokens that come with the ticks of a router's clock */
		{ .pps = 100000,
		  .share = 0.1,
		  .rate = 1000,
		  .burst = 50,
		  .lot = 4,
		  .seconds = 4 },
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 100,
		  .burst = 10,
		  .jitter = 0.004,
		  .seconds = 20 },
		{ .pps = 1000,
		  .share = 0.1,
		  .rate = 1,
		  .burst = 6,
		  .seconds = 120 },
		/* asked by all, it gives some */
		{ .pps = 1000,
		  .share = 1,
		  .rate = 100,
		  .burst = 10,
		  .seconds = 10 },
		/* a little more than it gives */
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 200,
		  .burst = 10,
		  .seconds = 30 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		u64 answers;
		double rate = judge(&rows[i], &answers);

		if (fabs(rate - rows[i].rate) > 0.1 * rows[i].rate)
			fail_msg("row %zu: %f of %f, %llu answers", i, rate,
				 rows[i].rate, (unsigned long long)answers);
	}
}

static void test_no_buckets(void **state)
{
	static const struct router rows[] = {
		{ .pps = 10000, .share = 0.03, .seconds = 30 },
		{ .pps = 10000, .share = 0.03, .loss = 0.5, .seconds = 30 },
		{ .pps = 10000, .share = 0.03, .loss = 0.97, .seconds = 60 },
		{ .pps = 10000, .share = 0.5, .seconds = 10 },
		{ .pps = 10000, .share = 0.9, .loss = 0.1, .seconds = 10 },
		/* asked by all, it gives all */
		{ .pps = 10000, .share = 1, .seconds = 10 },
		{ .pps = 10000, .share = 1, .loss = 0.3, .seconds = 10 },
		{ .pps = 100000, .share = 0.1, .batch = 64, .seconds = 4 },
		{ .pps = 10000, .share = 0.03, .jitter = 0.05, .seconds = 10 },
		/* a bucket that is never empty */
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 3000,
		  .burst = 50,
		  .seconds = 10 },
		/* too few to tell */
		{ .pps = 1000,
		  .share = 0.1,
		  .rate = 1,
		  .burst = 6,
		  .seconds = 50 },
		{ .pps = 10000, .share = 0.0001, .seconds = 10 },
		/* silent but for its first words */
		{ .pps = 10000,
		  .share = 0.03,
		  .rate = 0.001,
		  .burst = 50,
		  .seconds = 10 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		u64 answers;
		double rate = judge(&rows[i], &answers);

		if (rate > 0)
			fail_msg("row %zu: %f, %llu answers", i, rate,
				 (unsigned long long)answers);
	}
}

/* Thirty thousand routers that answer by chance, of three lengths of a run:
 * none is accused. */
static void test_nobody_is_accused(void **state)
{
	static const u32 lengths[] = { 66, 300, 1100 };

	for (u32 i = 0; i < 30000; i++) {
		struct limit l = {};
		double t = 1;

		for (u32 n = 0; n < lengths[i % 3]; n++) {
			limit_answer(&l, (u64)(t * NS_PER_S));
			t -= log(1 - chance()) * 0.01;
		}
		if (limit_rate(&l, 1ULL << 40) > 0)
			fail_msg("router %u", i);
	}
}

struct found {
	struct addr from;
	double per_second;
};

static void on_found(void *to, const struct addr *from, double per_second)
{
	*(struct found *)to = (struct found){ *from, per_second };
}

/* Regular ones among those that answer by chance, and more than fit. */
static void test_many_routers(void **state)
{
	const struct addr regular = addr_from_v4(be32_put(0x0a000001));
	struct found found = {};
	struct limits l = {};

	assert_int_equal(limits_find(&l, 1000, on_found, &found), 0);
	for (u32 i = 0; i < 400; i++) {
		u64 t = (i + 1ULL) * 10 * NS_PER_MS;

		limits_answer(&l, &regular, t);
		for (u32 j = 0; j < 200; j++) {
			struct addr a = addr_from_v4(be32_put(0x14000000 + j));

			if (chance() < 0.3)
				limits_answer(&l, &a, t + j * NS_PER_US);
		}
	}
	for (u32 i = 0; i < 2 * LIMITS_MAX; i++) {
		struct addr a = addr_from_v4(be32_put(0x20000000 + i));

		limits_answer(&l, &a, i);
	}
	assert_in_range(l.count, LIMITS_MAX / 2, LIMITS_MAX);
	assert_int_equal(limits_find(&l, 100000, on_found, &found), 1);
	assert_true(addr_equal(&found.from, &regular));
	assert_in_range((u64)(found.per_second + 0.5), 100, 100);
	limits_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_no_buckets),
		cmocka_unit_test(test_nobody_is_accused),
		cmocka_unit_test(test_many_routers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
