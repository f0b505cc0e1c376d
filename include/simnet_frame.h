/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * simnet_frame: the simulated Internet's probes and answers as frames.
 *
 * An answer is written over its probe: simnet_parse() reads the probe, the
 * network decides (simnet_hop() or simnet_walk()), simnet_judge() says what
 * that means for this protocol, simnet_shape() how the frame must grow or
 * shrink, whoever owns the memory does that, and simnet_write() writes.
 *
 *   probe          | Ethernet | IP | transport ... |
 *   error   | Ethernet | IP | ICMP | IP | trans ...|       the quote stays
 *   labels | Ethernet | IP | ICMP | quote, zeroes : 128 | extension |
 */
#ifndef WHITHER_SIMNET_FRAME_H
#define WHITHER_SIMNET_FRAME_H

#include "csum.h"
#include "simnet.h"

enum {
	SIMNET_QUOTE_PADDED = 128, /* before an extension, RFC 4884 */
	SIMNET_SIZE_MAX = 0xfff,   /* octets of a probe; also a mask */
	SIMNET_V4_ERROR = 14 + 20 + 8,
	SIMNET_V6_ERROR = 14 + 40 + 8,
	SIMNET_QUIC_LEAST = 8 + 1200, /* that a server answers */
	SIMNET_TOS_CONTROL = 0xc0, /* internetwork control, RFC 1812 4.3.2.5 */
};

/* What must outlive the overwriting. Host order but for `mac`. */
struct simnet_probe {
	struct addr src, dst;
	u16 mac[6];
	u32 first4;   /* of the transport header */
	u32 seq, ack; /* TCP */
	u16 size;     /* IP datagram */
	u16 payload;  /* TCP */
	u8 family, proto, ttl;
	bool may_fragment;
	u8 tcp_flags, tcp_header;
	bool quic;	   /* of a version that nobody has */
	be64 theirs, ours; /* its connection IDs */
};

/* How the frame changes: octets more in front, then the final length. */
struct simnet_shape {
	u32 head, len;
};

/*
 * Wide accesses to a frame, whose headers are aligned to two octets. For BPF
 * memcpy() would be one octet at a time; a plain access is what the kernel
 * takes on machines that have it unaligned, as x86 and arm64 do. Gain: 166 to
 * 151 ns an IPv6 probe, nothing for IPv4 (2026-11-22, `whither bench -6` with
 * kernel.bpf_stats_enabled=1).
 */
static __always_inline u64 simnet_load64(const void *p)
{
#ifdef __bpf__
	return *(const u64 *)p;
#else
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
#endif
}

static __always_inline u32 simnet_load32(const void *p)
{
#ifdef __bpf__
	return *(const u32 *)p;
#else
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
#endif
}

static __always_inline void simnet_store64(void *p, u64 v)
{
#ifdef __bpf__
	*(u64 *)p = v;
#else
	memcpy(p, &v, sizeof(v));
#endif
}

static __always_inline void simnet_load_addr(struct addr *a, const void *p)
{
	a->q[0] = (WHITHER_FORCE be64)simnet_load64(p);
	a->q[1] = (WHITHER_FORCE be64)simnet_load64((const u8 *)p + 8);
}

static __always_inline void simnet_store_addr(void *p, const struct addr *a)
{
	simnet_store64(p, (WHITHER_FORCE u64)a->q[0]);
	simnet_store64((u8 *)p + 8, (WHITHER_FORCE u64)a->q[1]);
}

static __always_inline u64 simnet_sum64(u64 sum, u64 v)
{
	return sum + (v & 0xffffffff) + (v >> 32);
}

/* Sum in native byte order of what stands in [p, end), < 1280 octets. */
static __always_inline u64 simnet_sum(u64 sum, const u8 *p, const u8 *end)
{
	for (u32 i = 0; i < 160 && p + 8 <= end; i++, p += 8)
		sum = simnet_sum64(sum, simnet_load64(p));
	for (u32 i = 0; i < 3 && p + 2 <= end; i++, p += 2)
		sum += *(const u16 *)p;
	if (p + 1 <= end)
		sum += (WHITHER_FORCE u16)be16_put((u16)(*p << 8));
	return sum;
}

