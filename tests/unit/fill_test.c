/* SPDX-License-Identifier: BSD-2-Clause */
/* fill_test: one chain at a time: what it asks, when, and how it ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "trace/fill.h"

#define START (1000 * NS_PER_S)
#define WAIT (2 * NS_PER_S)
#define RTT (50 * NS_PER_MS)

enum { LAST = 16, LIMIT = 20 };

struct rig {
	struct targets targets;
	struct cookie_key key;
	struct single_rules rules;
	struct putoff putoff; /* no budgets */
	struct fill_config config;
	struct fill f;
	struct strategy_stats stats;
	struct record last;
	struct addr dst;
	u64 now;
};

static struct rig *rig_new(u8 attempts)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	targets_init(&rig->targets, &(struct targets_config){});
	assert_int_equal(targets_add(&rig->targets, "20.0.0.0/28"), 0);
	assert_int_equal(targets_seal(&rig->targets), 0);
	targets_at(&rig->targets, 5, &rig->dst);
	rig->key = frame_key();
	rig->rules = (struct single_rules){ .key = &rig->key, .size4 = 60 };
	rig->config = (struct fill_config){
		.targets = &rig->targets,
		.putoff = &rig->putoff,
		.pps = 1000,
		.wait_ns = WAIT,
		.seed = 1,
		.dport = 33434,
		.max_ttl = LAST,
		.attempts = attempts,
		.limit = LIMIT,
	};
	assert_int_equal(fill_open(&rig->f, &rig->config), 0);
	rig->now = START;
	return rig;
}

static void rig_free(struct rig *rig)
{
	const struct fill_stats *c = &rig->f.stats;

	assert_int_equal(c->begun, c->reached + c->unreachable + c->at_limit +
					   c->silent + c->lost_here +
					   c->refused + c->open);
	fill_close(&rig->f);
	targets_fini(&rig->targets);
	free(rig);
}

static struct answer answer(const struct rig *rig, u8 ttl, u8 attempt, u8 kind)
{
	return (struct answer){
		.reply = { .kind = kind, .family = 4, .from = rig->dst },
		.proof = { .ttl = ttl, .attempt = attempt },
		.dst = rig->dst,
		.arrived_ns = rig->now,
	};
}

static void begin(struct rig *rig, u8 attempt)
{
	const struct answer a = answer(rig, LAST, attempt, REPLY_EXPIRED);

	assert_true(fill_begins(&rig->f, &a));
	fill_begin(&rig->f, &a, rig->now - RTT, rig->now);
}

/* The one probe that is due is of that TTL and attempt, and leaves. */
static void sends(struct rig *rig, u8 ttl, u8 attempt)
{
	struct probe p[4];

	assert_int_equal(fill_next(&rig->f), 0);
	assert_int_equal(fill_schedule(&rig->f, p, 4, rig->now), 1);
	assert_int_equal(p[0].ttl, ttl);
	assert_int_equal(p[0].attempt, attempt);
	assert_true(p[0].owner);
	assert_true(addr_equal(&p[0].dst, &rig->dst));
	assert_int_equal(p[0].dport, 33434);
	p[0].sent_ns = rig->now;
	fill_departed(&rig->f, p, rig->now);
	assert_int_equal(fill_schedule(&rig->f, p, 4, rig->now), 0);
}

static bool hears(struct rig *rig, u8 ttl, u8 attempt, u8 kind)
{
	const struct answer a = answer(rig, ttl, attempt, kind);

	return fill_settle(&rig->f, &rig->rules, &a, rig->now, &rig->stats,
			   &rig->last);
}

/* To the moment when its probe is given up; how long that took. */
static u64 waits(struct rig *rig)
{
	u64 due = fill_deadline(&rig->f), since = rig->now;

	assert_true(due != UINT64_MAX && due > rig->now);
	fill_expire(&rig->f, due - 1);
	assert_int_equal(fill_deadline(&rig->f), due);
	rig->now = due;
	fill_expire(&rig->f, due);
	return due - since;
}

static void is_over(const struct rig *rig)
{
	assert_int_equal(rig->f.stats.open, 0);
	assert_int_equal(fill_next(&rig->f), UINT64_MAX);
	assert_int_equal(fill_deadline(&rig->f), UINT64_MAX);
}

static void reaches(void **state)
{
	struct rig *rig = rig_new(1);

	is_over(rig);
	begin(rig, 0);
	for (u8 ttl = LAST + 1; ttl < LIMIT; ttl++) {
		sends(rig, ttl, 0);
		rig->now += RTT;
		assert_true(hears(rig, ttl, 0, REPLY_EXPIRED));
		assert_int_equal(rig->last.hop.rtt_us, RTT / NS_PER_US);
		/* again: no second probe of it */
		assert_true(hears(rig, ttl, 0, REPLY_EXPIRED));
		assert_int_equal(rig->last.hop.flags, HOP_DUPLICATE);
	}
	sends(rig, LIMIT, 0);
	assert_true(hears(rig, LIMIT, 0, REPLY_EXPIRED));
	is_over(rig);
	assert_int_equal(rig->f.stats.at_limit, 1);
	assert_int_equal(rig->stats.answered, 4);
	assert_int_equal(rig->stats.duplicate, 3);
	rig_free(rig);
}

