/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_sweep_test: traces by QUIC, many at once, to servers of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "quicsweep.h"

enum { LINK_US = 2000 };

static void truth_of(const struct quicsweep *w, const struct record *r,
		     struct simnet_hop *truth)
{
	u64 flow = simnet_flow(&w->net.simnet, &r->src, &r->dst, PROTO_UDP,
			       (u32)r->sport << 16 | r->dport);

	simnet_hop(&w->net.simnet, &r->dst, r->hop.ttl, flow, 0, truth);
}

/* What the destination said, and in time unless it takes its own. */
static void check_said(struct quicsweep *w, const struct record *r,
		       const struct simnet_hop *truth)
{
	const struct hop *h = &r->hop;
	u32 rtt = 2 * LINK_US * truth->distance;

	w->reached++;
	assert_true(addr_equal(&h->from, &r->dst));
	assert_int_equal(h->flags & (HOP_REACHED | HOP_FINAL),
			 HOP_REACHED | HOP_FINAL);
	if (!w->said) {
		assert_int_equal(h->kind, REPLY_UNREACH);
		return;
	}
	assert_int_equal(h->kind, REPLY_UDP);
	assert_int_equal(h->tcp_said, w->said);
	assert_int_equal(h->tcp_flags | h->tcp_mss | h->tcp_scale, 0);
	assert_true(h->rtt_us >= rtt);
	if (!w->habits.every && !w->net.loss && !w->net.lost)
		assert_true(h->rtt_us <= rtt + LINK_US);
}

/* One probe's record against the network. */
static void check_hop(struct quicsweep *w, const struct record *r)
{
	const struct hop *h = &r->hop;
	struct simnet_hop truth;

	truth_of(w, r, &truth);
	assert_int_equal(r->dport, QUICSWEEP_PORT);
	assert_int_equal(r->probe_size, addr_is_v4(&r->dst)
						? w->rules.probe_size4
						: w->rules.probe_size6);
	assert_int_equal(h->state, HOP_ANSWERED);
	assert_int_equal(h->reply_ttl, truth.reply_ttl);
	assert_int_equal(truth.end == SIMNET_END_SILENT, false);
	if (truth.end == SIMNET_END_DESTINATION) {
		check_said(w, r, &truth);
		return;
	}
	assert_int_equal(h->kind, REPLY_EXPIRED);
	assert_true(addr_equal(&h->from, &truth.from));
	assert_int_equal(h->flags & HOP_REACHED, 0);
	assert_int_equal(h->label_count, truth.labels);
	assert_memory_equal(h->label, truth.label, sizeof(truth.label));
	assert_in_range(h->rtt_us, 2 * LINK_US * truth.distance,
			2 * LINK_US * truth.distance + LINK_US +
				w->net.jitter_ns / 500);
}

static bool is_silent(const struct quicsweep *w, const struct record *r)
{
	struct simnet_hop truth;

	truth_of(w, r, &truth);
	return truth.end == SIMNET_END_SILENT;
}

/* The last TTL of the trace to dst: its destination, where that answers. */
static u8 last_ttl(const struct quicsweep *w, const struct addr *dst,
		   bool answers, u8 *why)
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

/* Every trace whole, in order, once, and true. */
static void check_truth(struct quicsweep *w, bool answers)
{
	unsigned int n = 0, rows = 0;
	u8 why = 0, last = 0;

	w->traces = w->reached = 0;
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];
		u8 length = (u8)simnet_length(&w->net.simnet, &r->dst);

		assert_int_equal(!!(r->flags & RECORD_FIRST), !rows);
		if (!rows) {
			n = 0;
			last = last_ttl(w, &r->dst, answers, &why);
			w->traces++;
		} else {
			assert_true(addr_equal(&r->dst, &r[-1].dst));
		}
		rows++;
		if (r->flags & RECORD_SESSION) {
			assert_int_equal(r->flags & RECORD_LAST, 0);
			continue;
		}
		assert_int_equal(r->hop.ttl, 1 + n / w->rules.attempts);
		assert_int_equal(r->hop.attempt, n % w->rules.attempts);
		if (is_silent(w, r) || (!answers && r->hop.ttl >= length))
			assert_int_equal(r->hop.state, HOP_SILENT);
		else
			check_hop(w, r);
		n++;
		assert_int_equal(!!(r->flags & RECORD_LAST),
				 n == last * w->rules.attempts);
		assert_int_equal(r->stop_reason,
				 r->flags & RECORD_LAST ? why : STOP_NONE);
		if (r->flags & RECORD_LAST)
			rows = 0;
	}
	assert_int_equal(rows, 0);
	assert_int_equal(w->traces, targets_count(&w->targets));
}

