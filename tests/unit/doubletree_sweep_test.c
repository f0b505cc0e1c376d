/* SPDX-License-Identifier: BSD-2-Clause */
/* doubletree_sweep_test: many targets, over the procedural network, whose
 * truth can be computed: what is found, and what it costs. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "lib/addrset.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "sampled.h"

struct sweep {
	struct targets targets;
	struct cookie_key key;
	struct simnet_config simnet;
	struct doubletree_config rules;
	struct fake_config net;
	struct strategy s;
	struct fake f;
	struct doubletree_progress progress;
	u8 near_ttl; /* measure up to there; 0: all */
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static void quote_ttl(void *arg, const struct probe *p, struct fake_fate *fate)
{
	const struct sweep *w = arg;

	sampled_quote_ttl(&w->simnet, p, fate);
}

/* One target in each /per of the prefix. */
static struct sweep *sweep_new(const char *prefix, u8 per)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	struct sweep *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	sampled_one(&w->targets, prefix, per);
	w->key = (struct cookie_key){
		.hash = { { 0x1122334455667788, 0x99aabbccddeeff00 } },
		.src4 = addr_of("192.0.2.1"),
		.src6 = addr_of("2001:db8::1"),
		.port_base = 32768,
		.port_mask = 4095,
		.port_bits = 12,
	};
	w->simnet = preset;
	w->rules = sampled_doubletree(&w->targets, &w->key);
	w->net = sampled_net(&w->simnet, &w->key);
	w->net.edit = quote_ttl;
	w->net.arg = w;
	return w;
}

static void sweep_clear(struct sweep *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	fake_close(&w->f);
}

static void sweep_free(struct sweep *w)
{
	sweep_clear(w);
	targets_fini(&w->targets);
	free(w);
}

/* Every probe is to a target, within bounds, and like no other. */
static void check_probes(const struct sweep *w)
{
	size_t each = 256 * 16 / 8, count = targets_count(&w->targets);
	u8 *asked = calloc(count, each);

	assert_non_null(asked);
	for (size_t i = 0; i < w->f.sents; i++) {
		const struct probe *p = &w->f.sent[i];
		s64 number = targets_find(&w->targets, &p->dst);
		u8 *bits;

		assert_true(number >= 0);
		assert_in_range(p->ttl, w->rules.rules.first_ttl,
				w->rules.rules.max_ttl);
		bits = &asked[(size_t)number * each + p->ttl * 2u +
			      p->attempt / 8];
		assert_false(*bits >> p->attempt % 8 & 1);
		*bits |= (u8)(1 << p->attempt % 8);
		if (!w->f.refused && !w->f.dropped)
			assert_in_range(p->attempt, 0,
					w->rules.rules.attempts - 1);
	}
	free(asked);
}

static void check_ledger(struct sweep *w)
{
	const struct strategy_stats *st = &w->s.stats;
	struct doubletree_progress *p = &w->progress;

	doubletree_progress(&w->s, p);
	assert_int_equal(p->probes, w->f.probes);
	assert_int_equal(p->refused, w->f.refused);
	assert_int_equal(w->f.answers,
			 st->answered + st->duplicate + st->late + st->unknown);
	assert_int_equal(w->f.records, w->f.answers);
	assert_true(st->answered <= p->probes - p->refused);
	assert_int_equal(p->done, p->all);
	assert_int_equal(st->unknown, 0);
	assert_int_equal(w->f.foreign, 0);
	assert_int_equal(w->f.overflows, 0);
}

static void run(struct sweep *w)
{
	sweep_clear(w);
	w->net.method = (u8)w->rules.method;
	assert_int_equal(fake_open(&w->f, &w->net), 0);
	w->s.emit = fake_sink(&w->f);
	assert_int_equal(doubletree_open(&w->s, &w->rules), 0);
	assert_int_equal(fake_run(&w->f, &w->s), 0);
	check_ledger(w);
	check_probes(w);
}

static void ask(const struct sweep *w, const struct addr *dst, u8 ttl,
		struct simnet_hop *hop)
{
	bool v4 = addr_is_v4(dst), udp = w->rules.method == PROBE_UDP;
	u8 proto = udp ? PROTO_UDP : v4 ? PROTO_ICMP : PROTO_ICMP6;
	u16 dport = udp ? w->rules.dport : 0;
	struct cookie cookie;
	u64 flow;

	cookie_make(&w->key, dst, proto, ttl, 0, &cookie);
	flow = simnet_flow(&w->simnet, v4 ? &w->key.src4 : &w->key.src6, dst,
			   proto, (u32)cookie.port << 16 | dport);
	simnet_hop(&w->simnet, dst, ttl, flow, 0, hop);
}

