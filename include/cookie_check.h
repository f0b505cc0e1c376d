/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * cookie_check: the second half of cookie.h, which includes it: whether a
 * reply is the answer to a probe of ours.
 */
#ifndef WHITHER_COOKIE_CHECK_H
#define WHITHER_COOKIE_CHECK_H

#include "cookie.h"

/*
 * The UDP checksum as it left us, from the one that is quoted: a translator
 * that put address `qsrc` and port `qport` in place of ours adjusted the
 * checksum by the difference (RFC 1624, RFC 3022 section 4.2).
 */
static __always_inline u16 cookie_undo(const struct cookie_key *k,
				       const struct reply *r, u16 port)
{
	const struct addr *src = r->family == 4 ? &k->src4 : &k->src6;
	u64 sum = csum_neg(r->field);

	sum += csum_neg(csum_add_addr(r->sport, &r->qsrc));
	sum = csum_add_addr(sum + port, src);
	return csum_neg(sum);
}

/* Zeroes are what some routers pad a short quote with. */
static __always_inline bool cookie_has_mark(const struct reply *r)
{
	return r->has_mark && r->mark;
}

static __always_inline enum cookie_result
cookie_check_echo(const struct cookie_key *k, const struct reply *r,
		  struct cookie_proof *p)
{
	u16 i = (u16)(r->mark >> 48);
	u8 proto = r->family == 4 ? PROTO_ICMP : PROTO_ICMP6;
	u64 tag;

	if (!cookie_has_mark(r) || (i & 15) ||
	    (u16)(cookie_flow(k, &r->from, proto) >> 32) != r->sport)
		return COOKIE_FOREIGN;
	tag = cookie_tag(k, &r->from, proto, i);
	if (r->field != cookie_field(tag) || r->mark != cookie_mark(tag, i))
		return COOKIE_FORGED;
	p->ttl = (u8)(i >> 8);
	p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	p->bits = 16 + 16 + 48;
	return COOKIE_EXACT;
}

/* What acknowledges the SYN that a probe was. */
static __always_inline bool cookie_check_syn(const struct cookie_key *k,
					     const struct addr *dst, u32 seq,
					     struct cookie_proof *p)
{
	u16 i = cookie_seq_step(seq);

	if (seq != cookie_seq(cookie_tag(k, dst, PROTO_TCP, i), i))
		return false;
	p->ttl = (u8)(i >> 8);
	p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	p->bits = COOKIE_SEQ_BITS;
	return true;
}

/* What a destination says within a session, `at` being where its port places
 * it among the flows: TTL 0. */
static __always_inline bool cookie_check_heard(const struct cookie_key *k,
					       const struct reply *r, u16 at,
					       struct cookie_proof *p)
{
	u32 acked = r->ack - cookie_session(k, &r->from);

	if (at > (k->flows ? COOKIE_MAX_ATTEMPT : 0))
		return false;
	p->ttl = 0;
	p->attempt = (u8)at;
	if (!(r->tcp_flags & TCP_ACK))
		return r->tcp_flags & TCP_RST;
	p->bits = 31;
	return acked == COOKIE_GAP || acked == COOKIE_DATA;
}

/* A destination answers from the port that we asked, to ours. */
static __always_inline enum cookie_result
cookie_check_tcp(const struct cookie_key *k, const struct reply *r,
		 struct cookie_proof *p)
{
	u8 flags = r->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK);
	bool session = k->mode == COOKIE_TCP_SESSION;
	u32 seq = r->ack - 1;
	u64 flow;

	if ((u16)(r->dport - k->port_base) > k->port_mask)
		return COOKIE_FOREIGN;
	if (k->mode == COOKIE_TCP_ACK && flags == TCP_RST)
		seq = r->seq;
	else if (k->mode == COOKIE_PLAIN || k->mode == COOKIE_TCP_ACK ||
		 !(flags & (session ? TCP_ACK | TCP_RST : TCP_ACK)))
		return COOKIE_FOREIGN;
	flow = cookie_flow(k, &r->from, PROTO_TCP);
	/* what fits a session is no accident: 31 bits; a SYN's are 20 */
	if (!(session &&
	      cookie_check_heard(k, r, cookie_flow_at(k, flow, r->dport), p)) &&
	    !cookie_check_syn(k, &r->from, seq, p))
		return COOKIE_FORGED;
	if (r->dport != cookie_port(k, flow, p->attempt))
		return COOKIE_FORGED;
	p->bits += k->port_bits;
	return COOKIE_EXACT;
}