/* What answers, answers truly. */
static void check_answers(struct quicsweep *w)
{
	w->traces = w->reached = w->lost = 0;
	for (size_t i = 0; i < w->f.records; i++) {
		const struct record *r = &w->f.record[i];

		w->traces += !!(r->flags & RECORD_LAST);
		if (r->flags & RECORD_SESSION)
			continue;
		if (r->hop.state == HOP_ANSWERED)
			check_hop(w, r);
		else
			w->lost += !is_silent(w, r);
	}
	assert_int_equal(w->traces, targets_count(&w->targets));
}

static void ten_thousand_at_once(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/11", "2001:200::/37");

	quicsweep_run(w);
	check_truth(w, true);
	quicsweep_check_servers(w, true);
	assert_int_equal(w->traces, 8192 + 2048);
	assert_int_equal(w->progress.active_peak, 10000);
	assert_int_equal(w->f.segments, w->traces);
	assert_in_range(quic_conns_octets(&w->quic) + w->progress.octets,
			10000 * 2000, 10000 * 2500);
	quicsweep_free(w);
}

/* What a server may do, and what destinations are told to have said then. */
static const struct row {
	struct quicserver_habits habits;
	u8 said;
	bool begins;
} rows[] = {
	{ {}, HOP_QUIC_INITIAL, true },
	{ { .ecn = true }, HOP_QUIC_INITIAL, true },
	{ { .every = 2 }, HOP_QUIC_INITIAL, true },
	{ { .every = 3 }, HOP_QUIC_INITIAL, true },
	{ { .retries = true }, HOP_QUIC_RETRY | HOP_QUIC_INITIAL, true },
	{ { .v2_only = true }, HOP_QUIC_VERSIONS | HOP_QUIC_INITIAL, true },
	{ { .v2_only = true, .retries = true, .every = 3 },
	  HOP_QUIC_VERSIONS | HOP_QUIC_RETRY | HOP_QUIC_INITIAL,
	  true },
	{ { .refuses = true }, HOP_QUIC_INITIAL | HOP_QUIC_CLOSE, false },
	{ { .ends = true }, HOP_QUIC_INITIAL | HOP_QUIC_CLOSE, false },
	{ { .silent = true }, 0, false },
};

/* With one flow, with three attempts of one, and with three flows. */
static void kinds_of_servers(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/17", "2001:200::/42");

	for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i / 3];

		w->habits = r->habits;
		w->said = r->said;
		w->rules.attempts = i % 3 ? 6 : 1;
		w->flows = i % 3 == 2;
		/* so many of each connection must be under way */
		w->rules.window = 3 * w->rules.attempts;
		w->net.simnet.silent = r->habits.every ? 0 : 100;
		w->odd = i & 1;
		quicsweep_run(w);
		check_truth(w, !r->habits.silent);
		quicsweep_check_servers(w, r->begins);
		if (!r->habits.silent)
			assert_int_equal(w->reached,
					 w->traces * w->rules.attempts);
	}
	quicsweep_free(w);
}

/* A path may be any number of routers at each attempt, with flows. */
static void diamonds(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", "2001:200::/41");

	w->net.simnet.diamond = 500;
	w->rules.attempts = 6;
	w->rules.window = 12;
	for (int flows = 0; flows < 2; flows++) {
		w->flows = flows;
		quicsweep_run(w);
		check_truth(w, true);
		quicsweep_check_servers(w, true);
	}
	quicsweep_free(w);
}

/* A datagram that is no QUIC of ours is an answer, and the only one. */
static void resets(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", "2001:200::/41");

	w->net.simnet.silent = 0;
	w->habits.resets = true;
	w->said = HOP_QUIC_UNKNOWN;
	quicsweep_run(w);
	check_truth(w, true);
	quicsweep_check_servers(w, false);
	assert_int_equal(w->reached, w->traces);
	assert_int_equal(w->f.segments, 0);
	/* nobody waited for what was there */
	assert_true(w->f.now - ABROAD_START < NS_PER_S);
	/* it names no probe: whatever is beyond the routers that spoke */
	w->net.simnet.silent = 150;
	quicsweep_run(w);
	for (size_t n = 0; n < w->f.records; n++) {
		struct record r = w->f.record[n];
		u8 length = (u8)simnet_length(&w->net.simnet, &r.dst);

		if (r.hop.kind != REPLY_UDP)
			continue;
		assert_true(r.hop.ttl <= length);
		r.hop.ttl = length - 1;
		if (!is_silent(w, &r))
			assert_int_equal(w->f.record[n].hop.ttl, length);
	}
	/* one of three attempts is answered, by whatever comes first */
	w->net.simnet.silent = 0;
	w->rules.attempts = 3;
	w->rules.window = 9;
	quicsweep_run(w);
	w->reached = 0;
	for (size_t n = 0; n < w->f.records; n++)
		w->reached += w->f.record[n].hop.kind == REPLY_UDP;
	assert_int_equal(w->reached, w->traces);
	quicsweep_free(w);
}

