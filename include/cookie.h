/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * cookie: how a reply finds its probe, and how a forged one does not.
 *
 * Two keyed hashes (SipHash-2-4, one key per run) make all that a probe
 * carries. D is the destination, i = TTL << 8 | attempt << 4.
 *
 *   P = H(D, proto, "port")     constant over a trace: the flow
 *   T = H(D, proto, i)          the tag of one probe
 *
 *   IPv4 id         | TTL : 8 | attempt : 4 | T[60..63] : 4 |
 *   field           | T[0..15]                              |
 *   mark (payload)  | TTL : 8 | attempt : 4 | 0 : 4 | T[16..63] : 48 |
 *   port            base + (P mod ports)            UDP source port
 *   identifier      P[32..47]                       ICMP echo
 *   checksum        P[48..63]                       ICMP echo, held constant
 *
 * TCP says it all in the sequence number, which destinations acknowledge and
 * which no translator of addresses changes:
 *
 *   sequence        | TTL : 8 | attempt : 4 | T[0..19] : 20 |
 *   timestamp       the same once more, since firewalls hide the numbers of
 *                   those behind them; not in a session
 *   IPv4 id         | T[48..63]                             |
 *   port            base + (P mod ports)
 *
 * Within a TCP session the numbers must be neighbours, so that they all fit
 * into the window. S = H(D, proto, "session") is the number of the SYN:
 *
 *   S       SYN                S + 1   the gap: filled by the FIN
 *   S + 2 + k                  the octet of probe k (see cookie_step())
 *
 * Where each attempt is a flow of its own, so is its port: P + attempt.
 *
 * "field" is what changes from probe to probe within the eight octets that
 * every router quotes: the UDP checksum (true, because two octets of payload
 * balance it) or the echo sequence number. The first four octets of the
 * transport header never change within a trace, so that load balancers keep
 * it on one path (Paris traceroute, Augustin et al. 2006).
 *
 * Bits that a forger off the path must guess: the minimal quote has 16 of the
 * field, 4 of the id and those of the port (12 with 4096 ports) = 32; where
 * the mark is quoted, 44 more. TCP: 20 of the sequence number and those of the
 * port = 32, and the 16 of the id where IPv4 is quoted; in a session at least
 * as many, but 19 with more than 15 attempts. The tag covers neither
 * our address nor our port: a translator may change both, and the quote then
 * shows its public address. The UDP checksum in the quote was changed by
 * exactly the difference, which cookie_check() takes back before it looks at
 * the tag.
 */
#ifndef WHITHER_COOKIE_H
#define WHITHER_COOKIE_H

#include "csum.h"
#include "reply.h"
#include "siphash.h"

/* What one probe carries; host order. */
struct cookie {
	u64 mark;
	u16 port;
	u16 id;	   /* IPv4 identification */
	u16 field; /* UDP checksum or ICMP sequence number */
	u16 echo_id, echo_check;
	u32 seq; /* TCP; the acknowledgement too where a probe has one */
};

/* What a run's TCP probes are, and so what may answer them. */
enum cookie_tcp {
	COOKIE_TCP_NONE, /* there are none */
	COOKIE_TCP_SYN,	 /* whatever acknowledges seq + 1: SYN/ACK, RST/ACK, and
			    an ACK alone to a SYN on top of another */
	COOKIE_TCP_ACK,	 /* a bare RST: its seq is what we acknowledged */
	COOKIE_TCP_SESSION, /* what acknowledges S + 1 or S + 2, and a bare RST:
			       whoever keeps the session knows its seq; and
			       what may answer a SYN */
};

/* What whoever checks must know; shared with the XDP program. */
struct cookie_key {
	struct siphash_key hash;
	struct addr src4, src6;	  /* ours; none: no probes of that family */
	u16 port_base, port_mask; /* ports held: base .. base + mask */
	u8 port_bits;		  /* mask = 2^bits - 1 */
	u8 tcp;			  /* enum cookie_tcp */
	u8 attempts;		  /* of a TTL, at most; COOKIE_TCP_SESSION */
	bool flows;		  /* TCP: each attempt has a port of its own */
};