/* Is that the number of a probe within a session, or of its SYN or FIN? *i is
 * TTL and attempt; `at` as above, since no flow can be told from a translated
 * port. */
static __always_inline bool cookie_is_within(const struct cookie_key *k,
					     const struct reply *r, u16 at,
					     u16 *i)
{
	u32 step = r->seq - cookie_session(k, &r->qdst);

	if (k->mode != COOKIE_TCP_SESSION || step >= cookie_span(k))
		return false;
	/* by accident, then: only the SYN is one */
	if (step && r->tcp_flags & TCP_SYN)
		return false;
	if (step >= COOKIE_DATA)
		*i = cookie_unstep(k, step - COOKIE_DATA);
	else /* where there is one flow, any port is of it */
		*i = k->flows ? (u16)((at & 15) << 4) : 0;
	return true;
}

/* What a quoted TCP segment says of itself: as it was sent, whoever stands
 * between. */
static __always_inline bool cookie_check_seq(const struct cookie_key *k,
					     const struct reply *r, u16 at,
					     struct cookie_proof *p)
{
	bool two = k->mode == COOKIE_TCP_SYN && cookie_has_mark(r) &&
		   r->mark != r->seq,
	     within, same;
	u32 seq = r->seq;
	u64 tag;
	u16 i;

	for (int n = 0; n < 1 + two; n++, seq = (u32)r->mark) {
		i = cookie_seq_step(seq);
		within = !n && cookie_is_within(k, r, at, &i);
		tag = cookie_tag(k, &r->qdst, PROTO_TCP, i);
		same = within || seq == cookie_seq(tag, i);
		if (same)
			break;
	}
	if (!same)
		return false;
	if (r->family == 4 && r->qid != tag >> 48)
		return false;
	p->ttl = (u8)(i >> 8);
	p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	p->bits = within ? cookie_session_bits(k) : COOKIE_SEQ_BITS;
	p->bits += r->family == 4 ? 16 : 0;
	p->bits -= two; /* either number would have done */
	return true;
}

/* A TCP probe names itself in its number, and its flow thereby. */
static __always_inline enum cookie_result
cookie_check_segment(const struct cookie_key *k, const struct reply *r,
		     bool rewritten, struct cookie_proof *p)
{
	u64 flow = cookie_flow(k, &r->qdst, PROTO_TCP);
	bool ours =
		cookie_check_seq(k, r, cookie_flow_at(k, flow, r->sport), p);
	bool flow_ok = r->sport == cookie_port(k, flow, p->attempt);

	if (!ours || (!flow_ok && !rewritten))
		return rewritten ? COOKIE_FOREIGN : COOKIE_FORGED;
	if (flow_ok)
		p->bits += k->port_bits;
	return rewritten ? COOKIE_REWRITTEN : COOKIE_EXACT;
}

/* Which probe the quote claims to be, and whether the claim holds. */
static __always_inline bool cookie_check_tag(const struct cookie_key *k,
					     const struct reply *r,
					     bool rewritten, u16 port,
					     struct cookie_proof *p)
{
	bool v4 = r->family == 4, mark = cookie_has_mark(r), same;
	u16 i, id = r->qid;
	u64 tag;

