/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path_past_test: a process is ended at any moment, and what it had written
 * by then is recalled by another, again and again: no TTL that was answered
 * is asked again, none is left out, bounds hold, and it comes to an end.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "simnet.h"
#include "trace/path.h"

enum { LOG = 4096, OUT = 64, NEVER = 0xffff };

static u64 seed, asks, kills, recalls;

static u32 draw(u32 n)
{
	seed += 0x9e3779b97f4a7c15ULL;
	return (u32)(simnet_mix(seed) % n);
}

struct told {
	u8 ttl, attempt;
	bool given_up, router, known;
	struct path_end end;
};

struct out {
	u8 ttl, attempt;
	bool old; /* another process's */
};

struct walk {
	struct path_rules rules;
	struct path path;
	bool truthful; /* else the network answers anything */
	bool silent[256];
	u16 length; /* TTL of the target, if truthful */
	struct told log[LOG];
	u32 logged;
	u16 answers[256];    /* bit: that attempt has one, in the log */
	u16 silent_at[256];  /* given up when the log was so long */
	bool passed[256];    /* so, and all know */
	struct out out[OUT]; /* to which an answer may come, in any order */
	u32 outs, turns;
};

static void check_bounds(const struct walk *w)
{
	if (w->path.flags & PATH_BEGUN) {
		assert_true(w->path.back < w->path.fwd);
		assert_in_range(w->path.fwd, 1, w->rules.max_ttl + 1);
	}
}

/* An end that moves without an answer leaves a TTL behind that was silent. */
static void note_silence(struct walk *w, const struct path *before)
{
	if (!(before->flags & PATH_BEGUN))
		return;
	if (w->path.back != before->back)
		w->silent_at[before->back] = (u16)w->logged;
	if (w->path.fwd != before->fwd)
		w->silent_at[before->fwd] = (u16)w->logged;
}

static void ask(struct walk *w, enum path_side side)
{
	const struct path before = w->path;
	u8 attempt, ttl = path_hand(&w->path, &w->rules, side, &attempt);

	if (side == PATH_PRE)
		assert_int_equal(ttl, w->rules.max_ttl);
	else
		assert_in_range(ttl, w->rules.first_ttl, w->rules.max_ttl - 1);
	assert_int_equal(w->answers[ttl], 0);
	asks++;
	if (!draw(20)) {
		path_refused(&w->path, &w->rules, side);
		note_silence(w, &before);
	} else if (w->outs < OUT) {
		w->out[w->outs++] = (struct out){ ttl, attempt, false };
	}
}

static void learn(struct walk *w, const struct told *t, bool known)
{
	if (t->router)
		path_router(&w->path, &w->rules, t->ttl, known);
	else
		path_ended(&w->path, &w->rules, t->ttl, &t->end);
	check_bounds(w);
}

static void draw_answer(struct walk *w, struct told *t)
{
	if (!w->truthful) {
		t->router = draw(12);
		t->known = !draw(16);
		t->end.distance = (u8)(draw(2) ? draw(256) : draw(t->ttl + 1u));
		t->end.estimate = (u8)(1 + draw(255));
		t->end.destination = draw(2);
	} else if (t->ttl < w->length) {
		t->router = true;
	} else {
		t->end.distance = (u8)w->length;
		t->end.estimate = (u8)w->length;
		t->end.destination = true;
	}
}

/* What is put on record is known from now on, if it is not lost. */
static void answer(struct walk *w, const struct out *o)
{
	struct told t = { .ttl = o->ttl, .attempt = o->attempt };

	if (w->answers[o->ttl] >> o->attempt & 1 || w->logged == LOG)
		return;
	if (!path_reaches(&w->path, &w->rules, o->ttl)) {
		assert_true(o->old);
		return;
	}
	draw_answer(w, &t);
	t.given_up = !path_awaits(&w->path, &w->rules, t.ttl);
	w->log[w->logged++] = t;
	w->answers[t.ttl] |= (u16)(1 << t.attempt);
	learn(w, &t, t.known);
}

static void hear(struct walk *w)
{
	while (w->outs && draw(3)) {
		u32 i = draw(w->outs);
		struct out o = w->out[i];

		w->out[i] = w->out[--w->outs];
		if (draw(4) && !(w->truthful && w->silent[o.ttl]))
			answer(w, &o);
	}
}

