/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_sweep_test: many traces at once, each through a TCP session of its
 * own, with real frames over the procedural network, whose truth can be
 * computed, to hosts of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "far.h"
#include "lib/clock.h"
#include "trace/ladder.h"

enum { PORT = 443, CONNS = 50000 };

struct sweep {
	struct targets targets;
	struct permute order;
	struct cookie_key key;
	struct ladder_config rules;
	struct craft craft;
	struct far_config net;
	struct strategy s;
	struct far f;
	struct ladder_progress progress;
	u64 fates[FATE_RESET + 1]; /* that were told */
	u64 reached, traces;
};

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
	w->key = frame_key();
	w->key.tcp = COOKIE_TCP_SESSION;
	w->net = (struct far_config){
		.key = &w->key, .craft = &w->craft, .simnet = preset, .seed = 1
	};
	w->net.simnet.tcp_open = 1000;
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
		.method = PROBE_INSESSION,
		.key = &w->key,
		.src4 = w->key.src4,
		.src6 = w->key.src6,
		.dport = PORT,
	};
	return w;
}

static void sweep_clear(struct sweep *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	far_close(&w->f);
	memset(&w->s, 0, sizeof(w->s));
}

static void sweep_free(struct sweep *w)
{
	sweep_clear(w);
	targets_fini(&w->targets);
	free(w);
}

static void prepare(struct sweep *w)
{
	struct craft_config c = {
		.key = &w->key,
		.method = (enum probe_method)w->rules.method,
		.tcp = { .mss = TCP_MSS_DEFAULT,
			 .flags = TCP_SYN,
			 .sack = true,
			 .timestamps = true,
			 .window_scaling = true },
	};

	sweep_clear(w);
	w->key.attempts = w->rules.attempts;
	c.size4 = craft_least(c.method, &c.tcp, true);
	c.size6 = craft_least(c.method, &c.tcp, false);
	w->rules.probe_size4 = c.size4;
	w->rules.probe_size6 = c.size6;
	assert_int_equal(craft_init(&w->craft, &c), 0);
	far_open(&w->f, &w->net, CONNS);
	w->rules.parting = w->f.parting;
	w->s.emit = far_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, FAR_START), 0);
}

static void check_ledger(struct sweep *w)
{
	const struct strategy_stats *st = &w->s.stats;
	struct ladder_progress *p = &w->progress;

	ladder_progress(&w->s, p);
	assert_int_equal(p->probes, w->f.probes);
	assert_int_equal(p->refused, w->f.refused);
	if (p->probes != st->answered + st->silent + p->refused + p->abandoned)
		fail_msg("%llu probes: %llu answered, %llu silent, %llu "
			 "refused, %llu abandoned",
			 (unsigned long long)p->probes,
			 (unsigned long long)st->answered,
			 (unsigned long long)st->silent,
			 (unsigned long long)p->refused,
			 (unsigned long long)p->abandoned);
	assert_int_equal(p->started, p->ended);
	assert_int_equal(p->active, 0);
	assert_int_equal(w->f.faults, 0);
	assert_int_equal(w->f.verdicts[STEER_FORGED], 0);
	assert_int_equal(w->f.verdicts[STEER_FOREIGN], 0);
}

/* What hosts have seen: nothing that they should not, and that all is over. */
static void check_hosts(const struct sweep *w)
{
	for (u32 i = 1; i <= w->f.conns; i++) {
		const struct host_conn *c = &w->f.conn[i];

		if (c->faults)
			fail_msg("connection %u: %s", i, c->fault);
		if (c->state != HOST_LISTEN)
			fail_msg("connection %u is left, in state %u", i,
				 c->state);
		assert_int_equal(c->ended, c->opened);
	}
}

static void run(struct sweep *w)
{
	prepare(w);
	assert_int_equal(far_trace(&w->f, &w->s), 0);
	check_ledger(w);
	check_hosts(w);
}

static void truth_of(const struct sweep *w, const struct record *r,
		     struct simnet_hop *truth)
{
	u64 flow = simnet_flow(&w->net.simnet, &r->src, &r->dst, PROTO_TCP,
			       (u32)r->sport << 16 | r->dport);

	simnet_hop(&w->net.simnet, &r->dst, r->hop.ttl, flow, 0, truth);
}