static __always_inline be16 simnet_sum_end(u64 sum)
{
	return (WHITHER_FORCE be16)(u16)~csum_fold(sum);
}

static __always_inline be16 simnet_v4_check(const struct wire_v4 *h)
{
	const u8 *p = (const u8 *)h;
	u64 sum = simnet_load32(p + 16);

	sum = simnet_sum64(sum, simnet_load64(p));
	return simnet_sum_end(simnet_sum64(sum, simnet_load64(p + 8)));
}

/* A checksum after 16-bit words of sum `old` became words of sum `new`. */
static __always_inline u16 simnet_recheck(u16 check, u64 old, u64 new)
{
	return csum_neg((u64)csum_neg(check) + csum_neg(old) + new);
}

/* A long header of a reserved version with IDs of eight octets: RFC 8999
 * section 5.1, RFC 9000 section 15. */
struct WIRE simnet_quic {
	u8 form;
	be32 version;
	u8 theirs_length;
	be64 theirs;
	u8 ours_length;
	be64 ours;
};

static __always_inline void simnet_parse_quic(const u8 *p, const u8 *end,
					      u32 len,
					      struct simnet_probe *probe)
{
	const struct simnet_quic *q = (const void *)(p + 8);

	if (p + 8 + sizeof(*q) > end || len < SIMNET_QUIC_LEAST ||
	    !(q->form & 0x80) || q->theirs_length != 8 || q->ours_length != 8 ||
	    (be32_get(q->version) & 0x0f0f0f0f) != 0x0a0a0a0a)
		return;
	probe->quic = true;
	probe->theirs = q->theirs;
	probe->ours = q->ours;
}

/* Is the transport one that the network answers? */
static __always_inline bool simnet_parse_transport(const u8 *p, const u8 *end,
						   u32 len,
						   struct simnet_probe *probe)
{
	const struct wire_tcp *tcp = (const void *)p;
	const struct wire_icmp *icmp = (const void *)p;
	u32 offset;

	if (p + 8 > end || len < 8)
		return false;
	probe->first4 = (u32)be16_get(tcp->sport) << 16 | be16_get(tcp->dport);
	switch (probe->proto) {
	case PROTO_UDP:
		simnet_parse_quic(p, end, len, probe);
		return true;
	case PROTO_ICMP:
		return probe->family == 4 && icmp->type == ICMP4_ECHO;
	case PROTO_ICMP6:
		return probe->family == 6 && icmp->type == ICMP6_ECHO;
	case PROTO_TCP:
		break;
	default:
		return false;
	}
	if (p + sizeof(*tcp) > end || len < sizeof(*tcp))
		return false;
	offset = (tcp->offset >> 4) * 4u;
	if (offset < sizeof(*tcp) || offset > len)
		return false;
	probe->payload = (u16)(len - offset);
	probe->seq = be32_get(tcp->seq);
	probe->ack = be32_get(tcp->ack);
	probe->tcp_flags = tcp->flags;
	probe->tcp_header = (u8)offset;
	return true;
}

static __always_inline enum simnet_outcome
simnet_parse_v4(const u8 *data, const u8 *end, struct simnet_probe *p)
{
	const struct wire_v4 *h = (const void *)(data + 14);
	u32 first;

	if (data + 14 + sizeof(*h) > end)
		return SIMNET_PASSED;
	p->family = 4;
	p->size = be16_get(h->len);
	first = be32_get(h->dst) >> 24;
	if (h->ver_ihl != 0x45 || be16_get(h->frag) & 0x3fff || !h->ttl ||
	    p->size > SIMNET_SIZE_MAX ||
	    data + 14 + (p->size & SIMNET_SIZE_MAX) > end ||
	    p->size < sizeof(*h) || !first || first == 127 || first >= 224)
		return SIMNET_PASSED;
	if (simnet_v4_check(h))
		return SIMNET_CORRUPT;
	p->src = addr_from_v4(h->src);
	p->dst = addr_from_v4(h->dst);
	p->ttl = h->ttl;
	p->proto = h->proto;
	p->may_fragment = !(be16_get(h->frag) & 0x4000);
	if (!simnet_parse_transport(data + 14 + sizeof(*h), end,
				    p->size - (u32)sizeof(*h), p))
		return SIMNET_PASSED;
	return SIMNET_OUTCOME_COUNT;
}