static void turn(struct walk *w)
{
	struct path before;
	u8 wants;

	while ((wants = path_wants(&w->path, &w->rules))) {
		ask(w, (enum path_side)(wants & -wants));
		if (w->path.flags & PATH_SIDES && draw(2))
			break;
	}
	hear(w);
	before = w->path;
	if (!draw(2))
		path_silent(&w->path, &w->rules);
	else if (!draw(20))
		path_lost(&w->path, &w->rules);
	note_silence(w, &before);
	if (!(w->path.flags & (PATH_BEGUN | PATH_PRE)) &&
	    !path_wants(&w->path, &w->rules))
		path_begin(&w->path, &w->rules, draw(2) ? 0 : (u8)draw(256));
	check_bounds(w);
	w->turns++;
}

/* Some of the end of the log is lost, and all that was not in it. */
static void kill_one(struct walk *w)
{
	u32 kept = w->logged - (draw(2) && w->logged ? draw(w->logged) / 4 : 0);

	memset(w->answers, 0, sizeof(w->answers));
	for (u32 i = 0; i < kept; i++)
		w->answers[w->log[i].ttl] |= (u16)(1 << w->log[i].attempt);
	for (int ttl = 0; ttl < 256; ttl++) {
		w->passed[ttl] |= w->silent_at[ttl] < kept;
		w->silent_at[ttl] = NEVER;
	}
	for (u32 i = 0; i < w->outs; i++)
		w->out[i].old = true;
	w->logged = kept;
	kills++;
}

/* Whether a router is known may come out another way, where it is not the truth
 * that is asked for. */
static void recall(struct walk *w)
{
	memset(&w->path, 0, sizeof(w->path));
	for (u32 i = 0; i < w->logged; i++) {
		const struct told *t = &w->log[i];

		path_recall(&w->path, &w->rules, t->ttl, t->given_up);
		check_bounds(w);
		learn(w, t, draw(4) || w->truthful ? t->known : !draw(16));
		recalls++;
	}
	path_recalled(&w->path);
	assert_int_equal(w->path.flags & (PATH_LISTS | PATH_SIDES), 0);
	if (!(w->path.flags & PATH_BEGUN))
		ask(w, PATH_PRE);
}

/* Whoever told how far it is, nothing on the way there has been left out. */
static void check_whole(const struct walk *w)
{
	u32 top = w->rules.max_ttl;

	if (!(w->truthful && w->path.flags & PATH_MEASURED))
		return;
	if (top > w->length)
		top = w->length;
	for (u32 ttl = w->rules.first_ttl; ttl < top; ttl++)
		assert_true(w->answers[ttl] || w->passed[ttl] ||
			    w->silent_at[ttl] != NEVER);
}

static bool is_over(const struct walk *w)
{
	return w->path.flags & PATH_BEGUN && !path_wants(&w->path, &w->rules) &&
	       !(w->path.flags & PATH_SIDES);
}

static void walk_one(void)
{
	static struct walk w;
	u32 processes = 1 + draw(6), bound;

	memset(&w, 0, sizeof(w));
	memset(w.silent_at, 0xff, sizeof(w.silent_at));
	w.rules.max_ttl = (u8)(1 + draw(draw(4) ? 32 : 255));
	w.rules.first_ttl = (u8)(1 + draw(draw(2) ? 3 : w.rules.max_ttl));
	if (w.rules.first_ttl > w.rules.max_ttl)
		w.rules.first_ttl = w.rules.max_ttl;
	w.rules.attempts = (u8)(1 + draw(3));
	w.rules.gap_limit = (u8)(1 + draw(draw(2) ? 5 : 255));
	w.rules.split = (u8)(1 + draw(draw(2) ? 32 : 255));
	w.truthful = draw(2);
	w.length = (u16)(1 + draw(w.rules.max_ttl + 10u));
	for (int ttl = 0; ttl < 256; ttl++)
		w.silent[ttl] = !draw(4);
	bound = 64 + 32u * 256 * (w.rules.attempts + PATH_REFUSALS);
	while (processes--) {
		u32 most = processes ? draw(40) : UINT32_MAX;

		recall(&w);
		for (w.turns = 0; w.turns < most && !is_over(&w);) {
			turn(&w);
			assert_in_range(w.turns, 0, bound);
		}
		while (w.outs && !draw(3))
			hear(&w);
		if (processes)
			kill_one(&w);
	}
	if (is_over(&w))
		check_whole(&w);
}

static void any_past(void **state)
{
	for (seed = 1; seed < 150000ULL * 1000; seed += 1000) {
		u64 this = seed;

		walk_one();
		seed = this;
	}
	print_message("%" PRIu64 " probes, %" PRIu64
		      " processes ended, %" PRIu64 " answers recalled\n",
		      asks, kills, recalls);
	assert_true(kills > 200000 && recalls > 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
