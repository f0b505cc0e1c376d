/* SPDX-License-Identifier: BSD-2-Clause */
/* hop_test: which replies end a trace, and what a hop keeps of its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/match.h"
#include "trace/hop.h"

enum { GOES_ON = 0, FINAL = HOP_FINAL, REACHED = HOP_REACHED | HOP_FINAL };

#define TO4 "203.0.113.9"
#define TO6 "2001:db8:9::9"
#define OTHER4 "198.51.100.7"
#define OTHER6 "2001:db8:f::7"

struct end {
	enum reply_kind kind;
	const char *from;
	u8 type, code;
	u8 flags;
};

static const struct end ends4[] = {
	{ REPLY_EXPIRED, OTHER4, ICMP4_EXPIRED, 0, GOES_ON },
	{ REPLY_EXPIRED, OTHER4, ICMP4_EXPIRED, 1, GOES_ON },
	{ REPLY_EXPIRED, OTHER4, ICMP4_EXPIRED, 3, GOES_ON },
	{ REPLY_EXPIRED, TO4, ICMP4_EXPIRED, 0, GOES_ON },
	{ REPLY_UNREACH, TO4, ICMP4_UNREACH, 3, REACHED },
	{ REPLY_UNREACH, OTHER4, ICMP4_UNREACH, 3, REACHED },
	{ REPLY_UNREACH, OTHER4, ICMP4_UNREACH, 0, FINAL },
	{ REPLY_UNREACH, OTHER4, ICMP4_UNREACH, 1, FINAL },
	{ REPLY_UNREACH, TO4, ICMP4_UNREACH, 2, FINAL },
	{ REPLY_UNREACH, TO4, ICMP4_UNREACH, 13, FINAL },
	/* IPv6's code for a closed port */
	{ REPLY_UNREACH, TO4, ICMP4_UNREACH, 4, FINAL },
	{ REPLY_TOOBIG, OTHER4, ICMP4_UNREACH, 4, FINAL },
	{ REPLY_PARAM, OTHER4, ICMP4_PARAM, 0, FINAL },
	{ REPLY_PARAM, OTHER4, ICMP4_PARAM, 3, FINAL },
	{ REPLY_ECHO, TO4, ICMP4_ECHO_REPLY, 0, REACHED },
	{ REPLY_ECHO, OTHER4, ICMP4_ECHO_REPLY, 0, GOES_ON },
	{ REPLY_NONE, TO4, 0, 0, GOES_ON },
	{ REPLY_TCP, TO4, 0, 0, REACHED },
	{ REPLY_TCP, OTHER4, 0, 0, GOES_ON },
	{ REPLY_UDP, TO4, 0, 0, REACHED },
	{ REPLY_UDP, OTHER4, 0, 0, GOES_ON },
};

static const struct end ends6[] = {
	{ REPLY_EXPIRED, OTHER6, ICMP6_EXPIRED, 0, GOES_ON },
	{ REPLY_EXPIRED, TO6, ICMP6_EXPIRED, 0, GOES_ON },
	{ REPLY_EXPIRED, OTHER6, ICMP6_EXPIRED, 4, GOES_ON },
	{ REPLY_UNREACH, TO6, ICMP6_UNREACH, 4, REACHED },
	{ REPLY_UNREACH, OTHER6, ICMP6_UNREACH, 4, REACHED },
	{ REPLY_UNREACH, OTHER6, ICMP6_UNREACH, 0, FINAL },
	{ REPLY_UNREACH, OTHER6, ICMP6_UNREACH, 1, FINAL },
	/* IPv4's code for a closed port: address unreachable here */
	{ REPLY_UNREACH, TO6, ICMP6_UNREACH, 3, FINAL },
	{ REPLY_TOOBIG, OTHER6, ICMP6_TOOBIG, 0, FINAL },
	/* the code of a too-big means nothing */
	{ REPLY_TOOBIG, OTHER6, ICMP6_TOOBIG, 4, FINAL },
	{ REPLY_PARAM, OTHER6, ICMP6_PARAM, 1, FINAL },
	{ REPLY_PARAM, OTHER6, ICMP6_PARAM, 4, FINAL },
	{ REPLY_ECHO, TO6, ICMP6_ECHO_REPLY, 0, REACHED },
	{ REPLY_ECHO, OTHER6, ICMP6_ECHO_REPLY, 0, GOES_ON },
	{ REPLY_TCP, TO6, 0, 0, REACHED },
	{ REPLY_UDP, TO6, 0, 0, REACHED },
	{ REPLY_UDP, OTHER6, 0, 0, GOES_ON },
};

static void check_ends(const struct end *rows, size_t n, u8 family,
		       const char *to)
{
	struct addr dst = frame_addr(to);

	for (size_t i = 0; i < n; i++) {
		struct reply r = {
			.kind = (u8)rows[i].kind,
			.from = frame_addr(rows[i].from),
			.family = family,
			.icmp_type = rows[i].type,
			.icmp_code = rows[i].code,
		};
		u8 flags = hop_end_flags(&r, &dst);

		if (flags != rows[i].flags)
			fail_msg("IPv%u row %zu: %u", family, i, flags);
	}
}

static void ends(void **state)
{
	check_ends(ends4, sizeof(ends4) / sizeof(*ends4), 4, TO4);
	check_ends(ends6, sizeof(ends6) / sizeof(*ends6), 6, TO6);
}

