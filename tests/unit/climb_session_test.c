/* SPDX-License-Identifier: BSD-2-Clause */
/* climb_session_test: one trace whose probes a session acknowledges, and what
 * becomes of them when it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "trace/climb.h"

enum { ATTEMPTS = 3, SENT = 9 };

struct one {
	struct cookie_key key;
	struct ladder_config rules;
	struct climb *c;
	struct addr dst;
	u32 data; /* the number of step 0 */
	struct answer a;
};

/* Nine probes, of TTL 1 to 3, are under way. */
static void set_up(struct one *o, bool flows)
{
	*o = (struct one){
		.key = frame_key(),
		.dst = frame_addr("203.0.113.9"),
		.rules = { .method = PROBE_INSESSION,
			   .first_ttl = 1,
			   .max_ttl = 3,
			   .attempts = ATTEMPTS,
			   .window = SENT,
			   .gap_limit = LADDER_GAP_OFF,
			   .wait_max_ns = NS_PER_S },
	};
	o->key.mode = COOKIE_TCP_SESSION;
	o->key.attempts = ATTEMPTS;
	o->key.flows = flows;
	o->rules.key = &o->key;
	o->data = cookie_session(&o->key, &o->dst) + COOKIE_DATA;
	o->a = (struct answer){ .arrived_ns = 2 * NS_PER_S, .dst = o->dst };
	o->a.reply = (struct reply){ .kind = REPLY_TCP,
				     .family = 4,
				     .from = o->dst,
				     .tcp_flags = TCP_ACK };
	o->a.proof.result = COOKIE_EXACT;
	/* an answer has a frame, of which its options are read */
	o->a.frame = calloc(1, 64);
	o->a.frame_len = 64;
	o->a.reply.l4_off = 34;
	o->c = calloc(1, climb_size(&o->rules));
	assert_true(o->c && o->a.frame);
	climb_init(o->c, &o->rules, &o->dst, 0);
}

static void tear_down(struct one *o)
{
	free((void *)(uintptr_t)o->a.frame);
	free(o->c);
}

/* As many as may leave; how many those are. */
static unsigned int send(struct one *o)
{
	unsigned int sent = 0;
	struct probe p;

	for (; climb_wants(o->c, &o->rules); sent++) {
		climb_hand(o->c, &o->rules, &p);
		p.sent_ns = NS_PER_S;
		assert_true(climb_depart(o->c, &o->rules, &p));
	}
	return sent;
}

static bool is_answered(const struct one *o, u8 ttl, u8 attempt)
{
	return o->c->rung[(ttl - 1) * ATTEMPTS + attempt].state == HOP_ANSWERED;
}

static void those_that_are_covered(void **state)
{
	for (int flows = 0; flows < 2; flows++) {
		struct sack sack = { .blocks = 2 };
		struct one o;

		set_up(&o, flows);
		assert_int_equal(send(&o), SENT);
		/* attempt 1 of TTL 2, and what is beyond all of them */
		sack.left[0] = o.data + cookie_step(&o.key, 2, 1);
		sack.right[0] = sack.left[0] + 1;
		sack.left[1] = o.data + cookie_step(&o.key, 20, 0);
		sack.right[1] = sack.left[1] + 5;
		assert_int_equal(
			climb_acknowledge(o.c, &o.rules, 1, &sack, &o.a), 1);
		assert_true(is_answered(&o, 2, 1));
		assert_int_equal(climb_in_flight(o.c), SENT - 1);
		/* once */
		assert_int_equal(
			climb_acknowledge(o.c, &o.rules, 1, &sack, &o.a), 0);
		/* by the session of another flow: none */
		sack.left[0] = o.data;
		sack.right[0] = o.data + COOKIE_DATA + 256 * ATTEMPTS;
		assert_int_equal(
			climb_acknowledge(o.c, &o.rules, 2, &sack, &o.a),
			flows ? 3 : SENT - 1);
		if (flows)
			for (u8 ttl = 1; ttl <= 3; ttl++)
				assert_true(is_answered(&o, ttl, 2));
		tear_down(&o);
	}
}

static void the_one_under_way(void **state)
{
	struct one o;

	set_up(&o, true);
	o.c->lone = true;
	assert_int_equal(send(&o), 1);
	/* it is attempt 0's */
	assert_int_equal(climb_acknowledge(o.c, &o.rules, 1, NULL, &o.a), 0);
	assert_int_equal(climb_acknowledge(o.c, &o.rules, 0, NULL, &o.a), 1);
	assert_int_equal(climb_acknowledge(o.c, &o.rules, 0, NULL, &o.a), 0);
	assert_true(is_answered(&o, 1, 0));
	tear_down(&o);
}

