/* SPDX-License-Identifier: BSD-2-Clause */
/* exhaustive_sweep_test: whole networks, whose truth can be computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "frame.h"
#include "lib/clock.h"
#include "out/seen.h"
#include "sampled.h"
#include "trace/exhaustive.h"

struct rig {
	struct targets targets;
	struct cookie_key key;
	struct strategy s;
	struct fake f;
	u64 prefix_gap_ns, router_pps, near_quiet_ns;
	enum probe_method method;
	u8 first_ttl; /* 0: 1 */
};

/* One target in each /24 or /48 of the prefixes. */
static struct rig *rig_new(const char *v4, const char *v6)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	sampled_both(&rig->targets, v4, v6);
	rig->key = frame_key();
	return rig;
}

static void rig_run(struct rig *rig, const struct fake_config *net)
{
	const struct exhaustive_config config = {
		.targets = &rig->targets,
		.key = &rig->key,
		.method = rig->method,
		.seed = 11,
		.pps = net->pps,
		.wait_ns = 2 * NS_PER_S,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.first_ttl = rig->first_ttl ? rig->first_ttl : 1,
		.max_ttl = 32,
		.attempts = 1,
		.prefix = { rig->prefix_gap_ns, 1 },
		.router = budget_share(rig->router_pps, 1),
		.near_ttls = rig->near_quiet_ns ? 3 : 0,
		.near_quiet_ns = rig->near_quiet_ns,
	};

	assert_int_equal(exhaustive_open(&rig->s, &config), 0);
	assert_int_equal(fake_open(&rig->f, net), 0);
	rig->s.emit = fake_sink(&rig->f);
	assert_int_equal(fake_run(&rig->f, &rig->s), 0);
	assert_int_equal(rig->f.foreign, 0);
}

static void rig_free(struct rig *rig)
{
	rig->s.ops->close(&rig->s);
	fake_close(&rig->f);
	targets_fini(&rig->targets);
	free(rig);
}

/* Every record against the network, and how many it should have been. */
static void check_truth(const struct rig *rig, struct out_seen *seen)
{
	const struct fake *f = &rig->f;
	struct out_seen truth = {};
	struct simnet_hop hop;
	u64 answering = 0;

	for (u64 t = 0; t < targets_count(&rig->targets); t++) {
		struct record r = { .hop = { .state = HOP_ANSWERED } };

		targets_at(&rig->targets, t, &r.dst);
		for (u8 ttl = 1; ttl <= 32; ttl++) {
			simnet_hop(&f->simnet, &r.dst, ttl, 0, 0, &hop);
			if (hop.end == SIMNET_END_SILENT)
				continue;
			answering++;
			r.hop.from = hop.from;
			r.hop.kind = hop.end == SIMNET_END_ROUTER
					     ? REPLY_EXPIRED
					     : REPLY_UNREACH;
			r.hop.flags = HOP_REACHED;
			seen_record(&truth, &r);
		}
	}
	assert_int_equal(f->records, answering);
	assert_int_equal(rig->s.stats.answered, answering);
	assert_int_equal(rig->s.stats.duplicate, 0);
	for (size_t i = 0; i < f->records; i++) {
		const struct record *r = &f->record[i];

		simnet_hop(&f->simnet, &r->dst, r->hop.ttl, 0, 0, &hop);
		assert_true(addr_equal(&r->hop.from, &hop.from));
		assert_int_equal(r->hop.flags & HOP_REACHED,
				 hop.end == SIMNET_END_DESTINATION ? HOP_REACHED
								   : 0);
		assert_int_equal(r->hop.rtt_us, 80000);
		assert_int_equal(r->hop.label_count, hop.labels);
		seen_record(seen, r);
	}
	/* nothing invented, hence equal */
	assert_int_equal(seen->interfaces.count, truth.interfaces.count);
	assert_int_equal(seen->destinations.count, truth.destinations.count);
	seen_fini(&truth);
}

