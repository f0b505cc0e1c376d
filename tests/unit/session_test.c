/* SPDX-License-Identifier: BSD-2-Clause */
/* session_test: how one TCP connection begins, or does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "talk.h"

static void handshake_and_proof(void **state)
{
	for (u8 flow = 0; flow < 16; flow++) {
		const struct aside *s;
		struct talk t;

		talk_begin(&t, flow);
		talk_said(&t, TCP_SYN, 0, 0, 0);
		assert_int_equal(
			t.said[0].sport,
			32768 + ((cookie_flow(&t.key, &t.s.dst, PROTO_TCP) +
				  flow) &
				 4095));
		assert_int_equal(t.said[0].dport, 80);
		assert_false(t.said[0].stamped);
		assert_int_equal(talk_accept(&t, true, true), SESSION_NOTHING);
		/* the acknowledgement, and then the proof behind the gap */
		assert_int_equal(t.count, 2);
		for (s = t.said; s < t.said + 2; s++) {
			assert_int_equal(s->ack, TALK_THEIRS + 1);
			assert_true(s->stamped && s->echo == 7);
		}
		assert_int_equal(t.said[0].flags, TCP_ACK);
		assert_int_equal(t.said[0].seq, t.first + COOKIE_GAP);
		assert_int_equal(t.said[1].flags, TCP_PSH | TCP_ACK);
		assert_int_equal(t.said[1].seq, t.first + talk_proof(&t));
		assert_int_equal(t.said[1].octets, 1);
		assert_true(t.said[1].seq - t.said[0].seq >= 1);
		/* some other octet is no proof */
		assert_int_equal(
			talk_hear(&t, talk_sacked(&t, talk_proof(&t) + 1)),
			SESSION_NOTHING);
		assert_int_equal(t.s.fate, FATE_NONE);
		assert_int_equal(talk_hear(&t, talk_sacked(&t, talk_proof(&t))),
				 SESSION_OPENED);
		assert_int_equal(t.s.fate, FATE_OPEN);
		assert_int_equal(session_probe_size(&t.s), 20 + 32 + 1);
		/* from now on, those are of probes */
		assert_int_equal(talk_hear(&t, talk_sacked(&t, 50)),
				 SESSION_ACKED);
		assert_true(sack_covers(&t.sack, t.first + 50));
		assert_false(sack_covers(&t.sack, t.first + 51));
		assert_int_equal(t.count, 0);
	}
}

static void a_record_says_what_became(void **state)
{
	struct record r;
	struct talk t;

	talk_begin(&t, 0);
	session_record(&t.s, &t.rules, &r);
	assert_int_equal(r.hop.state, HOP_SILENT);
	assert_int_equal(r.hop.rtt_us, HOP_RTT_UNKNOWN);
	talk_open(&t, 2);
	session_record(&t.s, &t.rules, &r);
	assert_int_equal(r.session, FATE_OPEN);
	assert_int_equal(r.flags, RECORD_TRACE | RECORD_SESSION);
	assert_int_equal(r.hop.state, HOP_ANSWERED);
	assert_int_equal(r.hop.rtt_us, TALK_RTT_MS * 1000);
	assert_int_equal(r.hop.tcp_flags, TCP_SYN | TCP_ACK);
	assert_int_equal(r.hop.tcp_said, TCP_SAID_SACK);
	assert_int_equal(r.hop.attempt, 2);
	assert_int_equal(r.sport,
			 cookie_port(&t.key,
				     cookie_flow(&t.key, &t.s.dst, PROTO_TCP),
				     2));
	assert_true(addr_equal(&r.hop.from, &t.s.dst));
}

/* Three SYNs, each waited for twice as long. */
static void syn_is_lost(void **state)
{
	struct talk t;

	talk_begin(&t, 0);
	assert_int_equal(talk_wait(&t, 1000), SESSION_NOTHING);
	talk_said(&t, TCP_SYN, 0, 0, 0);
	assert_int_equal(talk_wait(&t, 2000), SESSION_NOTHING);
	talk_said(&t, TCP_SYN, 0, 0, 0);
	assert_int_equal(talk_wait(&t, 4000), SESSION_FAILED);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.s.fate, FATE_UNANSWERED);
	assert_int_equal(t.s.state, SESSION_NONE);
	assert_int_equal(t.s.due_ns, UINT64_MAX);
	/* answered at the last moment */
	talk_begin(&t, 0);
	talk_wait(&t, 1000);
	talk_wait(&t, 2000);
	talk_accept(&t, true, false);
	assert_int_equal(t.count, 2);
	/* and the tries begin anew for the proof */
	assert_int_equal(talk_wait(&t, 250), SESSION_NOTHING);
	assert_int_equal(t.count, 2);
}

