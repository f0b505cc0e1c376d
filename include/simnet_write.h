/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * simnet_write: the second half of simnet_frame.h, which includes it: the
 * answers themselves.
 */
#ifndef WHITHER_SIMNET_WRITE_H
#define WHITHER_SIMNET_WRITE_H

#include "simnet_frame.h"

static __always_inline void simnet_write_eth(u8 *data, bool v4,
					     const struct simnet_probe *p)
{
	struct wire_eth *eth = (void *)data;

	__builtin_memcpy(eth->dst, p->mac + 3, 6);
	__builtin_memcpy(eth->src, p->mac, 6);
	eth->type = be16_put(v4 ? ETHERTYPE_V4 : ETHERTYPE_V6);
}

/* The outer header of any answer; its payload ends with the frame. */
static __always_inline void simnet_write_ip(u8 *data, bool v4, u32 payload,
					    u8 proto, u8 tos,
					    const struct simnet_probe *p,
					    const struct simnet_hop *hop)
{
	struct wire_v4 *h4 = (void *)(data + 14);
	struct wire_v6 *h6 = (void *)(data + 14);

	simnet_write_eth(data, v4, p);
	if (v4) {
		h4->ver_ihl = 0x45;
		h4->tos = tos;
		h4->len = be16_put((u16)(sizeof(*h4) + payload));
		h4->id = be16_put(0);
		h4->frag = be16_put(0x4000); /* atomic: id says nothing */
		h4->ttl = hop->reply_ttl;
		h4->proto = proto;
		h4->check = be16_put(0);
		h4->src = hop->from.w[3];
		h4->dst = p->src.w[3];
		h4->check = simnet_v4_check(h4);
		return;
	}
	h6->ver_class_flow = be32_put(6u << 28 | (u32)tos << 20);
	h6->len = be16_put((u16)payload);
	h6->next = proto;
	h6->hops = hop->reply_ttl;
	simnet_store_addr(h6->src, &hop->from);
	simnet_store_addr(h6->dst, &p->src);
}

/* RFC 8200 section 8.1, RFC 9293 section 3.1; native byte order. */
static __always_inline u64 simnet_pseudo(const u8 *data, bool v4, u32 payload,
					 u8 proto)
{
	const u8 *addrs = data + 14 + (v4 ? 12 : 8);
	u64 sum = (WHITHER_FORCE u16)be16_put((u16)payload);

	sum += (WHITHER_FORCE u16)be16_put(proto);
	for (int i = 0; i < (v4 ? 8 : 32); i += 8)
		sum = simnet_sum64(sum, simnet_load64(addrs + i));
	return sum;
}

/* base + v, v < 64: bounded for the verifier, unknown to the compiler, which
 * else checks one register and reads through another. */
static __always_inline u8 *simnet_at(u8 *base, u32 v)
{
	asm volatile("" : "+r"(v));
	base += v & 63;
	asm volatile("" : "+r"(base));
	return base;
}

/* The MSS option of the quoted TCP header lowered to what a hop allows. */
static __always_inline void simnet_quote_mss(u8 *l4, const u8 *end, u32 len,
					     u16 mss)
{
	struct wire_tcp *tcp = (void *)l4;
	u32 at = sizeof(*tcp), left, step;
	u16 old;

	if (l4 + sizeof(*tcp) > end || len < sizeof(*tcp) ||
	    !(tcp->flags & TCP_SYN))
		return;
	left = (tcp->offset >> 4) * 4u;
	if (left > len)
		left = len;
	for (u32 i = 0; i < 40 && at + 4 <= left; i++, at += step) {
		u8 *opt = simnet_at(l4, at);

		if (opt + 4 > end || !opt[0])
			return;
		step = opt[0] == 1 ? 1 : opt[1];
		if (!step)
			return;
		if (opt[0] != 2 || step != 4)
			continue;
		old = (u16)(opt[2] << 8 | opt[3]);
		if (old <= mss)
			return;
		opt[2] = (u8)(mss >> 8);
		opt[3] = (u8)mss;
		/* at an odd place it straddles two words */
		tcp->check = be16_put(simnet_recheck(be16_get(tcp->check),
						     (u64)old << 8 * (at & 1),
						     (u64)mss << 8 * (at & 1)));
		return;
	}
}

