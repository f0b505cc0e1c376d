/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * climb_tcp_test: one trace of SYNs, all of one connection, to a destination
 * that answers none while it has the connection half open for another.
 *
 * Virtual time. Probes arrive in the order in which they left, half a round
 * trip later; a router or the destination answers at once. Our RST leaves when
 * the SYN/ACK is here, and half a round trip later the connection is closed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "probe/tcp.h"
#include "trace/climb.h"

enum { FAR = 3, ATTEMPTS = 3, REPLIES = 512, STEP_NS = 250000 };

#define OUR "192.0.2.1"
#define DST "203.0.113.9"

struct reply_due {
	u64 at_ns;
	struct frame f;
};

struct world {
	struct cookie_key key;
	struct ladder_config rules;
	struct climb *c;
	u64 now, rtt_ns, closed_ns; /* of the destination's connection */
	struct doubt doubt;	    /* none */
	bool stateless;		    /* answers each SYN */
	u8 deaf;		    /* 1 + attempt that it never answers */
	struct reply_due reply[REPLIES];
	unsigned int first, last, far_sent;
};

static void set_up_world(struct world *w, u64 rtt_ns)
{
	struct addr dst = frame_addr(DST);

	*w = (struct world){
		.key = frame_key(),
		.rules = { .method = PROBE_TCP,
			   .first_ttl = 1,
			   .max_ttl = 30,
			   .attempts = ATTEMPTS,
			   .window = 16,
			   .gap_limit = LADDER_GAP_OFF,
			   .wait_max_ns = 5 * NS_PER_S,
			   .here_milli = 3000,
			   .near_milli = 10000,
			   .dport = 80 },
		.now = NS_PER_S,
		.rtt_ns = rtt_ns,
	};
	w->rules.key = &w->key;
	w->rules.src4 = w->key.src4;
	w->c = calloc(1, climb_size(&w->rules));
	assert_non_null(w->c);
	climb_init(w->c, &w->rules, &dst, 0);
}

static void answer(struct world *w, struct frame f, const struct probe *p,
		   u64 at_ns)
{
	assert_true(w->last < REPLIES);
	frame_probe(&f, &w->key, p->ttl, p->attempt);
	w->reply[w->last++] = (struct reply_due){ at_ns, f };
}

/* Replies are due in the order in which they are added, all at one RTT. */
static void leave(struct world *w, const struct probe *p)
{
	const struct frame router = {
		.ip = { 4, "198.51.100.7", OUR },
		.l4 = { PROTO_ICMP, ICMP4_EXPIRED },
		.quote = { 4, OUR, DST, .ttl = 1 },
		.quoted = { PROTO_TCP, .dport = 80, .flags = TCP_SYN },
	};
	const struct frame far = { .ip = { 4, DST, OUR },
				   .l4 = { PROTO_TCP, .sport = 80 } };
	u64 arrives = w->now + w->rtt_ns / 2;

	assert_int_equal(p->dport, 80);
	if (p->ttl < FAR) {
		answer(w, router, p, w->now + w->rtt_ns);
		return;
	}
	w->far_sent += p->ttl == FAR;
	if ((arrives < w->closed_ns && !w->stateless) ||
	    w->deaf == p->attempt + 1)
		return;
	w->closed_ns = arrives + w->rtt_ns;
	answer(w, far, p, w->now + w->rtt_ns);
}

static void hear(struct world *w)
{
	for (; w->first < w->last && w->reply[w->first].at_ns <= w->now;
	     w->first++) {
		u8 at[FRAME_MAX];
		struct answer a = {
			.arrived_ns = w->reply[w->first].at_ns,
			.dst = frame_addr(DST),
			.frame = at,
		};

		a.frame_len = frame_build(&w->reply[w->first].f, at);
		reply_parse(at, a.frame_len, &a.reply);
		assert_int_equal(cookie_check(&w->key, &a.reply, &a.proof),
				 COOKIE_EXACT);
		climb_answer(w->c, &w->rules, &a);
	}
}

