/* SPDX-License-Identifier: BSD-2-Clause */
/* fill_sweep_test: chains over whole networks, whose truth can be computed:
 * what lies beyond the order is found, and what is not is accounted for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "frame.h"
#include "lib/clock.h"
#include "sampled.h"
#include "trace/exhaustive.h"

enum { LAST = 12, LIMIT = 32 };

#define DELAY (80 * NS_PER_MS)

struct rig {
	struct targets targets;
	struct cookie_key key;
	struct exhaustive_config config;
	struct simnet_config simnet;
	struct fake_config net;
	struct strategy s;
	struct fake f;
	struct exhaustive_progress end;
	u8 *seen; /* [(target * 256 + TTL) * 16 + attempt]: results */
};

/* One target in each /24 or /48 of the prefixes. */
static struct rig *rig_new(const char *v4, const char *v6)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	sampled_both(&rig->targets, v4, v6);
	rig->seen = calloc(targets_count(&rig->targets) * 256, 16);
	assert_non_null(rig->seen);
	rig->key = frame_key();
	rig->simnet = preset;
	rig->net = (struct fake_config){
		.seed = 5,
		.probe_size = 60,
		.key = &rig->key,
		.simnet = &rig->simnet,
		.delay_min_ns = DELAY,
		.delay_max_ns = DELAY,
		.pps = 100000,
		.tick_ns = 100 * NS_PER_US,
		.log = true,
	};
	rig->config = (struct exhaustive_config){
		.targets = &rig->targets,
		.key = &rig->key,
		.method = PROBE_UDP,
		.seed = 11,
		.pps = 100000,
		.wait_ns = NS_PER_S,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.first_ttl = 1,
		.max_ttl = LAST,
		.fill_ttl = LIMIT,
		.attempts = 1,
	};
	return rig;
}

static u8 *seen_of(const struct rig *rig, const struct record *r)
{
	s64 target = targets_find(&rig->targets, &r->dst);

	assert_true(target >= 0);
	return &rig->seen[((u64)target * 256 + r->hop.ttl) * 16 +
			  r->hop.attempt];
}

/* Every record is what the network says, and no result is there twice. */
static void check_records(const struct rig *rig)
{
	const struct fake *f = &rig->f;
	struct simnet_hop hop;

	for (size_t i = 0; i < f->records; i++) {
		const struct record *r = &f->record[i];

		simnet_hop(&f->simnet, &r->dst, r->hop.ttl, 0, 0, &hop);
		assert_true(addr_equal(&r->hop.from, &hop.from));
		assert_in_range(r->hop.ttl, 1, LIMIT);
		if (r->hop.flags & HOP_DUPLICATE)
			continue;
		assert_int_equal((*seen_of(rig, r))++, 0);
	}
}

/* What always adds up. */
static void check_sums(const struct rig *rig)
{
	const struct fill_stats *c = &rig->end.fill;
	const struct fake *f = &rig->f;

	assert_int_equal(c->begun, c->reached + c->unreachable + c->at_limit +
					   c->silent + c->lost_here +
					   c->refused + c->open);
	assert_int_equal(f->answers,
			 rig->s.stats.answered + rig->s.stats.duplicate +
				 rig->s.stats.late + rig->s.stats.unknown);
	assert_int_equal(f->records, f->answers - rig->s.stats.unknown);
	assert_in_range(rig->s.stats.answered, 0, f->probes - f->refused);
	assert_int_equal(f->foreign, 0);
}

/* Runs it in part or as a whole; fake is left to be looked at. */
static void rig_run(struct rig *rig)
{
	assert_int_equal(exhaustive_open(&rig->s, &rig->config), 0);
	assert_int_equal(fake_open(&rig->f, &rig->net), 0);
	rig->s.emit = fake_sink(&rig->f);
	assert_int_equal(fake_run(&rig->f, &rig->s), 0);
	exhaustive_progress(&rig->s, &rig->end);
	check_records(rig);
	check_sums(rig);
}

static void rig_end(struct rig *rig)
{
	rig->s.ops->close(&rig->s);
	fake_close(&rig->f);
}

static void rig_free(struct rig *rig)
{
	targets_fini(&rig->targets);
	free(rig->seen);
	free(rig);
}

