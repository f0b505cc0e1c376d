/* SPDX-License-Identifier: BSD-2-Clause */
/* talk: one TCP connection of ours, and a peer in a test's hands. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { L4 = 34 };

struct talk_word talk_says(u8 flags, u32 seq, u32 ack)
{
	return (struct talk_word){ .flags = flags, .seq = seq, .ack = ack };
}

struct talk_word talk_brings(u32 seq, u16 data)
{
	return (struct talk_word){
		.flags = TCP_ACK, .seq = seq, .ack = COOKIE_GAP, .data = data
	};
}

void talk_collect(struct talk *t)
{
	struct aside *seg = t->said;

	t->event = SESSION_NOTHING;
	for (t->count = 0; session_take(&t->s, &t->rules, seg); seg++) {
		enum session_event e;

		seg->sent_ns = t->now;
		e = session_left(&t->s, &t->rules, seg, t->now);
		t->event = e ? e : t->event;
		assert_true(++t->count < 4);
	}
	assert_false(session_speaks(&t->s));
}

void talk_begin(struct talk *t, u8 flow)
{
	struct addr dst = frame_addr(TALK_DST);

	*t = (struct talk){
		.key = frame_key(),
		.rules = { .dport = 80,
			   .window = 1000,
			   .wait_ns = 1000 * NS_PER_MS,
			   .prove_ns = 250 * NS_PER_MS },
		.now = 5000 * NS_PER_MS,
	};
	t->key.mode = COOKIE_TCP_SESSION;
	t->key.attempts = TALK_ATTEMPTS;
	t->key.flows = flow != 0;
	t->rules.key = &t->key;
	t->first = cookie_session(&t->key, &dst);
	session_begin(&t->s, &dst, flow, t->now);
	assert_false(session_speaks(&t->s));
	assert_int_equal(session_expire(&t->s, &t->rules, t->now),
			 SESSION_NOTHING);
	talk_collect(t);
}

/* The frame of a word; `a` refers to `at`. */
static void put_word(const struct talk *t, const struct talk_word *w, u8 *at,
		     struct answer *a)
{
	struct frame f = {
		.ip = { 4, TALK_DST, TALK_OUR },
		.l4 = { PROTO_TCP, .sport = 80, .flags = w->flags,
			.seq = TALK_THEIRS + w->seq, .ack = t->first + w->ack,
			.payload = (u16)(w->size + w->data) },
	};

	f.l4.dport = cookie_port(
		&t->key, cookie_flow(&t->key, &t->s.dst, PROTO_TCP), t->s.flow);
	*a = (struct answer){ .arrived_ns = t->now,
			      .dst = t->s.dst,
			      .frame = at };
	a->frame_len = frame_build(&f, at);
	memcpy(at + L4 + 20, w->options, w->size);
	at[L4 + 12] = (u8)((5 + w->size / 4) << 4);
	if (w->window) {
		at[L4 + 14] = (u8)(w->window >> 8);
		at[L4 + 15] = (u8)w->window;
	}
	reply_parse(at, a->frame_len, &a->reply);
	assert_int_equal(cookie_check(&t->key, &a->reply, &a->proof),
			 COOKIE_EXACT);
	assert_int_equal(a->proof.ttl, 0);
	assert_int_equal(a->proof.attempt, t->s.flow);
}

enum session_event talk_hear(struct talk *t, struct talk_word w)
{
	bool opens = t->s.state == SESSION_OPENING && w.flags & TCP_SYN;
	enum session_event event;
	struct answer a;
	u8 at[FRAME_MAX];

	put_word(t, &w, at, &a);
	event = session_hear(&t->s, &t->rules, &a, &t->sack, t->now);
	talk_collect(t);
	/* nobody makes us say more than is said to us, but that a session
	 * begins with the proof */
	assert_true(t->count <= (opens ? 2 : 1));
	return event;
}

enum session_event talk_wait(struct talk *t, u64 ms)
{
	enum session_event event;

	assert_int_equal(t->s.due_ns, t->now + ms * NS_PER_MS);
	t->now += ms * NS_PER_MS;
	event = session_expire(&t->s, &t->rules, t->now);
	talk_collect(t);
	return event;
}

void talk_said(const struct talk *t, u8 flags, u32 seq, u32 ack, u8 octets)
{
	const struct aside *s = t->said;

	assert_int_equal(t->count, 1);
	assert_int_equal(s->flags, flags);
	assert_int_equal(s->seq - t->first, seq);
	assert_int_equal(s->ack, flags & TCP_SYN ? 0 : TALK_THEIRS + ack);
	assert_int_equal(s->octets, octets);
}

u32 talk_proof(const struct talk *t)
{
	return COOKIE_DATA + cookie_step(&t->key, 0, t->s.flow);
}

enum session_event talk_accept(struct talk *t, bool sack, bool stamps)
{
	struct talk_word w = { TCP_SYN | TCP_ACK, 0, COOKIE_GAP,
			       .options = { TALK_STAMP(7), TALK_SACK_OK } };

	w.size = stamps ? 16 : 4;
	if (!stamps)
		memcpy(w.options, (u8[]){ TALK_SACK_OK }, 4);
	if (!sack)
		memset(w.options + w.size - 4, 1, 4);
	t->now += TALK_RTT_MS * NS_PER_MS;
	return talk_hear(t, w);
}

struct talk_word talk_sacked(const struct talk *t, u32 left)
{
	u32 l = t->first + left, r = l + 1;

	return (struct talk_word){
		TCP_ACK, 1, COOKIE_GAP, .size = 12,
		.options = { 1, 1, 5, 10, (u8)(l >> 24), (u8)(l >> 16),
			     (u8)(l >> 8), (u8)l, (u8)(r >> 24), (u8)(r >> 16),
			     (u8)(r >> 8), (u8)r }
	};
}

void talk_open(struct talk *t, u8 flow)
{
	talk_begin(t, flow);
	assert_int_equal(talk_accept(t, true, false), SESSION_NOTHING);
	t->now += TALK_RTT_MS * NS_PER_MS;
	assert_int_equal(talk_hear(t, talk_sacked(t, talk_proof(t))),
			 SESSION_OPENED);
	assert_int_equal(t->s.fate, FATE_OPEN);
	assert_int_equal(t->s.due_ns, UINT64_MAX);
	assert_int_equal(t->count, 0);
}