	if (!v4 && !mark)
		return false;
	i = v4 ? id & 0xfff0 : (u16)(r->mark >> 48);
	tag = cookie_tag(k, &r->qdst, r->qproto, i);
	if (v4 && (id & 15) != tag >> 60)
		return false;
	if (mark && r->mark != cookie_mark(tag, i))
		return false;
	same = csum_same(r->field, cookie_field(tag));
	/* some translators leave the quoted checksum as we sent it */
	if (!same && rewritten && r->qproto == PROTO_UDP)
		same = csum_same(cookie_undo(k, r, port), cookie_field(tag));
	if (!same)
		return false;
	p->ttl = (u8)(i >> 8);
	p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	p->bits += 16;
	if (v4)
		p->bits += 4 + (mark ? 44 : 0);
	else
		p->bits += 48;
	if (rewritten && r->qproto == PROTO_UDP)
		p->bits -= 1; /* two checksums would have done */
	return true;
}

/* Is that the checksum of a QUIC probe over IPv6? *i is TTL and attempt. */
static __always_inline bool cookie_names(const struct cookie_key *k,
					 const struct addr *dst, u64 flow,
					 u16 field, u16 *i)
{
	u16 named = field ^ (u16)(flow >> 48);

	*i = named & 0xfff0;
	return (named & 15) == cookie_tag(k, dst, PROTO_UDP, *i) >> 60;
}

static __always_inline bool cookie_check_quic6(const struct cookie_key *k,
					       const struct reply *r, u64 flow,
					       u16 field, u16 *i)
{
	if (r->qflow != cookie_label(flow))
		return false;
	if (cookie_names(k, &r->qdst, flow, field, i))
		return true;
	/* 0 and 0xffff are one sum */
	return csum_same(field, 0) &&
	       cookie_names(k, &r->qdst, flow, field ^ 0xffff, i);
}

/* The same of a checksum that a translator adjusted. By how much depends on the
 * attempt where each has a port: if that was changed too, it is taken for the
 * first one's. */
static __always_inline bool cookie_check_undone6(const struct cookie_key *k,
						 const struct reply *r,
						 u64 flow, u16 *i)
{
	u16 at = cookie_flow_at(k, flow, r->sport);
	u8 attempt = k->flows && at <= COOKIE_MAX_ATTEMPT ? (u8)at : 0;

	return cookie_check_quic6(
		k, r, flow, cookie_undo(k, r, cookie_port(k, flow, attempt)),
		i);
}

static __always_inline bool cookie_check_quic4(const struct cookie_key *k,
					       const struct reply *r, u64 flow,
					       bool rewritten, u16 *i)
{
	u64 tag;
	u16 port;

	*i = r->qid & 0xfff0;
	tag = cookie_tag(k, &r->qdst, PROTO_UDP, *i);
	port = cookie_port(k, flow, *i >> 4 & COOKIE_MAX_ATTEMPT);
	if ((r->qid & 15) != tag >> 60)
		return false;
	return csum_same(r->field, cookie_field(tag)) ||
	       (rewritten &&
		csum_same(cookie_undo(k, r, port), cookie_field(tag)));
}

/* A quoted datagram of QUIC. */
static __always_inline enum cookie_result
cookie_check_quic(const struct cookie_key *k, const struct reply *r,
		  bool rewritten, struct cookie_proof *p)
{
	u64 flow = cookie_flow(k, &r->qdst, PROTO_UDP);
	bool v4 = r->family == 4, ours, flow_ok;
	u16 i = 0;

	/* four bits do not tell two readings apart: most translators adjust */
	if (v4)
		ours = cookie_check_quic4(k, r, flow, rewritten, &i);
	else
		ours = (rewritten && cookie_check_undone6(k, r, flow, &i)) ||
		       cookie_check_quic6(k, r, flow, r->field, &i);
	p->ttl = (u8)(i >> 8);
	p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	flow_ok = r->sport == cookie_port(k, flow, p->attempt);
	if (!ours || (!flow_ok && !rewritten))
		return rewritten ? COOKIE_FOREIGN : COOKIE_FORGED;
	p->bits = (v4 ? 20 : 24) + (flow_ok ? k->port_bits : 0);
	p->bits -= rewritten; /* two checksums would have done */
	return rewritten ? COOKIE_REWRITTEN : COOKIE_EXACT;
}

