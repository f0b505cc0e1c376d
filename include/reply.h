/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * reply: the one parser of returning packets.
 *
 * The XDP program, user space, the fuzzer and the differential test compile
 * this same source; for any frame all of them fill the same struct reply,
 * octet for octet. It reads at most the frame, trusts no length field beyond
 * what is there, and judges nothing: whether a reply is ours is the cookie's
 * business (cookie.h).
 *
 *   Ethernet [VLAN [VLAN]] IPv4|IPv6 [extension headers]
 *     ICMP error: quote = IPv4|IPv6 [extension headers] UDP|ICMP|TCP ...
 *     ICMP echo reply | TCP | UDP
 *
 * Sources: RFC 791, 792, 4443, 8200 (extension headers), 802.1Q/ad, RFC 4884
 * (length of the quote).
 */
#ifndef WHITHER_REPLY_H
#define WHITHER_REPLY_H

#include "wire.h"

enum reply_kind {
	REPLY_NONE,	 /* nothing that a probe could have caused */
	REPLY_MALFORMED, /* claims to be one, but is cut or contradicts itself
			  */
	REPLY_FRAGMENT,	 /* any fragment but a whole datagram */
	REPLY_EXPIRED,	 /* time exceeded in transit */
	REPLY_UNREACH,
	REPLY_TOOBIG, /* v4: unreachable code 4; v6: type 2 */
	REPLY_PARAM,
	REPLY_ECHO, /* echo reply */
	REPLY_TCP,
	REPLY_UDP,
};

/*
 * Everything learned from a frame; zero where the frame does not say.
 * Scalars are in host order. `from`/`to` are the outer header's, `q*` what an
 * ICMP error quotes. Transport fields (sport .. mark) belong to the quote if
 * there is one, else to the packet itself.
 */
struct reply {
	struct addr from, to;
	struct addr qsrc, qdst;
	u64 mark;     /* first eight octets of the probe's payload; of a quoted
			 SYN: its timestamp, where ours have it; of a UDP
			 datagram itself: the connection ID of eight octets that
			 a QUIC packet in it begins with (RFC 8999) */
	u32 seq, ack; /* TCP */
	u32 mtu;      /* next hop's, where the error tells it */
	u16 size;     /* outer IP datagram, header included */
	u16 ipid;
	u16 qsize, qid;	  /* quoted IP datagram's own claims; id: v4 alone */
	u16 sport, dport; /* ICMP: identifier, 0 */
	u16 field;	  /* UDP checksum; ICMP sequence number */
	u16 icmp_check;	  /* quoted ICMP checksum */
	u16 l4_off;	  /* from the start of the frame: the ICMP/TCP/UDP
			     header of the outer packet */
	u16 quote_off;	  /* ... and the quoted IP header */
	u16 quote_len;	  /* octets of the quote that are here */
	u16 ext_off, ext_len; /* RFC 4884 extensions; 0 if none is claimed */
	u8 kind;	      /* enum reply_kind */
	u8 family;	      /* 4 or 6 */
	u8 icmp_type, icmp_code;
	u8 ttl, tos; /* of the outer header, as it arrived */
	u8 qproto, qttl, qtos;
	u8 has_mark;
	u8 tcp_flags;
	u8 proto;  /* of the outer packet */
	u32 qflow; /* flow label of a quote */
};

_Static_assert(sizeof(struct reply) == 128, "two cache lines, no padding");

/*
 * Where a packet is read from: in the kernel the XDP context itself, which
 * may be handed to functions that are verified separately.
 */
#ifdef __bpf__
#define reply_source xdp_md
#define REPLY_GLOBAL __attribute__((noinline))

static __always_inline const u8 *reply_data(const struct reply_source *src)
{
	return (const u8 *)(long)src->data;
}

static __always_inline const u8 *reply_end(const struct reply_source *src)
{
	return (const u8 *)(long)src->data_end;
}
#else
#define REPLY_GLOBAL static inline

struct reply_source {
	const u8 *data, *end;
};

