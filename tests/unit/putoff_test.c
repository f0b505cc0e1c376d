/* SPDX-License-Identifier: BSD-2-Clause */
/* putoff_test: no prefix and no router is asked more often than its budget,
 * and no probe is forgotten. */
#include "trace/putoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "lib/u128.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static int open_budget(struct budget *b, u64 gap, u32 burst, u64 keys)
{
	const struct budget_rate rate = { gap, burst };

	return budget_open(b, &rate, keys);
}

/* When one leaves that waits for nobody else, and is there in time. */
static u64 reserve(struct budget *b, const struct addr *dst, u64 now)
{
	u64 key = budget_prefix(dst), when = budget_when(b, key, now);

	if (when > now)
		assert_int_equal(budget_line(b, key, now, b->gap_ns), when);
	budget_charge(b, key, when, b->gap_ns);
	return when;
}

/* Places in the line are a gap apart, whoever comes; who had one may go when
 * its time has come, unless another went. */
static void test_places_in_a_line(void **state)
{
	const u64 t = 1000, key = budget_router(7), gap = 100;
	struct budget b;

	assert_int_equal(open_budget(&b, gap, 1, 16), 0);
	assert_int_equal(budget_when(&b, key, t), t);
	budget_charge(&b, key, t, gap / 4); /* a quarter of it is foreseen */
	assert_int_equal(budget_when(&b, key, t), t + 25);
	budget_charge(&b, key, t + 25, gap);
	assert_int_equal(budget_line(&b, key, t + 30, gap), t + 125);
	assert_int_equal(budget_line(&b, key, t + 30, gap), t + 225);
	assert_int_equal(budget_when(&b, key, t + 125), t + 325);
	assert_int_equal(budget_when_waited(&b, key, t + 125), t + 125);
	budget_charge(&b, key, t + 190, gap);
	assert_int_equal(budget_when_waited(&b, key, t + 225), t + 290);
	assert_int_equal(budget_line(&b, key, t + 225, gap), t + 325);
	/* nobody else is concerned */
	assert_int_equal(budget_when(&b, budget_router(8), t), t);
	budget_close(&b);
}

static void test_shares(void **state)
{
	struct budget_rate r = budget_share(0, 2);

	assert_int_equal(r.gap_ns, 0);
	r = budget_share(10, 1);
	assert_int_equal(r.gap_ns, 100 * NS_PER_MS);
	assert_int_equal(r.burst, 1);
	r = budget_share(100, 2);
	assert_int_equal(r.gap_ns, 20 * NS_PER_MS);
	assert_int_equal(r.burst, 5);
	r = budget_share(30, 2);
	assert_int_equal(r.burst, 1);
}

static void test_budget_of_a_prefix(void **state)
{
	const struct addr a = addr("192.0.2.1"), same = addr("192.0.2.254"),
			  other = addr("192.0.3.1"), six = addr("2001:db8::1"),
			  six_same = addr("2001:db8:0:ffff::1"),
			  six_other = addr("2001:db8:1::1");
	const u64 t = 1000 * NS_PER_S;
	struct budget b;

	assert_int_equal(open_budget(&b, 100, 1, 16), 0);
	assert_int_equal(reserve(&b, &a, t), t);
	assert_int_equal(reserve(&b, &same, t), t + 100);
	assert_int_equal(reserve(&b, &a, t + 1), t + 200);
	assert_int_equal(reserve(&b, &other, t), t);
	assert_int_equal(reserve(&b, &six, t), t);
	assert_int_equal(reserve(&b, &six_other, t), t);
	assert_int_equal(reserve(&b, &six_same, t), t + 100);
	/* what was not used is not saved */
	assert_int_equal(reserve(&b, &a, t + 5000), t + 5000);
	assert_int_equal(reserve(&b, &a, t + 5000), t + 5100);
	budget_close(&b);
	/* but for a burst */
	assert_int_equal(open_budget(&b, 100, 3, 16), 0);
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(reserve(&b, &a, t), t);
	assert_int_equal(reserve(&b, &a, t), t + 100);
	assert_int_equal(reserve(&b, &a, t), t + 200);
	budget_close(&b);
}

/* As many prefixes as make some groups of slots overflow at times, while
 * others' budgets come to their end. */
static void test_table_now_and_then_too_small(void **state)
{
	enum { PREFIXES = 1000 };
	static u64 last[PREFIXES];
	u64 now = NS_PER_S, seed = 1, later = 0;
	const u64 gap = 1000;
	struct budget b;

	assert_int_equal(open_budget(&b, gap, 1, 1), 0);
	for (u32 i = 0; i < 1000000; i++, now += 3) {
		u32 n;
		struct addr a;
		u64 when;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		n = (u32)(seed >> 33) % PREFIXES;
		a = addr_from_v4(be32_put(n << 8));
		when = reserve(&b, &a, now);
		assert_true(!last[n] || when >= last[n] + gap);
		later += when > now && now >= last[n] + gap;
		last[n] = when;
	}
	assert_in_range(later, 1, 50000); /* shared, and seldom */
	budget_close(&b);
}