_Static_assert(sizeof(struct cookie_key) == 56, "ABI of the XDP program");

enum cookie_result {
	COOKIE_FOREIGN, /* not shaped like ours: somebody else's */
	COOKIE_FORGED,	/* shaped like ours, but the tag is wrong */
	COOKIE_EXACT,
	COOKIE_REWRITTEN, /* ours; a translator changed our address */
};

/* What a reply that verifies says of its probe. */
struct cookie_proof {
	u8 ttl, attempt;
	u8 bits; /* checked, of those a forger would have to guess */
	u8 result;
};

enum { COOKIE_MAX_ATTEMPT = 15 };

/* what < 2^24. IPv4 fits into one word, which takes a third fewer rounds; the
 * length is part of the hash, so that the two never meet. */
static __always_inline u64 cookie_hash(const struct cookie_key *k,
				       const struct addr *dst, u8 proto,
				       u64 what)
{
	what |= (u64)proto << 24;
	if (addr_is_v4(dst))
		return siphash1(&k->hash,
				(u64)be32_get(dst->w[3]) << 32 | what);
	return siphash3(&k->hash, be64_get(dst->q[0]), be64_get(dst->q[1]),
			what);
}

/* Beyond any TTL and attempt. */
enum { COOKIE_PORT = 1 << 16, COOKIE_SESSION = 1 << 17 };

static __always_inline u64 cookie_flow(const struct cookie_key *k,
				       const struct addr *dst, u8 proto)
{
	return cookie_hash(k, dst, proto, COOKIE_PORT);
}

static __always_inline u64 cookie_tag(const struct cookie_key *k,
				      const struct addr *dst, u8 proto, u16 i)
{
	return cookie_hash(k, dst, proto, i);
}

/* Zero means "no checksum" to UDP: its other name is used. */
static __always_inline u16 cookie_field(u64 tag)
{
	return (u16)tag ? (u16)tag : 0xffff;
}

static __always_inline u64 cookie_mark(u64 tag, u16 i)
{
	return (u64)i << 48 | tag >> 16;
}

enum { COOKIE_SEQ_BITS = 20, COOKIE_SEQ_TAG = (1 << COOKIE_SEQ_BITS) - 1 };

static __always_inline u32 cookie_seq(u64 tag, u16 i)
{
	return (u32)i << 16 | (u32)(tag & COOKIE_SEQ_TAG);
}

/* TTL and attempt that a sequence number names. */
static __always_inline u16 cookie_seq_step(u32 seq)
{
	return (u16)(seq >> 16) & 0xfff0;
}

/* From where an attempt's probe leaves, `flow` being cookie_flow(). */
static __always_inline u16 cookie_port(const struct cookie_key *k, u64 flow,
				       u8 attempt)
{
	if (k->flows)
		flow += attempt;
	return (u16)(k->port_base + (flow & k->port_mask));
}

/* Which flow a held port is of, one of 16; beyond: of none. */
static __always_inline u16 cookie_flow_at(const struct cookie_key *k, u64 flow,
					  u16 port)
{
	return (u16)(port - k->port_base - flow) & k->port_mask;
}

enum {
	COOKIE_GAP = 1,	 /* from a session's SYN to the octet never sent */
	COOKIE_DATA = 2, /* ... and to that of probe 0 */
};

static __always_inline u32 cookie_session(const struct cookie_key *k,
					  const struct addr *dst)
{
	return (u32)cookie_hash(k, dst, PROTO_TCP, COOKIE_SESSION);
}

/* The number of a probe in its session, so that those which leave one after
 * another are neighbours. TTL 0 is the session's own. */
static __always_inline u32 cookie_step(const struct cookie_key *k, u8 ttl,
				       u8 attempt)
{
	if (k->flows)
		return (u32)attempt << 8 | ttl;
	return (u32)ttl * k->attempts + attempt;
}

