/* SPDX-License-Identifier: BSD-2-Clause */
/* path_test: whatever the network answers, and in whatever order, a path stays
 * within its bounds, asks nothing twice, and comes to an end. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "simnet.h"
#include "trace/path.h"

static u64 seed, turns, asks;

static u32 draw(u32 n)
{
	seed += 0x9e3779b97f4a7c15ULL;
	return (u32)(simnet_mix(seed) % n);
}

struct walk {
	struct path_rules rules;
	struct path path;
	u8 asked[256]; /* attempts at that TTL */
	u8 out[64];    /* TTLs to which an answer may come, in any order */
	unsigned int outs, turns, refused;
};

static void ask(struct walk *w, enum path_side side)
{
	u8 attempt, ttl = path_hand(&w->path, &w->rules, side, &attempt);

	assert_in_range(ttl, w->rules.first_ttl, w->rules.max_ttl - 1);
	/* attempts are numbered, so no probe is like another */
	assert_in_range(attempt, w->asked[ttl], 15);
	assert_true(attempt < w->rules.attempts + PATH_REFUSALS);
	w->asked[ttl] = (u8)(attempt + 1);
	asks++;
	assert_true(w->path.back < w->path.fwd);
	if (!draw(20)) {
		path_refused(&w->path, &w->rules, side);
		w->refused++;
		return;
	}
	if (w->outs < sizeof(w->out))
		w->out[w->outs++] = ttl;
}

/* The truth, or anything at all: both may come from a network. */
static void answer(struct walk *w, u8 ttl)
{
	const struct path_end end = {
		.distance = (u8)(draw(2) ? draw(256) : draw(ttl + 1u)),
		.estimate = (u8)(1 + draw(255)),
		.destination = draw(2),
	};

	if (draw(12))
		path_router(&w->path, &w->rules, ttl, !draw(16));
	else
		path_ended(&w->path, &w->rules, ttl, &end);
}

static void turn(struct walk *w)
{
	u8 wants;

	while ((wants = path_wants(&w->path, &w->rules))) {
		ask(w, wants & PATH_BACK ? PATH_BACK : PATH_FWD);
		if (w->path.flags & PATH_SIDES && draw(2))
			break;
	}
	while (w->outs && draw(3)) {
		u32 i = draw(w->outs);

		if (draw(4))
			answer(w, w->out[i]);
		w->out[i] = w->out[--w->outs];
	}
	if (!draw(2))
		path_silent(&w->path, &w->rules);
	else if (!draw(20))
		w->refused += path_lost(&w->path, &w->rules);
	assert_true(w->path.back < w->path.fwd);
	w->turns++;
	turns++;
}

/* Lost a few times at most, then answered, or not, or given up. */
static void preprobe(struct walk *w)
{
	u8 attempt, n = 0;

	do {
		u8 ttl = path_hand(&w->path, &w->rules, PATH_PRE, &attempt);

		assert_int_equal(ttl, w->rules.max_ttl);
		assert_int_equal(attempt, n++);
		if (!draw(3)) {
			assert_int_equal(path_lost(&w->path, &w->rules), 1);
			w->refused++;
		} else if (draw(2)) {
			answer(w, ttl);
		} else {
			assert_int_equal(path_silent(&w->path, &w->rules), 1);
		}
	} while (path_wants(&w->path, &w->rules) == PATH_PRE);
	assert_in_range(n, 1, 1 + PATH_REFUSALS);
	if (!(w->path.flags & PATH_BEGUN))
		path_begin(&w->path, &w->rules, draw(2) ? 0 : (u8)draw(256));
}

static void walk_one(void)
{
	struct walk w = {};
	u8 span;

	w.rules.max_ttl = (u8)(1 + draw(draw(2) ? 32 : 255));
	w.rules.first_ttl = (u8)(1 + draw(w.rules.max_ttl));
	w.rules.attempts = (u8)(1 + draw(3));
	w.rules.gap_limit = (u8)(1 + draw(draw(2) ? 5 : 255));
	w.rules.split = (u8)(1 + draw(255));
	preprobe(&w);
	span = (u8)(w.rules.max_ttl - w.rules.first_ttl);
	while (path_wants(&w.path, &w.rules) || w.path.flags & PATH_SIDES) {
		turn(&w);
		/* each turn ends an attempt at one TTL at least every other
		 * time */
		assert_in_range(
			w.turns, 0,
			64 + 32u * (span + 1u) *
					(w.rules.attempts + PATH_REFUSALS));
	}
	if (w.rules.attempts == 1 && !w.refused)
		for (u32 ttl = 0; ttl < 256; ttl++)
			assert_in_range(w.asked[ttl], 0, 1);
}

static void any_network(void **state)
{
	for (seed = 1; seed < 200000ULL * 1000; seed += 1000) {
		u64 this = seed;

		walk_one();
		seed = this;
	}
	print_message("%" PRIu64 " probes in %" PRIu64 " turns\n", asks, turns);
	assert_true(asks > 1000000);
}

/* Late, when the way forward has come to the same TTL from below. */
static void late_answer_to_the_preprobe(void **state)
{
	const struct path_end end = { .distance = 9, .destination = true };

	for (int i = 0; i < 2; i++) {
		const struct path_rules rules = { 1, 255, 1, 5, 255 };
		struct path p = {};
		u8 attempt;

		path_hand(&p, &rules, PATH_PRE, &attempt);
		path_silent(&p, &rules);
		path_begin(&p, &rules, 0);
		assert_int_equal(p.fwd, 255);
		if (i)
			path_router(&p, &rules, 255, false);
		else
			path_ended(&p, &rules, 255, &end);
		assert_int_equal(p.fwd, 255);
		assert_int_equal(path_wants(&p, &rules), PATH_BACK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_answer_to_the_preprobe),
		cmocka_unit_test(any_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