/* Far more prefixes than the table holds: each still has at least its gap. */
static void test_table_too_small(void **state)
{
	enum { PREFIXES = 1 << 15, ROUNDS = 3 };
	static u64 last[PREFIXES];
	const u64 t = NS_PER_S, gap = 1000000;
	struct budget b;

	assert_int_equal(open_budget(&b, gap, 1, 1), 0);
	for (u32 round = 0; round < ROUNDS; round++) {
		for (u32 i = 0; i < PREFIXES; i++) {
			struct addr a = addr_from_v4(be32_put(i << 8));
			u64 when = reserve(&b, &a, t + round);

			assert_true(!round || when >= last[i] + gap);
			last[i] = when;
		}
	}
	budget_close(&b);
}

struct probed {
	u64 when;
	u32 prefix;
};

static int by_prefix(const void *a, const void *b)
{
	const struct probed *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return x->when < y->when ? -1 : x->when > y->when;
}

/* Skewed: half of all probes are for one of 64 prefixes. */
static u32 prefix_of(u64 turn)
{
	u64 h = turn * 0x9e3779b97f4a7c15ULL >> 40;

	return h & 1 ? (u32)(h >> 1) % 64 : 0;
}

static struct probe probe_of(u64 turn)
{
	return (struct probe){
		.dst = addr_from_v4(be32_put(prefix_of(turn) << 8 | 1)),
		.ttl = (u8)(1 + turn % 8),
	};
}

static const struct budget_rate none = {};

static void test_each_leaves_once_in_time(void **state)
{
	enum { TURNS = 60000 };
	const u64 gap = NS_PER_MS, step = 10 * NS_PER_US;
	struct probed *log = calloc(TURNS, sizeof(*log));
	bool *left = calloc(TURNS, sizeof(*left));
	u64 next = 0, sent = 0, turn;
	struct putoff p;

	assert_int_equal(
		putoff_open(&p, &(struct budget_rate){ gap, 1 }, &none, 64), 0);
	for (u64 now = step; sent < TURNS; now += step) {
		/* an end is in sight at any time */
		assert_true(now < 60 * NS_PER_S);
		assert_true(putoff_oldest(&p) == UINT64_MAX ||
			    !left[putoff_oldest(&p)]);
		while (putoff_due(&p, now, &turn)) {
			const struct probe probe = probe_of(turn);

			assert_false(left[turn]);
			/* there is no budget but the prefix's */
			assert_true(putoff_leave(&p, &probe, now));
			left[turn] = true;
			log[sent++] = (struct probed){ now, prefix_of(turn) };
		}
		for (int i = 0; i < 8 && next < TURNS && putoff_has_room(&p);
		     i++, next++) {
			const struct probe probe = probe_of(next);

			if (!putoff_admit(&p, next, &probe, now))
				continue;
			left[next] = true;
			log[sent++] = (struct probed){ now, prefix_of(next) };
		}
	}
	assert_int_equal(putoff_count(&p), 0);
	assert_int_equal(putoff_oldest(&p), UINT64_MAX);
	assert_int_equal(putoff_next(&p), UINT64_MAX);
	assert_in_range(p.count, TURNS / 2, TURNS);
	qsort(log, TURNS, sizeof(*log), by_prefix);
	for (u64 i = 1; i < TURNS; i++)
		if (log[i].prefix == log[i - 1].prefix)
			/* a turn of this loop late, and the next in time */
			assert_true(log[i].when + step >=
				    log[i - 1].when + gap);
	putoff_close(&p);
	free(log);
	free(left);
}

static void test_without_a_budget(void **state)
{
	const struct probe probe = { .dst = addr("192.0.2.1"), .ttl = 1 };
	struct putoff p;
	u64 turn;

	assert_int_equal(putoff_open(&p, &none, &none, 1), 0);
	assert_false(putoff_has_budget(&p));
	for (u64 i = 0; i < 100000; i++)
		assert_true(putoff_admit(&p, i, &probe, 1));
	assert_false(putoff_due(&p, UINT64_MAX, &turn));
	assert_int_equal(putoff_oldest(&p), UINT64_MAX);
	putoff_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_in_a_line),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_budget_of_a_prefix),
		cmocka_unit_test(test_table_too_small),
		cmocka_unit_test(test_table_now_and_then_too_small),
		cmocka_unit_test(test_each_leaves_once_in_time),
		cmocka_unit_test(test_without_a_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