/* One that this host did not let out is as good as lost, but no time counts
 * from it. */
static void syn_is_refused_here(void **state)
{
	struct aside seg;
	struct record r;
	struct talk t;

	talk_begin(&t, 0);
	t.now += 1000 * NS_PER_MS;
	session_expire(&t.s, &t.rules, t.now);
	assert_true(session_take(&t.s, &t.rules, &seg));
	seg.sent_ns = 0;
	session_left(&t.s, &t.rules, &seg, t.now);
	assert_int_equal(t.s.due_ns, t.now + 2000 * NS_PER_MS);
	/* the first one is answered after all */
	talk_accept(&t, true, false);
	assert_int_equal(t.s.due_ns,
			 t.now + 3 * (1000 + TALK_RTT_MS) * NS_PER_MS);
	session_record(&t.s, &t.rules, &r);
	assert_int_equal(r.hop.rtt_us, (1000 + TALK_RTT_MS) * 1000);
}

static void syn_ack_is_repeated(void **state)
{
	struct talk_word again = talk_says(TCP_SYN | TCP_ACK, 0, COOKIE_GAP);
	struct talk t;

	talk_begin(&t, 0);
	talk_accept(&t, true, false);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(talk_hear(&t, again), SESSION_NOTHING);
		talk_said(&t, TCP_ACK, COOKIE_GAP, 1, 0);
	}
	talk_hear(&t, talk_sacked(&t, talk_proof(&t)));
	assert_int_equal(t.s.fate, FATE_OPEN);
	assert_int_equal(talk_hear(&t, again), SESSION_NOTHING);
	talk_said(&t, TCP_ACK, COOKIE_GAP, 1, 0);
}

static void assert_half_open(const struct talk *t, enum session_fate fate)
{
	assert_int_equal(t->s.fate, fate);
	assert_int_equal(t->s.state, SESSION_NONE);
	assert_int_equal(t->count, 0);
}

static void refused(void **state)
{
	struct answer unreachable = { .reply = { .kind = REPLY_UNREACH } };
	struct talk t;

	talk_begin(&t, 0);
	assert_int_equal(talk_hear(&t, talk_says(TCP_RST | TCP_ACK,
						 0u - TALK_THEIRS, COOKIE_GAP)),
			 SESSION_FAILED);
	assert_half_open(&t, FATE_REFUSED);
	talk_begin(&t, 0);
	assert_int_equal(
		session_hear(&t.s, &t.rules, &unreachable, &t.sack, t.now),
		SESSION_FAILED);
	talk_collect(&t);
	assert_half_open(&t, FATE_REFUSED);
	/* not by a time exceeded, nor by whoever acknowledges nothing */
	talk_begin(&t, 0);
	unreachable.reply.kind = REPLY_EXPIRED;
	assert_int_equal(
		session_hear(&t.s, &t.rules, &unreachable, &t.sack, t.now),
		SESSION_NOTHING);
	assert_int_equal(talk_hear(&t, talk_says(TCP_RST, 0u - TALK_THEIRS, 0)),
			 SESSION_NOTHING);
	assert_int_equal(talk_hear(&t, talk_says(TCP_RST, 0, 0)),
			 SESSION_NOTHING);
	assert_int_equal(t.s.state, SESSION_OPENING);
	/* one that is open is ended by no unreachable */
	talk_open(&t, 0);
	unreachable.reply.kind = REPLY_UNREACH;
	assert_int_equal(
		session_hear(&t.s, &t.rules, &unreachable, &t.sack, t.now),
		SESSION_NOTHING);
	assert_int_equal(t.s.fate, FATE_OPEN);
}

/* Nothing has begun: nobody knows a number that ends it. */
static void not_refused_before_it_begins(void **state)
{
	struct addr dst = frame_addr(TALK_DST);
	struct talk t;

	talk_begin(&t, 0);
	session_begin(&t.s, &dst, 0, t.now);
	for (u32 seq = 0; seq < 3; seq++)
		assert_int_equal(
			talk_hear(&t, talk_says(TCP_RST, seq - TALK_THEIRS, 0)),
			SESSION_NOTHING);
	assert_int_equal(
		talk_hear(&t, talk_says(TCP_SYN | TCP_ACK, 0, COOKIE_GAP)),
		SESSION_NOTHING);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.s.state, SESSION_LATER);
}