static __always_inline enum simnet_outcome
simnet_parse_v6(const u8 *data, const u8 *end, struct simnet_probe *p)
{
	const struct wire_v6 *h = (const void *)(data + 14);
	u32 len, first;

	if (data + 14 + sizeof(*h) > end)
		return SIMNET_PASSED;
	p->family = 6;
	len = be16_get(h->len);
	first = be32_get(h->dst[0]) >> 16;
	if (be32_get(h->ver_class_flow) >> 28 != 6 || !h->hops ||
	    len > SIMNET_SIZE_MAX ||
	    data + 14 + sizeof(*h) + (len & SIMNET_SIZE_MAX) > end || !first ||
	    (first & 0xffc0) == 0xfe80 || first >= 0xff00)
		return SIMNET_PASSED;
	simnet_load_addr(&p->src, h->src);
	simnet_load_addr(&p->dst, h->dst);
	p->size = (u16)(len + sizeof(*h));
	p->ttl = h->hops;
	p->proto = h->next;
	if (!simnet_parse_transport(data + 14 + sizeof(*h), end, len, p))
		return SIMNET_PASSED;
	return SIMNET_OUTCOME_COUNT;
}

/*
 * Reads the probe in the frame [data, end), at most 4 KiB. Returns what
 * becomes of a frame that is none, SIMNET_OUTCOME_COUNT for a probe; *p has
 * its family in either case, 0 if it is not IP.
 */
static __always_inline enum simnet_outcome
simnet_parse(const void *data, const void *end, struct simnet_probe *p)
{
	const struct wire_eth *eth = data;

	__builtin_memset(p, 0, sizeof(*p));
	if ((const u8 *)data + sizeof(*eth) > (const u8 *)end)
		return SIMNET_PASSED;
	__builtin_memcpy(p->mac, eth, sizeof(p->mac));
	if (eth->type == be16_put(ETHERTYPE_V4))
		return simnet_parse_v4(data, end, p);
	if (eth->type == be16_put(ETHERTYPE_V6))
		return simnet_parse_v6(data, end, p);
	return SIMNET_PASSED;
}

enum {
	SIMNET_SESSION = 1 << 13, /* octets that a session takes */
	SIMNET_SACK_OPTIONS = 12,
	SIMNET_SYN_OPTIONS = 8, /* to a SYN that has as many, at least */
};

/* From their number to ours: a destination remembers nothing, and tells from
 * what is acknowledged to it where the session began. */
static __always_inline u32 simnet_tcp_skew(const struct simnet_config *c,
					   const struct simnet_probe *p)
{
	return (u32)simnet_draw(c, SIMNET_ON_PORT, p->first4);
}

/* How far behind its SYN a segment stands; beyond SIMNET_SESSION: it is of no
 * session. Whoever acknowledges a FIN stands one further back. */
static __always_inline u32 simnet_tcp_offset(const struct simnet_config *c,
					     const struct simnet_probe *p)
{
	return p->seq - (p->ack - 1 - simnet_tcp_skew(c, p));
}

static __always_inline enum simnet_outcome
simnet_judge_session(const struct simnet_probe *p, u32 offset)
{
	if (p->tcp_flags & TCP_FIN && offset == 1)
		return SIMNET_FINISHED;
	return p->payload && offset > 1 ? SIMNET_SACKED : SIMNET_SILENT;
}

static __always_inline bool simnet_is_open(const struct simnet_config *c,
					   const struct simnet_probe *p)
{
	u64 port = simnet_number(&p->dst) + (p->first4 & 0xffff);

	return simnet_chance(simnet_draw(c, SIMNET_ON_PORT, port), c->tcp_open);
}