/* What is to be found, where nothing is lost: results, and how chains end. */
struct truth {
	u64 results, chained, probes;
	struct fill_stats fill;
};

static struct truth truth_of(const struct rig *rig)
{
	const struct exhaustive_config *c = &rig->config;
	struct truth t = {};
	struct addr dst;

	for (u64 i = 0; i < targets_count(&rig->targets); i++) {
		enum simnet_end end = SIMNET_END_SILENT;
		struct simnet_hop hop;
		u8 ttl = 1;

		targets_at(&rig->targets, i, &dst);
		for (; ttl <= c->max_ttl; ttl++) {
			simnet_hop(&rig->simnet, &dst, ttl, 0, 0, &hop);
			end = hop.end;
			t.results += end != SIMNET_END_SILENT;
			t.probes++;
		}
		if (end != SIMNET_END_ROUTER)
			continue;
		t.fill.begun++;
		for (; end == SIMNET_END_ROUTER && ttl <= c->fill_ttl; ttl++) {
			simnet_hop(&rig->simnet, &dst, ttl, 0, 0, &hop);
			end = hop.end;
			t.chained += end != SIMNET_END_SILENT;
			t.probes += end == SIMNET_END_SILENT ? FILL_TRIES : 1;
		}
		t.fill.reached += end == SIMNET_END_DESTINATION;
		t.fill.silent += end == SIMNET_END_SILENT;
		t.fill.at_limit += end == SIMNET_END_ROUTER;
	}
	t.results += t.chained;
	return t;
}

static void check_truth(const struct rig *rig)
{
	const struct fill_stats *c = &rig->end.fill;
	struct truth t = truth_of(rig);

	assert_int_equal(rig->f.records, t.results);
	assert_int_equal(rig->f.probes, t.probes);
	assert_int_equal(c->begun, t.fill.begun);
	assert_int_equal(c->reached, t.fill.reached);
	assert_int_equal(c->silent, t.fill.silent);
	assert_int_equal(c->at_limit, t.fill.at_limit);
	assert_int_equal(c->again, (FILL_TRIES - 1) * t.fill.silent);
	assert_int_equal(c->probes, t.chained + FILL_TRIES * t.fill.silent);
	assert_int_equal(c->lost_here + c->refused + c->open + c->not_begun, 0);
	assert_int_equal(rig->s.stats.duplicate + rig->s.stats.late, 0);
}

/* All routers as far as the destination, by no probe more than it takes; each
 * with its RTT. */
static void whole(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", "2001:200::/37");
	struct truth t;

	rig_run(rig);
	check_truth(rig);
	t = truth_of(rig);
	assert_int_equal(t.fill.reached, t.fill.begun);
	assert_true(t.chained > targets_count(&rig->targets));
	for (size_t i = 0; i < rig->f.records; i++)
		assert_int_equal(rig->f.record[i].hop.rtt_us, 80000);
	print_message("%llu probes, %llu of %llu chains, %llu of all TTLs\n",
		      (unsigned long long)rig->f.probes,
		      (unsigned long long)rig->end.fill.probes,
		      (unsigned long long)rig->end.fill.begun,
		      (unsigned long long)targets_count(&rig->targets) * 32);
	rig_end(rig);
	rig_free(rig);
}

/* Where nobody answers a chain ends, and says so. */
static void silence(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);

	rig->simnet.silent = 100;
	rig->simnet.silent_dst = 300;
	rig_run(rig);
	check_truth(rig);
	assert_true(rig->end.fill.silent > 100);
	rig_end(rig);
	rig_free(rig);
}

static void limits(void **state)
{
	for (u8 limit = LAST + 1; limit < LAST + 4; limit++) {
		struct rig *rig = rig_new("20.0.0.0/14", NULL);

		rig->config.fill_ttl = limit;
		rig_run(rig);
		check_truth(rig);
		assert_true(rig->end.fill.at_limit > 10);
		rig_end(rig);
		rig_free(rig);
	}
}

/* A tenth of what is asked is lost on the way: a chain goes on, unless three
 * are lost in a row. */