/* One probe's record against the network; destinations answer. */
static void check_hop(struct sweep *w, const struct record *r)
{
	const struct hop *h = &r->hop;
	struct simnet_hop truth;

	truth_of(w, r, &truth);
	assert_int_equal(r->dport, PORT);
	if (truth.end == SIMNET_END_SILENT) {
		assert_int_equal(h->state, HOP_SILENT);
		return;
	}
	assert_int_equal(h->state, HOP_ANSWERED);
	assert_true(addr_equal(&h->from, &truth.from));
	assert_int_equal(!!(h->flags & HOP_REACHED),
			 truth.end == SIMNET_END_DESTINATION);
	assert_int_equal(h->kind, truth.end == SIMNET_END_DESTINATION
					  ? REPLY_TCP
					  : REPLY_EXPIRED);
	assert_int_equal(h->reply_ttl, truth.reply_ttl);
	/* 4 ms a link, there and back */
	if (!w->net.jitter_ns)
		assert_in_range(h->rtt_us, 4000 * truth.distance,
				4000 * truth.distance + 2000);
	w->reached += !!(h->flags & HOP_REACHED);
}

/* The last TTL of the trace to dst: its destination, where that answers. */
static u8 last_ttl(const struct sweep *w, const struct addr *dst, bool answers,
		   u8 *why)
{
	unsigned int gap = 0;
	struct simnet_hop truth;
	u8 ttl = w->rules.first_ttl;

	for (;; ttl++) {
		simnet_hop(&w->net.simnet, dst, ttl, 0, 0, &truth);
		*why = STOP_COMPLETED;
		if (truth.end == SIMNET_END_DESTINATION && answers)
			return ttl;
		gap = truth.end != SIMNET_END_ROUTER ? gap + 1 : 0;
		*why = STOP_GAPLIMIT;
		if (gap == w->rules.gap_limit)
			return ttl;
	}
}

/* Every trace whole, in order, once, and true, with `fate` told first. */
static void check_truth(struct sweep *w, bool answers)
{
	unsigned int n = 0, rungs = 0;
	u8 why = 0, last = 0;

	memset(w->fates, 0, sizeof(w->fates));
	w->traces = w->reached = 0;
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];

		assert_int_equal(!!(r->flags & RECORD_FIRST), !rungs);
		if (!rungs) {
			last = last_ttl(w, &r->dst, answers, &why);
			w->traces++;
			n = 0;
		} else {
			assert_true(addr_equal(&r->dst, &r[-1].dst));
		}
		rungs++;
		if (r->flags & RECORD_SESSION) {
			assert_in_range(r->session, FATE_OPEN, FATE_RESET);
			w->fates[r->session]++;
			assert_int_equal(r->flags & RECORD_LAST, 0);
			continue;
		}
		assert_int_equal(r->hop.ttl, 1 + n / w->rules.attempts);
		assert_int_equal(r->hop.attempt, n % w->rules.attempts);
		if (answers || r->hop.state != HOP_SILENT)
			check_hop(w, r);
		n++;
		assert_int_equal(!!(r->flags & RECORD_LAST),
				 n == last * w->rules.attempts);
		assert_int_equal(r->stop_reason,
				 r->flags & RECORD_LAST ? why : STOP_NONE);
		if (r->flags & RECORD_LAST)
			rungs = 0;
	}
	assert_int_equal(rungs, 0);
	assert_int_equal(w->traces, targets_count(&w->targets));
	if (answers)
		assert_int_equal(w->reached, w->traces * w->rules.attempts);
}

/* All have that fate, and no other. */
static void assert_fates(const struct sweep *w, enum session_fate fate)
{
	u64 flows = w->key.flows ? w->rules.attempts : 1;

	for (int i = 0; i <= FATE_RESET; i++)
		assert_int_equal(w->fates[i],
				 i == (int)fate ? w->traces * flows : 0);
}

/* The simulated Internet's own destinations, which remember nothing. */
static void stateless(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/14", "2001:200::/39");

	w->net.stateless = true;
	w->net.simnet.silent = 100;
	w->net.simnet.mpls = 300;
	run(w);
	check_truth(w, true);
	assert_fates(w, FATE_OPEN);
	w->net.simnet.tcp_open = 500;
	run(w);
	check_truth(w, true);
	assert_in_range(w->fates[FATE_OPEN], 700, 840);
	assert_int_equal(w->fates[FATE_REFUSED],
			 w->traces - w->fates[FATE_OPEN]);
	sweep_free(w);
}

static void ten_thousand_at_once(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/11", "2001:200::/37");

	run(w);
	check_truth(w, true);
	assert_fates(w, FATE_OPEN);
	assert_int_equal(w->traces, 8192 + 2048);
	assert_int_equal(w->progress.active_peak, 10000);
	assert_int_equal(w->f.conns, w->traces);
	for (u32 i = 1; i <= w->f.conns; i++) {
		assert_int_equal(w->f.conn[i].syns, 1);
		assert_int_equal(w->f.conn[i].opened, 1);
	}
	sweep_free(w);
}

