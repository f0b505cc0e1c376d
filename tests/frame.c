/* SPDX-License-Identifier: BSD-2-Clause */
/* frame: builds the packets that tests describe. */
#include "frame.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct addr frame_addr(const char *text)
{
	struct addr a = {};
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return addr_from_v4((WHITHER_FORCE be32)v4.s_addr);
	if (inet_pton(AF_INET6, text, a.b) != 1) {
		fprintf(stderr, "frame: not an address: %s\n", text);
		abort();
	}
	return a;
}

static void put(u8 *at, const void *header, size_t size)
{
	memcpy(at, header, size);
}

static u32 put_payload(const struct frame_l4 *l4, u8 *at)
{
	be64 mark = be64_put(l4->mark);

	memset(at, 0x5a, l4->payload);
	memcpy(at, &mark, l4->payload < 8 ? l4->payload : 8);
	return l4->payload;
}

static u32 put_tcp(const struct frame_l4 *l4, u8 *at)
{
	struct wire_tcp h = {
		.sport = be16_put(l4->sport),
		.dport = be16_put(l4->dport),
		.seq = be32_put(l4->seq),
		.ack = be32_put(l4->ack),
		.offset = 5 << 4,
		.flags = l4->flags,
		.window = be16_put(65535),
	};

	put(at, &h, sizeof(h));
	return sizeof(h) + put_payload(l4, at + sizeof(h));
}

static u32 put_udp(const struct frame_l4 *l4, u8 *at)
{
	struct wire_udp h = {
		.sport = be16_put(l4->sport),
		.dport = be16_put(l4->dport),
		.len = be16_put((u16)(sizeof(h) + l4->payload)),
		.check = be16_put(l4->field),
	};

	put(at, &h, sizeof(h));
	return sizeof(h) + put_payload(l4, at + sizeof(h));
}

static u32 put_echo(const struct frame_l4 *l4, u8 *at)
{
	struct wire_icmp h = {
		.type = l4->type,
		.code = l4->code,
		.check = be16_put(l4->dport),
		.id = be16_put(l4->sport),
		.seq = be16_put(l4->field),
	};

	put(at, &h, sizeof(h));
	return sizeof(h) + put_payload(l4, at + sizeof(h));
}

static u32 put_l4(const struct frame_l4 *l4, u8 *at)
{
	switch (l4->proto) {
	case PROTO_TCP:
		return put_tcp(l4, at);
	case PROTO_UDP:
		return put_udp(l4, at);
	case PROTO_ICMP:
	case PROTO_ICMP6:
		return put_echo(l4, at);
	}
	return put_payload(l4, at);
}

static u32 put_v4(const struct frame_ip *ip, u8 proto, u32 body, u8 *at)
{
	u32 size = sizeof(struct wire_v4) + ip->options;
	struct wire_v4 h = {
		.ver_ihl = (u8)(4 << 4 | (ip->ihl ? ip->ihl : size / 4)),
		.tos = ip->tos,
		.len = be16_put(ip->lie ? ip->lie : (u16)(size + body)),
		.id = be16_put(ip->id),
		.frag = be16_put(ip->frag),
		.ttl = ip->ttl,
		.proto = proto,
		.src = frame_addr(ip->src).w[3],
		.dst = frame_addr(ip->dst).w[3],
	};

	put(at, &h, sizeof(h));
	memset(at + sizeof(h), 1, ip->options); /* "no operation" */
	h.check = be16_put((u16)~csum_fold(csum_octets(0, at, size)));
	put(at, &h, sizeof(h));
	return size;
}

static u32 put_ext(const struct frame_ext *ext, u8 next, u8 *at)
{
	struct wire_v6_frag frag = {
		.next = next,
		.reserved = ext->len,
		.offset = be16_put(ext->offset),
	};
	u32 size = ext->next == PROTO_AH ? (ext->len + 2u) * 4
					 : (ext->len + 1u) * 8;

	if (ext->next == PROTO_FRAGMENT) {
		put(at, &frag, sizeof(frag));
		return sizeof(frag);
	}
	memset(at, 0, size);
	at[0] = next;
	at[1] = ext->len;
	return size;
}

static u32 put_v6(const struct frame_ip *ip, u8 proto, u32 body, u8 *at)
{
	struct addr src = frame_addr(ip->src), dst = frame_addr(ip->dst);
	struct wire_v6 h = {
		.ver_class_flow =
			be32_put(6u << 28 | (u32)ip->tos << 20 | ip->label),
		.hops = ip->ttl,
		.next = ip->ext_count ? ip->ext[0].next : proto,
	};
	u32 size = sizeof(h);

	for (int i = 0; i < ip->ext_count; i++) {
		u8 next = i + 1 < ip->ext_count ? ip->ext[i + 1].next : proto;

		size += put_ext(&ip->ext[i], next, at + size);
	}
	body += size - (u32)sizeof(h);
	h.len = be16_put(ip->lie ? ip->lie : (u16)body);
	memcpy(h.src, src.b, sizeof(h.src));
	memcpy(h.dst, dst.b, sizeof(h.dst));
	put(at, &h, sizeof(h));
	return size;
}

