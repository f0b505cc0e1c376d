/* SPDX-License-Identifier: BSD-2-Clause */
/* ladder_sweep_test: many traces at once, over the procedural network, whose
 * truth can be computed. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "io/io.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "trace/doubt.h"
#include "trace/ladder.h"

struct sweep {
	struct targets targets;
	struct permute order;
	struct exclude exclude;
	struct cookie_key key;
	struct simnet_config simnet;
	struct ladder_config rules;
	struct fake_config net;
	struct strategy s;
	struct fake f;
	struct ladder_progress progress;
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

/* One target in each /24 or /48 of the prefixes. */
static struct sweep *sweep_new(const char *prefix, const char *another)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	static const struct targets_config per = { 24, 48, 3 };
	struct sweep *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	targets_init(&w->targets, &per);
	assert_int_equal(targets_add(&w->targets, prefix), 0);
	if (another)
		assert_int_equal(targets_add(&w->targets, another), 0);
	assert_int_equal(targets_seal(&w->targets), 0);
	permute_init(&w->order, targets_count(&w->targets), 11);
	exclude_init(&w->exclude);
	w->key = (struct cookie_key){
		.hash = { { 0x1122334455667788, 0x99aabbccddeeff00 } },
		.src4 = addr_of("192.0.2.1"),
		.src6 = addr_of("2001:db8::1"),
		.port_base = 32768,
		.port_mask = 4095,
		.port_bits = 12,
	};
	w->simnet = preset;
	w->rules = (struct ladder_config){
		.targets = &w->targets,
		.order = &w->order,
		.first_ttl = 1,
		.max_ttl = 32,
		.attempts = 1,
		.gap_limit = 5,
		.active_max = 10000,
		.window = 3,
		.wait_max_ns = 2 * NS_PER_S,
		.method = PROBE_UDP,
		.key = &w->key,
		.src4 = w->key.src4,
		.src6 = w->key.src6,
		.probe_size4 = 60,
		.probe_size6 = 80,
		.dport = 33434,
	};
	w->net = (struct fake_config){
		.seed = 1,
		.probe_size = 60,
		.key = &w->key,
		.simnet = &w->simnet,
		.delay_min_ns = 50 * NS_PER_MS,
		.delay_max_ns = 200 * NS_PER_MS,
	};
	return w;
}

static void sweep_clear(struct sweep *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	fake_close(&w->f);
	memset(&w->s, 0, sizeof(w->s));
}

static void sweep_free(struct sweep *w)
{
	sweep_clear(w);
	exclude_fini(&w->exclude);
	targets_fini(&w->targets);
	free(w);
}

static void check_ledger(struct sweep *w)
{
	const struct strategy_stats *st = &w->s.stats;
	struct ladder_progress *p = &w->progress;

	ladder_progress(&w->s, p);
	assert_int_equal(p->probes, w->f.probes);
	assert_int_equal(p->refused, w->f.refused);
	assert_int_equal(p->probes,
			 st->answered + st->silent + p->refused + p->abandoned);
	assert_int_equal(w->f.answers,
			 st->answered + st->duplicate + st->late + st->unknown);
	assert_int_equal(p->position, p->positions);
	assert_int_equal(p->position, p->started + p->excluded + p->no_source);
	assert_int_equal(p->started, p->ended);
	assert_int_equal(p->active, 0);
	assert_true(p->active_peak <= w->rules.active_max);
	assert_int_equal(st->unknown, 0);
	assert_int_equal(w->f.foreign, 0);
	assert_int_equal(w->f.overflows, 0);
}

static void run(struct sweep *w)
{
	sweep_clear(w);
	assert_int_equal(fake_open(&w->f, &w->net), 0);
	w->s.emit = fake_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, FAKE_START), 0);
	assert_int_equal(fake_run(&w->f, &w->s), 0);
	check_ledger(w);
}

/* One probe's record against the network. */
static void check_hop(const struct sweep *w, const struct record *r)
{
	const struct hop *h = &r->hop;
	struct simnet_hop truth;

	simnet_hop(&w->simnet, &r->dst, h->ttl, 0, 0, &truth);
	assert_int_equal(h->ttl < simnet_length(&w->simnet, &r->dst),
			 !addr_equal(&truth.from, &r->dst));
	if (truth.end == SIMNET_END_SILENT) {
		/* while something is always lost, silence proves nothing */
		assert_true(h->state == HOP_SILENT ||
			    (w->net.drop && h->state == HOP_LOST));
		return;
	}
	assert_int_equal(h->state, HOP_ANSWERED);
	assert_true(addr_equal(&h->from, &truth.from));
	assert_int_equal(!!(h->flags & HOP_REACHED),
			 truth.end == SIMNET_END_DESTINATION);
	assert_int_equal(h->reply_ttl, truth.reply_ttl);
	assert_in_range(h->rtt_us, 50000, 200000);
	if (h->flags & HOP_REACHED)
		return;
	assert_int_equal(h->label_count, truth.labels);
	assert_memory_equal(h->label, truth.label, sizeof(truth.label));
}