/* What a failed session had under way waited in vain and is sent again; that
 * of others is not. */
static void forsaken(void **state)
{
	static const struct doubt none;

	for (int flows = 0; flows < 2; flows++) {
		unsigned int mine = flows ? 3 : SENT;
		struct one o;

		set_up(&o, flows);
		assert_int_equal(send(&o), SENT);
		assert_int_equal(climb_forsake(o.c, &o.rules, 1), mine);
		assert_int_equal(climb_in_flight(o.c), SENT - mine);
		assert_int_equal(send(&o), mine);
		for (unsigned int i = 0; i < mine; i++) {
			o.a.proof.ttl = (u8)(flows ? i + 1 : i / ATTEMPTS + 1);
			o.a.proof.attempt = flows ? 1 : i % ATTEMPTS;
			o.a.reply.kind = REPLY_EXPIRED;
			assert_int_equal(climb_answer(o.c, &o.rules, &o.a),
					 CLIMB_ANSWERED);
		}
		assert_int_equal(
			climb_expire(o.c, &o.rules, &none, 3 * NS_PER_S),
			SENT - mine);
		tear_down(&o);
	}
}

/* But not for ever. */
static void forsaken_again_and_again(void **state)
{
	static const struct doubt none;
	unsigned int tries = 0;
	struct one o;

	set_up(&o, false);
	o.rules.window = 1;
	assert_int_equal(send(&o), 1);
	while (climb_forsake(o.c, &o.rules, 0) == 1 && tries < 100)
		tries += send(&o);
	assert_int_equal(tries, CLIMB_AGAIN);
	assert_int_equal(climb_expire(o.c, &o.rules, &none, 3 * NS_PER_S), 1);
	tear_down(&o);
}

/* What was to be sent again is lost by us; what was under way is counted. */
static void halted_meanwhile(void **state)
{
	struct record r[SENT];
	struct one o;

	set_up(&o, true);
	assert_int_equal(send(&o), SENT);
	assert_int_equal(climb_forsake(o.c, &o.rules, 1), 3);
	o.a.proof.ttl = 1;
	o.a.proof.attempt = 1;
	assert_int_equal(climb_answer(o.c, &o.rules, &o.a), CLIMB_LATE);
	assert_int_equal(climb_halt(o.c, &o.rules), SENT - 3);
	assert_int_equal(o.c->total, SENT);
	climb_records(o.c, &o.rules, 0, SENT, r);
	for (int i = 0; i < SENT; i++)
		assert_int_equal(r[i].hop.state, HOP_LOST);
	tear_down(&o);
}

/* A server of QUIC acknowledges the first probe of TTL 3 alone: how many are
 * sent again when all others have waited in vain? */
static unsigned int again_after(u8 told)
{
	const struct quic_reply first = { .range = { { 6, 6 } }, .ranges = 1 };
	const struct doubt none = {};
	struct one o;
	unsigned int again;

	set_up(&o, false);
	o.rules.method = PROBE_QUIC;
	o.a.reply.kind = REPLY_UDP;
	for (u32 number = 0; number < SENT; number++) {
		struct probe p;

		climb_hand(o.c, &o.rules, &p);
		climb_number(o.c, &o.rules, &p, number);
		p.sent_ns = NS_PER_S;
		assert_true(climb_depart(o.c, &o.rules, &p));
	}
	assert_int_equal(climb_arrived(o.c, &o.rules, 0, &first, told, &o.a),
			 1);
	assert_true(is_answered(&o, 3, 0));
	assert_int_equal(climb_expire(o.c, &o.rules, &none, 60 * NS_PER_S),
			 SENT - 1);
	again = o.c->again;
	tear_down(&o);
	return again;
}

/* What comes while it sets the connection up it may have dropped; who sets none
 * up has no such excuse. */
static void swallowed_by_a_server(void **state)
{
	assert_int_equal(again_after(HOP_QUIC_INITIAL), SENT - 1);
	assert_int_equal(again_after(HOP_QUIC_VERSIONS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_are_covered),
		cmocka_unit_test(the_one_under_way),
		cmocka_unit_test(forsaken),
		cmocka_unit_test(forsaken_again_and_again),
		cmocka_unit_test(halted_meanwhile),
		cmocka_unit_test(swallowed_by_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