/* TTL and attempt, as the octets that name them elsewhere. */
static __always_inline u16 cookie_unstep(const struct cookie_key *k, u32 step)
{
	u32 attempts = k->attempts ? k->attempts : 1;

	if (k->flows)
		return (u16)((step & 255) << 8 | (step >> 8 & 15) << 4);
	return (u16)(step / attempts << 8 | step % attempts << 4);
}

/* Numbers that a session has, the SYN's and the gap's included. */
static __always_inline u32 cookie_span(const struct cookie_key *k)
{
	return COOKIE_DATA + 256u * k->attempts;
}

/* Bits that a number must have right, of 32, to be one of a session. */
static __always_inline u8 cookie_session_bits(const struct cookie_key *k)
{
	u32 span = cookie_span(k);

	return span <= 1 << 10 ? 22 : span <= 1 << 12 ? 20 : 19;
}

static __always_inline void cookie_make(const struct cookie_key *k,
					const struct addr *dst, u8 proto,
					u8 ttl, u8 attempt, struct cookie *c)
{
	u16 i = (u16)(ttl << 8 | (attempt & COOKIE_MAX_ATTEMPT) << 4);
	u64 flow = cookie_flow(k, dst, proto);
	u64 tag = cookie_tag(k, dst, proto, i);

	c->mark = cookie_mark(tag, i);
	c->port = cookie_port(k, flow, proto == PROTO_TCP ? attempt : 0);
	c->id = (u16)(proto == PROTO_TCP ? tag >> 48 : i | tag >> 60);
	c->seq = cookie_seq(tag, i);
	c->field = cookie_field(tag);
	c->echo_id = (u16)(flow >> 32);
	c->echo_check = (u16)(flow >> 48);
}

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
	bool session = k->tcp == COOKIE_TCP_SESSION;
	u32 seq = r->ack - 1;
	u64 flow;

	if ((u16)(r->dport - k->port_base) > k->port_mask)
		return COOKIE_FOREIGN;
	if (k->tcp == COOKIE_TCP_ACK && flags == TCP_RST)
		seq = r->seq;
	else if (k->tcp == COOKIE_TCP_NONE || k->tcp == COOKIE_TCP_ACK ||
		 !(flags & (session ? TCP_ACK | TCP_RST : TCP_ACK)))
		return COOKIE_FOREIGN;
	flow = cookie_flow(k, &r->from, PROTO_TCP);
	if (!cookie_check_syn(k, &r->from, seq, p) &&
	    !(session &&
	      cookie_check_heard(k, r, cookie_flow_at(k, flow, r->dport), p)))
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

	if (k->tcp != COOKIE_TCP_SESSION || step >= cookie_span(k))
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
	bool two = k->tcp == COOKIE_TCP_SYN && cookie_has_mark(r) &&
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

static __always_inline enum cookie_result
cookie_check_quote(const struct cookie_key *k, const struct reply *r,
		   struct cookie_proof *p)
{
	const struct addr *src = r->family == 4 ? &k->src4 : &k->src6;
	bool tcp = r->qproto == PROTO_TCP, udp = r->qproto == PROTO_UDP;
	bool rewritten, flow_ok;
	u64 flow;
	u16 port;

	if (addr_is_none(src) || (tcp && k->tcp == COOKIE_TCP_NONE))
		return COOKIE_FOREIGN;
	rewritten = !addr_equal(src, &r->qsrc);
	/* our own address with a port not held is another program's probe */
	if ((tcp || udp) && !rewritten &&
	    (u16)(r->sport - k->port_base) > k->port_mask)
		return COOKIE_FOREIGN;
	if (tcp)
		return cookie_check_segment(k, r, rewritten, p);
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
	else if (r->kind >= REPLY_EXPIRED && r->kind <= REPLY_PARAM)
		result = cookie_check_quote(k, r, p);
	if (result != COOKIE_EXACT && result != COOKIE_REWRITTEN)
		__builtin_memset(p, 0, sizeof(*p));
	p->result = (u8)result;
	return result;
}

#endif