static __always_inline const u8 *reply_data(const struct reply_source *src)
{
	return src->data;
}

static __always_inline const u8 *reply_end(const struct reply_source *src)
{
	return src->end;
}
#endif

/*
 * A read position: an offset, from which a pointer is made anew for every
 * read. `left` is what is there and what the IP length fields still allow;
 * off + left never exceeds the frame or REPLY_WINDOW.
 */
struct reply_cursor {
	u32 off, left;
};

enum { REPLY_WINDOW = 0x3fff };

static __always_inline const void *reply_take(struct reply_source *src,
					      struct reply_cursor *c, u32 n)
{
	const u8 *p = reply_data(src) + (c->off & REPLY_WINDOW);

	if (n > c->left || p + n > reply_end(src))
		return NULL;
	c->left -= n;
	c->off += n;
	return p;
}

static __always_inline u16 reply_offset(const struct reply_cursor *c)
{
	return (u16)c->off;
}

/*
 * Both of these set `proto` to the transport's; false: malformed. The length
 * of a quoted header bounds nothing: some routers quote it decremented,
 * zeroed or with its octets swapped, and the quote says itself where it ends.
 */
struct reply_ip {
	struct addr src, dst;
	u16 size, id;
	u32 flow;
	u8 proto, ttl, tos;
	bool fragment;
};

static __always_inline bool reply_v4(struct reply_source *src,
				     struct reply_cursor *c,
				     struct reply_ip *ip, bool quoted)
{
	const struct wire_v4 *h = reply_take(src, c, sizeof(*h));
	u32 options;

	if (!h || h->ver_ihl >> 4 != 4 || (h->ver_ihl & 15) < 5)
		return false;
	ip->src = addr_from_v4(h->src);
	ip->dst = addr_from_v4(h->dst);
	ip->size = be16_get(h->len);
	ip->id = be16_get(h->id);
	ip->flow = 0;
	ip->proto = h->proto;
	ip->ttl = h->ttl;
	ip->tos = h->tos;
	/* a quote of the first fragment holds all that finds the probe */
	ip->fragment = (be16_get(h->frag) & (quoted ? 0x1fff : 0x3fff)) != 0;
	options = ((h->ver_ihl & 15) - 5u) * 4;
	if (!quoted && ip->size < sizeof(*h) + options)
		return false;
	if (!quoted && c->left > ip->size - (u32)sizeof(*h))
		c->left = ip->size - (u32)sizeof(*h);
	return reply_take(src, c, options & 60) != NULL;
}

enum { REPLY_MAX_EXT = 6 };

static __always_inline bool reply_is_ext(u8 next)
{
	return next == PROTO_HOPOPTS || next == PROTO_ROUTING ||
	       next == PROTO_DSTOPTS || next == PROTO_FRAGMENT ||
	       next == PROTO_AH;
}

/* Where a walk along IPv6 extension headers stands. */
struct reply_chain {
	struct reply_cursor c;
	u8 next;
	u8 fragment;
	u8 zero[2];
};

/*
 * Steps over one extension header; 0 or -1, malformed. In the kernel this is
 * a function that the verifier checks once, by itself: inlined six times
 * over, twice, its branches multiply beyond a million instructions.
 */
REPLY_GLOBAL int reply_v6_step(struct reply_source *src, struct reply_chain *s)
{
	const struct wire_v6_ext *h;
	u32 rest;

	if (!s)
		return -1;
	h = reply_take(src, &s->c, sizeof(*h));
	if (!h)
		return -1;
	if (s->next == PROTO_FRAGMENT) {
		/* offset or "more": a fragment; neither: atomic, RFC 6946 */
		s->fragment = (be16_get(h->rest[0]) & 0xfff9) != 0;
		rest = 0;
	} else if (s->next == PROTO_AH) {
		if (h->len < 1)
			return -1;
		rest = h->len * 4u; /* (len + 2) * 4 in all, RFC 4302 */
	} else {
		rest = h->len * 8u;
	}
	s->next = h->next;
	return reply_take(src, &s->c, rest & 2047) ? 0 : -1;
}

