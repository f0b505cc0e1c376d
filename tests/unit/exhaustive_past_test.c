/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exhaustive_past_test: going on where another process ended, and how far a
 * run is settled: never beyond a probe whose reply may still come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "plan/permute.h"
#include "trace/exhaustive.h"

enum { TURNS = 64 * 32, BATCH = 50 };

#define START (1000 * NS_PER_S)
#define WAIT (200 * NS_PER_MS)

struct rig {
	struct targets targets;
	struct cookie_key key;
	struct exhaustive_config config;
	struct strategy s;
	u64 left_ns[TURNS]; /* last departure; 0: none */
	u32 sent[TURNS];
};

static struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	targets_init(&rig->targets, &(struct targets_config){});
	assert_int_equal(targets_add(&rig->targets, "20.0.0.0/26"), 0);
	assert_int_equal(targets_seal(&rig->targets), 0);
	rig->key = frame_key();
	rig->config = (struct exhaustive_config){
		.targets = &rig->targets,
		.key = &rig->key,
		.method = PROBE_UDP,
		.seed = 11,
		.wait_ns = WAIT,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.first_ttl = 1,
		.max_ttl = 32,
		.attempts = 1,
	};
	return rig;
}

static void rig_open(struct rig *rig)
{
	memset(rig->left_ns, 0, sizeof(rig->left_ns));
	memset(rig->sent, 0, sizeof(rig->sent));
	assert_int_equal(exhaustive_open(&rig->s, &rig->config), 0);
}

static void rig_free(struct rig *rig)
{
	targets_fini(&rig->targets);
	free(rig);
}

/* Sends what may be sent; how much. */
static unsigned int send(struct rig *rig, u64 now)
{
	struct probe probe[BATCH];
	unsigned int n = rig->s.ops->schedule(&rig->s, probe, BATCH, now);

	for (unsigned int i = 0; i < n; i++) {
		u64 turn = probe[i].position;

		assert_in_range(turn, 0, TURNS - 1);
		probe[i].sent_ns = now;
		rig->left_ns[turn] = now;
		rig->sent[turn]++;
	}
	rig->s.ops->departed(&rig->s, probe, n);
	return n;
}

/* All turns before it have left, as long ago as a reply may take. */
static void check_settled(const struct rig *rig, u64 now)
{
	u64 settled = exhaustive_settled(&rig->s);

	assert_in_range(settled, 0, TURNS);
	for (u64 turn = rig->config.past.settled; turn < settled; turn++) {
		u64 bit = turn - rig->config.past.settled;

		if (turn < rig->config.past.known &&
		    rig->config.past.answered[bit / 64] >> bit % 64 & 1)
			continue;
		assert_true(rig->left_ns[turn]);
		assert_true(now - rig->left_ns[turn] >= WAIT);
	}
}

static u64 run(struct rig *rig, bool leave)
{
	u64 now = START, moved = 0, last;

	rig_open(rig);
	last = exhaustive_settled(&rig->s);
	for (int loop = 0; loop < 5000; loop++, now += NS_PER_MS) {
		rig->s.ops->expire(&rig->s, now);
		check_settled(rig, now);
		moved += exhaustive_settled(&rig->s) != last;
		last = exhaustive_settled(&rig->s);
		if (loop % 10)
			continue;
		send(rig, now);
		/* every third time something is missing */
		rig->s.ops->delivered(&rig->s, leave || loop % 30, 0, 0);
	}
	return moved;
}

static void settled(void **state)
{
	struct rig *rig = rig_new();

	assert_true(run(rig, true) > 5);
	assert_int_equal(exhaustive_settled(&rig->s), TURNS);
	for (int i = 0; i < TURNS; i++)
		assert_int_equal(rig->sent[i], 1);
	rig->s.ops->close(&rig->s);
	rig_free(rig);
}

/* What may not have left holds it back until it was sent again. */
static void doubts(void **state)
{
	struct rig *rig = rig_new();
	u64 again = 0;

	run(rig, false);
	assert_int_equal(exhaustive_settled(&rig->s), TURNS);
	for (int i = 0; i < TURNS; i++)
		again += rig->sent[i] > 1;
	assert_true(again > TURNS / 5);
	rig->s.ops->close(&rig->s);
	rig_free(rig);
}

/* Some turns have results, those before are settled, nothing is known of those
 * behind. */
static void past(void **state)
{
	struct rig *rig = rig_new();
	u64 bits[TURNS / 64 + 1];

	for (u64 from = 0; from <= TURNS; from += 512) {
		for (u64 known = from; known <= TURNS; known += 511) {
			for (size_t i = 0; i < TURNS / 64 + 1; i++)
				bits[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
			rig->config.past =
				(struct exhaustive_past){ from, known, bits };
			rig_open(rig);
			for (u64 now = START; send(rig, now); now += NS_PER_MS)
				;
			for (u64 t = 0; t < TURNS; t++) {
				u64 b = t - from;
				bool there = t < from ||
					     (t < known &&
					      bits[b / 64] >> b % 64 & 1);

				assert_int_equal(rig->sent[t], !there);
			}
			rig->s.ops->close(&rig->s);
		}
	}
	rig->config.past = (struct exhaustive_past){ 512, 1534, bits };
	rig_open(rig);
	assert_int_equal(exhaustive_settled(&rig->s), 512);
	rig->s.ops->close(&rig->s);
	run(rig, true);
	assert_int_equal(exhaustive_settled(&rig->s), TURNS);
	rig->s.ops->close(&rig->s);
	rig_free(rig);
}

/* Index, turn and shard are what is sent. */
static void indices(void **state)
{
	struct rig *rig = rig_new();
	struct exhaustive_config *c = &rig->config;
	struct probe probe[BATCH];
	struct permute order;
	u64 index, all = 0;
	unsigned int n;

	exhaustive_order(c, &order);
	c->shards = 3;
	for (c->shard = 0; c->shard < 3; c->shard++) {
		u64 turns = 0;

		rig_open(rig);
		while ((n = rig->s.ops->schedule(&rig->s, probe, BATCH,
						 START))) {
			for (unsigned int i = 0; i < n; i++) {
				assert_true(exhaustive_index(
					c, &order, &probe[i].dst, probe[i].ttl,
					probe[i].attempt, &index));
				assert_int_equal(index % 3, c->shard);
				assert_int_equal(index / 3, probe[i].position);
			}
			turns += n;
		}
		assert_int_equal(turns, exhaustive_turns(c));
		all += turns;
		rig->s.ops->close(&rig->s);
	}
	assert_int_equal(all, TURNS);
	assert_false(exhaustive_index(c, &order, &probe[0].dst, 33, 0, &index));
	assert_false(exhaustive_index(c, &order, &probe[0].dst, 1, 1, &index));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settled),
		cmocka_unit_test(doubts),
		cmocka_unit_test(past),
		cmocka_unit_test(indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
