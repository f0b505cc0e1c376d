/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * samples: one valid frame of every shape that the parser knows, and what
 * damages them; shared by the differential test, the fuzzer's corpus and the
 * truncation test.
 */
#include "frame.h"

#define V4                                                                     \
	.ip = { .family = 4,                                                   \
		.src = "198.51.100.7",                                         \
		.dst = "192.0.2.1",                                            \
		.ttl = 57,                                                     \
		.id = 4242 }
#define V6 .ip = { .family = 6, .src = "2001:db8:f::7", .dst = OUR6, .ttl = 57 }
#define OUR6 "2001:db8::1"
#define QUOTE4 .family = 4, .src = "192.0.2.1", .dst = "203.0.113.9", .ttl = 1
#define QUOTE6 .family = 6, .src = OUR6, .dst = "2001:db8:9::9", .ttl = 1
#define EXPIRED4 .l4 = { .proto = PROTO_ICMP, .type = ICMP4_EXPIRED }
#define EXPIRED6 .l4 = { .proto = PROTO_ICMP6, .type = ICMP6_EXPIRED }
#define UNREACH4(c) .l4 = { PROTO_ICMP, .type = ICMP4_UNREACH, .code = c }
#define UNREACH6(c) .l4 = { PROTO_ICMP6, .type = ICMP6_UNREACH, .code = c }
#define UDP .quoted = { .proto = PROTO_UDP, .dport = 33434, .payload = 12 }
#define TCP .quoted = { .proto = PROTO_TCP, .dport = 443, .flags = TCP_SYN }
#define LONG_UDP .quoted = { .proto = PROTO_UDP, .dport = 53, .payload = 400 }
#define ECHO4 .quoted = { .proto = PROTO_ICMP, .payload = 12 }
#define ECHO6 .quoted = { .proto = PROTO_ICMP6, .payload = 12 }

static const struct frame samples[] = {
	{ V4, EXPIRED4, UDP, .quote = { QUOTE4 } },
	{ V4, EXPIRED4, UDP, .quote = { QUOTE4 }, .quote_max = 28 },
	{ V4, EXPIRED4, ECHO4, .quote = { QUOTE4 } },
	{ V4, EXPIRED4, ECHO4, .quote = { QUOTE4 }, .quote_max = 28 },
	{ V4, UNREACH4(3), UDP, .quote = { QUOTE4 } },
	{ V4, UNREACH4(4), UDP, .quote = { QUOTE4 }, .mtu = 1400 },
	{ V4, UDP, .quote = { QUOTE4 },
	  .l4 = { PROTO_ICMP, .type = ICMP4_PARAM } },
	{ V4, EXPIRED4, UDP, .quote = { QUOTE4, .options = 8 } },
	{ EXPIRED4, UDP, .quote = { QUOTE4, .options = 40 },
	  .ip = { 4, "198.51.100.7", "192.0.2.1", .options = 40 } },
	{ V4, EXPIRED4, UDP, .quote = { QUOTE4 }, .quote_pad = 128,
	  .extensions = 16, .words = 32 },
	{ V4, EXPIRED4, UDP, .quote = { QUOTE4 }, .quote_pad = 128,
	  .extensions = 12 },
	{ V4, EXPIRED4, LONG_UDP, .quote = { QUOTE4 }, .quote_max = 160,
	  .extensions = 12, .words = 40 },
	{ V4, EXPIRED4, UDP, .vlan = { ETHERTYPE_CTAG }, .quote = { QUOTE4 } },
	{ V4, EXPIRED4, UDP, .vlan = { ETHERTYPE_STAG, ETHERTYPE_CTAG },
	  .quote = { QUOTE4 } },
	/* a translator: the quote shows a public address */
	{ V4, EXPIRED4, UDP,
	  .quote = { 4, "20.40.60.80", "203.0.113.9", .ttl = 1 } },
	{ V4, EXPIRED4, TCP, .quote = { QUOTE4 } },
	{ V4, EXPIRED4, TCP, .quote = { QUOTE4 }, .quote_max = 28 },
	{ V4, EXPIRED4, TCP, .quote = { 4, "20.40.60.80", "203.0.113.9" } },
	{ .ip = { 4, "203.0.113.9", "192.0.2.1", .ttl = 50 },
	  .l4 = { PROTO_ICMP, .type = ICMP4_ECHO_REPLY, .payload = 12 } },
	{ V4, .l4 = { PROTO_TCP, .sport = 443 } },
	{ V4, .l4 = { PROTO_TCP, .sport = 443, .flags = TCP_RST | TCP_ACK } },
	{ V4, .l4 = { PROTO_TCP, .sport = 443, .flags = TCP_ACK } },
	{ V4, .l4 = { PROTO_UDP, .sport = 53, .dport = 33000, .payload = 9 } },
	{ .ip = { 4, "198.51.100.7", "192.0.2.1", .frag = 0x2000 },
	  UDP,
	  .l4 = { PROTO_UDP, .sport = 53, .payload = 64 } },
	{ V6, EXPIRED6, UDP, .quote = { QUOTE6 } },
	{ V6, EXPIRED6, ECHO6, .quote = { QUOTE6 } },
	{ V6, UNREACH6(4), UDP, .quote = { QUOTE6 } },
	{ V6, UDP, .quote = { QUOTE6 }, .mtu = 1280,
	  .l4 = { PROTO_ICMP6, .type = ICMP6_TOOBIG } },
	{ V6, UDP, .quote = { QUOTE6 },
	  .l4 = { PROTO_ICMP6, .type = ICMP6_PARAM } },
	{ V6, EXPIRED6, UDP, .quote = { QUOTE6 }, .quote_pad = 128,
	  .extensions = 16, .words = 16 },
	{ EXPIRED6, UDP,
	  .ip = { 6, "2001:db8:f::7", OUR6, .ext_count = 3,
		  .ext = { { PROTO_HOPOPTS, 0 },
			   { PROTO_ROUTING, 2 },
			   { PROTO_AH, 4 } } },
	  .quote = { QUOTE6, .ext_count = 3,
		     .ext = { { PROTO_DSTOPTS, 1 },
			      { PROTO_FRAGMENT },
			      { PROTO_AH, 1 } } } },
	{ V6, EXPIRED6, UDP, .vlan = { ETHERTYPE_CTAG }, .quote = { QUOTE6 } },
	{ V6, EXPIRED6, UDP,
	  .quote = { 6, "2001:db8:a::a", "2001:db8:9::9", .ttl = 1 } },
	{ .ip = { 6, "2001:db8:9::9", OUR6, .ttl = 50 },
	  .l4 = { PROTO_ICMP6, .type = ICMP6_ECHO_REPLY, .payload = 12 } },
	{ V6, EXPIRED6, TCP, .quote = { QUOTE6 } },
	{ V6, EXPIRED6, TCP, .quote = { QUOTE6 }, .quote_max = 48 },
	{ V6, .l4 = { PROTO_TCP, .sport = 443 } },
};