static void losses(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);
	const struct fill_stats *c = &rig->end.fill;

	rig->net.loss = 100;
	rig_run(rig);
	assert_int_equal(c->begun, c->reached + c->silent);
	assert_in_range(c->silent, 1, c->begun / 50);
	assert_in_range(c->again, c->probes / 12, c->probes / 8);
	assert_int_equal(rig->s.stats.late + rig->s.stats.unknown, 0);
	rig_end(rig);
	rig_free(rig);
}

/* The same by this host is never silence. */
static void drops(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);
	const struct fill_stats *c = &rig->end.fill;

	rig->net.drop = 100;
	rig_run(rig);
	assert_int_equal(c->silent, 0);
	assert_in_range(c->lost_here, 0, c->begun / 100);
	assert_true(c->again > 100);
	rig_end(rig);

	/* more than half of it: some chains end, but none in silence */
	memset(rig->seen, 0, targets_count(&rig->targets) * 256 * 16);
	rig->net.drop = 600;
	rig_run(rig);
	assert_int_equal(c->silent, 0);
	assert_true(c->lost_here > 10);
	rig_end(rig);
	rig_free(rig);
}

/* What is not sent is tried again, and the chain ends if it cannot be. */
static void refusals(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);
	const struct fill_stats *c = &rig->end.fill;

	rig->net.refuse = 200;
	rig_run(rig);
	assert_int_equal(c->begun, c->reached + c->refused);
	assert_in_range(c->refused, 1, c->begun / 10);
	rig_end(rig);
	rig_free(rig);
}

static void duplicates(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	struct truth t = truth_of(rig);

	rig->net.duplicate = 300;
	rig_run(rig);
	assert_int_equal(rig->s.stats.answered, t.results);
	assert_int_equal(rig->end.fill.begun, t.fill.begun);
	assert_int_equal(rig->end.fill.reached, t.fill.reached);
	assert_int_equal(rig->f.probes, t.probes);
	rig_end(rig);
	rig_free(rig);
}

/* Answers that take longer than others do: asked again meanwhile, they come
 * all the same, and no chain goes two ways. */
static void slow(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	struct truth t = truth_of(rig);

	rig->net.delay_min_ns = NS_PER_MS;
	rig->net.delay_max_ns = 900 * NS_PER_MS;
	rig_run(rig);
	assert_int_equal(rig->end.fill.begun, t.fill.begun);
	assert_int_equal(rig->end.fill.reached, t.fill.reached);
	assert_in_range(rig->s.stats.answered, t.results,
			t.results + rig->end.fill.again);
	rig_end(rig);
	rig_free(rig);
}

/* A small table: the order waits for it, so that it takes longer, or some ways
 * end at its end and are told. */
static void room(void **state)
{
	const size_t octets = 1024UL * 256 * 16;
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	const struct fill_stats *c = &rig->end.fill;
	struct truth t = truth_of(rig);
	u64 enough, time;

	assert_int_equal(targets_count(&rig->targets), 1024);
	rig->config.pps = rig->net.pps = 12000;
	rig_run(rig);
	check_truth(rig);
	enough = rig->f.over_ns;
	rig_end(rig);

	memset(rig->seen, 0, octets);
	rig->config.fill_room = 160;
	rig_run(rig);
	check_truth(rig);
	time = rig->f.over_ns;
	assert_true(time > enough + 20 * NS_PER_MS);
	rig_end(rig);

	memset(rig->seen, 0, octets);
	rig->config.fill_room = 16;
	rig->config.pps = rig->net.pps = 100000;
	rig_run(rig);
	assert_true(c->not_begun > 10);
	assert_int_equal(c->begun + c->not_begun, t.fill.begun);
	assert_int_equal(c->reached, c->begun);
	rig_end(rig);
	rig_free(rig);
}

/* Several attempts: as many chains, none of which asks what another does. The
 * parts are the whole, whoever hears an answer knows whose it is. */
static void shards(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	struct truth t = truth_of(rig);
	u64 results = 0, probes = 0, reached = 0;

	rig->config.attempts = 2;
	rig->config.shards = 3;
	for (u32 shard = 0; shard < 3; shard++) {
		rig->config.shard = shard;
		rig_run(rig);
		results += rig->f.records;
		probes += rig->f.probes;
		reached += rig->end.fill.reached;
		for (size_t i = 0; i < rig->f.records; i++) {
			const struct record *r = &rig->f.record[i];
			const struct answer a = {
				.dst = r->dst,
				.proof = { .ttl = r->hop.ttl,
					   .attempt = r->hop.attempt },
			};

			assert_int_equal(rig->s.ops->shard(&rig->s, &a), shard);
			assert_in_range(r->hop.attempt, 0, 1);
		}
		rig_end(rig);
	}
	assert_int_equal(results, 2 * t.results);
	assert_int_equal(probes, 2 * t.probes);
	assert_int_equal(reached, 2 * t.fill.reached);
	rig_free(rig);
}

