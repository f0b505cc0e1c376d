/* SPDX-License-Identifier: BSD-2-Clause */
/* session: one TCP connection of ours. */
#include "trace/session.h"

#include "lib/clock.h"

enum say {
	SAY_SYN = 1 << 0,
	SAY_RST = 1 << 1,
	SAY_ACK = 1 << 2,
	SAY_PROOF = 1 << 3,
	SAY_FIN = 1 << 4,
};

enum {
	TRIES = 3,
	LISTEN = 1 << 15, /* octets of theirs that are acknowledged */
};

/* What is said at an end: at least so long, it is said again. */
#define LINGER_NS NS_PER_S

static u32 number(const struct session *s, const struct session_rules *r)
{
	return cookie_session(r->key, &s->dst);
}

static u32 proof_number(const struct session *s, const struct session_rules *r)
{
	return number(s, r) + COOKIE_DATA + cookie_step(r->key, 0, s->flow);
}

void session_begin(struct session *s, const struct addr *dst, u8 flow, u64 due)
{
	memset(s, 0, sizeof(*s));
	s->dst = *dst;
	s->flow = flow;
	s->state = SESSION_LATER;
	s->due_ns = due;
}

static enum session_event gone(struct session *s)
{
	s->state = SESSION_NONE;
	s->say = 0;
	s->due_ns = UINT64_MAX;
	return SESSION_GONE;
}

static void reset(struct session *s)
{
	s->state = SESSION_CLOSING;
	s->say = SAY_RST;
	s->due_ns = UINT64_MAX;
}

/* Without the session, then; what stands open of it is reset. */
static enum session_event fail(struct session *s, enum session_fate fate)
{
	s->fate = (u8)fate;
	s->told = false;
	if (fate == FATE_UNPROVED)
		reset(s);
	else
		gone(s);
	return SESSION_FAILED;
}

static u8 next_word(const struct session *s)
{
	/* the lowest bit of them */
	return (u8)(s->say & -s->say);
}

bool session_take(struct session *s, const struct session_rules *r,
		  struct aside *seg)
{
	u64 flow = cookie_flow(r->key, &s->dst, PROTO_TCP);
	u8 word = next_word(s);

	if (!word)
		return false;
	s->say &= (u8)~word;
	*seg = (struct aside){
		.dst = s->dst,
		.seq = number(s, r),
		.ack = s->theirs,
		.echo = s->stamp,
		.sport = cookie_port(r->key, flow, s->flow),
		.dport = r->dport,
		.id = (u16)(cookie_tag(r->key, &s->dst, PROTO_TCP,
				       (u16)(s->flow << 4)) >>
			    48),
		.flags = TCP_ACK,
		.flow = s->flow,
		.stamped = session_stamped(s),
	};
	if (word == SAY_SYN) {
		seg->flags = TCP_SYN;
		seg->ack = 0;
		return true;
	}
	seg->seq += s->filled ? COOKIE_DATA : COOKIE_GAP;
	if (word == SAY_PROOF) {
		seg->seq = proof_number(s, r);
		seg->octets = 1;
		seg->flags |= TCP_PSH;
	}
	seg->flags |= word == SAY_FIN ? TCP_FIN : 0;
	seg->flags |= word == SAY_RST ? TCP_RST : 0;
	return true;
}

/* How long the answer to what left just now is waited for. */
static u64 patience(const struct session *s, const struct session_rules *r)
{
	u64 rtt = s->arrived_ns > s->sent_ns ? s->arrived_ns - s->sent_ns : 0;
	u64 wait = r->wait_ns;

	if (s->state == SESSION_PROVING)
		wait = 3 * rtt > r->prove_ns ? 3 * rtt : r->prove_ns;
	if (s->state == SESSION_CLOSING)
		wait = 3 * rtt > LINGER_NS ? 3 * rtt : LINGER_NS;
	return wait << s->tries;
}

enum session_event session_left(struct session *s,
				const struct session_rules *r,
				const struct aside *seg, u64 now)
{
	u64 left = seg->sent_ns ? seg->sent_ns : now;

	if (seg->flags & TCP_RST)
		return gone(s);
	if (seg->flags & TCP_SYN) {
		if (seg->sent_ns)
			s->sent_ns = left;
		s->due_ns = left + patience(s, r);
	} else if (seg->octets || seg->flags & TCP_FIN) {
		s->due_ns = left + patience(s, r);
	} else if (s->state == SESSION_CLOSING && s->ended && s->filled) {
		return gone(s);
	}
	return SESSION_NOTHING;
}