static void whole_network(void **state)
{
	static struct simnet_config simnet = SIMNET_PRESET;
	struct rig *rig = rig_new("20.0.0.0/11", "2001:200::/35");
	struct fake_config net = {
		.seed = 1,
		.probe_size = 60,
		.key = &rig->key,
		.simnet = &simnet,
		.delay_min_ns = 80 * NS_PER_MS,
		.delay_max_ns = 80 * NS_PER_MS,
		.pps = 1000000,
		.tick_ns = 500 * NS_PER_US,
	};
	const struct fake *f = &rig->f;
	struct out_seen seen = {};

	simnet.silent = 100;
	simnet.silent_dst = 200;
	simnet.mpls = 300;
	rig_run(rig, &net);
	assert_int_equal(f->probes, 16384 * 32);
	assert_int_equal(f->answers, rig->s.stats.answered);
	assert_int_equal(f->refused, 0);
	check_truth(rig, &seen);
	print_message("%llu probes, %llu answered, %llu interfaces\n",
		      (unsigned long long)f->probes,
		      (unsigned long long)rig->s.stats.answered,
		      (unsigned long long)seen.interfaces.count);
	seen_fini(&seen);
	rig_free(rig);
}

/* The rate is enough for more than a prefix's budget, and the ring is shorter
 * than the run: nothing is left out, no prefix is asked too often, every
 * answer finds its probe; also if some are asked again, whose answers this
 * host has lost. */
static void polite_if(u32 drop)
{
	enum { TARGETS = 2048 };
	u64 *last = calloc(TARGETS, sizeof(*last));
	struct rig *rig = rig_new("20.0.0.0/13", NULL);
	struct fake_config net = {
		.seed = 3,
		.probe_size = 60,
		.key = &rig->key,
		.delay_min_ns = 80 * NS_PER_MS,
		.delay_max_ns = 80 * NS_PER_MS,
		.drop = drop,
		.pps = 10000,
		.log = true,
	};
	const u64 gap = 500 * NS_PER_MS;
	const struct fake *f = &rig->f;
	struct exhaustive_progress end;
	struct out_seen seen = {};
	u64 least = UINT64_MAX;

	rig->prefix_gap_ns = gap;
	rig_run(rig, &net);
	if (drop) {
		/* what is put off when it is asked again is not asked once
		 * more: a twentieth of what was lost at most */
		assert_true(f->dropped > TARGETS / 2);
		assert_in_range(f->records, TARGETS * 32 - f->dropped / 20,
				TARGETS * 32);
		assert_in_range(f->probes, TARGETS * 32 + f->dropped * 9 / 10,
				TARGETS * 32 + f->dropped);
	} else {
		check_truth(rig, &seen);
		assert_int_equal(f->probes, TARGETS * 32);
	}
	assert_int_equal(rig->s.stats.late + rig->s.stats.duplicate, 0);
	exhaustive_progress(&rig->s, &end);
	assert_int_equal(end.done, TARGETS * 32);
	assert_in_range(end.put_off, 10000, TARGETS * 32);
	for (size_t i = 0; i < f->sents; i++) {
		const struct probe *p = &f->sent[i];
		s64 t = targets_find(&rig->targets, &p->dst);

		if (last[t] && p->sent_ns - last[t] < least)
			least = p->sent_ns - last[t];
		last[t] = p->sent_ns;
	}
	/* what waits for the rate too may leave a little late, and the next
	 * in time */
	assert_in_range(least, gap - 20 * NS_PER_MS, gap + NS_PER_MS);
	seen_fini(&seen);
	rig_free(rig);
	free(last);
}

static void polite(void **state)
{
	polite_if(0);
	polite_if(20);
}

struct asked {
	u64 router, at_ns;
};