/* What a server sends: to the connection ID of a probe or, TTL 0, of a
 * connection; or what has none of ours, such as a stateless reset. */
static __always_inline enum cookie_result
cookie_check_datagram(const struct cookie_key *k, const struct reply *r,
		      struct cookie_proof *p)
{
	u64 flow = cookie_flow(k, &r->from, PROTO_UDP);
	u16 i = (u16)(r->mark >> 48), at;

	if (k->mode != COOKIE_QUIC ||
	    (u16)(r->dport - k->port_base) > k->port_mask)
		return COOKIE_FOREIGN;
	at = cookie_flow_at(k, flow, r->dport);
	if (at > (k->flows ? COOKIE_MAX_ATTEMPT : 0))
		return COOKIE_FORGED;
	p->bits = k->port_bits;
	p->attempt = (u8)at;
	if (!r->has_mark)
		return COOKIE_EXACT;
	if ((i & 15) ||
	    r->mark != cookie_mark(cookie_tag(k, &r->from, PROTO_UDP, i), i))
		return COOKIE_FORGED;
	p->ttl = (u8)(i >> 8);
	if (p->ttl)
		p->attempt = i >> 4 & COOKIE_MAX_ATTEMPT;
	p->bits += 48;
	return COOKIE_EXACT;
}

static __always_inline enum cookie_result
cookie_check_quote(const struct cookie_key *k, const struct reply *r,
		   struct cookie_proof *p)
{
	const struct addr *src = r->family == 4 ? &k->src4 : &k->src6;
	bool tcp = r->qproto == PROTO_TCP, udp = r->qproto == PROTO_UDP;
	bool rewritten, flow_ok;
	u64 flow;
	u16 port;

	if (addr_is_none(src) || (tcp && k->mode == COOKIE_PLAIN))
		return COOKIE_FOREIGN;
	rewritten = !addr_equal(src, &r->qsrc);
	/* our own address with a port not held is another program's probe */
	if ((tcp || udp) && !rewritten &&
	    (u16)(r->sport - k->port_base) > k->port_mask)
		return COOKIE_FOREIGN;
	if (tcp)
		return cookie_check_segment(k, r, rewritten, p);
	if (udp && k->mode == COOKIE_QUIC)
		return cookie_check_quic(k, r, rewritten, p);
	flow = cookie_flow(k, &r->qdst, r->qproto);
	port = udp ? (u16)(k->port_base + (flow & k->port_mask))
		   : (u16)(flow >> 32);
	flow_ok = r->sport == port;
	if (!flow_ok && !rewritten)
		return udp ? COOKIE_FORGED : COOKIE_FOREIGN;
	p->bits = flow_ok ? (udp ? k->port_bits : 16) : 0;
	if (!cookie_check_tag(k, r, rewritten, port, p))
		return rewritten ? COOKIE_FOREIGN : COOKIE_FORGED;
	return rewritten ? COOKIE_REWRITTEN : COOKIE_EXACT;
}

/*
 * Is this reply the answer to a probe of ours? *p is filled for EXACT and
 * REWRITTEN and zeroed otherwise. Pure: callable from any thread and from
 * the XDP program.
 */
static __always_inline enum cookie_result
cookie_check(const struct cookie_key *k, const struct reply *r,
	     struct cookie_proof *p)
{
	enum cookie_result result = COOKIE_FOREIGN;

	__builtin_memset(p, 0, sizeof(*p));
	if (r->kind == REPLY_ECHO)
		result = cookie_check_echo(k, r, p);
	else if (r->kind == REPLY_TCP)
		result = cookie_check_tcp(k, r, p);
	else if (r->kind == REPLY_UDP)
		result = cookie_check_datagram(k, r, p);
	else if (r->kind >= REPLY_EXPIRED && r->kind <= REPLY_PARAM)
		result = cookie_check_quote(k, r, p);
	if (result != COOKIE_EXACT && result != COOKIE_REWRITTEN)
		__builtin_memset(p, 0, sizeof(*p));
	p->result = (u8)result;
	return result;
}

#endif