struct yield {
	struct addrset all, found; /* interfaces; found: of all */
	double recall, cost;	   /* cost: probes an interface */
};

static void yield_fini(struct yield *y)
{
	addrset_fini(&y->all);
	addrset_fini(&y->found);
}

/* What exhaustive probing finds on these ways, and what this run found. */
static void measure(const struct sweep *w, struct yield *y)
{
	const struct path_rules *rules = &w->rules.rules;
	u8 max_ttl = w->near_ttl ? w->near_ttl : rules->max_ttl;
	u64 count = targets_count(&w->targets);
	struct simnet_hop hop;
	struct addr dst;

	memset(y, 0, sizeof(*y));
	for (u64 i = 0; i < count; i++) {
		targets_at(&w->targets, i, &dst);
		for (u8 ttl = rules->first_ttl; ttl <= max_ttl; ttl++) {
			ask(w, &dst, ttl, &hop);
			if (hop.end == SIMNET_END_ROUTER)
				addrset_add(&y->all, &hop.from);
			if (addr_equal(&hop.from, &dst))
				break;
		}
	}
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];

		if (r->hop.kind != REPLY_EXPIRED || r->hop.ttl > max_ttl)
			continue;
		assert_true(addrset_has(&y->all, &r->hop.from));
		addrset_add(&y->found, &r->hop.from);
	}
	y->recall = (double)y->found.count / (double)y->all.count;
	y->cost = (double)w->f.probes / (double)y->found.count;
}

static void tell(const struct sweep *w, const char *what, struct yield *y)
{
	measure(w, y);
	print_message("%s: %" PRIu64 " targets, %" PRIu64 " probes, %" PRIu64
		      " of %" PRIu64 " interfaces (%.2f %%), %.2f probes an "
		      "interface, %.2f s\n",
		      what, targets_count(&w->targets), w->f.probes,
		      y->found.count, y->all.count, y->recall * 100, y->cost,
		      (double)(w->f.over_ns - w->f.start) / 1e9);
}

/* Every record says what the network knows. */
static void check_records(const struct sweep *w)
{
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];
		struct simnet_hop hop;

		ask(w, &r->dst, r->hop.ttl, &hop);
		assert_true(addr_equal(&r->hop.from, &hop.from));
		assert_int_equal(!!(r->hop.flags & HOP_REACHED),
				 hop.end == SIMNET_END_DESTINATION);
		assert_in_range(r->hop.rtt_us, 50000, 200001);
		assert_int_equal(r->arrived_ns, w->f.put_ns[i]);
		assert_true(r->sent_ns && r->sent_ns < r->arrived_ns);
	}
}

static void every_router_once(const char *prefix, u8 per)
{
	struct sweep *w = sweep_new(prefix, per);
	u64 count = targets_count(&w->targets);
	struct yield y;

	run(w);
	tell(w, prefix, &y);
	check_records(w);
	assert_true(y.recall >= 0.997);
	assert_true(y.cost <= 2.1);
	assert_int_equal(w->progress.measured, count);
	assert_int_equal(w->progress.overflow, 0);
	assert_int_equal(w->s.stats.silent + w->s.stats.late, 0);
	/* all answered: nothing to wait for */
	assert_true(w->f.over_ns <= w->f.record[w->f.records - 1].arrived_ns);
	yield_fini(&y);
	sweep_free(w);
}

static void sixteen_thousand(void **state)
{
	every_router_once("20.0.0.0/10", 24);
}

static void hundred_thousand(void **state)
{
	every_router_once("16.0.0.0/7", 24);
}

/* Where routers stand side by side near us, all ways meet behind them again,
 * and a path that stops there has seen one of them. */
static void diamonds(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	struct yield all, near;

	w->simnet.diamond = 1000;
	run(w);
	tell(w, "diamonds", &all);
	assert_true(all.recall >= 0.98 && all.cost <= 2.1);
	w->near_ttl = 6;
	measure(w, &near);
	print_message("... of which at TTL 1 to 6: %" PRIu64 " of %" PRIu64
		      "\n",
		      near.found.count, near.all.count);
	assert_true(near.recall >= 0.9);
	yield_fini(&all);
	yield_fini(&near);
	sweep_free(w);
}