static int by_router(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	if (x->router != y->router)
		return x->router < y->router ? -1 : 1;
	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* What the network's routers were asked, in truth, whoever was foreseen. */
static struct asked *asked_of(const struct fake *f, size_t *n)
{
	struct asked *asked = calloc(f->sents, sizeof(*asked));
	const struct cookie_key *key = f->config.key;

	assert_non_null(asked);
	*n = 0;
	for (size_t i = 0; i < f->sents; i++) {
		const struct probe *p = &f->sent[i];
		bool v4 = addr_is_v4(&p->dst);
		u8 proto = f->config.method == PROBE_UDP ? PROTO_UDP
			   : v4				 ? PROTO_ICMP
							 : PROTO_ICMP6;
		struct simnet_hop hop;
		struct cookie c;

		cookie_make(key, &p->dst, proto, p->ttl, p->attempt, &c);
		simnet_hop(&f->simnet, &p->dst, p->ttl,
			   simnet_flow(&f->simnet, v4 ? &key->src4 : &key->src6,
				       &p->dst, proto,
				       (u32)c.port << 16 | p->dport),
			   0, &hop);
		if (hop.end == SIMNET_END_ROUTER)
			asked[(*n)++] =
				(struct asked){ simnet_number(&hop.from),
						p->sent_ns };
	}
	qsort(asked, *n, sizeof(*asked), by_router);
	return asked;
}

/* The most within a second that one router was asked, from a time on. */
static u32 most_asked(const struct fake *f, u64 from)
{
	size_t n, first = 0;
	struct asked *asked = asked_of(f, &n);
	u32 most = 0;

	for (size_t i = 0; i < n; i++) {
		while (asked[first].router != asked[i].router ||
		       asked[first].at_ns + NS_PER_S <= asked[i].at_ns ||
		       asked[first].at_ns < from) {
			if (first == i)
				break;
			first++;
		}
		if (i - first + 1 > most)
			most = (u32)(i - first + 1);
	}
	free(asked);
	return most;
}

enum { ROUTER_RATE = 100 };

struct crowd {
	const char *name, *v4, *v6;
	enum probe_method method;
	u32 diamond, drop;
	u64 pps, prefix_gap_ns;
	u8 first_ttl;
};

static void polite_to_routers_if(const struct crowd *c)
{
	struct simnet_config simnet = SIMNET_PRESET;
	struct rig *rig = rig_new(c->v4, c->v6);
	struct fake_config net = {
		.seed = 3,
		.method = (u8)c->method,
		.probe_size = 60,
		.key = &rig->key,
		.simnet = &simnet,
		.delay_min_ns = 80 * NS_PER_MS,
		.delay_max_ns = 80 * NS_PER_MS,
		.drop = c->drop,
		.pps = c->pps,
		.tick_ns = c->pps > 10000 ? 100 * NS_PER_US : 0,
		.log = true,
	};
	const struct fake *f = &rig->f;
	struct exhaustive_progress end;
	u64 all = targets_count(&rig->targets) * (32 - c->first_ttl);
	u32 first, then;

	simnet.diamond = c->diamond;
	rig->method = c->method;
	rig->first_ttl = c->first_ttl + 1;
	rig->router_pps = ROUTER_RATE;
	rig->prefix_gap_ns = c->prefix_gap_ns;
	rig_run(rig, &net);
	exhaustive_progress(&rig->s, &end);
	assert_int_equal(end.done, all);
	assert_int_equal(rig->s.stats.late + rig->s.stats.duplicate, 0);
	if (!c->drop) {
		/* each has left once, and was answered */
		assert_int_equal(f->probes, all);
		assert_int_equal(rig->s.stats.answered, all);
	} else {
		assert_true(f->dropped > all / 100);
		assert_in_range(f->records, all - f->dropped / 20, all);
		assert_in_range(f->probes, all + f->dropped * 9 / 10,
				all + f->dropped);
	}
	first = most_asked(f, 0);
	then = most_asked(f, f->start + NS_PER_S);
	print_message("%s: most a second: %u, after the first %u; %llu of %llu "
		      "put off, %llu s\n",
		      c->name, first, then, (unsigned long long)end.put_off,
		      (unsigned long long)all,
		      (unsigned long long)((f->now - f->start) / NS_PER_S));
	assert_in_range(then, ROUTER_RATE * 9 / 10, ROUTER_RATE * 12 / 10);
	assert_in_range(first, then, ROUTER_RATE * 13 / 10);
	rig_free(rig);
}

/* After the first second no router is asked more often than its budget allows:
 * the rate, a tenth of it at once, and a tenth for what was foreseen wrong;
 * and in the first, a tenth more. Without a budget near ones would be asked
 * three times as often and more. Nothing is left out for it. */
static void polite_to_routers(void **state)
{
	static const struct crowd crowds[] = {
		{ "UDP", "20.0.0.0/12", NULL, .pps = 10000 },
		{ "fast", "20.0.0.0/12", NULL, .pps = 200000 },
		{ "ICMP", "20.0.0.0/13", "2001:200::/37", PROBE_ICMP,
		  .pps = 10000 },
		{ "IPv6", "20.0.0.0/20", "2001:200::/36", .pps = 10000 },
		{ "losses", "20.0.0.0/12", NULL, .pps = 10000, .drop = 20 },
		{ "side by side", "20.0.0.0/10", NULL, .pps = 40000,
		  .diamond = 1000, .first_ttl = 1 },
		{ "prefixes too", "20.0.0.0/12", NULL, .pps = 20000,
		  .prefix_gap_ns = NS_PER_S },
	};

	for (size_t i = 0; i < sizeof(crowds) / sizeof(*crowds); i++)
		polite_to_routers_if(&crowds[i]);
}

/* All near routers are found, most probes to them are left out, and whatever
 * was left out is counted. */
static void neighbourhood(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);
	struct fake_config net = {
		.seed = 3,
		.probe_size = 60,
		.key = &rig->key,
		.delay_min_ns = 80 * NS_PER_MS,
		.delay_max_ns = 80 * NS_PER_MS,
		.pps = 10000,
		.log = true,
	};
	const struct fake *f = &rig->f;
	struct exhaustive_progress end;
	u64 near = 0;

	rig->near_quiet_ns = NS_PER_S;
	rig_run(rig, &net);
	exhaustive_progress(&rig->s, &end);
	assert_int_equal(end.done, 2048 * 32);
	assert_int_equal(end.put_off, 0);
	assert_int_equal(f->probes + end.skipped, 2048 * 32);
	for (size_t i = 0; i < f->sents; i++)
		near += f->sent[i].ttl <= 3;
	/* of 6.5 s, TTL 1 is asked for little more than one */
	assert_int_equal(near + end.skipped, 2048 * 3);
	assert_in_range(end.skipped, 2048 * 3 / 4, 2048 * 3 - 3 * 200);
	assert_int_equal(rig->s.stats.answered, f->answers);
	assert_int_equal(rig->s.stats.late + rig->s.stats.duplicate, 0);
	rig_free(rig);
}