static __always_inline bool reply_v6(struct reply_source *src,
				     struct reply_cursor *c,
				     struct reply_ip *ip, bool quoted)
{
	const struct wire_v6 *h = reply_take(src, c, sizeof(*h));
	struct reply_chain chain = {};
	u32 len;

	if (!h || be32_get(h->ver_class_flow) >> 28 != 6)
		return false;
	for (int i = 0; i < 4; i++) {
		ip->src.w[i] = h->src[i];
		ip->dst.w[i] = h->dst[i];
	}
	len = be16_get(h->len);
	ip->size = (u16)(len > 0xffff - sizeof(*h) ? 0xffff : len + sizeof(*h));
	ip->id = 0;
	ip->flow = be32_get(h->ver_class_flow) & 0xfffff;
	ip->ttl = h->hops;
	ip->tos = (u8)(be32_get(h->ver_class_flow) >> 20);
	if (!quoted && c->left > len)
		c->left = len;
	chain.c = *c;
	chain.next = h->next;
	for (int i = 0; i < REPLY_MAX_EXT && reply_is_ext(chain.next); i++) {
		if (reply_v6_step(src, &chain))
			return false;
		if (chain.fragment)
			break;
	}
	*c = chain.c;
	ip->fragment = chain.fragment != 0;
	ip->proto = chain.next;
	return true;
}

/* The probe's payload mark, if the packet reaches that far. */
static __always_inline void reply_mark(struct reply_source *src,
				       struct reply_cursor *c, struct reply *r)
{
	const struct WIRE {
		be64 v;
	} *m = reply_take(src, c, 8);

	if (!m)
		return;
	r->mark = be64_get(m->v);
	r->has_mark = 1;
}

/* The timestamp of a SYN that begins as ours do: an MSS, two octets, and it. */
static __always_inline void reply_stamp(struct reply_source *src,
					struct reply_cursor *c, struct reply *r)
{
	const struct WIRE {
		be16 before[3];
		u8 kind, len;
		be32 value;
	} *stamp = reply_take(src, c, sizeof(*stamp));

	if (!stamp || stamp->kind != 8 || stamp->len != 10)
		return;
	r->mark = be32_get(stamp->value);
	r->has_mark = 1;
}

enum { REPLY_QUIC_CID = 8 };

/* The destination connection ID of a QUIC packet with a long header, where it
 * has as many octets as ours: RFC 8999 section 5.1. */
static __always_inline void reply_quic(struct reply_source *src,
				       struct reply_cursor *c, struct reply *r)
{
	const struct WIRE {
		u8 form, version[4], length;
		be64 id;
	} *q = reply_take(src, c, sizeof(*q));

	if (!q || !(q->form & 0x80) || q->length != REPLY_QUIC_CID)
		return;
	r->mark = be64_get(q->id);
	r->has_mark = 1;
}

/* The first eight octets of a transport header are all that RFC 792 grants;
 * a TCP acknowledgement and the mark are taken where there is more. */
static __always_inline bool reply_transport(struct reply_source *src,
					    struct reply_cursor *c, u8 proto,
					    struct reply *r)
{
	const struct WIRE {
		be16 h[4];
	} *p = reply_take(src, c, 8);

	if (!p)
		return false;
	r->sport = be16_get(p->h[0]);
	r->dport = be16_get(p->h[1]);
	if (proto == PROTO_TCP) {
		const struct WIRE {
			be32 ack;
			u8 offset, flags;
			be16 rest[3];
		} *more = reply_take(src, c, sizeof(*more));

		r->seq = (u32)be16_get(p->h[2]) << 16 | be16_get(p->h[3]);
		if (!more)
			return true;
		r->ack = be32_get(more->ack);
		r->tcp_flags = more->flags;
		if (r->quote_off && more->flags & TCP_SYN)
			reply_stamp(src, c, r);
	} else if (proto == PROTO_UDP) {
		r->field = be16_get(p->h[3]);
		if (!r->quote_off)
			reply_quic(src, c, r);
		else
			reply_mark(src, c, r);
	} else {
		r->icmp_check = r->dport;
		r->sport = be16_get(p->h[2]);
		r->dport = 0;
		r->field = be16_get(p->h[3]);
		reply_mark(src, c, r);
	}
	return true;
}