/* What the trace to dst must report: its last TTL and why. */
static u8 expected_end(const struct sweep *w, const struct addr *dst, u8 *why)
{
	unsigned int gap = 0;
	struct simnet_hop truth;
	u8 ttl = w->rules.first_ttl;

	for (;; ttl++) {
		simnet_hop(&w->simnet, dst, ttl, 0, 0, &truth);
		gap = truth.end == SIMNET_END_SILENT ? gap + 1 : 0;
		*why = STOP_HOPLIMIT;
		if (truth.end == SIMNET_END_DESTINATION)
			*why = STOP_COMPLETED;
		else if (gap == w->rules.gap_limit)
			*why = STOP_GAPLIMIT;
		else if (ttl < w->rules.max_ttl)
			continue;
		return ttl;
	}
}

/* Every trace whole, in order, once, and true. How many. */
static u64 check_truth(const struct sweep *w)
{
	u64 traces = 0, count = targets_count(&w->targets);
	bool *done = calloc(count, sizeof(*done));
	u8 ttl = 0, last = 0, why = 0;

	assert_non_null(done);
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];
		s64 number = targets_find(&w->targets, &r->dst);

		if (!ttl) {
			assert_true(r->flags & RECORD_FIRST);
			assert_true(number >= 0 && !done[number]);
			done[number] = true;
			ttl = w->rules.first_ttl;
			last = expected_end(w, &r->dst, &why);
			traces++;
		} else {
			assert_false(r->flags & RECORD_FIRST);
			assert_true(addr_equal(&r->dst, &r[-1].dst));
		}
		assert_int_equal(r->hop.ttl, ttl);
		check_hop(w, r);
		assert_int_equal(!!(r->flags & RECORD_LAST), ttl == last);
		assert_int_equal(r->stop_reason, ttl == last ? why : STOP_NONE);
		ttl = ttl == last ? 0 : (u8)(ttl + 1);
	}
	assert_int_equal(ttl, 0);
	free(done);
	return traces;
}

static void ten_thousand_at_once(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", "2001:200::/35");

	w->simnet.silent = 100;
	w->simnet.silent_dst = 200;
	w->simnet.mpls = 300;
	w->net.jitter_ns = 0;
	run(w);
	assert_int_equal(targets_count(&w->targets), 16384 + 8192);
	assert_int_equal(check_truth(w), 16384 + 8192);
	assert_int_equal(w->progress.active_peak, 10000);
	assert_int_equal(w->f.idle, 0);
	print_message("10000 traces at once: %" PRIu64 " probes, %zu octets "
		      "an active trace\n",
		      w->f.probes, w->progress.octets / 10000);
	sweep_free(w);
}

static void memory_is_bounded(void **state)
{
	static const u32 actives[] = { 1000, 10000, 49153, 98304, 100000 };
	struct sweep *w = sweep_new("16.0.0.0/7", NULL);

	for (size_t i = 0; i < 2 * sizeof(actives) / sizeof(*actives); i++) {
		w->rules.active_max = actives[i / 2];
		w->rules.method = i % 2 ? PROBE_TCP : PROBE_UDP;
		assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
		ladder_progress(&w->s, &w->progress);
		assert_in_range(w->progress.octets / actives[i / 2], 1900,
				2048);
		w->s.ops->close(&w->s);
		assert_null(w->s.state);
	}
	/* no more than there are targets, beside what does not grow */
	w->rules.first = targets_count(&w->targets) - 10;
	assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
	ladder_progress(&w->s, &w->progress);
	assert_in_range(w->progress.octets, 10 * 1900,
			10 * 2048 + 4096 + sizeof(struct doubt));
	w->s.ops->close(&w->s);
	w->s.ops = NULL;
	sweep_free(w);
}

/* What this host itself loses it asks again: every trace is true. */
static void our_own_losses(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/11", NULL);

	w->simnet.silent = 100;
	w->net.drop = 20;
	w->net.pps = 20000;
	run(w);
	assert_true(w->f.dropped > 1000);
	assert_int_equal(check_truth(w), 8192);
	sweep_free(w);
}

