/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doubletree_past_test: sweeps that are ended again and again, each process
 * knowing but what the earlier ones had written: nothing that has a result is
 * asked again, no result is there twice, and all that there is is found.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "frame.h"
#include "lib/addrset.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "sampled.h"

enum { ROOM = 1 << 17, ATTEMPTS = 8 };

struct past {
	struct targets targets;
	struct cookie_key key;
	struct simnet_config simnet;
	struct doubletree_config rules;
	struct fake_config net;
	struct record *record; /* in the order in which they were put */
	size_t records;
	u8 (*has)[33]; /* of each target, at each TTL: bit attempt */
	u64 probes;
	u64 random;
	bool late; /* some answers are */
	u32 tail;  /* of what a process had, one part in so many is lost */
};

/* Who is not at the end of his TTL quotes what was left of it; and some
 * answers come when nobody waits for them any more. */
static void quote_ttl(void *arg, const struct probe *p, struct fake_fate *fate)
{
	const struct past *w = arg;

	sampled_quote_ttl(&w->simnet, p, fate);
	if (w->late && (p->dst.b[14] + p->dst.b[15] + p->ttl) % 16 == 0)
		fate->delay_ns += 4 * NS_PER_S;
}

static struct past *past_new(const char *prefix, u8 per)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	struct past *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	sampled_one(&w->targets, prefix, per);
	w->record = calloc(ROOM, sizeof(*w->record));
	w->has = calloc(targets_count(&w->targets), sizeof(*w->has));
	assert_true(w->record && w->has);
	w->key = frame_key();
	w->simnet = preset;
	w->random = 1;
	w->tail = 4;
	w->rules = sampled_doubletree(&w->targets, &w->key);
	w->rules.pps = 20000;
	w->rules.round_ns = 300 * NS_PER_MS;
	w->net = sampled_net(&w->simnet, &w->key);
	w->net.pps = 20000;
	w->net.edit = quote_ttl;
	w->net.arg = w;
	return w;
}

static void past_free(struct past *w)
{
	targets_fini(&w->targets);
	free(w->record);
	free(w->has);
	free(w);
}

static u8 *bits_of(struct past *w, const struct addr *dst, u8 ttl)
{
	s64 number = targets_find(&w->targets, dst);

	assert_true(number >= 0);
	assert_in_range(ttl, 1, 32);
	return &w->has[number][ttl];
}

static void keep(struct past *w, const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		u8 *bits = bits_of(w, &r[i].dst, r[i].hop.ttl);

		assert_in_range(r[i].hop.attempt, 0, ATTEMPTS - 1);
		if (!(r[i].hop.flags & HOP_DUPLICATE))
			assert_false(*bits >> r[i].hop.attempt & 1);
		*bits |= (u8)(1 << r[i].hop.attempt);
		assert_true(w->records < ROOM);
		w->record[w->records++] = r[i];
	}
}

static void recall(struct past *w, struct strategy *s, u64 *recalled)
{
	for (size_t i = 0; i < w->records; i++) {
		const struct answer a = { .dst = w->record[i].dst };
		bool own = s->ops->shard(s, &a) == w->rules.shard;

		assert_int_equal(doubletree_recall(s, &w->record[i]), own);
		*recalled += own;
	}
}

/* One shard's part. Of its results, the last ones are lost if it is ended. */
static void process_one(struct past *w, u64 *recalled)
{
	struct doubletree_progress progress;
	struct strategy s = {};
	struct fake f;
	size_t kept;

	assert_int_equal(fake_open(&f, &w->net), 0);
	s.emit = fake_sink(&f);
	assert_int_equal(doubletree_open(&s, &w->rules), 0);
	recall(w, &s, recalled);
	assert_int_equal(fake_run(&f, &s), 0);
	for (size_t i = 0; i < f.sents; i++)
		assert_int_equal(*bits_of(w, &f.sent[i].dst, f.sent[i].ttl), 0);
	doubletree_progress(&s, &progress);
	kept = f.records;
	if (w->net.halt_ns)
		kept -= frame_random(&w->random) % (kept / w->tail + 1);
	else
		assert_int_equal(progress.done, progress.all);
	assert_int_equal(s.stats.unknown, 0);
	w->probes += f.probes;
	keep(w, f.record, kept);
	s.ops->close(&s);
	fake_close(&f);
}