/* A translator put other addresses and another port into the quote. */
static __always_inline void simnet_quote_translate(u8 *l4, const u8 *end,
						   u32 len,
						   const struct simnet_probe *p,
						   const struct simnet_hop *hop)
{
	struct wire_udp *udp = (void *)l4;
	struct wire_tcp *tcp = (void *)l4;
	u64 old = csum_add_addr(0, &p->src), new = old;
	u32 at = 6;

	if (!addr_is_none(&hop->qsrc))
		new = csum_add_addr(0, &hop->qsrc);
	if (!addr_is_none(&hop->qdst)) {
		old = csum_add_addr(old, &p->dst);
		new = csum_add_addr(new, &hop->qdst);
	}
	if (p->proto == PROTO_ICMP)
		return; /* no pseudo header, no port */
	if (p->proto != PROTO_ICMP6 && hop->qsport) {
		old += be16_get(udp->sport);
		new += hop->qsport;
		udp->sport = be16_put(hop->qsport);
	}
	if (!hop->adjust)
		return;
	if (p->proto == PROTO_TCP) {
		if (l4 + sizeof(*tcp) <= end && len >= 18)
			tcp->check = be16_put(
				simnet_recheck(be16_get(tcp->check), old, new));
		return;
	}
	if (p->proto == PROTO_ICMP6)
		at = 2;
	else if (udp->check == be16_put(0))
		return; /* no checksum */
	udp = (void *)(l4 + at - 6);
	udp->check = be16_put(simnet_recheck(be16_get(udp->check), old, new));
	if (at == 6 && udp->check == be16_put(0))
		udp->check = be16_put(0xffff);
}

/* Does a quote differ from the probe in more than TTL and TOS? */
static __always_inline bool simnet_is_rewritten(const struct simnet_probe *p,
						const struct simnet_hop *hop)
{
	return !addr_is_none(&hop->qsrc) || !addr_is_none(&hop->qdst) ||
	       (hop->mss && p->proto == PROTO_TCP);
}

static __always_inline bool simnet_rewrite_as(u8 *data, const u8 *end, bool v4,
					      const struct simnet_probe *p,
					      const struct simnet_hop *hop)
{
	u8 *q = data + (v4 ? SIMNET_V4_ERROR : SIMNET_V6_ERROR);
	u8 *l4 = q + (v4 ? 20 : 40);
	u32 len = simnet_quote(p, hop) - (v4 ? 20 : 40);
	struct wire_v4 *h4 = (void *)q;
	struct wire_v6 *h6 = (void *)q;

	if (l4 + 8 > end)
		return false;
	if (!addr_is_none(&hop->qsrc)) {
		if (v4)
			h4->src = hop->qsrc.w[3];
		else
			simnet_store_addr(h6->src, &hop->qsrc);
	}
	if (!addr_is_none(&hop->qdst)) {
		if (v4)
			h4->dst = hop->qdst.w[3];
		else
			simnet_store_addr(h6->dst, &hop->qdst);
	}
	if (v4) {
		h4->check = be16_put(0);
		h4->check = simnet_v4_check(h4);
	}
	if (hop->mss && p->proto == PROTO_TCP)
		simnet_quote_mss(l4, end, len, hop->mss);
	simnet_quote_translate(l4, end, len, p, hop);
	return true;
}

/* What rewrote the probe on its way shows in the quote of an error that
 * simnet_write() wrote. False: the frame is too short. */
static __always_inline bool simnet_rewrite(void *data, void *end,
					   const struct simnet_probe *p,
					   const struct simnet_hop *hop)
{
	if (p->family == 4)
		return simnet_rewrite_as(data, end, true, p, hop);
	return simnet_rewrite_as(data, end, false, p, hop);
}