/* Who says that there is no way on, ends it. */
static void unreachable(void **state)
{
	struct rig *rig = rig_new(1);

	begin(rig, 0);
	sends(rig, LAST + 1, 0);
	assert_true(hears(rig, LAST + 1, 0, REPLY_UNREACH)); /* code 0 */
	is_over(rig);
	assert_int_equal(rig->f.stats.unreachable, 1);
	rig_free(rig);
}

/* Tries are given the time that answers take; the last one all there is. */
static void silent(void **state)
{
	struct rig *rig = rig_new(1);

	begin(rig, 0);
	rig->now += NS_PER_S; /* so that it is known what is usual */
	for (u8 i = 0; i < FILL_TRIES - 1; i++) {
		sends(rig, LAST + 1, i);
		assert_in_range(waits(rig), RTT, WAIT / 2);
	}
	sends(rig, LAST + 1, FILL_TRIES - 1);
	assert_int_equal(waits(rig), WAIT);
	is_over(rig);
	assert_int_equal(rig->f.stats.silent, 1);
	assert_int_equal(rig->f.stats.again, FILL_TRIES - 1);
	/* it comes in the end: a result, and nothing more */
	assert_true(hears(rig, LAST + 1, 1, REPLY_EXPIRED));
	assert_int_equal(rig->last.hop.flags, 0);
	is_over(rig);
	rig_free(rig);
}

/* The first try is answered after the second has left: both are results, and
 * the chain goes one way. */
static void overtaken(void **state)
{
	struct rig *rig = rig_new(1);
	struct probe p;

	begin(rig, 0);
	sends(rig, LAST + 1, 0);
	waits(rig);
	sends(rig, LAST + 1, 1);
	assert_true(hears(rig, LAST + 1, 0, REPLY_EXPIRED));
	sends(rig, LAST + 2, 0);
	assert_true(hears(rig, LAST + 1, 1, REPLY_EXPIRED));
	assert_int_equal(rig->stats.answered, 2);
	assert_int_equal(rig->f.first, UINT32_MAX); /* nothing more to ask */
	/* given up, and answered before it is asked again */
	waits(rig);
	assert_true(hears(rig, LAST + 2, 0, REPLY_EXPIRED));
	sends(rig, LAST + 3, 0);
	/* and the same with an end */
	waits(rig);
	assert_true(hears(rig, LAST + 3, 0, REPLY_UNREACH));
	assert_int_equal(rig->f.stats.open, 0);
	assert_int_equal(fill_schedule(&rig->f, &p, 1, rig->now), 0);
	is_over(rig);
	/* there is room again */
	begin(rig, 0);
	sends(rig, LAST + 1, 0);
	rig_free(rig);
}

/* What this host may have lost was no try; there are only so many. */
static void doubted(void **state)
{
	struct rig *rig = rig_new(1);

	begin(rig, 0);
	for (u8 i = 0; i < FILL_TRIES_MAX; i++) {
		sends(rig, LAST + 1, i);
		fill_doubt(&rig->f, rig->now, rig->now + 1);
		waits(rig);
	}
	is_over(rig);
	assert_int_equal(rig->f.stats.lost_here, 1);
	assert_int_equal(rig->f.stats.silent, 0);
	rig->now += NS_PER_S;
	begin(rig, 0);
	sends(rig, LAST + 1, 0);
	fill_doubt(&rig->f, rig->now, rig->now + 1);
	waits(rig);
	rig->now += NS_PER_S;
	for (u8 i = 1; i <= FILL_TRIES; i++) {
		sends(rig, LAST + 1, i);
		waits(rig);
	}
	is_over(rig);
	assert_int_equal(rig->f.stats.silent, 1);
	rig_free(rig);
}

static void refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct probe p;

	begin(rig, 0);
	for (int i = 0; i < FILL_REFUSALS; i++) {
		assert_int_equal(fill_schedule(&rig->f, &p, 1, rig->now), 1);
		assert_int_equal(p.attempt, 0);
		p.sent_ns = 0;
		fill_departed(&rig->f, &p, rig->now);
		if (i < FILL_REFUSALS - 1)
			waits(rig);
	}
	is_over(rig);
	assert_int_equal(rig->f.stats.refused, 1);
	assert_int_equal(rig->f.stats.probes, 0);
	rig_free(rig);
}