unsigned int frame_samples(void)
{
	return sizeof(samples) / sizeof(samples[0]);
}

struct cookie_key frame_key(void)
{
	struct cookie_key key = {
		.hash = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } },
		.src4 = frame_addr("192.0.2.1"),
		.src6 = frame_addr(OUR6),
		.port_base = 32768,
		.port_mask = 4095,
		.port_bits = 12,
		.mode = COOKIE_TCP_SYN,
	};

	return key;
}

/* A probe, or what answers it: a SYN/ACK unless other flags are given. */
static void fill_tcp(struct frame_l4 *l4, const struct cookie *c,
		     const struct cookie_key *key, bool reply)
{
	if (!reply) {
		l4->sport = c->port;
		l4->seq = c->seq;
		return;
	}
	l4->dport = c->port;
	if (key->mode == COOKIE_TCP_ACK) {
		l4->flags = l4->flags ? l4->flags : TCP_RST;
		l4->seq = c->seq;
	} else {
		l4->flags = l4->flags ? l4->flags : TCP_SYN | TCP_ACK;
		l4->ack = c->seq + 1;
	}
}

static void fill(struct frame_l4 *l4, const struct cookie *c, bool reply)
{
	l4->field = c->field;
	l4->mark = c->mark;
	if (l4->proto == PROTO_UDP) {
		l4->sport = c->port;
		return;
	}
	l4->sport = c->echo_id;
	if (reply)
		return;
	l4->dport = c->echo_check;
	l4->type = l4->proto == PROTO_ICMP ? ICMP4_ECHO : ICMP6_ECHO;
}

void frame_probe(struct frame *f, const struct cookie_key *key, u8 ttl,
		 u8 attempt)
{
	bool quote = f->quote.family != 0;
	struct frame_l4 *l4 = quote ? &f->quoted : &f->l4;
	struct addr dst = frame_addr(quote ? f->quote.dst : f->ip.src);
	struct cookie c;

	cookie_make(key, &dst, l4->proto, ttl, attempt, &c);
	if (l4->proto == PROTO_TCP)
		fill_tcp(l4, &c, key, !quote);
	else
		fill(l4, &c, !quote);
	f->quote.id = c.id;
	f->quote.label = c.label;
}

u32 frame_sample(const struct cookie_key *key, unsigned int i, u8 *at)
{
	struct frame f = samples[i];

	if (f.quote.family || f.l4.proto == PROTO_ICMP ||
	    f.l4.proto == PROTO_ICMP6 || f.l4.proto == PROTO_TCP)
		frame_probe(&f, key, (u8)(i + 1), (u8)(i & 15));
	return frame_build(&f, at);
}

u64 frame_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u32 frame_mutate(u8 *at, u32 len, u32 least, u64 *state)
{
	static const u8 nasty[] = { 0,	  1,	4,    5,    6,	  17,	0x45,
				    0x4f, 0x60, 0x7f, 0x80, 0x81, 0x86, 0xff,
				    43,	  44,	51,   58,   60,	  0xdd };
	u32 n = (u32)(frame_random(state) & 3);

	for (u32 i = 0; i < n; i++) {
		u64 r = frame_random(state);
		u32 where = (u32)(r >> 32) % len;

		if (r & 1)
			at[where] ^= (u8)(1 << (r >> 1 & 7));
		else if (r & 2)
			at[where] = nasty[(r >> 8 & 0xffff) % sizeof(nasty)];
		else
			at[where] = (u8)(r >> 8);
	}
	if ((frame_random(state) & 7) == 0)
		len = least + (u32)(frame_random(state) % (len - least + 1));
	return len;
}