/* What the ladder does with one trace, a probe every 250 us. Its records. */
static unsigned int run(struct world *w, struct record *r)
{
	while (!climb_judge(w->c, &w->rules)) {
		struct probe p;

		assert_true(w->now < 100 * NS_PER_S);
		if (climb_wants(w->c, &w->rules) &&
		    climb_gate(w->c, &w->rules) <= w->now) {
			climb_hand(w->c, &w->rules, &p);
			p.sent_ns = w->now;
			assert_true(climb_depart(w->c, &w->rules, &p));
			leave(w, &p);
		}
		w->now += STEP_NS;
		hear(w);
		climb_expire(w->c, &w->rules, &w->doubt, w->now);
	}
	climb_records(w->c, &w->rules, 0, w->c->total, r);
	return w->c->total;
}

static const u64 rtts_ms[] = { 1, 20, 150, 700 };

static void all_attempts_are_answered(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct record r[64];
		struct world w;

		set_up_world(&w, rtts_ms[i] * NS_PER_MS);
		/* with and without waits that others' answers shorten */
		for (int fixed = 0; fixed < 2; fixed++) {
			if (fixed) {
				free(w.c);
				set_up_world(&w, rtts_ms[i] * NS_PER_MS);
				w.rules.here_milli = w.rules.near_milli = 0;
			}
			assert_int_equal(run(&w, r), FAR * ATTEMPTS);
			for (int j = 0; j < FAR * ATTEMPTS; j++) {
				assert_int_equal(r[j].hop.state, HOP_ANSWERED);
				assert_int_equal(r[j].hop.rtt_us,
						 rtts_ms[i] * 1000);
			}
			assert_int_equal(r[8].stop_reason, STOP_COMPLETED);
			assert_in_range(w.far_sent, ATTEMPTS, 3 * ATTEMPTS);
			/* not the five seconds of silence */
			assert_true(w.now <
				    NS_PER_S + 12 * w.rtt_ns + 100 * NS_PER_MS);
		}
		free(w.c);
	}
}

/* Who answers each SYN is asked no more than once. */
static void stateless_is_asked_once(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct record r[64];
		struct world w;

		set_up_world(&w, rtts_ms[i] * NS_PER_MS);
		w.stateless = true;
		assert_int_equal(run(&w, r), FAR * ATTEMPTS);
		for (int j = 0; j < FAR * ATTEMPTS; j++)
			assert_int_equal(r[j].hop.rtt_us, rtts_ms[i] * 1000);
		assert_int_equal(w.far_sent, ATTEMPTS);
		free(w.c);
	}
}

/* Silence that is no such thing is found out, in a bounded number of tries. */
static void silence_stays_silence(void **state)
{
	for (u8 deaf = 1; deaf <= ATTEMPTS; deaf++) {
		struct record r[64];
		struct world w;

		set_up_world(&w, 20 * NS_PER_MS);
		w.stateless = true;
		w.deaf = deaf;
		assert_int_equal(run(&w, r), FAR * ATTEMPTS);
		for (int j = 0; j < FAR * ATTEMPTS; j++)
			assert_int_equal(r[j].hop.state,
					 j == (FAR - 1) * ATTEMPTS + deaf - 1
						 ? HOP_SILENT
						 : HOP_ANSWERED);
		assert_in_range(w.far_sent, ATTEMPTS, ATTEMPTS + 4);
		free(w.c);
	}
}

/* Ended from outside: what was to be sent again is lost, not silent. */
static void halted(void **state)
{
	for (u64 after_ms = 1; after_ms < 200; after_ms += 7) {
		struct record r[64];
		struct world w;
		unsigned int n;

		set_up_world(&w, 20 * NS_PER_MS);
		while (w.now < NS_PER_S + after_ms * NS_PER_MS &&
		       !climb_judge(w.c, &w.rules)) {
			struct probe p;

			if (climb_wants(w.c, &w.rules)) {
				climb_hand(w.c, &w.rules, &p);
				p.sent_ns = w.now;
				climb_depart(w.c, &w.rules, &p);
				leave(&w, &p);
			}
			w.now += STEP_NS;
			hear(&w);
			climb_expire(w.c, &w.rules, &w.doubt, w.now);
		}
		if (!climb_judge(w.c, &w.rules))
			climb_halt(w.c, &w.rules);
		n = w.c->total;
		assert_in_range(n, 1, 64);
		climb_records(w.c, &w.rules, 0, n, r);
		for (unsigned int j = 0; j < n; j++)
			assert_true(r[j].hop.state == HOP_ANSWERED ||
				    r[j].hop.state == HOP_LOST);
		free(w.c);
	}
}