/* An RST counts if its number is one that we acknowledged. */
static void reset_in_between(void **state)
{
	for (u8 flags = TCP_RST; flags <= (TCP_RST | TCP_ACK);
	     flags += TCP_ACK) {
		struct talk_word w = talk_says(flags, 0, COOKIE_GAP);
		struct talk t;

		talk_open(&t, 0);
		talk_hear(&t, talk_brings(1, 100));
		for (u32 i = 1; i < 200; i++) {
			u32 wrong = i & 1 ? 101 + i : 1 - i;

			w.seq = wrong;
			assert_int_equal(talk_hear(&t, w), SESSION_NOTHING);
			assert_int_equal(t.count, 0);
		}
		w.seq = 0x80000000;
		assert_int_equal(talk_hear(&t, w), SESSION_NOTHING);
		assert_int_equal(t.s.fate, FATE_OPEN);
		w.seq = 101;
		assert_int_equal(talk_hear(&t, w), SESSION_FAILED);
		assert_half_open(&t, FATE_RESET);
		/* for whoever had lost what we said last */
		talk_open(&t, 0);
		talk_hear(&t, talk_brings(1, 100));
		w.seq = 1;
		assert_int_equal(talk_hear(&t, w), SESSION_FAILED);
		assert_half_open(&t, FATE_RESET);
	}
}

static void window_is_too_small(void **state)
{
	struct talk_word w = { TCP_SYN | TCP_ACK, 0, COOKIE_GAP, .size = 4,
			       .options = { TALK_SACK_OK } };
	struct talk t;

	for (u16 window = 998; window < 1003; window++) {
		talk_begin(&t, 0);
		w.window = window;
		if (window >= 1000) {
			assert_int_equal(talk_hear(&t, w), SESSION_NOTHING);
			assert_int_equal(t.s.state, SESSION_PROVING);
			continue;
		}
		assert_int_equal(talk_hear(&t, w), SESSION_FAILED);
		assert_int_equal(t.s.fate, FATE_UNPROVED);
		/* what they believe in is ended */
		talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
		assert_int_equal(t.event, SESSION_GONE);
		assert_int_equal(t.s.state, SESSION_NONE);
	}
}

static void without_sack(void **state)
{
	struct talk t;

	talk_begin(&t, 0);
	talk_accept(&t, false, false);
	assert_int_equal(t.count, 2);
	/* a banner says nothing of the proof */
	assert_int_equal(talk_hear(&t, talk_brings(1, 10)), SESSION_NOTHING);
	assert_int_equal(talk_hear(&t, talk_says(TCP_ACK, 11, COOKIE_GAP)),
			 SESSION_OPENED);
	assert_int_equal(t.s.fate, FATE_COUNTED);
	assert_int_equal(talk_hear(&t, talk_says(TCP_ACK, 11, COOKIE_GAP)),
			 SESSION_ACKED);
	assert_int_equal(talk_hear(&t, talk_brings(11, 10)), SESSION_NOTHING);
	/* not where the proof was said twice, as it may be acknowledged twice
	 */
	talk_begin(&t, 0);
	talk_accept(&t, false, false);
	talk_wait(&t, 250);
	assert_int_equal(talk_hear(&t, talk_says(TCP_ACK, 1, COOKIE_GAP)),
			 SESSION_FAILED);
	assert_int_equal(t.s.fate, FATE_UNPROVED);
	talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
}

/* Nothing is acknowledged behind the gap. */
static void unproved(void **state)
{
	struct talk t;

	talk_begin(&t, 0);
	talk_accept(&t, true, false);
	for (u64 ms = 250; ms < 1000; ms *= 2) {
		/* they have the handshake, and do not say more */
		assert_int_equal(
			talk_hear(&t, talk_says(TCP_ACK, 1, COOKIE_GAP)),
			SESSION_NOTHING);
		assert_int_equal(talk_wait(&t, ms), SESSION_NOTHING);
		assert_int_equal(t.count, 2);
		assert_int_equal(t.said[1].seq, t.first + talk_proof(&t));
	}
	assert_int_equal(talk_wait(&t, 1000), SESSION_FAILED);
	assert_int_equal(t.s.fate, FATE_UNPROVED);
	talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
	assert_int_equal(t.s.state, SESSION_NONE);
	/* it comes just when it was to be said again: then it is not */
	talk_begin(&t, 0);
	talk_accept(&t, true, false);
	session_expire(&t.s, &t.rules, t.now);
	assert_int_equal(talk_hear(&t, talk_sacked(&t, talk_proof(&t))),
			 SESSION_OPENED);
	assert_true(!t.count || !t.said[0].octets);
	/* far away, the proof is waited for longer */
	talk_begin(&t, 0);
	t.now += 480 * NS_PER_MS;
	talk_accept(&t, true, false);
	assert_int_equal(talk_wait(&t, 1500), SESSION_NOTHING);
}