/* Ended `ends` times, each after up to `longest`; then not. */
static void run(struct past *w, unsigned int ends, u64 longest)
{
	for (unsigned int i = 0; i <= ends; i++) {
		u64 had = w->records, recalled = 0;

		w->net.seed++;
		w->net.halt_ns = frame_random(&w->random) % longest + 1;
		if (i == ends)
			w->net.halt_ns = 0;
		for (u32 n = 0; n < w->rules.shards; n++) {
			w->rules.shard = n;
			process_one(w, &recalled);
		}
		/* each is somebody's, but for those of later shards */
		assert_in_range(recalled, had, w->records);
	}
}

static bool is_excluded(const struct past *w, const struct addr *dst)
{
	return w->rules.exclude && exclude_has(w->rules.exclude, dst);
}

/* Part of all routers that answer on these ways. */
static double found(struct past *w, const char *what)
{
	struct addrset all = {}, found = {};
	struct simnet_hop hop;
	double part;
	struct addr dst;

	for (size_t i = 0; i < w->records; i++)
		if (w->record[i].hop.kind == REPLY_EXPIRED &&
		    !is_excluded(w, &w->record[i].dst))
			addrset_add(&found, &w->record[i].hop.from);
	for (u64 i = 0; i < targets_count(&w->targets); i++) {
		targets_at(&w->targets, i, &dst);
		if (is_excluded(w, &dst))
			continue;
		for (u8 ttl = 1; ttl <= 32; ttl++) {
			simnet_hop(&w->simnet, &dst, ttl, 0, 0, &hop);
			if (hop.end == SIMNET_END_ROUTER)
				addrset_add(&all, &hop.from);
			if (addr_equal(&hop.from, &dst))
				break;
		}
	}
	part = (double)found.count / (double)all.count;
	print_message("%s: %" PRIu64 " of %" PRIu64
		      " interfaces, %zu results of %" PRIu64 " probes\n",
		      what, found.count, all.count, w->records, w->probes);
	addrset_fini(&all);
	addrset_fini(&found);
	return part;
}

static u64 count(const struct past *w, u8 flag)
{
	u64 n = 0;

	for (size_t i = 0; i < w->records; i++)
		n += (w->record[i].hop.flags & flag) != 0;
	return n;
}

/* As in one process: no router is missing, each target is reached. */
static void nothing_is_missing(void **state)
{
	for (u32 shards = 1; shards <= 3; shards += 2) {
		struct past *w = past_new("20.0.0.0/13", 24);

		w->rules.shards = shards;
		run(w, 15, NS_PER_S / shards);
		assert_true(found(w, "all answer") >= 1.0);
		assert_int_equal(count(w, HOP_REACHED), 2048);
		past_free(w);
	}
}

static void silent_routers(void **state)
{
	struct past *w = past_new("20.0.0.0/13", 24);

	w->simnet.silent = 100;
	run(w, 15, 2 * NS_PER_S);
	assert_true(found(w, "a tenth of the routers silent") >= 0.997);
	assert_int_equal(count(w, HOP_REACHED), 2048);
	past_free(w);
	w = past_new("20.0.0.0/13", 24);
	w->simnet.silent_dst = 500;
	run(w, 15, 2 * NS_PER_S);
	assert_true(found(w, "half of the targets silent") >= 0.997);
	past_free(w);
}

/* What had been given up is answered: to this process, to the next, to none. */
static void late_answers(void **state)
{
	struct past *w = past_new("20.0.0.0/13", 24);

	w->late = true;
	w->tail = 50;
	w->rules.wait_ns = 6 * NS_PER_S;
	run(w, 12, 8 * NS_PER_S);
	assert_true(found(w, "some late") >= 0.9);
	assert_true(count(w, HOP_GIVEN_UP) > 100);
	past_free(w);
}