/* A router quotes the probe with this MSS and port alone; mss 0: its first
 * eight octets. */
static void hear_quote(struct world *w, u8 ttl, u16 mss, u16 dport)
{
	struct frame f = {
		.ip = { 4, "198.51.100.7", OUR },
		.l4 = { PROTO_ICMP, ICMP4_EXPIRED },
		.quote = { 4, OUR, DST, .ttl = 1 },
		.quoted = { PROTO_TCP, .dport = dport, .flags = TCP_SYN,
			    .payload = 4 },
		.quote_max = mss ? 0 : 28,
	};
	u8 at[FRAME_MAX], *tcp = at + 14 + 20 + 8 + 20;
	const u8 option[] = { 2, 4, (u8)(mss >> 8), (u8)mss };
	struct answer a = { .arrived_ns = w->now,
			    .dst = frame_addr(DST),
			    .frame = at };

	frame_probe(&f, &w->key, ttl, 0);
	a.frame_len = frame_build(&f, at);
	if (mss) {
		tcp[12] = 6 << 4;
		memcpy(tcp + 20, option, sizeof(option));
	}
	reply_parse(at, a.frame_len, &a.reply);
	assert_int_equal(cookie_check(&w->key, &a.reply, &a.proof),
			 COOKIE_EXACT);
	assert_int_equal(climb_answer(w->c, &w->rules, &a), CLIMB_ANSWERED);
}

/* Each rung tells what its own quote showed; of more kinds of quotes than
 * there is room for, nothing is told. */
static void quotes_are_kept(void **state)
{
	static const struct {
		u16 mss, dport;
		bool kept;
	} rows[] = {
		{ 1460, 80, true }, { 0, 80, true },	 { 1200, 80, true },
		{ 1460, 80, true }, { 1200, 81, true },	 { 0, 81, true },
		{ 1300, 80, true }, { 1301, 80, false }, { 1200, 80, true },
		{ 0, 82, false },   { 0, 80, true },
	};
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	struct record r[ROWS];
	struct world w;

	set_up_world(&w, NS_PER_MS);
	w.rules.attempts = 1;
	w.rules.max_ttl = ROWS;
	for (int i = 0; i < ROWS; i++) {
		struct probe p;

		climb_hand(w.c, &w.rules, &p);
		p.sent_ns = w.now;
		assert_true(climb_depart(w.c, &w.rules, &p));
	}
	for (u8 i = 0; i < ROWS; i++)
		hear_quote(&w, i + 1, rows[i].mss, rows[i].dport);
	assert_true(climb_judge(w.c, &w.rules));
	assert_int_equal(w.c->total, ROWS);
	climb_records(w.c, &w.rules, 0, ROWS, r);
	for (int i = 0; i < ROWS; i++) {
		bool said = rows[i].kept && rows[i].mss;

		assert_int_equal(r[i].hop.tcp_mss, said ? rows[i].mss : 0);
		assert_int_equal(r[i].hop.tcp_said,
				 said ? TCP_SAID_MSS | TCP_SAID_WHOLE : 0);
		assert_int_equal(r[i].seen_dport,
				 rows[i].kept ? rows[i].dport : 0);
		assert_int_equal(r[i].dport, 80);
	}
	free(w.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_attempts_are_answered),
		cmocka_unit_test(stateless_is_asked_once),
		cmocka_unit_test(silence_stays_silence),
		cmocka_unit_test(halted),
		cmocka_unit_test(quotes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
