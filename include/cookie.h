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
 * QUIC is UDP whose payload is sealed: the mark has no place in it, and over
 * IPv6 there is no identification. So there the checksum names the probe, the
 * flow label is keyed, and the connection ID by which a server answers is the
 * mark, of the probe or, with TTL and attempt 0, of the connection:
 *
 *   IPv6 checksum   (| TTL : 8 | attempt : 4 | T[60..63] : 4 |) ^ P[48..63]
 *   flow label      P[16..35]
 *
 * "field" is what changes from probe to probe within the eight octets that
 * every router quotes: the UDP checksum (true, because two octets of payload
 * balance it) or the echo sequence number. The first four octets of the
 * transport header never change within a trace, so that load balancers keep
 * it on one path (Paris traceroute, Augustin et al. 2006).
 *
 * Bits that a forger off the path must guess: the minimal quote has 16 of the
 * field, 4 of the id and those of the port (12 with 4096 ports) = 32; where
 * the mark is quoted, 44 more. QUIC: 32 over IPv4, over IPv6 4 of the field, 20
 * of the label and those of the port. TCP: 20 of the sequence number and those
 * of the port = 32, and the 16 of the id where IPv4 is quoted; in a session at
 * least as many, but 19 with more than 15 attempts. The tag covers neither our
 * address nor our port: a translator may change both, and the quote then shows
 * its public address. The UDP checksum in the quote was changed by exactly the
 * difference, which cookie_check() takes back before it looks at the tag.
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
	u32 seq;   /* TCP; the acknowledgement too where a probe has one */
	u32 label; /* flow label; QUIC over IPv6 */
	u64 cid;   /* connection ID of the server at first; QUIC */
};

/* What a run's probes are, and so what may answer them. */
enum cookie_mode {
	COOKIE_PLAIN,	/* UDP or ICMP: nothing but an error or an echo */
	COOKIE_TCP_SYN, /* whatever acknowledges seq + 1: SYN/ACK, RST/ACK, and
			   an ACK alone to a SYN on top of another */
	COOKIE_TCP_ACK, /* a bare RST: its seq is what we acknowledged */
	COOKIE_TCP_SESSION, /* what acknowledges S + 1 or S + 2, and a bare RST:
			       whoever keeps the session knows its seq; and
			       what may answer a SYN */
	COOKIE_QUIC,	    /* a datagram to the connection ID that we chose */
};

/* What whoever checks must know; shared with the XDP program. */
struct cookie_key {
	struct siphash_key hash;
	struct addr src4, src6;	  /* ours; none: no probes of that family */
	u16 port_base, port_mask; /* ports held: base .. base + mask */
	u8 port_bits;		  /* mask = 2^bits - 1 */
	u8 mode;		  /* enum cookie_mode */
	u8 attempts;		  /* of a TTL, at most; COOKIE_TCP_SESSION */
	bool flows;		  /* each attempt has a port; TCP and QUIC */
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
enum { COOKIE_PORT = 1 << 16, COOKIE_SESSION = 1 << 17, COOKIE_CID = 1 << 18 };

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

static __always_inline u32 cookie_label(u64 flow)
{
	return (u32)(flow >> 16) & 0xfffff;
}

static __always_inline void cookie_make(const struct cookie_key *k,
					const struct addr *dst, u8 proto,
					u8 ttl, u8 attempt, struct cookie *c)
{
	u16 i = (u16)(ttl << 8 | (attempt & COOKIE_MAX_ATTEMPT) << 4);
	u64 flow = cookie_flow(k, dst, proto);
	u64 tag = cookie_tag(k, dst, proto, i);

	c->mark = cookie_mark(tag, i);
	c->port = cookie_port(k, flow, attempt);
	c->id = (u16)(proto == PROTO_TCP ? tag >> 48 : i | tag >> 60);
	c->seq = cookie_seq(tag, i);
	c->field = cookie_field(tag);
	c->label = 0;
	c->cid = 0;
	if (k->mode == COOKIE_QUIC)
		c->cid = cookie_hash(k, dst, proto, COOKIE_CID);
	if (k->mode == COOKIE_QUIC && !addr_is_v4(dst)) {
		c->field = cookie_field(i ^ tag >> 60 ^ flow >> 48);
		c->label = cookie_label(flow);
	}
	c->echo_id = (u16)(flow >> 32);
	c->echo_check = (u16)(flow >> 48);
}

#include "cookie_check.h"

#endif