/* Their probes keep to a prefix's budget as well. */
static void polite(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	const u64 gap = 200 * NS_PER_MS;
	u64 least = UINT64_MAX, *last;

	rig->config.prefix = (struct budget_rate){ gap, 1 };
	last = calloc(targets_count(&rig->targets), sizeof(*last));
	assert_non_null(last);
	rig_run(rig);
	check_truth(rig);
	for (size_t i = 0; i < rig->f.sents; i++) {
		const struct probe *p = &rig->f.sent[i];
		s64 at = targets_find(&rig->targets, &p->dst);

		if (last[at] && p->sent_ns - last[at] < least)
			least = p->sent_ns - last[at];
		last[at] = p->sent_ns;
	}
	assert_in_range(least, gap - 20 * NS_PER_MS, gap + 10 * NS_PER_MS);
	rig_end(rig);

	/* nor are routers' budgets the end of a chain */
	memset(rig->seen, 0, targets_count(&rig->targets) * 256 * 16);
	rig->config.prefix = (struct budget_rate){};
	rig->config.router = budget_share(100, 1);
	rig_run(rig);
	check_truth(rig);
	assert_true(rig->end.put_off > 100);
	rig_end(rig);
	free(last);
	rig_free(rig);
}

/* Where one process ends, at any time, another goes on: each result is there
 * once, and what no one had yet is found. */
static void resumed_at(u64 halt_ns, u32 room)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	struct truth t = truth_of(rig);
	u64 turns = exhaustive_turns(&rig->config), index, first;
	u64 *bits = calloc(turns / 64 + 1, sizeof(*bits));
	struct record *past;
	struct permute order;
	size_t n;

	assert_non_null(bits);
	rig->net.halt_ns = halt_ns;
	rig_run(rig);
	first = rig->end.fill.open;
	past = rig->f.record;
	n = rig->f.records;
	rig->f.record = NULL;
	rig_end(rig);

	exhaustive_order(&rig->config, &order);
	for (size_t i = 0; i < n; i++)
		if (exhaustive_index(&rig->config, &order, &past[i].dst,
				     past[i].hop.ttl, past[i].hop.attempt,
				     &index))
			bits[index / 64] |= 1ULL << index % 64;
	rig->config.past = (struct exhaustive_past){ 0, turns, bits };
	rig->config.fill_room = room;
	rig->net.halt_ns = 0;
	assert_int_equal(exhaustive_open(&rig->s, &rig->config), 0);
	assert_int_equal(fake_open(&rig->f, &rig->net), 0);
	rig->s.emit = fake_sink(&rig->f);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(exhaustive_recall(&rig->s, &past[i]), 0);
	assert_int_equal(fake_run(&rig->f, &rig->s), 0);
	exhaustive_progress(&rig->s, &rig->end);
	check_records(rig);
	check_sums(rig);
	assert_int_equal(n + rig->f.records, t.results);
	assert_int_equal(rig->end.fill.not_begun, 0);
	assert_true(rig->end.fill.begun >= first);
	rig_end(rig);
	free(past);
	free(bits);
	rig_free(rig);
}

static void resumed(void **state)
{
	for (u64 ms = 20; ms < 1000; ms += 70)
		resumed_at(ms * NS_PER_MS, 0);
	/* more chains than there is room for, and nothing left of the order */
	resumed_at(210 * NS_PER_MS, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),      cmocka_unit_test(silence),
		cmocka_unit_test(limits),     cmocka_unit_test(losses),
		cmocka_unit_test(drops),      cmocka_unit_test(refusals),
		cmocka_unit_test(duplicates), cmocka_unit_test(slow),
		cmocka_unit_test(room),	      cmocka_unit_test(shards),
		cmocka_unit_test(polite),     cmocka_unit_test(resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