/* What answers, answers truly; how many probes to the destination do. */
static void check_answers(struct sweep *w)
{
	w->reached = w->traces = 0;
	memset(w->fates, 0, sizeof(w->fates));
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];

		w->traces += !!(r->flags & RECORD_LAST);
		if (r->flags & RECORD_SESSION)
			w->fates[r->session]++;
		else if (r->hop.state == HOP_ANSWERED)
			check_hop(w, r);
	}
}

/* Beyond what a half-open trace costs. */
static void memory_of_a_session(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/8", NULL);
	struct ladder_progress half;

	for (u8 attempts = 1; attempts <= 16; attempts += 5) {
		w->key.flows = attempts > 6;
		w->rules.attempts = attempts;
		w->rules.method = PROBE_TCP;
		assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
		ladder_progress(&w->s, &half);
		w->s.ops->close(&w->s);
		w->rules.method = PROBE_INSESSION;
		assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
		ladder_progress(&w->s, &w->progress);
		w->s.ops->close(&w->s);
		assert_in_range(w->progress.octets - half.octets, 10000 * 64,
				10000 * 256 * (w->key.flows ? attempts : 1));
	}
	w->s.ops = NULL;
	sweep_free(w);
}

/* What a host may do, and what becomes of the sessions then. */
static const struct row {
	const char *what;
	struct host_habits habits;
	enum session_fate fate;
} rows[] = {
	{ "a host", {}, FATE_OPEN },
	{ "without timestamps", { .no_stamps = true }, FATE_OPEN },
	{ "a banner", { .banner = true }, FATE_OPEN },
	{ "it ends at once", { .ends = true }, FATE_OPEN },
	{ "a banner, and it ends",
	  { .banner = true, .ends = true },
	  FATE_OPEN },
	{ "without SACK", { .no_sack = true }, FATE_COUNTED },
	{ "without SACK, a banner",
	  { .no_sack = true, .banner = true },
	  FATE_COUNTED },
	{ "drops what is behind a gap",
	  { .drops_behind = true },
	  FATE_UNPROVED },
	{ "resets at the proof", { .resets_at = 1 }, FATE_RESET },
	{ "resets at the first probe", { .resets_at = 2 }, FATE_RESET },
	{ "resets at the third", { .resets_at = 4 }, FATE_RESET },
	{ "closed", { .closed = true }, FATE_REFUSED },
	{ "deaf until it is given up",
	  { .deaf_ns = 6900 * NS_PER_MS },
	  FATE_UNANSWERED },
	{ "filtered", { .filtered = true }, FATE_UNANSWERED },
};

static void kinds_of_hosts(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/16", "2001:200::/41");

	w->net.simnet.silent = 100;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i / 2];

		w->rules.attempts = i & 1 ? 3 : 1;
		w->net.habits = r->habits;
		/* the first answer would end the trace before */
		if (r->habits.resets_at > 2 && w->rules.attempts == 1)
			continue;
		run(w);
		check_truth(w, !r->habits.filtered);
		assert_fates(w, r->fate);
	}
	sweep_free(w);
}

/* Frames overtake each other, on both ways. */
static void reordered(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/15", "2001:200::/41");

	w->net.jitter_ns = 50 * NS_PER_MS;
	for (u64 seed = 1; seed < 4; seed++) {
		w->net.seed = seed;
		w->net.habits.banner = seed == 2;
		w->net.habits.no_stamps = seed == 3;
		w->rules.attempts = (u8)seed;
		run(w);
		check_truth(w, true);
		assert_fates(w, FATE_OPEN);
	}
	sweep_free(w);
}

/* What hosts say is lost, often. */
static void acknowledgements_are_lost(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/15", "2001:200::/41");

	/* a lost one makes the next acknowledge both, later */
	w->net.jitter_ns = 1;
	w->net.loss = 300;
	for (u64 seed = 1; seed < 4; seed++) {
		w->net.seed = seed;
		w->net.habits.banner = seed == 2;
		run(w);
		check_answers(w);
		assert_int_equal(w->traces, targets_count(&w->targets));
		assert_true(w->fates[FATE_OPEN] > w->traces * 9 / 10);
		assert_true(w->reached > w->traces * 9 / 10);
	}
	sweep_free(w);
}

/* This host does not let out all that is to be sent. */
static void refused_here(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/15", "2001:200::/41");

	w->net.refuse = 100;
	w->rules.attempts = 2;
	prepare(w);
	assert_int_equal(far_trace(&w->f, &w->s), 0);
	check_ledger(w);
	check_answers(w);
	assert_in_range(w->f.refused, w->f.probes / 20, w->f.probes / 5);
	assert_int_equal(w->traces, targets_count(&w->targets));
	assert_true(w->fates[FATE_OPEN] > w->traces * 95 / 100);
	for (u32 i = 1; i <= w->f.conns; i++)
		assert_int_equal(w->f.conn[i].faults, 0);
	sweep_free(w);
}