/* A quote must begin with a whole IP header and eight octets of UDP, TCP, or
 * an ICMP echo request; what else routers quote was not ours. */
static __always_inline u8 reply_quote(struct reply_source *src,
				      struct reply_cursor *c, struct reply *r)
{
	struct reply_ip ip = {};
	const u8 *first;
	bool ok;

	r->quote_off = reply_offset(c);
	r->quote_len = (u16)c->left;
	ok = r->family == 4 ? reply_v4(src, c, &ip, true)
			    : reply_v6(src, c, &ip, true);
	if (!ok || ip.fragment)
		return REPLY_MALFORMED;
	r->qsrc = ip.src;
	r->qdst = ip.dst;
	r->qsize = ip.size;
	r->qid = ip.id;
	r->qflow = ip.flow;
	r->qproto = ip.proto;
	r->qttl = ip.ttl;
	r->qtos = ip.tos;
	if (ip.proto == PROTO_ICMP || ip.proto == PROTO_ICMP6) {
		first = reply_data(src) + (c->off & REPLY_WINDOW);
		if (first + 1 > reply_end(src))
			return REPLY_MALFORMED;
		if (*first != (r->family == 4 ? ICMP4_ECHO : ICMP6_ECHO))
			return REPLY_NONE;
	} else if (ip.proto != PROTO_UDP && ip.proto != PROTO_TCP) {
		return REPLY_NONE;
	}
	if (!reply_transport(src, c, ip.proto, r))
		return REPLY_MALFORMED;
	return r->kind;
}

static __always_inline u8 reply_error_kind(u8 family, u8 type, u8 code)
{
	if (family == 4) {
		switch (type) {
		case ICMP4_EXPIRED:
			return REPLY_EXPIRED;
		case ICMP4_UNREACH:
			return code == ICMP4_UNREACH_FRAG ? REPLY_TOOBIG
							  : REPLY_UNREACH;
		case ICMP4_PARAM:
			return REPLY_PARAM;
		}
	} else {
		switch (type) {
		case ICMP6_EXPIRED:
			return REPLY_EXPIRED;
		case ICMP6_UNREACH:
			return REPLY_UNREACH;
		case ICMP6_TOOBIG:
			return REPLY_TOOBIG;
		case ICMP6_PARAM:
			return REPLY_PARAM;
		}
	}
	return REPLY_NONE;
}

enum {
	REPLY_QUOTE_MIN = 128, /* RFC 4884: a quote before extensions */
};

/* Where the quote ends and extensions begin. Without a length field some
 * routers still append extensions after 128 octets (RFC 4884 section 5.5):
 * that place is given too, and the extensions' own checksum must decide. */
static __always_inline void reply_extensions(struct reply_source *src,
					     struct reply_cursor *c,
					     const struct wire_icmp *h,
					     struct reply *r)
{
	u32 quote = r->family == 4 ? h->quote_words * 4u : h->quote_words6 * 8u;

	if (r->kind != REPLY_EXPIRED && r->kind != REPLY_UNREACH &&
	    !(r->family == 4 && r->kind == REPLY_PARAM))
		return;
	if (quote && quote < REPLY_QUOTE_MIN)
		return;
	if (!quote)
		quote = REPLY_QUOTE_MIN;
	if (c->left < quote + 4 ||
	    reply_data(src) + (c->off & REPLY_WINDOW) + quote + 4 >
		    reply_end(src))
		return;
	r->ext_off = (u16)(reply_offset(c) + quote);
	r->ext_len = (u16)(c->left - quote);
	c->left = quote;
}

static __always_inline u8 reply_icmp(struct reply_source *src,
				     struct reply_cursor *c, struct reply *r)
{
	const struct wire_icmp *h = reply_take(src, c, sizeof(*h));