static void losses(void **state)
{
	static const struct {
		u32 loss;
		u8 attempts;
		double recall, cost;
	} rows[] = { { 10, 1, 0.985, 1.9 },
		     { 10, 2, 0.999, 1.9 },
		     { 100, 1, 0.9, 2.2 },
		     { 100, 2, 0.985, 2.2 } };
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	struct yield y;
	char what[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		w->net.loss = rows[i].loss;
		w->rules.rules.attempts = rows[i].attempts;
		run(w);
		snprintf(what, sizeof(what), "%u per mille lost, %u attempts",
			 rows[i].loss, rows[i].attempts);
		tell(w, what, &y);
		assert_true(y.recall >= rows[i].recall);
		assert_true(y.cost <= rows[i].cost);
		yield_fini(&y);
	}
	sweep_free(w);
}

/* What this host itself loses it asks again, once it knows: nothing is missed
 * for that. */
static void our_own_losses(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	struct yield y;

	w->net.drop = 50;
	run(w);
	tell(w, "50 per mille dropped here", &y);
	assert_true(y.recall >= 0.9999);
	assert_true(w->progress.measured >= 16383);
	assert_true(w->f.dropped > 3000);
	assert_in_range(w->progress.doubted, w->f.dropped,
			w->f.dropped + w->f.dropped / 10);
	assert_true(y.cost <= 2.1);
	yield_fini(&y);
	sweep_free(w);
}

static void silence(void **state)
{
	static const struct {
		u32 routers, targets;
		double cost;
	} rows[] = { { 100, 0, 2.1 }, { 100, 500, 3.5 }, { 0, 1000, 4.5 } };
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	struct yield y;
	char what[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		w->simnet.silent = rows[i].routers;
		w->simnet.silent_dst = rows[i].targets;
		run(w);
		snprintf(what, sizeof(what),
			 "per mille silent: %u routers, %u targets",
			 rows[i].routers, rows[i].targets);
		tell(w, what, &y);
		assert_true(y.recall >= 0.997);
		assert_true(y.cost <= rows[i].cost);
		yield_fini(&y);
	}
	sweep_free(w);
}

/* Eight targets in each /24, as far away as each other, half of them silent:
 * those who are told begin where there is something to find. */
static void neighbours_tell_the_distance(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/13", 27);
	u64 answered = 0, below = 0;
	struct yield y;

	w->simnet.silent_dst = 500;
	run(w);
	tell(w, "half of the targets silent", &y);
	assert_true(y.recall >= 0.997);
	assert_in_range(w->progress.guessed, 7800, 8600);
	for (size_t i = 0; i < w->f.sents; i++) {
		const struct probe *p = &w->f.sent[i];
		struct simnet_hop end;

		ask(w, &p->dst, 32, &end);
		if (p->ttl == 32)
			answered += end.end == SIMNET_END_DESTINATION;
		else if (end.end == SIMNET_END_SILENT &&
			 p->ttl + 1u == simnet_length(&w->simnet, &p->dst))
			below++;
	}
	/* nearly all of them asked the last router before their target */
	assert_int_equal(answered, w->progress.measured);
	assert_true(below >= (16384 - answered) * 9 / 10);
	yield_fini(&y);
	sweep_free(w);
}

static void icmp(void **state)
{
	static const char *const prefixes[] = { "20.0.0.0/10",
						"2001:200::/35" };

	for (int i = 0; i < 2; i++) {
		struct sweep *w = sweep_new(prefixes[i], i ? 48 : 24);
		struct yield y;

		w->rules.method = PROBE_ICMP;
		run(w);
		tell(w, i ? "ICMP, IPv6" : "ICMP", &y);
		assert_true(y.recall >= 0.997);
		/* a probe each to confirm the estimate */
		assert_true(y.cost <= 2.1 + (double)targets_count(&w->targets) /
						      (double)y.found.count);
		yield_fini(&y);
		sweep_free(w);
	}
}

/* Half of the routers are forgotten: that costs probes, and no router. */
static void overflow(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	struct yield y;

	w->rules.known_room = 20000;
	run(w);
	tell(w, "half of the room", &y);
	assert_true(y.recall >= 0.997);
	assert_true(w->progress.overflow > 20000);
	yield_fini(&y);
	sweep_free(w);
}

static void excluded_targets(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/16", 24);
	struct exclude exclude;
	struct prefix p;

	exclude_init(&exclude);
	assert_int_equal(inet_parse_prefix("20.0.64.0/19", &p), 0);
	assert_int_equal(exclude_add(&exclude, &p), 0);
	assert_int_equal(exclude_seal(&exclude), 0);
	w->rules.exclude = &exclude;
	run(w);
	assert_int_equal(w->progress.excluded, 32);
	for (size_t i = 0; i < w->f.sents; i++)
		assert_false(exclude_has(&exclude, &w->f.sent[i].dst));
	exclude_fini(&exclude);
	sweep_free(w);
}