static enum session_event accepted(struct session *s,
				   const struct session_rules *r,
				   const struct answer *a)
{
	struct tcp_said said;
	struct sack sack;

	tcp_read(a, &said);
	sack_read(a, &sack);
	s->arrived_ns = a->arrived_ns;
	s->flags = a->reply.tcp_flags;
	s->said = said.what;
	s->mss = said.mss;
	s->scale = said.scale;
	s->first = s->theirs = a->reply.seq + 1;
	s->stamp = sack.stamp;
	if (!sack.stamped)
		s->said &= (u8)~TCP_SAID_TIMESTAMPS;
	s->tries = 0;
	if (tcp_window(a) < r->window) {
		fail(s, FATE_UNPROVED);
		return SESSION_FAILED;
	}
	s->state = SESSION_PROVING;
	s->say = SAY_ACK | SAY_PROOF;
	s->due_ns = UINT64_MAX;
	return SESSION_NOTHING;
}

/* An RST is theirs if its number is one that we acknowledged (RFC 5961,
 * section 3.2); to a SYN, if it acknowledges that. */
static enum session_event refused(struct session *s, const struct answer *a)
{
	bool acks = a->reply.tcp_flags & TCP_ACK;

	if (s->state == SESSION_OPENING) {
		if (!acks)
			return SESSION_NOTHING;
		s->arrived_ns = a->arrived_ns;
		s->flags = a->reply.tcp_flags;
		return fail(s, FATE_REFUSED);
	}
	if (s->state == SESSION_NONE || s->state == SESSION_LATER ||
	    a->reply.seq - s->first > s->theirs - s->first)
		return SESSION_NOTHING;
	return s->state == SESSION_CLOSING ? gone(s) : fail(s, FATE_RESET);
}

/* Data, or their end: acknowledged, and not kept. */
static void listen(struct session *s, const struct answer *a,
		   const struct sack *k)
{
	bool fin = a->reply.tcp_flags & TCP_FIN;

	if (!k->octets && !fin)
		return;
	if (a->reply.seq == s->theirs && k->next - s->first <= LISTEN) {
		s->theirs = k->next;
		s->ended |= fin;
	}
	s->say |= SAY_ACK;
}

static enum session_event acknowledged(struct session *s,
				       const struct session_rules *r,
				       const struct answer *a, struct sack *k)
{
	bool bare, permitted = s->said & TCP_SAID_SACK;

	if (s->state < SESSION_PROVING)
		return SESSION_NOTHING;
	sack_read(a, k);
	if (k->malformed)
		return SESSION_NOTHING;
	bare = !k->octets && !(a->reply.tcp_flags & TCP_FIN);
	if (k->stamped && a->reply.seq == s->theirs)
		s->stamp = k->stamp;
	listen(s, a, k);
	switch ((enum session_state)s->state) {
	case SESSION_PROVING:
		if (permitted ? !sack_covers(k, proof_number(s, r)) : !bare)
			return SESSION_NOTHING;
		/* another one may come, and would be taken for a probe's */
		if (!permitted && s->repeated)
			return fail(s, FATE_UNPROVED);
		s->fate = permitted ? FATE_OPEN : FATE_COUNTED;
		s->state = SESSION_OPEN;
		s->say &= SAY_ACK;
		s->due_ns = UINT64_MAX;
		return SESSION_OPENED;
	case SESSION_OPEN:
		return (permitted ? k->blocks != 0 : bare) ? SESSION_ACKED
							   : SESSION_NOTHING;
	case SESSION_CLOSING:
		s->filled |= a->reply.ack - number(s, r) == COOKIE_DATA;
		return s->filled && s->ended && !s->say ? gone(s)
							: SESSION_NOTHING;
	case SESSION_NONE:
	case SESSION_LATER:
	case SESSION_OPENING:
		break;
	}
	return SESSION_NOTHING;
}

/* There is none any more, or there never was one, and they believe in it. Until
 * they hear otherwise, they answer no SYN of a half-open probe. Of a session
 * that ended as it should, a bare acknowledgement may be the last word. */
static void disown(struct session *s, const struct session_rules *r,
		   const struct answer *a)
{
	struct sack k;

	sack_read(a, &k);
	if (k.next == a->reply.seq &&
	    (s->fate == FATE_OPEN || s->fate == FATE_COUNTED))
		return;
	s->theirs = k.next;
	s->filled = a->reply.ack - number(s, r) == COOKIE_DATA;
	s->say = SAY_RST;
}