/* Each attempt's chain has tries that no other has, and the cookie's 16. */
static void attempts(void **state)
{
	bool used[16] = {};

	for (u8 n = 1; n <= 10; n++) {
		memset(used, 0, sizeof(used));
		for (u8 own = 0; own < n; own++) {
			struct rig *rig = rig_new(n);
			u8 tries = (u8)((15 - own) / n + 1);

			if (tries > FILL_TRIES)
				tries = FILL_TRIES;
			begin(rig, own);
			for (u8 i = 0; i < tries; i++) {
				u8 attempt = (u8)(own + i * n);

				assert_in_range(attempt, 0, 15);
				assert_false(used[attempt]);
				used[attempt] = true;
				sends(rig, LAST + 1, attempt);
				waits(rig);
			}
			is_over(rig);
			assert_int_equal(rig->f.stats.silent, 1);
			rig_free(rig);
		}
	}
}

/* No place, or no time left: counted. A second answer to the same begins no
 * second one. */
static void not_begun(void **state)
{
	struct rig *rig = rig_new(1);
	struct answer a;

	begin(rig, 0);
	begin(rig, 0);
	assert_int_equal(rig->f.stats.begun, 1);
	assert_int_equal(rig->f.stats.not_begun, 1);
	targets_at(&rig->targets, 6, &rig->dst);
	a = answer(rig, LAST, 0, REPLY_EXPIRED);
	fill_begin(&rig->f, &a, 0, rig->now);
	assert_int_equal(rig->f.stats.not_begun, 2);
	fill_close(&rig->f);
	rig->config.room = 4;
	assert_int_equal(fill_open(&rig->f, &rig->config), 0);
	for (u64 i = 0; i < 5; i++) {
		assert_int_equal(fill_has_room(&rig->f), i < 4);
		targets_at(&rig->targets, i, &rig->dst);
		begin(rig, 0);
	}
	assert_int_equal(rig->f.stats.begun, 4);
	assert_int_equal(rig->f.stats.not_begun, 1);
	rig_free(rig);
}

/* Not asked by this process: not a result. */
static void strays(void **state)
{
	struct rig *rig = rig_new(1);

	assert_false(hears(rig, LAST + 1, 0, REPLY_EXPIRED));
	begin(rig, 0);
	assert_false(hears(rig, LAST + 1, 0, REPLY_EXPIRED));
	sends(rig, LAST + 1, 0);
	assert_false(hears(rig, LAST + 1, 1, REPLY_EXPIRED));
	assert_false(hears(rig, LAST + 2, 0, REPLY_EXPIRED));
	assert_false(hears(rig, LAST, 0, REPLY_EXPIRED));
	rig->dst.w[3] = be32_put(0xc0000201); /* no target */
	assert_false(hears(rig, LAST + 1, 0, REPLY_EXPIRED));
	assert_int_equal(rig->stats.answered + rig->stats.late, 0);
	rig_free(rig);
}

static int recalls(struct rig *rig, u64 target, u8 ttl, u8 attempt, u8 kind)
{
	struct record r = { .hop = { .state = HOP_ANSWERED,
				     .ttl = ttl,
				     .attempt = attempt,
				     .kind = kind } };

	targets_at(&rig->targets, target, &r.dst);
	return fill_recall(&rig->f, &r);
}

/* Chains without an end go on above their highest result. */
static void recalled(void **state)
{
	struct rig *rig = rig_new(2);
	struct probe p[8];
	unsigned int n, first;

	assert_int_equal(recalls(rig, 1, LAST - 1, 0, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 2, LAST, 1, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 3, LAST, 0, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 3, LAST + 2, 4, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 3, LAST + 1, 2, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 4, LAST, 0, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 4, LAST + 1, 0, REPLY_UNREACH), 0);
	assert_int_equal(recalls(rig, 5, LIMIT, 0, REPLY_EXPIRED), 0);
	assert_int_equal(recalls(rig, 6, LAST, 0, REPLY_UNREACH), 0);
	assert_int_equal(recalls(rig, 7, LIMIT + 1, 0, REPLY_EXPIRED), -ENOENT);
	assert_int_equal(fill_next(&rig->f), 0);
	n = fill_schedule(&rig->f, p, 8, rig->now);
	assert_int_equal(n, 2);
	first = p[0].ttl != LAST + 1; /* in any order */
	assert_int_equal(p[first].ttl, LAST + 1);
	assert_int_equal(p[first].attempt, 1);
	assert_int_equal(p[!first].ttl, LAST + 3);
	assert_int_equal(p[!first].attempt, 0);
	for (unsigned int i = 0; i < n; i++) {
		p[i].sent_ns = rig->now;
		fill_departed(&rig->f, &p[i], rig->now);
	}
	/* a copy of what the other process has had is no result of this one */
	rig->dst = p[!first].dst;
	assert_false(hears(rig, LAST + 2, 4, REPLY_EXPIRED));
	assert_true(hears(rig, LAST + 3, 0, REPLY_UNREACH));
	assert_int_equal(rig->f.stats.begun, 2);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches),  cmocka_unit_test(unreachable),
		cmocka_unit_test(silent),   cmocka_unit_test(overtaken),
		cmocka_unit_test(doubted),  cmocka_unit_test(refused),
		cmocka_unit_test(attempts), cmocka_unit_test(not_begun),
		cmocka_unit_test(strays),   cmocka_unit_test(recalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