static void few_slots(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);

	w->simnet.silent = 300;
	w->rules.gap_limit = 2;
	for (u32 active = 1; active <= 64; active *= 4) {
		w->rules.active_max = active;
		w->net.pps = active * 10;
		w->net.jitter_ns = NS_PER_US;
		run(w);
		assert_int_equal(check_truth(w), 2048);
		assert_int_equal(w->progress.active_peak, active);
	}
	sweep_free(w);
}

static void small_sink(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);
	u64 fast;

	w->rules.active_max = 500;
	run(w);
	fast = w->f.over_ns;
	w->net.sink_room = 32; /* one whole trace, at most */
	w->net.sink_ns = 2 * NS_PER_MS;
	run(w);
	assert_int_equal(check_truth(w), 2048);
	assert_true(w->f.over_ns - FAKE_START >
		    (w->f.records - 32) * w->net.sink_ns);
	assert_true(w->f.over_ns > 2 * fast - FAKE_START);
	/* all of a trace at once */
	for (size_t i = 1; i < w->f.records; i++)
		if (!(w->f.record[i].flags & RECORD_FIRST))
			assert_int_equal(w->f.put_ns[i], w->f.put_ns[i - 1]);
	sweep_free(w);
}

static void skipped_targets(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", "2001:200::/35");
	struct prefix p;

	assert_int_equal(inet_parse_prefix("20.0.0.0/11", &p), 0);
	assert_int_equal(exclude_add(&w->exclude, &p), 0);
	assert_int_equal(exclude_seal(&w->exclude), 0);
	w->rules.exclude = &w->exclude;
	w->rules.src6 = (struct addr){};
	run(w);
	assert_int_equal(check_truth(w), 8192);
	assert_int_equal(w->progress.excluded, 8192);
	assert_int_equal(w->progress.no_source, 8192);
	for (size_t i = 0; i < w->f.records; i++)
		assert_false(exclude_has(&w->exclude, &w->f.record[i].dst));
	/* nothing at all is left */
	assert_int_equal(inet_parse_prefix("20.0.0.0/8", &p), 0);
	assert_int_equal(exclude_add(&w->exclude, &p), 0);
	assert_int_equal(exclude_seal(&w->exclude), 0);
	run(w);
	assert_int_equal(w->f.probes, 0);
	assert_int_equal(w->f.over_ns, FAKE_START);
	sweep_free(w);
}

static void shards_share(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);
	u64 traces = 0;
	u8 *taken = calloc(2048, 1);

	assert_non_null(taken);
	w->rules.step = 3;
	for (w->rules.first = 0; w->rules.first < 3; w->rules.first++) {
		run(w);
		traces += check_truth(w);
		for (size_t i = 0; i < w->f.records; i++)
			if (w->f.record[i].flags & RECORD_LAST)
				taken[targets_find(&w->targets,
						   &w->f.record[i].dst)]++;
	}
	assert_int_equal(traces, 2048);
	for (int i = 0; i < 2048; i++)
		assert_int_equal(taken[i], 1);
	/* a shard of nothing ends at once */
	w->rules.first = 5000;
	run(w);
	assert_int_equal(w->f.probes, 0);
	free(taken);
	sweep_free(w);
}

/* While new traces can be started, a destination gets no two probes within
 * 32; those under way come first all the same, and wait for their turn alone.
 */
static void takes_turns(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);
	size_t *last = calloc(2048, sizeof(*last)), longest = 0;

	assert_non_null(last);
	w->net.log = true;
	w->net.pps = 1000;
	w->rules.active_max = 1000;
	run(w);
	for (size_t i = 0; i < w->f.sents; i++) {
		s64 n = targets_find(&w->targets, &w->f.sent[i].dst);
		size_t since = i + 1 - last[n];

		if (last[n] && since > longest)
			longest = since;
		/* until the last are started */
		if (last[n] && i < w->f.sents * 9 / 10)
			assert_true(since >= 32);
		last[n] = i + 1;
	}
	/* an RTT of at most 0.2 s is 200 probes, a few more its turn */
	assert_in_range(longest, 100, 250);
	assert_in_range(w->progress.active_peak, 32, 200);
	free(last);
	sweep_free(w);
}

