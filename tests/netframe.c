/* SPDX-License-Identifier: BSD-2-Clause */
/* netframe: whole probes, with every checksum true. */
#include "netframe.h"

#include <stdio.h>

const u8 netframe_near[6] = { 2, 0, 0, 0, 0, 1 };
const u8 netframe_far[6] = { 2, 0, 0, 0, 0, 2 };

/* Where the transport stands, its length, and the pseudo header's sum. */
struct part {
	u32 at, len;
	u8 proto;
	u64 sum;
};

static struct part transport(const u8 *frame)
{
	const u8 *ip = frame + 14;
	struct part p;

	if (ip[0] >> 4 == 4) {
		p.at = 14 + (ip[0] & 15) * 4u;
		p.len = ((u32)ip[2] << 8 | ip[3]) + 14 - p.at;
		p.proto = ip[9];
		p.sum = csum_octets(0, ip + 12, 8);
	} else {
		p.at = 14 + 40;
		p.len = (u32)ip[4] << 8 | ip[5];
		p.proto = ip[6];
		p.sum = csum_octets(0, ip + 8, 32);
	}
	p.sum += p.len + p.proto;
	if (p.proto == PROTO_ICMP)
		p.sum = 0;
	return p;
}

static u32 place_of_sum(u8 proto)
{
	return proto == PROTO_TCP ? 16 : proto == PROTO_UDP ? 6 : 2;
}

void netframe_sum(u8 *frame)
{
	struct part p = transport(frame);
	u8 *at = frame + p.at + place_of_sum(p.proto);
	u16 sum;

	at[0] = at[1] = 0;
	sum = (u16)~csum_fold(csum_octets(p.sum, frame + p.at, p.len));
	if (!sum && p.proto == PROTO_UDP)
		sum = 0xffff;
	at[0] = (u8)(sum >> 8);
	at[1] = (u8)sum;
}

bool netframe_sums_hold(const u8 *frame, u32 len)
{
	struct part p = transport(frame);

	if (p.at + p.len > len)
		return false;
	if (frame[14] >> 4 == 4 &&
	    csum_fold(csum_octets(0, frame + 14, p.at - 14)) != 0xffff)
		return false;
	return csum_fold(csum_octets(p.sum, frame + p.at, p.len)) == 0xffff;
}

u32 netframe_build(const struct netframe *n, u8 at[static FRAME_MAX])
{
	struct addr dst = frame_addr(n->dst);
	bool v4 = addr_is_v4(&dst);
	struct frame f = {
		.ip = { .family = v4 ? 4 : 6,
			.src = v4 ? "192.0.2.1" : "2001:db8::1",
			.dst = n->dst,
			.ttl = n->ttl ? n->ttl : 1,
			.tos = n->tos,
			.id = 0x1234,
			.frag = n->dont_fragment ? 0x4000 : 0 },
		.l4 = { .proto = n->proto,
			.sport = n->sport ? n->sport : 40000,
			.dport = n->dport ? n->dport : 33434,
			.seq = 0x01020304,
			.flags = n->flags ? n->flags : 2,
			.payload = n->payload },
		.trailer = n->trailer,
	};
	u32 len;

	if (n->src)
		f.ip.src = n->src;
	if (n->proto == PROTO_ICMP) {
		f.l4.proto = v4 ? PROTO_ICMP : PROTO_ICMP6;
		f.l4.type = v4 ? ICMP4_ECHO : ICMP6_ECHO;
		f.l4.dport = 0;
		f.l4.field = 7;
	}
	len = frame_build(&f, at);
	memcpy(at, netframe_far, 6);
	memcpy(at + 6, netframe_near, 6);
	netframe_sum(at);
	return len;
}

static void turn_v4(const u8 *probe, const struct addr *from, u32 size,
		    struct wire_v4 *to)
{
	const struct wire_v4 *ip = (const void *)probe;

	*to = (struct wire_v4){
		.ver_ihl = 0x45,
		.len = be16_put((u16)(sizeof(*to) + size)),
		.ttl = 60,
		.proto = PROTO_ICMP,
		.src = from->w[3],
		.dst = ip->src,
	};
	to->check = be16_put(
		(u16)~csum_fold(csum_octets(0, (u8 *)to, sizeof(*to))));
}

static void turn_v6(const u8 *probe, const struct addr *from, u32 size,
		    struct wire_v6 *to)
{
	const struct wire_v6 *ip = (const void *)probe;

	*to = (struct wire_v6){
		.ver_class_flow = be32_put(6u << 28),
		.len = be16_put((u16)size),
		.next = PROTO_ICMP6,
		.hops = 60,
	};
	memcpy(to->src, from, sizeof(to->src));
	memcpy(to->dst, ip->src, sizeof(to->dst));
}

u32 netframe_error(const u8 *probe, u32 len, const struct addr *from, u8 type,
		   u8 code, u32 quote, u8 at[static FRAME_MAX])
{
	bool v4 = addr_is_v4(from);
	u32 header = v4 ? sizeof(struct wire_v4) : sizeof(struct wire_v6);
	struct wire_icmp icmp = { .type = type, .code = code };
	u8 *body = at + 14 + header;

	quote = quote < len - 14 ? quote : len - 14;
	memcpy(at, probe + 6, 6);
	memcpy(at + 6, probe, 6);
	memcpy(at + 12, probe + 12, 2);
	if (v4)
		turn_v4(probe + 14, from, 8 + quote, (void *)(at + 14));
	else
		turn_v6(probe + 14, from, 8 + quote, (void *)(at + 14));
	memcpy(body, &icmp, sizeof(icmp));
	memcpy(body + sizeof(icmp), probe + 14, quote);
	body[sizeof(icmp) + (v4 ? 8 : 7)] = 1;
	netframe_sum(at);
	return 14 + header + 8 + quote;
}

void netframe_print(const u8 *frame, u32 len)
{
	for (u32 i = 0; i < len; i++)
		fprintf(stderr, "%02x%s", frame[i], i % 16 == 15 ? "\n" : " ");
	fprintf(stderr, "\n");
}