/* The quote as it stands where the probe ended: the IP header at least. */
static __always_inline void simnet_write_quote(u8 *q, bool v4,
					       const struct simnet_probe *p,
					       const struct simnet_hop *hop)
{
	struct wire_v4 *h4 = (void *)q;
	struct wire_v6 *h6 = (void *)q;
	u8 ttl = (u8)(p->ttl - (hop->distance - 1));
	u32 first;

	if (v4) {
		h4->ttl = ttl;
		h4->tos = (h4->tos & hop->tos_keep) | hop->tos_set;
		h4->check = be16_put(0);
		h4->check = simnet_v4_check(h4);
		return;
	}
	first = be32_get(h6->ver_class_flow);
	first &= ~((u32)(u8)~hop->tos_keep << 20);
	first |= (u32)hop->tos_set << 20;
	h6->ver_class_flow = be32_put(first);
	h6->hops = ttl;
}

/* RFC 4884 section 7, RFC 4950 section 3. */
static __always_inline bool simnet_write_labels(u8 *ext, const u8 *end,
						const struct simnet_hop *hop)
{
	struct WIRE {
		u8 version, zero;
		be16 check, len;
		u8 class, type;
		be32 label[SIMNET_LABELS];
	} *e = (void *)ext;
	const u16 *w = (const u16 *)ext;
	u64 sum = 0;

	if (ext + 12 > end)
		return false;
	e->version = 2 << 4;
	e->zero = 0;
	e->check = be16_put(0);
	e->len = be16_put((u16)(4 + 4 * hop->labels));
	e->class = 1;
	e->type = 1;
	for (int i = 0; i < 4; i++)
		sum += w[i];
	e->label[0] = hop->label[0];
	sum += w[4] + w[5];
	if (ext + 16 <= end) {
		e->label[1] = hop->label[1];
		sum += w[6] + w[7];
	}
	e->check = simnet_sum_end(sum);
	return true;
}

static __always_inline void simnet_write_icmp(struct wire_icmp *h, bool v4,
					      enum simnet_outcome outcome,
					      const struct simnet_hop *hop)
{
	h->type = v4 ? ICMP4_UNREACH : ICMP6_UNREACH;
	h->code = 0;
	h->check = be16_put(0);
	h->mtu6 = be32_put(0);
	if (outcome == SIMNET_EXPIRED) {
		h->type = v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED;
	} else if (outcome == SIMNET_PORT) {
		h->code = v4 ? ICMP4_UNREACH_PORT : ICMP6_UNREACH_PORT;
	} else if (outcome == SIMNET_TOO_BIG) {
		h->type = v4 ? ICMP4_UNREACH : ICMP6_TOOBIG;
		h->code = v4 ? ICMP4_UNREACH_FRAG : 0;
		if (v4)
			h->mtu4 = be16_put(hop->mtu);
		else
			h->mtu6 = be32_put(hop->mtu);
	}
	/* too big has no place for the length in ICMPv6, RFC 4884 section 4 */
	if (hop->labels && v4)
		h->quote_words = SIMNET_QUOTE_PADDED / 4;
	else if (hop->labels && outcome != SIMNET_TOO_BIG)
		h->quote_words6 = SIMNET_QUOTE_PADDED / 8;
}

static __always_inline bool simnet_write_error(u8 *data, u8 *end, bool v4,
					       const struct simnet_probe *p,
					       const struct simnet_hop *hop,
					       enum simnet_outcome outcome,
					       const u8 *padded)
{
	u32 ip = v4 ? 20 : 40, payload = (u32)(end - data) - 14 - ip;
	u8 proto = v4 ? PROTO_ICMP : PROTO_ICMP6;
	u8 *l4 = data + 14 + ip, *q = l4 + 8;

	if (q + ip + 8 > end)
		return false;
	if (hop->labels) {
		if (!simnet_write_labels(q + SIMNET_QUOTE_PADDED, end, hop))
			return false;
		__builtin_memcpy(q, padded, SIMNET_QUOTE_PADDED);
	}
	simnet_write_quote(q, v4, p, hop);
	simnet_write_ip(data, v4, payload, proto, v4 ? SIMNET_TOS_CONTROL : 0,
			p, hop);
	simnet_write_icmp((void *)l4, v4, outcome, hop);
	return true;
}