/* An answer to a target that is not under way: was it ever? */
static void late_or_unknown(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);
	struct answer a = { .proof = { .ttl = 1, .result = COOKIE_EXACT } };
	struct probe p[IO_BATCH];
	u64 seen[2] = {};

	w->rules.step = 2;
	w->rules.active_max = 100;
	assert_int_equal(fake_open(&w->f, &w->net), 0);
	w->s.emit = fake_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
	assert_int_equal(w->s.ops->schedule(&w->s, p, 100, 1), 100);
	for (unsigned int i = 0; i < 100; i++)
		p[i].sent_ns = 0;
	w->s.ops->departed(&w->s, p, 100);
	w->s.ops->halt(&w->s, 2);
	ladder_progress(&w->s, &w->progress);
	for (u64 i = 0; i < targets_count(&w->targets); i++) {
		targets_at(&w->targets, permute_at(&w->order, i), &a.dst);
		w->s.ops->settle(&w->s, &a, 1, 3);
		if (i % 2 || i / 2 >= w->progress.position)
			seen[0]++;
		else
			seen[1]++;
		assert_int_equal(w->s.stats.unknown, seen[0]);
		assert_int_equal(w->s.stats.late, seen[1]);
	}
	assert_in_range(seen[1], 1, 100);
	sweep_free(w);
}

static void hostile_network(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", "2001:200::/38");
	u64 silent, silent_other;

	w->rules.attempts = 3;
	w->rules.active_max = 700;
	w->net.loss = 100;
	w->net.duplicate = 100;
	w->net.refuse = 50;
	w->net.jitter_ns = 3 * NS_PER_S; /* a third comes too late */
	for (u64 seed = 1; seed <= 3; seed++) {
		w->net.seed = seed;
		run(w);
		assert_true(w->s.stats.late > 1000);
		assert_true(w->s.stats.duplicate > 1000);
		assert_true(w->f.refused > 1000);
		for (size_t i = 0; i < w->f.records; i++)
			if (w->f.record[i].hop.state == HOP_ANSWERED)
				assert_in_range(w->f.record[i].hop.rtt_us,
						50000, 2000000);
	}
	/* the same seed, the same run */
	silent = w->s.stats.silent;
	run(w);
	silent_other = w->s.stats.silent;
	assert_int_equal(silent, silent_other);
	sweep_free(w);
}

static void rate_limited_routers(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", NULL);
	u64 at_first = 0, heard = 0;

	w->simnet.rate = 100;
	w->net.pps = 2000;
	run(w);
	for (size_t i = 0; i < w->f.records; i++) {
		if (w->f.record[i].hop.ttl != 1)
			continue;
		at_first++;
		heard += w->f.record[i].hop.state == HOP_ANSWERED;
	}
	assert_int_equal(at_first, 2048);
	/* the first router, which all share, spoke as often as it may */
	assert_in_range(heard, 100,
			100 * ((w->f.over_ns - FAKE_START) / NS_PER_S + 1) +
				10);
	sweep_free(w);
}

static void halt_keeps_what_is_known(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", NULL);
	u64 halted = 0;

	w->rules.active_max = 2000;
	w->net.halt_ns = 700 * NS_PER_MS;
	sweep_clear(w);
	assert_int_equal(fake_open(&w->f, &w->net), 0);
	w->s.emit = fake_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, FAKE_START), 0);
	assert_int_equal(fake_run(&w->f, &w->s), 0);
	check_ledger(w);
	assert_int_equal(w->f.over_ns, FAKE_START + w->net.halt_ns);
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];

		if (r->hop.state != HOP_LOST)
			check_hop(w, r);
		halted += r->stop_reason == STOP_HALTED;
	}
	assert_int_equal(halted, 2000);
	sweep_free(w);
}

/* The cost of a probe does not grow with the traces that are under way. */
static void cost_at_scale(void **state)
{
	static const u32 actives[] = { 100, 1000, 10000 };
	struct sweep *w = sweep_new("20.0.0.0/9", NULL);

	w->net.measure = true;
	w->net.tick_ns = 200 * NS_PER_US; /* a busy engine's turn */
	for (size_t i = 0; i < sizeof(actives) / sizeof(*actives); i++) {
		w->rules.active_max = actives[i];
		w->rules.step = actives[i] < 1000 ? 100 : 1;
		run(w);
		print_message("%u traces at once: %" PRIu64 " ns a probe\n",
			      actives[i], w->f.spent_ns / w->f.probes);
	}
	sweep_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_at_once),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(our_own_losses),
		cmocka_unit_test(few_slots),
		cmocka_unit_test(small_sink),
		cmocka_unit_test(skipped_targets),
		cmocka_unit_test(shards_share),
		cmocka_unit_test(takes_turns),
		cmocka_unit_test(late_or_unknown),
		cmocka_unit_test(hostile_network),
		cmocka_unit_test(rate_limited_routers),
		cmocka_unit_test(halt_keeps_what_is_known),
		cmocka_unit_test(cost_at_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