/* Who has no session any more refuses what belongs to it, and no more often
 * than it is asked. */
static void refuses_what_comes_after(void **state)
{
	struct talk_word syn_ack = talk_says(TCP_SYN | TCP_ACK, 0, COOKIE_GAP);
	struct talk_word bare = talk_says(TCP_ACK, 1, COOKIE_GAP);
	struct talk t;

	/* accepted too late */
	talk_begin(&t, 0);
	talk_wait(&t, 1000);
	talk_wait(&t, 2000);
	talk_wait(&t, 4000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(talk_hear(&t, syn_ack), SESSION_NOTHING);
		assert_int_equal(t.count, 1);
		assert_int_equal(t.said[0].flags & TCP_RST, TCP_RST);
		assert_int_equal(t.said[0].seq, t.first + COOKIE_GAP);
		/* some look at that before they look at the RST */
		assert_int_equal(t.said[0].ack, TALK_THEIRS + 1);
		assert_int_equal(t.s.fate, FATE_UNANSWERED);
	}
	/* our RST was lost: to a half-open SYN they say what they have */
	talk_begin(&t, 0);
	syn_ack.window = 10;
	talk_hear(&t, syn_ack);
	assert_int_equal(t.s.fate, FATE_UNPROVED);
	talk_hear(&t, bare);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.said[0].flags & TCP_RST, TCP_RST);
	/* they are gone, and know it */
	talk_hear(&t, talk_says(TCP_RST, 1, 0));
	assert_int_equal(t.count, 0);
	/* it ended as it should: that may be the last word */
	talk_open(&t, 0);
	session_end(&t.s, &t.rules, false);
	talk_collect(&t);
	talk_hear(&t, talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_DATA));
	assert_int_equal(t.s.state, SESSION_NONE);
	talk_hear(&t, talk_says(TCP_ACK, 2, COOKIE_DATA));
	assert_int_equal(t.count, 0);
	talk_hear(&t, talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_DATA));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.said[0].flags & TCP_RST, TCP_RST);
}

/* Their clock is told back to them; not that of an old segment. */
static void timestamps(void **state)
{
	struct talk_word w = { TCP_ACK,
			       1,
			       COOKIE_GAP,
			       .size = 12,
			       .options = { TALK_STAMP(9) },
			       .data = 4 };
	struct talk t;

	talk_begin(&t, 0);
	talk_accept(&t, true, true);
	assert_true(session_stamped(&t.s));
	talk_hear(&t, w);
	talk_said(&t, TCP_ACK, COOKIE_GAP, 5, 0);
	assert_int_equal(t.said[0].echo, 9);
	w.options[7] = 200;
	talk_hear(&t, w);
	assert_int_equal(t.said[0].echo, 9);
	w.seq = 5;
	talk_hear(&t, w);
	assert_int_equal(t.said[0].echo, 200);
	/* where the SYN/ACK had none, none are sent */
	talk_begin(&t, 0);
	talk_accept(&t, true, false);
	assert_false(t.said[0].stamped || t.said[1].stamped);
	talk_hear(&t, w);
	assert_false(t.said[0].stamped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_and_proof),
		cmocka_unit_test(a_record_says_what_became),
		cmocka_unit_test(syn_is_lost),
		cmocka_unit_test(syn_is_refused_here),
		cmocka_unit_test(syn_ack_is_repeated),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_refused_before_it_begins),
		cmocka_unit_test(reset_in_between),
		cmocka_unit_test(window_is_too_small),
		cmocka_unit_test(without_sack),
		cmocka_unit_test(unproved),
		cmocka_unit_test(refuses_what_comes_after),
		cmocka_unit_test(timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