static void losses(void **state)
{
	struct past *w = past_new("20.0.0.0/13", 24);

	w->net.loss = 100;
	w->net.drop = 50;
	w->net.refuse = 50;
	w->net.duplicate = 100;
	w->rules.rules.attempts = 2;
	run(w, 15, 2 * NS_PER_S);
	assert_true(found(w, "losses of every kind") >= 0.95);
	past_free(w);
}

/* Who is excluded later has not been of any use: what stopped at his routers
 * goes on. */
static void excluded_later(void **state)
{
	struct past *w = past_new("20.0.0.0/13", 24);
	struct exclude exclude;
	struct prefix p;
	char text[32];
	size_t had;

	run(w, 0, NS_PER_S);
	had = w->records;
	exclude_init(&exclude);
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "20.%d.%d.0/17", i, i % 2 * 128);
		assert_int_equal(inet_parse_prefix(text, &p), 0);
		assert_int_equal(exclude_add(&exclude, &p), 0);
	}
	assert_int_equal(exclude_seal(&exclude), 0);
	w->rules.exclude = &exclude;
	run(w, 3, NS_PER_S);
	for (size_t i = had; i < w->records; i++)
		assert_false(exclude_has(&exclude, &w->record[i].dst));
	assert_true(w->records > had);
	assert_true(found(w, "half of them excluded") >= 1.0);
	exclude_fini(&exclude);
	past_free(w);
}

static void settle(struct strategy *s, const struct past *w, u8 ttl)
{
	struct answer a = { .proof = { .ttl = ttl },
			    .reply = { .family = 4, .kind = REPLY_EXPIRED } };

	targets_at(&w->targets, 0, &a.dst);
	a.reply.from = addr_from_v4(be32_put(0x14000000U | ttl));
	s->ops->settle(s, &a, 1, FAKE_START);
}

/* An earlier process asked 9 .. 5, but no more than the answer of TTL 9 is
 * known; those of the others come now. */
static void answers_to_another(void **state)
{
	struct past *w = past_new("20.0.0.0/24", 24);
	struct record r = { .hop = { .ttl = 9, .kind = REPLY_EXPIRED } };
	struct strategy s = {};
	struct probe probe[4];
	struct fake f;

	assert_int_equal(fake_open(&f, &w->net), 0);
	s.emit = fake_sink(&f);
	targets_at(&w->targets, 0, &r.dst);
	r.hop.from = addr_from_v4(be32_put(0x14000009U));
	assert_int_equal(doubletree_open(&s, &w->rules), 0);
	assert_true(doubletree_recall(&s, &r));
	r.hop.ttl = 33;
	assert_false(doubletree_recall(&s, &r));
	settle(&s, w, 8); /* before it is begun: it will be asked */
	assert_int_equal(s.stats.unknown, 1);
	assert_int_equal(s.ops->schedule(&s, probe, 4, FAKE_START), 2);
	assert_int_equal(probe[0].ttl, 8);
	assert_int_equal(probe[1].ttl, 10);
	probe[0].sent_ns = probe[1].sent_ns = FAKE_START;
	s.ops->departed(&s, probe, 2);
	settle(&s, w, 6);
	settle(&s, w, 5);
	settle(&s, w, 12);
	assert_int_equal(s.stats.unknown, 4);
	assert_int_equal(f.records, 0);
	settle(&s, w, 8);
	settle(&s, w, 10);
	settle(&s, w, 7); /* it was not asked yet, and need not be */
	assert_int_equal(f.records, 3);
	assert_int_equal(s.ops->schedule(&s, probe, 4, FAKE_START), 2);
	assert_int_equal(probe[0].ttl, 6);
	assert_int_equal(probe[1].ttl, 11);
	s.ops->close(&s);
	fake_close(&f);
	past_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_missing),
		cmocka_unit_test(silent_routers),
		cmocka_unit_test(late_answers),
		cmocka_unit_test(losses),
		cmocka_unit_test(excluded_later),
		cmocka_unit_test(answers_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
