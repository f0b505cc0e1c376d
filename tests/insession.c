/* SPDX-License-Identifier: BSD-2-Clause */
/* insession: a ladder of traces, each through a TCP session of its own. */
#include "insession.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONNS = 50000 };

struct insession *insession_new(const char *prefix, const char *another)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	static const struct targets_config per = { 24, 48, 3 };
	struct insession *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	targets_init(&w->targets, &per);
	assert_int_equal(targets_add(&w->targets, prefix), 0);
	if (another)
		assert_int_equal(targets_add(&w->targets, another), 0);
	assert_int_equal(targets_seal(&w->targets), 0);
	permute_init(&w->order, targets_count(&w->targets), 11);
	w->key = frame_key();
	w->key.mode = COOKIE_TCP_SESSION;
	w->net = (struct abroad_config){
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
		.dport = INSESSION_PORT,
	};
	return w;
}

static void sweep_clear(struct insession *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	abroad_close(&w->f);
	memset(&w->s, 0, sizeof(w->s));
}

void insession_free(struct insession *w)
{
	sweep_clear(w);
	targets_fini(&w->targets);
	free(w);
}

void insession_prepare(struct insession *w)
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
	abroad_open(&w->f, &w->net, CONNS);
	w->rules.parting = w->f.parting;
	w->s.emit = abroad_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, ABROAD_START), 0);
}

void insession_check_ledger(struct insession *w)
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
static void check_hosts(const struct insession *w)
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

void insession_run(struct insession *w)
{
	insession_prepare(w);
	assert_int_equal(abroad_run(&w->f, &w->s), 0);
	insession_check_ledger(w);
	check_hosts(w);
}

static void truth_of(const struct insession *w, const struct record *r,
		     struct simnet_hop *truth)
{
	u64 flow = simnet_flow(&w->net.simnet, &r->src, &r->dst, PROTO_TCP,
			       (u32)r->sport << 16 | r->dport);

	simnet_hop(&w->net.simnet, &r->dst, r->hop.ttl, flow, 0, truth);
}

/* One probe's record against the network; destinations answer. */
static void check_hop(struct insession *w, const struct record *r)
{
	const struct hop *h = &r->hop;
	struct simnet_hop truth;

	truth_of(w, r, &truth);
	assert_int_equal(r->dport, INSESSION_PORT);
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
static u8 last_ttl(const struct insession *w, const struct addr *dst,
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

void insession_check_truth(struct insession *w, bool answers)
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

void insession_assert_fates(const struct insession *w, enum session_fate fate)
{
	u64 flows = w->key.flows ? w->rules.attempts : 1;

	for (int i = 0; i <= FATE_RESET; i++)
		assert_int_equal(w->fates[i],
				 i == (int)fate ? w->traces * flows : 0);
}

void insession_check_answers(struct insession *w)
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