	if (!h)
		return REPLY_MALFORMED;
	r->icmp_type = h->type;
	r->icmp_code = h->code;
	if (h->type == (r->family == 4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY)) {
		r->sport = be16_get(h->id);
		r->field = be16_get(h->seq);
		reply_mark(src, c, r);
		return REPLY_ECHO;
	}
	r->kind = reply_error_kind(r->family, h->type, h->code);
	if (r->kind == REPLY_NONE)
		return REPLY_NONE;
	if (r->kind == REPLY_TOOBIG)
		r->mtu = r->family == 4 ? be16_get(h->mtu4) : be32_get(h->mtu6);
	reply_extensions(src, c, h, r);
	return reply_quote(src, c, r);
}

static __always_inline u8 reply_ip_payload(struct reply_source *src,
					   struct reply_cursor *c,
					   struct reply *r)
{
	switch (r->proto) {
	case PROTO_ICMP:
		return r->family == 4 ? reply_icmp(src, c, r) : REPLY_NONE;
	case PROTO_ICMP6:
		return r->family == 6 ? reply_icmp(src, c, r) : REPLY_NONE;
	case PROTO_TCP:
		return reply_transport(src, c, PROTO_TCP, r) ? REPLY_TCP
							     : REPLY_MALFORMED;
	case PROTO_UDP:
		return reply_transport(src, c, PROTO_UDP, r) ? REPLY_UDP
							     : REPLY_MALFORMED;
	}
	return REPLY_NONE;
}

static __always_inline u8 reply_ether(struct reply_source *src,
				      struct reply_cursor *c, struct reply *r)
{
	const struct wire_eth *eth = reply_take(src, c, sizeof(*eth));
	const struct wire_vlan *tag;
	struct reply_ip ip = {};
	u16 type;
	bool ok;

	if (!eth)
		return REPLY_NONE;
	type = be16_get(eth->type);
	if (type == ETHERTYPE_CTAG || type == ETHERTYPE_STAG) {
		tag = reply_take(src, c, sizeof(*tag));
		if (!tag)
			return REPLY_NONE;
		type = be16_get(tag->type);
	}
	if (type == ETHERTYPE_CTAG) {
		tag = reply_take(src, c, sizeof(*tag));
		if (!tag)
			return REPLY_NONE;
		type = be16_get(tag->type);
	}
	if (type != ETHERTYPE_V4 && type != ETHERTYPE_V6)
		return REPLY_NONE;
	r->family = type == ETHERTYPE_V4 ? 4 : 6;
	ok = r->family == 4 ? reply_v4(src, c, &ip, false)
			    : reply_v6(src, c, &ip, false);
	if (!ok)
		return REPLY_MALFORMED;
	r->from = ip.src;
	r->to = ip.dst;
	r->size = ip.size;
	r->ipid = ip.id;
	r->ttl = ip.ttl;
	r->tos = ip.tos;
	r->proto = ip.proto;
	if (ip.fragment)
		return REPLY_FRAGMENT;
	r->l4_off = reply_offset(c);
	return reply_ip_payload(src, c, r);
}

/*
 * Fills *r from a frame. The result's kind is also returned; for REPLY_NONE,
 * REPLY_MALFORMED and REPLY_FRAGMENT the other fields say how far the parser
 * came and are of no further use.
 */
static __always_inline enum reply_kind
reply_parse_source(struct reply_source *src, struct reply *r)
{
	u32 here = (u32)(reply_end(src) - reply_data(src));
	struct reply_cursor c = { 0, REPLY_WINDOW };

	if (c.left > here)
		c.left = here;
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = reply_ether(src, &c, r);
	return r->kind;
}

#ifndef __bpf__
static inline enum reply_kind reply_parse(const void *data, u32 len,
					  struct reply *r)
{
	struct reply_source src = { data, (const u8 *)data + len };

	return reply_parse_source(&src, r);
}
#endif

#endif