/* The header goes in front of `size` octets that already stand at `body`. */
static u32 put_ip(const struct frame_ip *ip, u8 proto, const u8 *body, u32 size,
		  u8 *at)
{
	u32 header = ip->family == 4 ? put_v4(ip, proto, size, at)
				     : put_v6(ip, proto, size, at);

	memcpy(at + header, body, size);
	return header + size;
}

/* One MPLS object of as many entries as there is room for. */
static u32 put_extensions(u32 size, u8 *at)
{
	be16 check;

	if (size < 4)
		return 0;
	memset(at, 0, size);
	at[0] = 2 << 4;
	if (size >= 8) {
		at[4] = (u8)((size - 4) >> 8);
		at[5] = (u8)(size - 4);
		at[6] = 1;
		at[7] = 1;
	}
	for (u32 i = 8; i + 4 <= size; i += 4)
		at[i + 3] = (u8)i;
	check = be16_put((u16)~csum_fold(csum_octets(0, at, size)));
	memcpy(at + 2, &check, sizeof(check));
	return size;
}

static u32 put_error(const struct frame *f, u8 *at)
{
	struct wire_icmp h = { .type = f->l4.type, .code = f->l4.code };
	u8 body[FRAME_MAX], quote[FRAME_MAX];
	u32 size;

	if (f->ip.family == 4) {
		h.quote_words = f->words;
		h.mtu4 = be16_put((u16)f->mtu);
	} else if (f->mtu) {
		h.mtu6 = be32_put(f->mtu);
	} else {
		h.quote_words6 = f->words;
	}
	put(at, &h, sizeof(h));
	size = put_l4(&f->quoted, body);
	size = put_ip(&f->quote, f->quoted.proto, body, size, quote);
	if (f->quote_max && size > f->quote_max)
		size = f->quote_max;
	memcpy(at + sizeof(h), quote, size);
	if (size < f->quote_pad) {
		memset(at + sizeof(h) + size, 0, f->quote_pad - size);
		size = f->quote_pad;
	}
	size += (u32)sizeof(h);
	return size + put_extensions(f->extensions, at + size);
}

static void put_icmp_check(const struct frame *f, u8 *at, u32 size)
{
	u64 sum = 0;
	be16 check;
	struct addr src, dst;

	if (f->l4.dport)
		return; /* the test's own */
	if (f->ip.family == 6) {
		src = frame_addr(f->ip.src);
		dst = frame_addr(f->ip.dst);
		sum = csum_add_addr(csum_add_addr(0, &src), &dst);
		sum += PROTO_ICMP6 + size;
	}
	memset(at + 2, 0, 2);
	check = be16_put((u16)~csum_fold(csum_octets(sum, at, size)));
	memcpy(at + 2, &check, sizeof(check));
}

static u32 put_ether(const struct frame *f, u8 *at)
{
	struct wire_eth eth = { .dst = { 2, 1 }, .src = { 2, 2 } };
	u16 type = f->ip.family == 4 ? ETHERTYPE_V4 : ETHERTYPE_V6;
	u32 size = sizeof(eth);

	eth.type = be16_put(f->vlan[0] ? f->vlan[0] : type);
	put(at, &eth, sizeof(eth));
	for (int i = 0; i < 2 && f->vlan[i]; i++) {
		struct wire_vlan tag = { .tag = be16_put((u16)(100 + i)) };
		u16 next = i == 0 ? f->vlan[1] : 0;

		tag.type = be16_put(next ? next : type);
		put(at + size, &tag, sizeof(tag));
		size += (u32)sizeof(tag);
	}
	return size;
}

u32 frame_build(const struct frame *f, u8 *at)
{
	bool icmp = f->l4.proto == PROTO_ICMP || f->l4.proto == PROTO_ICMP6;
	u32 size = put_ether(f, at), body;
	u8 l4[FRAME_MAX];

	body = f->quote.family ? put_error(f, l4) : put_l4(&f->l4, l4);
	if (icmp)
		put_icmp_check(f, l4, body);
	size += put_ip(&f->ip, f->l4.proto, l4, body, at + size);
	memset(at + size, 0xee, f->trailer);
	size += f->trailer;
	return f->cut && f->cut < size ? f->cut : size;
}