/* Together complete, disjoint, and each knows the others' answers. */
static void shards(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/16", 24);
	u8 seen[256] = {};

	w->rules.shards = 7;
	for (u32 i = 0; i < 7; i++) {
		w->rules.shard = i;
		run(w);
		for (size_t j = 0; j < w->f.sents; j++) {
			struct answer a = { .dst = w->f.sent[j].dst,
					    .proof = { .ttl = 9 } };

			assert_int_equal(w->s.ops->shard(&w->s, &a), i);
			seen[a.dst.b[14]] += w->f.sent[j].ttl == 32;
		}
		for (u64 n = 0; n < 256; n++) {
			struct answer a = { .proof = { .ttl = 9 } };
			u64 unknown = w->s.stats.unknown;

			targets_at(&w->targets, n, &a.dst);
			if (w->s.ops->shard(&w->s, &a) == i)
				continue;
			w->s.ops->settle(&w->s, &a, 1, w->f.now);
			assert_int_equal(w->s.stats.unknown, unknown + 1);
		}
	}
	for (int i = 0; i < 256; i++)
		assert_int_equal(seen[i], 1);
	sweep_free(w);
}

static void ipv6(void **state)
{
	every_router_once("2001:200::/35", 48);
}

/* The most probes that expire at one router among any 100 in a row. */
static unsigned int burst(const struct sweep *w, struct addr *ring,
			  const struct addr *router, size_t i)
{
	unsigned int n = 0;

	ring[i % 100] = *router;
	for (int j = 0; j < 100; j++)
		n += addr_equal(&ring[j], router);
	return n;
}

static void nobody_is_asked_in_bursts(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/10", 24);
	unsigned int most = 0, in_order = 0, near = 0, n;
	struct addr ring[100] = {}, dst;
	u32 nets[100] = {};
	struct simnet_hop hop;
	size_t at = 0;

	run(w);
	for (size_t i = 0; i < w->f.sents; i++) {
		u32 net = be32_get(w->f.sent[i].dst.w[3]) >> 12;

		ask(w, &w->f.sent[i].dst, w->f.sent[i].ttl, &hop);
		n = burst(w, ring, &hop.from, i);
		most = n > most ? n : most;
		nets[i % 100] = net;
		n = 0;
		for (int j = 0; j < 100; j++)
			n += nets[j] == net;
		near = n > near ? n : near;
	}
	memset(ring, 0, sizeof(ring));
	for (u64 i = 0; i < targets_count(&w->targets); i++) {
		targets_at(&w->targets, i, &dst);
		for (u8 ttl = 1;; ttl++) {
			ask(w, &dst, ttl, &hop);
			n = burst(w, ring, &hop.from, at++);
			in_order = n > in_order ? n : in_order;
			if (addr_equal(&hop.from, &dst))
				break;
		}
	}
	print_message("of 100 probes in a row at most %u expire at one router, "
		      "%u are for one /20 (target by target: %u, 100)\n",
		      most, near, in_order);
	assert_true(most <= in_order);
	assert_in_range(near, 1, 8);
	sweep_free(w);
}

/* All /24s, and more than can be told apart. */
static void memory(void **state)
{
	struct sweep *w = sweep_new("0.0.0.0/0", 24);
	size_t octets;

	assert_int_equal(doubletree_open(&w->s, &w->rules), 0);
	doubletree_progress(&w->s, &w->progress);
	octets = w->progress.octets;
	assert_int_equal(w->progress.all, 16777216);
	print_message("%.1f octets a target\n",
		      (double)octets / (double)w->progress.all);
	assert_true(octets <= 64 * w->progress.all);
	w->s.ops->close(&w->s);
	assert_null(w->s.state);
	assert_null(w->s.ops);
	sweep_free(w);
	w = sweep_new("2001::/16", 64);
	assert_int_equal(doubletree_open(&w->s, &w->rules), -E2BIG);
	assert_null(w->s.state);
	sweep_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_thousand),
		cmocka_unit_test(hundred_thousand),
		cmocka_unit_test(diamonds),
		cmocka_unit_test(losses),
		cmocka_unit_test(our_own_losses),
		cmocka_unit_test(silence),
		cmocka_unit_test(neighbours_tell_the_distance),
		cmocka_unit_test(icmp),
		cmocka_unit_test(overflow),
		cmocka_unit_test(excluded_targets),
		cmocka_unit_test(shards),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(nobody_is_asked_in_bursts),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