/* It is no answer to us then. */
static void from_another_port(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", "2001:200::/41");

	w->from = QUICSWEEP_PORT + 1;
	quicsweep_run(w);
	check_truth(w, false);
	quicsweep_check_faults(w);
	quicsweep_free(w);
}

/* Later acknowledgements make up for those that are lost. */
static void answers_are_lost(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/15", "2001:200::/40");

	w->net.loss = 300;
	quicsweep_run(w);
	check_answers(w);
	quicsweep_check_faults(w);
	/* three in a row are lost to one in 37, and then the next three */
	assert_in_range(w->lost, w->traces * 3 / 80, w->traces * 3 / 20);
	assert_true(w->reached >= w->traces * 99 / 100);
	quicsweep_free(w);
}

static void hostile_network(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/15", "2001:200::/40");

	w->rules.attempts = 3;
	w->rules.active_max = 300;
	w->net.loss = 100;
	w->net.lost = 100;
	w->net.refuse = 50;
	w->net.jitter_ns = 500 * NS_PER_US;
	w->habits.retries = true;
	for (u64 seed = 1; seed <= 4; seed++) {
		w->net.seed = seed;
		w->flows = seed & 1;
		w->said = HOP_QUIC_RETRY | HOP_QUIC_INITIAL;
		quicsweep_run(w);
		check_answers(w);
		quicsweep_check_faults(w);
		assert_true(w->f.refused > 500);
		assert_true(w->lost > 500);
	}
	quicsweep_free(w);
}

/* What is known to have begun is closed, though nothing else is done. */
static void halted(void **state)
{
	for (u64 ms = 20; ms < 120; ms += 20) {
		struct quicsweep *w = quicsweep_new("20.0.0.0/13", NULL);
		u64 halt = ABROAD_START + ms * NS_PER_MS;
		u32 closed = 0, unknown = 0;

		w->net.halt_ns = ms * NS_PER_MS;
		w->net.asides = 3;
		quicsweep_run(w);
		quicsweep_check_faults(w);
		for (u32 i = 1; i <= w->fars; i++) {
			const struct quicsweep_far *far = &w->far[i];
			u64 told = far->server.begun_ns +
				   simnet_length(&w->net.simnet, &far->dst) *
					   LINK_US * NS_PER_US;

			closed += far->server.closes;
			if (!far->server.begun || far->server.closes)
				continue;
			assert_true(told + 100 * NS_PER_US >= halt);
			unknown++;
		}
		if (ms > 80)
			assert_true(closed > 100 && unknown > 100);
		quicsweep_free(w);
	}
}

/* As many slots as traces at once: a connection that is to be closed holds
 * its own, and is not taken for the next trace's. */
static void few_slots(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", NULL);

	for (u32 active = 1; active <= 25; active *= 5) {
		w->rules.active_max = active;
		w->net.asides = 1;
		w->flows = active > 1;
		w->rules.attempts = w->flows ? 2 : 1;
		w->rules.window = 6;
		quicsweep_run(w);
		check_truth(w, true);
		quicsweep_check_servers(w, true);
		assert_int_equal(w->progress.active_peak, active);
	}
	quicsweep_free(w);
}

/* Destinations of the simulated Internet speak no QUIC but versions: none is
 * reached by an Initial but by its refusal. */
static void closed_ports(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", "2001:200::/41");

	w->net.stateless = true;
	w->said = 0;
	quicsweep_run(w);
	check_truth(w, true);
	assert_int_equal(w->f.segments, 0);
	assert_int_equal(w->reached, w->traces);
	quicsweep_free(w);
}

/* Each is answered by a list, to the probe itself. */
static void versions(void **state)
{
	struct quicsweep *w = quicsweep_new("20.0.0.0/16", "2001:200::/41");

	w->net.stateless = true;
	w->rules.method = PROBE_QUIC_VN;
	w->rules.quic = NULL;
	for (int i = 0; i < 8; i++) {
		w->rules.attempts = i & 1 ? 3 : 1;
		w->flows = i & 2;
		w->odd = i & 1;
		w->net.simnet.tcp_open = i & 4 ? 0 : 1000;
		w->said = i & 4 ? 0 : HOP_QUIC_VERSIONS;
		quicsweep_run(w);
		check_truth(w, true);
		assert_int_equal(w->reached, w->traces * w->rules.attempts);
		assert_int_equal(w->f.segments, 0);
	}
	quicsweep_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_at_once),
		cmocka_unit_test(kinds_of_servers),
		cmocka_unit_test(diamonds),
		cmocka_unit_test(resets),
		cmocka_unit_test(from_another_port),
		cmocka_unit_test(answers_are_lost),
		cmocka_unit_test(hostile_network),
		cmocka_unit_test(halted),
		cmocka_unit_test(few_slots),
		cmocka_unit_test(closed_ports),
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