/* Of what this host itself loses, whatever has no answer is asked again: no
 * answer is missed for that, and nothing is answered twice. */
static void our_own_losses(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/12", NULL);
	struct fake_config net = {
		.seed = 5,
		.probe_size = 60,
		.key = &rig->key,
		.delay_min_ns = 80 * NS_PER_MS,
		.delay_max_ns = 80 * NS_PER_MS,
		.drop = 20,
		.pps = 100000,
		.tick_ns = 500 * NS_PER_US,
	};
	struct out_seen seen = {};

	rig_run(rig, &net);
	check_truth(rig, &seen);
	assert_true(rig->f.dropped > 2000);
	assert_int_equal(rig->f.probes, 4096 * 32 + rig->f.dropped);
	seen_fini(&seen);
	rig_free(rig);
}

struct rough {
	u64 answered, copies, refused;
};

static void tally(void *arg, const struct probe *p, struct fake_fate *fate)
{
	struct rough *r = arg;

	r->refused += fate->refused;
	if (fate->refused)
		return;
	r->answered += fate->copies != 0;
	r->copies += fate->copies;
}

/* sent = answered + silent, whatever is lost, doubled, refused or overtaken. */
static void rough_network(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	struct rough rough = {};
	struct fake_config net = {
		.seed = 7,
		.probe_size = 60,
		.key = &rig->key,
		.edit = tally,
		.arg = &rough,
		.delay_min_ns = 10 * NS_PER_MS,
		.delay_max_ns = 300 * NS_PER_MS,
		.jitter_ns = 50 * NS_PER_MS,
		.loss = 100,
		.duplicate = 50,
		.refuse = 20,
		.pps = 100000,
	};
	const struct strategy_stats *st = &rig->s.stats;
	const struct fake *f = &rig->f;

	rig_run(rig, &net);
	assert_int_equal(f->probes, 1024 * 32);
	assert_int_equal(f->refused, rough.refused);
	assert_in_range(rough.refused, 400, 900);
	assert_int_equal(st->answered, rough.answered);
	assert_int_equal(st->answered + st->duplicate, rough.copies);
	assert_true(st->duplicate > 500);
	assert_int_equal(st->late + st->unknown, 0);
	assert_int_equal(f->records, rough.copies);
	for (size_t i = 0; i < f->records; i++)
		assert_in_range(f->record[i].hop.rtt_us, 10000, 350001);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_network),
		cmocka_unit_test(polite),
		cmocka_unit_test(polite_to_routers),
		cmocka_unit_test(neighbourhood),
		cmocka_unit_test(our_own_losses),
		cmocka_unit_test(rough_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