static __always_inline bool simnet_write_echo(u8 *data, u8 *end, bool v4,
					      const struct simnet_probe *p,
					      const struct simnet_hop *hop)
{
	u32 ip = v4 ? 20 : 40;
	struct wire_icmp *icmp = (void *)(data + 14 + ip);
	u8 tos, type = v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;

	if (data + 14 + ip + 8 > end)
		return false;
	if (v4)
		tos = ((struct wire_v4 *)(data + 14))->tos;
	else
		tos = (u8)(be32_get(((struct wire_v6 *)(data + 14))
					    ->ver_class_flow) >>
			   20);
	tos = (tos & hop->tos_keep) | hop->tos_set;
	simnet_write_ip(data, v4, p->size - ip, p->proto, tos, p, hop);
	icmp->check = be16_put(simnet_recheck(
		be16_get(icmp->check), (u64)icmp->type << 8, (u64)type << 8));
	icmp->type = type;
	return true;
}

/* To a SYN that has as many: MSS, and SACK permitted (RFC 2018). To data: the
 * one block that it is. False: the frame is too short. */
static __always_inline bool simnet_write_options(u8 *at, const u8 *end,
						 const struct simnet_probe *p,
						 enum simnet_outcome outcome)
{
	struct WIRE {
		u8 kind[4];
		be32 left, right;
	} *sack = (void *)at;
	const u8 sacked[4] = { 1, 1, 5, 10 };
	const u8 syn[8] = { 2, 4, 1460 >> 8, 1460 & 255, 4, 2, 1, 1 };

	if (outcome == SIMNET_SACKED) {
		if (at + sizeof(*sack) > end)
			return false;
		__builtin_memcpy(sack->kind, sacked, sizeof(sacked));
		sack->left = be32_put(p->seq);
		sack->right = be32_put(p->seq + p->payload);
		return true;
	}
	if (simnet_tcp_size(p, outcome) == sizeof(struct wire_tcp))
		return true;
	if (at + sizeof(syn) > end)
		return false;
	__builtin_memcpy(at, syn, sizeof(syn));
	return true;
}

/* Flags and numbers; RFC 9293 section 3.5.2. */
static __always_inline void simnet_write_numbers(const struct simnet_config *c,
						 struct wire_tcp *tcp,
						 const struct simnet_probe *p,
						 enum simnet_outcome outcome)
{
	u32 next = p->seq + p->payload;

	next += (p->tcp_flags & TCP_SYN ? 1 : 0) + (p->tcp_flags & TCP_FIN);
	tcp->seq = be32_put(p->ack);
	tcp->ack = be32_put(next);
	tcp->window = be16_put(64240);
	if (outcome == SIMNET_SYN_ACK) {
		tcp->flags = TCP_SYN | TCP_ACK;
		tcp->seq = be32_put(p->seq + simnet_tcp_skew(c, p));
	} else if (outcome == SIMNET_SACKED) {
		tcp->flags = TCP_ACK;
		tcp->ack = be32_put(p->ack - simnet_tcp_skew(c, p));
	} else if (outcome == SIMNET_FINISHED) {
		tcp->flags = TCP_FIN | TCP_ACK;
	} else {
		tcp->flags = TCP_RST;
		tcp->window = be16_put(0);
		if (p->tcp_flags & TCP_ACK) {
			tcp->ack = be32_put(0);
			return;
		}
		tcp->flags = TCP_RST | TCP_ACK;
		tcp->seq = be32_put(0);
	}
}

static __always_inline bool simnet_write_tcp(const struct simnet_config *c,
					     u8 *data, u8 *end, bool v4,
					     const struct simnet_probe *p,
					     const struct simnet_hop *hop,
					     enum simnet_outcome outcome)
{
	u32 ip = v4 ? 20 : 40, size = simnet_tcp_size(p, outcome);
	struct wire_tcp *tcp = (void *)(data + 14 + ip);
	u8 *l4 = data + 14 + ip;