/* From outside, at any time: what is known is kept, and nobody is left with a
 * connection. */
static void halted(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/15", "2001:200::/41");
	u64 whole = 0, cut = 0;

	w->rules.active_max = 300;
	/* in the beginning no trace has a hop to tell of */
	for (u64 ms = 1; ms < 1500; ms += 97) {
		u64 halted = 0;

		w->net.halt_ns = ms * NS_PER_MS;
		w->net.habits.ends = ms % 2;
		run(w);
		check_answers(w);
		for (size_t i = 0; i < w->f.records; i++)
			halted += w->f.record[i].stop_reason == STOP_HALTED;
		assert_true(halted <= 300);
		assert_int_equal(w->progress.started, w->progress.ended);
		assert_true(w->traces <= w->progress.started);
		whole += w->traces - halted;
		cut += halted;
	}
	assert_true(whole > 2000 && cut > 1000);
	sweep_free(w);
}

/* Each attempt is a flow, with a session and a port of its own. */
static void flows(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/16", "2001:200::/42");
	u64 differ = 0;

	w->key.flows = true;
	w->net.simnet.diamond = 400;
	for (u8 attempts = 2; attempts <= 16; attempts += 7) {
		w->rules.attempts = attempts;
		for (int reset = 0; reset < 2; reset++) {
			w->rules.by_reset = reset;
			run(w);
			check_truth(w, true);
			assert_fates(w, FATE_OPEN);
			assert_int_equal(w->f.conns, w->traces * attempts);
		}
		for (u32 i = 1; i <= w->f.conns; i++)
			assert_int_equal(w->f.conn[i].syns, 1);
		for (size_t i = 0; i + 1 < w->f.records; i++) {
			const struct record *r = &w->f.record[i];
			u64 flow = cookie_flow(&w->key, &r->dst, PROTO_TCP);

			assert_int_equal(r->sport, cookie_port(&w->key, flow,
							       r->hop.attempt));
			differ += r->hop.ttl == r[1].hop.ttl &&
				  !addr_equal(&r->hop.from, &r[1].hop.from);
		}
	}
	/* which is what they are for */
	assert_true(differ > 2000);
	/* some fail, and the others go on */
	w->rules.attempts = 3;
	w->net.habits.resets_at = 2;
	run(w);
	check_truth(w, true);
	assert_fates(w, FATE_RESET);
	sweep_free(w);
}

/* The same hosts, and no session: they keep half of a connection for each SYN,
 * and swallow others meanwhile. */
static void half_open(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/15", "2001:200::/41");

	w->rules.method = PROBE_TCP;
	w->rules.attempts = 3;
	w->key.tcp = COOKIE_TCP_SYN;
	run(w);
	check_truth(w, true);
	assert_true(w->progress.probes > w->f.records + w->traces);
	w->net.loss = 300;
	w->net.jitter_ns = 3 * NS_PER_S;
	prepare(w);
	assert_int_equal(far_trace(&w->f, &w->s), 0);
	check_ledger(w);
	check_answers(w);
	assert_true(w->s.stats.late > 100);
	sweep_free(w);
}

/* As it happens: what became of the session, the hops, what became of it
 * then. */
static void stream(void **state)
{
	struct sweep *w = sweep_new("20.0.0.0/24", NULL);

	w->rules.active_max = 1;
	w->rules.stream = true;
	w->rules.window = 1;
	run(w);
	check_truth(w, true);
	assert_fates(w, FATE_OPEN);
	w->net.habits.resets_at = 2;
	run(w);
	check_truth(w, true);
	assert_int_equal(w->fates[FATE_OPEN], 1);
	assert_int_equal(w->fates[FATE_RESET], 1);
	assert_int_equal(w->f.record[0].session, FATE_OPEN);
	assert_int_equal(w->f.record[w->f.records - 2].session, FATE_RESET);
	sweep_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stateless),
		cmocka_unit_test(ten_thousand_at_once),
		cmocka_unit_test(memory_of_a_session),
		cmocka_unit_test(kinds_of_hosts),
		cmocka_unit_test(reordered),
		cmocka_unit_test(acknowledgements_are_lost),
		cmocka_unit_test(refused_here),
		cmocka_unit_test(halted),
		cmocka_unit_test(flows),
		cmocka_unit_test(half_open),
		cmocka_unit_test(stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