enum session_event session_hear(struct session *s,
				const struct session_rules *r,
				const struct answer *a, struct sack *sack,
				u64 now)
{
	u8 flags = a->reply.tcp_flags;

	if (a->reply.kind != REPLY_TCP) {
		if (s->state != SESSION_OPENING ||
		    a->reply.kind != REPLY_UNREACH)
			return SESSION_NOTHING;
		return fail(s, FATE_REFUSED);
	}
	if (flags & TCP_RST)
		return refused(s, a);
	if (s->state == SESSION_LATER)
		return SESSION_NOTHING;
	if (s->state == SESSION_NONE) {
		disown(s, r, a);
		return SESSION_NOTHING;
	}
	if (!(flags & TCP_SYN))
		return acknowledged(s, r, a, sack);
	if (s->state == SESSION_OPENING)
		return accepted(s, r, a);
	if (s->state == SESSION_PROVING || s->state == SESSION_OPEN)
		s->say |= SAY_ACK; /* ours was lost */
	return SESSION_NOTHING;
}

enum session_event session_expire(struct session *s,
				  const struct session_rules *r, u64 now)
{
	bool again = ++s->tries < TRIES;

	s->due_ns = UINT64_MAX;
	switch ((enum session_state)s->state) {
	case SESSION_LATER:
		s->state = SESSION_OPENING;
		s->tries = 0;
		s->say = SAY_SYN;
		return SESSION_NOTHING;
	case SESSION_OPENING:
		if (!again)
			return fail(s, FATE_UNANSWERED);
		s->repeated = true;
		s->say = SAY_SYN;
		return SESSION_NOTHING;
	case SESSION_PROVING:
		if (!again)
			return fail(s, FATE_UNPROVED);
		s->repeated = true;
		s->say = SAY_ACK | SAY_PROOF;
		return SESSION_NOTHING;
	case SESSION_CLOSING:
		/* they have our end, and do not end: or it is not known */
		if (again && !s->filled)
			s->say |= SAY_FIN;
		else
			s->say = SAY_RST;
		return SESSION_NOTHING;
	case SESSION_NONE:
	case SESSION_OPEN:
		break;
	}
	return SESSION_NOTHING;
}

void session_end(struct session *s, const struct session_rules *r, bool hard)
{
	switch ((enum session_state)s->state) {
	case SESSION_NONE:
		return;
	case SESSION_LATER:
	case SESSION_OPENING:
		gone(s); /* a SYN/ACK that comes yet is refused */
		return;
	case SESSION_PROVING:
	case SESSION_OPEN:
	case SESSION_CLOSING:
		break;
	}
	if (hard || r->by_reset) {
		reset(s);
	} else if (s->state != SESSION_CLOSING) {
		s->state = SESSION_CLOSING;
		s->tries = 0;
		s->say = SAY_FIN;
		s->due_ns = UINT64_MAX;
	}
}

u16 session_probe_size(const struct session *s)
{
	u32 ip = addr_is_v4(&s->dst) ? sizeof(struct wire_v4)
				     : sizeof(struct wire_v6);

	return (u16)(ip + tcp_within_size(session_stamped(s)) + 1);
}

void session_record(const struct session *s, const struct session_rules *r,
		    struct record *out)
{
	u64 flow = cookie_flow(r->key, &s->dst, PROTO_TCP);
	u64 rtt = s->arrived_ns > s->sent_ns ? s->arrived_ns - s->sent_ns : 0;

	*out = (struct record){
		.dst = s->dst,
		.sent_ns = s->sent_ns,
		.arrived_ns = s->arrived_ns,
		.hop = { .rtt_us = HOP_RTT_UNKNOWN,
			 .attempt = s->flow,
			 .state = HOP_SILENT },
		.sport = cookie_port(r->key, flow, s->flow),
		.dport = r->dport,
		.proto = PROTO_TCP,
		.flags = RECORD_TRACE | RECORD_SESSION,
		.session = s->fate,
	};
	if (!s->arrived_ns)
		return;
	out->hop.from = s->dst;
	out->hop.rtt_us = (u32)(rtt / NS_PER_US);
	out->hop.state = HOP_ANSWERED;
	out->hop.kind = REPLY_TCP;
	out->hop.tcp_flags = s->flags;
	out->hop.tcp_said = s->said;
	out->hop.tcp_mss = s->mss;
	out->hop.tcp_scale = s->scale;
}