	if (l4 + sizeof(*tcp) > end)
		return false;
	simnet_write_ip(data, v4, size, PROTO_TCP, 0, p, hop);
	tcp->sport = be16_put((u16)p->first4);
	tcp->dport = be16_put((u16)(p->first4 >> 16));
	tcp->offset = (u8)(size / 4 << 4);
	tcp->check = be16_put(0);
	tcp->urgent = be16_put(0);
	simnet_write_numbers(c, tcp, p, outcome);
	if (!simnet_write_options((u8 *)(tcp + 1), end, p, outcome))
		return false;
	tcp->check = simnet_sum_end(
		simnet_sum(simnet_pseudo(data, v4, size, PROTO_TCP), l4, end));
	return true;
}

/* RFC 8999 section 6; UDP's checksum over IPv4 too. */
static __always_inline bool simnet_write_versions(u8 *data, u8 *end, bool v4,
						  const struct simnet_probe *p,
						  const struct simnet_hop *hop)
{
	u32 ip = v4 ? 20 : 40, size = 8 + SIMNET_VERSIONS_SIZE;
	struct wire_udp *udp = (void *)(data + 14 + ip);
	struct WIRE {
		u8 form;
		be32 version;
		u8 theirs_length;
		be64 theirs;
		u8 ours_length;
		be64 ours;
		be32 first;
	} *list = (void *)(udp + 1);
	be16 check;

	if ((u8 *)list + SIMNET_VERSIONS_SIZE > end)
		return false;
	simnet_write_ip(data, v4, size, PROTO_UDP, 0, p, hop);
	udp->sport = be16_put((u16)p->first4);
	udp->dport = be16_put((u16)(p->first4 >> 16));
	udp->len = be16_put((u16)size);
	udp->check = be16_put(0);
	list->form = 0x80;
	list->version = be32_put(0);
	list->theirs_length = list->ours_length = 8;
	list->theirs = p->ours;
	list->ours = p->theirs;
	list->first = be32_put(1);
	check = simnet_sum_end(simnet_sum(
		simnet_pseudo(data, v4, size, PROTO_UDP), (u8 *)udp, end));
	udp->check = check == be16_put(0) ? be16_put(0xffff) : check;
	return true;
}

static __always_inline bool
simnet_write_as(const struct simnet_config *c, u8 *data, u8 *end, bool v4,
		const struct simnet_probe *p, const struct simnet_hop *hop,
		enum simnet_outcome outcome, const u8 *padded)
{
	if (simnet_is_error(outcome))
		return simnet_write_error(data, end, v4, p, hop, outcome,
					  padded);
	if (outcome == SIMNET_ECHO)
		return simnet_write_echo(data, end, v4, p, hop);
	if (outcome == SIMNET_VERSIONS)
		return simnet_write_versions(data, end, v4, p, hop);
	return simnet_write_tcp(c, data, end, v4, p, hop, outcome);
}

/*
 * Writes the answer into the frame [data, end), which has been shaped for
 * it. `padded` is the start of the probe's IP datagram, zeroes after
 * simnet_quote() octets, 128 in all; read only if the hop has labels. False:
 * the frame is too short, and spoiled. An error still needs simnet_rewrite()
 * if simnet_is_rewritten(), then simnet_seal(): apart, so that a verifier need
 * not walk every combination of their paths.
 */
static __always_inline bool
simnet_write(const struct simnet_config *c, void *data, void *end,
	     const struct simnet_probe *p, const struct simnet_hop *hop,
	     enum simnet_outcome outcome, const u8 *padded)
{
	if (p->family == 4)
		return simnet_write_as(c, data, end, true, p, hop, outcome,
				       padded);
	return simnet_write_as(c, data, end, false, p, hop, outcome, padded);
}

/* The checksum of an error. False: the frame is too short. */
static __always_inline bool simnet_seal(void *data, void *end)
{
	const struct wire_eth *eth = data;
	u8 *l4 = (u8 *)data + 14 + 20;
	u64 sum = 0;

	if (l4 + 28 > (u8 *)end)
		return false;
	if (eth->type == be16_put(ETHERTYPE_V6)) {
		sum = simnet_pseudo(data, false, (u32)((u8 *)end - l4) - 20,
				    PROTO_ICMP6);
		l4 += 20;
	}
	sum = simnet_sum(sum, l4, end);
	((struct wire_icmp *)l4)->check = simnet_sum_end(sum);
	return true;
}

#endif
