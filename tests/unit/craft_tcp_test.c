/* SPDX-License-Identifier: BSD-2-Clause */
/* craft_tcp_test: TCP probes and the RST that ends what they opened are valid
 * by arithmetic of its own, keep their flow, and come home. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "netframe.h"
#include "probe/craft.h"

enum { ETH = 14, DRAWS = 300 };

#define ALL                                                                    \
	{                                                                      \
		.mss = TCP_MSS_DEFAULT, .flags = TCP_SYN, .sack = true,        \
		.timestamps = true, .window_scaling = true                     \
	}

/* Each with the octets of its options as they must stand there. */
static const struct shape {
	struct tcp_shape tcp;
	u8 size;
	u8 options4[20], options6[20];
} shapes[] = {
	{ ALL,
	  20,
	  { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 },
	  { 2, 4, 5, 160, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 } },
	{ { .mss = 536, .flags = TCP_SYN },
	  4,
	  { 2, 4, 2, 24 },
	  { 2, 4, 2, 24 } },
	{ { .flags = TCP_SYN, .sack = true },
	  4,
	  { 1, 1, 4, 2 },
	  { 1, 1, 4, 2 } },
	{ { .flags = TCP_SYN, .timestamps = true },
	  12,
	  { 1, 1, 8, 10, 0, 0, 0, 1 },
	  { 1, 1, 8, 10, 0, 0, 0, 1 } },
	{ { .flags = TCP_SYN, .window_scaling = true },
	  4,
	  { 1, 3, 3, 7 },
	  { 1, 3, 3, 7 } },
	{ { .flags = TCP_SYN | TCP_ECE | TCP_CWR }, 0, {}, {} },
	{ { .flags = TCP_SYN | TCP_ECE | TCP_CWR, .accurate_ecn = true },
	  0,
	  {},
	  {} },
	{ { .flags = TCP_ACK }, 0, {}, {} },
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* RFC 1071, octet by octet with the carry brought round at once. */
static u32 plain_sum(u32 sum, const u8 *p, u32 len)
{
	for (u32 i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (u32)p[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static u32 number(const u8 *p, int octets)
{
	u32 n = 0;

	while (octets--)
		n = n << 8 | *p++;
	return n;
}

/* RFC 9293 section 3.1, RFC 8200 section 8.1. */
static void assert_sums(const u8 *frame, u32 len, bool v4)
{
	const u8 *l4 = frame + ETH + (v4 ? 20 : 40);
	u32 size = len - (u32)(l4 - frame), sum;
	u8 tail[6] = { 0, 0, (u8)(size >> 8), (u8)size, 0, 6 };

	if (v4)
		assert_int_equal(plain_sum(0, frame + ETH, 20), 0xffff);
	sum = plain_sum(0, frame + ETH + (v4 ? 12 : 8), v4 ? 8 : 32);
	sum = plain_sum(plain_sum(sum, tail, 6), l4, size);
	assert_int_equal(sum, 0xffff);
}

static struct probe draw(u64 *seed, bool v4)
{
	u64 r = frame_random(seed);
	struct addr dst = { .q = { be64_put(r), be64_put(~r) } };

	if (v4)
		dst = addr_from_v4(dst.w[1]);
	else
		dst.b[0] = 0x20;
	return (struct probe){ .dst = dst,
			       .dport = (u16)(r >> 16),
			       .ttl = (u8)(r % 255 + 1),
			       .attempt = r >> 8 & COOKIE_MAX_ATTEMPT };
}

static struct craft *craft_of(const struct shape *s,
			      const struct cookie_key *key)
{
	static struct craft c;
	const struct craft_config config = {
		.key = key,
		.method = s->tcp.flags & TCP_ACK ? PROBE_TCP_ACK : PROBE_TCP,
		.tcp = s->tcp,
		.size4 = (u16)(40 + s->size),
		.size6 = (u16)(60 + s->size),
		.tos = 0x02,
		.dont_fragment = true,
	};

	assert_int_equal(craft_least(config.method, &s->tcp, true),
			 config.size4);
	assert_int_equal(craft_least(config.method, &s->tcp, false),
			 config.size6);
	assert_int_equal(craft_init(&c, &config), 0);
	return &c;
}

static void check(const struct shape *s, const struct cookie_key *key,
		  const struct probe *p, const u8 *frame, u32 len)
{
	bool v4 = addr_is_v4(&p->dst), ack = s->tcp.flags & TCP_ACK;
	const u8 *ip = frame + ETH, *l4 = ip + (v4 ? 20 : 40);
	u8 options[TCP_OPTIONS_MAX];
	struct cookie k;

	cookie_make(key, &p->dst, 6, p->ttl, p->attempt, &k);
	memcpy(options, v4 ? s->options4 : s->options6, s->size);
	if (s->tcp.mss && s->tcp.timestamps) /* 1 becomes the number */
		for (int i = 0; i < 4; i++)
			options[8 + i] = (u8)(k.seq >> (24 - 8 * i));
	assert_int_equal(len, ETH + (v4 ? 40 : 60) + s->size);
	assert_sums(frame, len, v4);
	assert_int_equal(v4 ? ip[9] : ip[6], 6);
	assert_int_equal(v4 ? ip[8] : ip[7], p->ttl);
	assert_memory_equal(v4 ? ip + 16 : ip + 24,
			    v4 ? p->dst.b + 12 : p->dst.b, v4 ? 4 : 16);
	if (v4)
		assert_int_equal(number(ip + 4, 2), k.id);
	assert_int_equal(number(l4, 2), k.port);
	assert_int_equal(number(l4 + 2, 2), p->dport);
	assert_int_equal(number(l4 + 4, 4), k.seq);
	assert_int_equal(number(l4 + 8, 4), ack ? k.seq : 0);
	assert_int_equal(l4[12], (20 + s->size) / 4 << 4 | s->tcp.accurate_ecn);
	assert_int_equal(l4[13], s->tcp.flags);
	assert_int_equal(number(l4 + 18, 2), 0);
	assert_memory_equal(l4 + 20, options, s->size);
}

static void frames_are_valid(void **state)
{
	const struct cookie_key key = frame_key();
	u8 frame[FRAME_MAX];
	u64 seed = 5;

	for (int i = 0; i < SHAPES * DRAWS; i++) {
		const struct shape *s = &shapes[i / DRAWS];
		struct probe p = draw(&seed, i & 1);
		u32 len = craft_probe(craft_of(s, &key), &p, frame);

		check(s, &key, &p, frame, len);
	}
}

/* The ports, and all else that balancers look at. */
static void flow_is_constant(void **state)
{
	const struct cookie_key key = frame_key();
	u8 first[FRAME_MAX], frame[FRAME_MAX];
	u64 seed = 6;

	for (int i = 0; i < 40; i++) {
		struct craft *c = craft_of(&shapes[i % SHAPES], &key);
		struct probe p = draw(&seed, i & 1);
		u32 at = ETH + (i & 1 ? 20 : 40);

		craft_probe(c, &p, first);
		for (int ttl = 1; ttl < 256; ttl += 7) {
			p.ttl = (u8)ttl;
			p.attempt = ttl & COOKIE_MAX_ATTEMPT;
			craft_probe(c, &p, frame);
			assert_memory_equal(frame + at, first + at, 4);
			assert_memory_equal(frame + ETH, first + ETH,
					    i & 1 ? 2 : 4);
		}
	}
}

static void quotes_come_home(void **state)
{
	const struct cookie_key key = frame_key();
	u8 frame[FRAME_MAX], error[FRAME_MAX];
	u64 seed = 7;

	for (int i = 0; i < SHAPES * DRAWS; i++) {
		bool v4 = i & 1;
		struct probe p = draw(&seed, v4);
		struct addr from =
			frame_addr(v4 ? "198.51.100.7" : "2001:db8:f::7");
		u32 len = craft_probe(craft_of(&shapes[i / DRAWS], &key), &p,
				      frame);
		struct cookie_proof proof;
		struct reply r;

		len = netframe_error(frame, len, &from,
				     v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED, 0,
				     i & 2 ? (v4 ? 28 : 48) : 500, error);
		assert_int_equal(reply_parse(error, len, &r), REPLY_EXPIRED);
		assert_int_equal(cookie_check(&key, &r, &proof), COOKIE_EXACT);
		assert_true(addr_equal(&r.qdst, &p.dst));
		assert_int_equal(proof.ttl, p.ttl);
		assert_int_equal(proof.attempt, p.attempt);
		assert_int_equal(proof.bits, v4 ? 48 : 32);
	}
}

/* The peer's own numbers, turned round, and nothing that it could answer. */
static void reset_is_valid(void **state)
{
	const struct cookie_key key = frame_key();
	u8 at[FRAME_MAX], frame[FRAME_MAX];

	for (int i = 0; i < 400; i++) {
		bool v4 = i & 1;
		struct frame f = {
			.ip = { v4 ? 4 : 6,
				v4 ? "203.0.113.9" : "2001:db8:9::9",
				v4 ? "192.0.2.1" : "2001:db8::1" },
			.l4 = { PROTO_TCP, .sport = 443, .seq = 0x12345678 },
		};
		const u8 *ip = frame + ETH, *l4 = ip + (v4 ? 20 : 40);
		struct answer a;
		u32 len;

		frame_probe(&f, &key, (u8)i, i & 15);
		reply_parse(at, frame_build(&f, at), &a.reply);
		len = craft_reset(craft_of(&shapes[i % SHAPES], &key), &a.reply,
				  frame);
		assert_int_equal(len, ETH + (v4 ? 40 : 60));
		assert_sums(frame, len, v4);
		assert_memory_equal(v4 ? ip + 16 : ip + 24,
				    v4 ? a.reply.from.b + 12 : a.reply.from.b,
				    v4 ? 4 : 16);
		assert_int_equal(v4 ? ip[8] : ip[7], 64);
		assert_int_equal(number(ip + (v4 ? 2 : 4), 2), v4 ? 40 : 20);
		assert_int_equal(number(l4, 2), f.l4.dport);
		assert_int_equal(number(l4 + 2, 2), 443);
		assert_int_equal(number(l4 + 4, 4), f.l4.ack);
		assert_int_equal(number(l4 + 8, 4), 0);
		assert_int_equal(number(l4 + 12, 2), 0x5004);
	}
}

/* One size alone, and nothing behind the header. */
static void limits(void **state)
{
	const struct cookie_key key = frame_key();
	struct craft_config config = {
		.key = &key,
		.method = PROBE_TCP,
		.tcp = ALL,
		.size4 = 60,
		.size6 = 80,
	};
	struct craft c;

	assert_int_equal(craft_init(&c, &config), 0);
	config.size4 = 61;
	assert_int_equal(craft_init(&c, &config), -EINVAL);
	config.size4 = 59;
	assert_int_equal(craft_init(&c, &config), -EINVAL);
	config.size4 = 60;
	config.size6 = 81;
	assert_int_equal(craft_init(&c, &config), -EINVAL);
	config.size6 = 80;
	config.uri = "https://example.net/";
	assert_int_equal(craft_init(&c, &config), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_valid),
		cmocka_unit_test(flow_is_constant),
		cmocka_unit_test(quotes_come_home),
		cmocka_unit_test(reset_is_valid),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