static __always_inline enum simnet_outcome
simnet_judge_tcp(const struct simnet_config *c, const struct simnet_probe *p)
{
	u32 offset = simnet_tcp_offset(c, p);

	if (p->tcp_flags & TCP_RST)
		return SIMNET_SILENT;
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_ACK && offset &&
	    offset < SIMNET_SESSION)
		return simnet_judge_session(p, offset);
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    simnet_is_open(c, p))
		return SIMNET_SYN_ACK;
	return SIMNET_RESET;
}

/* What a probe's end means for its protocol. */
static __always_inline enum simnet_outcome
simnet_judge(const struct simnet_config *c, const struct simnet_probe *p,
	     const struct simnet_hop *hop)
{
	switch ((enum simnet_end)hop->end) {
	case SIMNET_END_SILENT:
		return SIMNET_SILENT;
	case SIMNET_END_LOST:
		return SIMNET_LOST;
	case SIMNET_END_ROUTER:
		return SIMNET_EXPIRED;
	case SIMNET_END_TOO_BIG:
		return SIMNET_TOO_BIG;
	case SIMNET_END_NO_ROUTE:
		return SIMNET_NO_ROUTE;
	case SIMNET_END_DESTINATION:
		break;
	}
	if (p->proto == PROTO_TCP)
		return simnet_judge_tcp(c, p);
	if (p->quic && simnet_is_open(c, p))
		return SIMNET_VERSIONS;
	return p->proto == PROTO_UDP ? SIMNET_PORT : SIMNET_ECHO;
}

static __always_inline bool simnet_is_error(enum simnet_outcome outcome)
{
	return outcome >= SIMNET_EXPIRED && outcome <= SIMNET_PORT;
}

/* Octets of the probe that the error quotes. */
static __always_inline u32 simnet_quote(const struct simnet_probe *p,
					const struct simnet_hop *hop)
{
	u32 quote = hop->quote < p->size ? hop->quote : p->size;

	if (hop->labels && quote > SIMNET_QUOTE_PADDED)
		return SIMNET_QUOTE_PADDED;
	return quote;
}

/* Of the header of a TCP answer. */
static __always_inline u32 simnet_tcp_size(const struct simnet_probe *p,
					   enum simnet_outcome outcome)
{
	u32 size = sizeof(struct wire_tcp);

	if (outcome == SIMNET_SACKED)
		return size + SIMNET_SACK_OPTIONS;
	if (outcome == SIMNET_SYN_ACK &&
	    p->tcp_header >= size + SIMNET_SYN_OPTIONS)
		return size + SIMNET_SYN_OPTIONS;
	return size;
}

/* Version 1 alone is listed. It ends at an odd place: no structure does. */
enum { SIMNET_VERSIONS_SIZE = 1 + 4 + 1 + 8 + 1 + 8 + 4 };

/* How a frame of `len` octets must change to hold its answer. */
static __always_inline void simnet_shape(const struct simnet_probe *p,
					 const struct simnet_hop *hop,
					 enum simnet_outcome outcome, u32 len,
					 struct simnet_shape *s)
{
	u32 ip = p->family == 4 ? 20 : 40;

	s->head = 0;
	s->len = 14u + p->size;
	if (p->proto == PROTO_TCP)
		s->len = 14 + ip + simnet_tcp_size(p, outcome);
	if (outcome == SIMNET_VERSIONS)
		s->len = 14 + ip + 8 + SIMNET_VERSIONS_SIZE;
	if (!simnet_is_error(outcome))
		return;
	s->head = ip + 8;
	s->len = 14 + s->head;
	if (!hop->labels) {
		s->len += simnet_quote(p, hop);
		return;
	}
	s->len += SIMNET_QUOTE_PADDED + 8 + 4u * hop->labels;
	/* frames often have room in front alone; headers stay aligned */
	if (s->len > len + s->head)
		s->head = (s->len - len + 1) & ~1u;
}

#include "simnet_write.h"

#endif