/* From a frame to a hop, all the way. */
static struct hop hop_of(const struct frame *frame, u64 arrived_ns)
{
	static const struct cookie_proof none;
	static u8 at[FRAME_MAX];
	const struct cookie_key key = frame_key();
	u64 counts[STEER_VERDICT_COUNT] = {};
	struct frame f = *frame;
	struct answer a;
	struct hop h;

	frame_probe(&f, &key, 7, 2);
	memset(&h, 0xee, sizeof(h));
	assert_true(match(&key, at, frame_build(&f, at), arrived_ns, &none, &a,
			  counts));
	hop_from_answer(&h, &a);
	return h;
}

static void all_of_an_answer(void **state)
{
	static const struct frame f = {
		.ip = { 4, OTHER4, "192.0.2.1", .tos = 0xc0, .ttl = 57 },
		.l4 = { PROTO_ICMP, .type = ICMP4_EXPIRED },
		.quote = { 4, "192.0.2.1", TO4, .tos = 0x28, .ttl = 1 },
		.quoted = { PROTO_UDP, .dport = 33434, .payload = 32 },
		.quote_max = 28,
	};
	struct hop h = hop_of(&f, 99), want = {
		.from = frame_addr(OTHER4),
		.rtt_us = HOP_RTT_UNKNOWN,
		.size = 56,
		.quoted_size = 60,
		.ttl = 7,
		.attempt = 2,
		.state = HOP_ANSWERED,
		.kind = REPLY_EXPIRED,
		.icmp_type = ICMP4_EXPIRED,
		.reply_ttl = 57,
		.reply_tos = 0xc0,
		.quoted_ttl = 1,
		.quoted_tos = 0x28,
		.auth_bits = 32,
	};

	assert_memory_equal(&h, &want, sizeof(h));
}

static void rewritten_and_labelled(void **state)
{
	static const struct frame f = {
		.ip = { 6, OTHER6, "2001:db8::1", .ttl = 60 },
		.l4 = { PROTO_ICMP6, .type = ICMP6_EXPIRED },
		.quote = { 6, "2001:db8:77::1", TO6, .ttl = 1 },
		.quoted = { PROTO_UDP, .dport = 33434, .payload = 32 },
		.quote_pad = 128,
		.extensions = 16,
		.words = 16,
	};
	struct hop h = hop_of(&f, 99);

	assert_int_equal(h.flags, HOP_REWRITTEN);
	assert_int_equal(h.label_count, 2);
	assert_int_equal(be32_get(h.label[0]), 8);
	assert_int_equal(be32_get(h.label[1]), 12);
	assert_int_equal(be32_get(h.label[2]), 0);
}

/* A next hop's MTU of 32 bits is kept as far as 16 go. */
static void mtu_is_kept(void **state)
{
	static const struct {
		u32 told;
		u16 kept;
	} rows[] = { { 1280, 1280 }, { 65535, 65535 }, { 0xffffffff, 65535 } };

	for (size_t i = 0; i < 3; i++) {
		const struct frame f = {
			.ip = { 6, OTHER6, "2001:db8::1", .ttl = 60 },
			.l4 = { PROTO_ICMP6, .type = ICMP6_TOOBIG },
			.quote = { 6, "2001:db8::1", TO6, .ttl = 1 },
			.quoted = { PROTO_UDP, .dport = 33434, .payload = 32 },
			.mtu = rows[i].told,
		};
		struct hop h = hop_of(&f, 99);

		assert_int_equal(h.mtu, rows[i].kept);
		assert_int_equal(h.kind, REPLY_TOOBIG);
		assert_int_equal(h.flags, HOP_FINAL);
	}
}

static void echo_reply(void **state)
{
	static const struct frame f = {
		.ip = { 4, TO4, "192.0.2.1", .ttl = 57 },
		.l4 = { PROTO_ICMP, .payload = 12 },
	};
	struct hop h = hop_of(&f, 99);

	assert_int_equal(h.flags, HOP_REACHED | HOP_FINAL);
	assert_int_equal(h.kind, REPLY_ECHO);
	assert_int_equal(h.quoted_size, 0);
	assert_int_equal(h.auth_bits, 80);
}

/* Only where the timestamp is what named the probe. */
static void renumbered(void **state)
{
	static const struct {
		u32 mark, seq;
		u8 has_mark, ttl, flags;
	} rows[] = {
		{ 0x07212345, 0x07212345, 1, 7, 0 },
		{ 0x07212345, 0x01020304, 1, 7, HOP_RENUMBERED },
		{ 0x00000001, 0x07212345, 1, 7, 0 }, /* the other way round */
		{ 0x00000000, 0x07212345, 0, 7, 0 },
		{ 0x00200001, 0x01020304, 1, 0, 0 }, /* a session's SYN */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct answer a = {
			.reply = { .kind = REPLY_EXPIRED,
				   .family = 4,
				   .qproto = PROTO_TCP,
				   .mark = rows[i].mark,
				   .has_mark = rows[i].has_mark,
				   .seq = rows[i].seq },
			.proof = { .ttl = rows[i].ttl, .attempt = 2 },
		};
		struct hop h;

		hop_from_answer(&h, &a);
		assert_int_equal(h.flags, rows[i].flags);
		assert_int_equal(h.tcp_said, 0); /* no frame, no quote */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(all_of_an_answer),
		cmocka_unit_test(rewritten_and_labelled),
		cmocka_unit_test(mtu_is_kept),
		cmocka_unit_test(echo_reply),
		cmocka_unit_test(renumbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
