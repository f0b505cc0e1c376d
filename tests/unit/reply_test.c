/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply_test: frames as they come, and what the parser must make of them;
 * IPv6 has a file of its own.
 */
#include "reply_rows.h"

static void test_v4_errors(void **state)
{
	static const struct row rows[] = {
		{ "time exceeded",
		  { PLAIN4, ICMP4(11, 0) },
		  { SAYS4, AT4, EXPIRED4 } },
		{ "reassembly time exceeded",
		  { PLAIN4, ICMP4(11, 1) },
		  { SAYS4, AT4, EXPIRED4, .icmp_code = 1 } },
		{ "port unreachable",
		  { PLAIN4, ICMP4(3, 3) },
		  { SAYS4, AT4, .kind = REPLY_UNREACH, .icmp_type = 3,
		    .icmp_code = 3 } },
		{ "fragmentation needed",
		  { PLAIN4, ICMP4(3, 4), .mtu = 1400 },
		  { SAYS4, AT4, .kind = REPLY_TOOBIG, .icmp_type = 3,
		    .icmp_code = 4, .mtu = 1400 } },
		{ "parameter problem",
		  { PLAIN4, ICMP4(12, 0) },
		  { SAYS4, AT4, .kind = REPLY_PARAM, .icmp_type = 12 } },
		{ "source quench, of old",
		  { PLAIN4, ICMP4(4, 0) },
		  { .kind = REPLY_NONE } },
		{ "redirect", { PLAIN4, ICMP4(5, 1) }, { .kind = REPLY_NONE } },
		{ "echo request",
		  { PLAIN4, ICMP4(8, 0) },
		  { .kind = REPLY_NONE } },
		{ "types of service",
		  { .ip = { IP4, .tos = 0xb8 },
		    ICMP4(11, 0),
		    .quote = { Q4, .tos = 3 },
		    UDP },
		  { SAYS4, AT4, EXPIRED4, .tos = 0xb8, .qtos = 3 } },
		{ "options outside and inside",
		  { .ip = { IP4, .options = 40 },
		    ICMP4(11, 0),
		    .quote = { Q4, .options = 8 },
		    UDP },
		  { OUTER4, QUOTED4, MARKED, EXPIRED4, .size = 116, .qsize = 48,
		    .l4_off = 74, .quote_off = 82, .quote_len = 48 } },
		{ "do not fragment is no fragment",
		  { .ip = { IP4, .frag = 0x4000 },
		    ICMP4(11, 0),
		    .quote = { Q4, .frag = 0x4000 },
		    UDP },
		  { SAYS4, AT4, EXPIRED4 } },
		{ "first fragment",
		  { .ip = { IP4, .frag = 0x2000 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { .kind = REPLY_FRAGMENT } },
		{ "last fragment",
		  { .ip = { IP4, .frag = 1 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { .kind = REPLY_FRAGMENT } },
		{ "quote of the first fragment",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .frag = 0x2000 },
		    UDP },
		  { SAYS4, AT4, EXPIRED4 } },
		{ "quote of a later fragment",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .frag = 9 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
	};

	CHECK_ROWS(rows);
}

static void test_v4_quotes(void **state)
{
	static const struct row rows[] = {
		{ "eight octets of UDP",
		  { PLAIN4, ICMP4(11, 0), .quote_max = 28 },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, .size = 56, .qsize = 40,
		    .quote_len = 28 } },
		{ "seven",
		  { PLAIN4, ICMP4(11, 0), .quote_max = 27 },
		  { .kind = REPLY_MALFORMED } },
		{ "half a mark",
		  { PLAIN4, ICMP4(11, 0), .quote_max = 35 },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, .size = 63, .qsize = 40,
		    .quote_len = 35 } },
		{ "padded with zeroes: a mark, and it is zero",
		  { PLAIN4, ICMP4(11, 0), .quote_max = 28, .quote_pad = 64 },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, .size = 92, .qsize = 40,
		    .quote_len = 64, .has_mark = 1 } },
		{ "echo request",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    .quoted = { PROTO_ICMP, 8, .sport = 7, .dport = 0x1234,
				.field = 9, .payload = 8, .mark = MARK } },
		  { OUTER4, PROBE4, AT4, EXPIRED4, MARKED, .qid = 0x1230,
		    .qproto = PROTO_ICMP, .size = 64, .qsize = 36,
		    .quote_len = 36, .sport = 7, .field = 9,
		    .icmp_check = 0x1234 } },
		{ "echo reply: nobody sends that as a probe",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    .quoted = { PROTO_ICMP, 0, .payload = 8 } },
		  { .kind = REPLY_NONE } },
		{ "whole TCP header",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    .quoted = { PROTO_TCP, .sport = 1, .dport = 2, .seq = 3,
				.ack = 4, .flags = 0x12 } },
		  { OUTER4, PROBE4, AT4, EXPIRED4, .qid = 0x1230,
		    .qproto = PROTO_TCP, .size = 68, .qsize = 40,
		    .quote_len = 40, .sport = 1, .dport = 2, .seq = 3, .ack = 4,
		    .tcp_flags = 0x12 } },
		{ "eight octets of TCP",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    .quote_max = 28,
		    .quoted = { PROTO_TCP, .sport = 1, .dport = 2, .seq = 3,
				.ack = 4, .flags = 0x12 } },
		  { OUTER4, PROBE4, AT4, EXPIRED4, .qid = 0x1230,
		    .qproto = PROTO_TCP, .size = 56, .qsize = 40,
		    .quote_len = 28, .sport = 1, .dport = 2, .seq = 3 } },
		{ "a protocol that we do not send",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    .quoted = { 47, .payload = 40 } },
		  { .kind = REPLY_NONE } },
		{ "no quote", { .ip = { IP4 }, ICMP4(11, 0) }, { .kind = 1 } },
		{ "quote of the other family",
		  { .ip = { IP4 }, ICMP4(11, 0), .quote = { Q6 }, UDP },
		  { .kind = REPLY_MALFORMED } },
	};

	CHECK_ROWS(rows);
}

static void test_v4_lies(void **state)
{
	static const struct row rows[] = {
		{ "padding behind the datagram",
		  { PLAIN4, ICMP4(11, 0), .trailer = 200 },
		  { SAYS4, AT4, EXPIRED4 } },
		{ "a length that cuts the quote",
		  { .ip = { IP4, .lie = 55 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "a length that just does not",
		  { .ip = { IP4, .lie = 56 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, .size = 56, .qsize = 40,
		    .quote_len = 28 } },
		{ "a length beyond the frame",
		  { .ip = { IP4, .lie = 65535 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, MARKED, .size = 65535,
		    .qsize = 40, .quote_len = 40 } },
		{ "a length below the header's",
		  { .ip = { IP4, .lie = 19 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "a header of 16 octets",
		  { .ip = { IP4, .ihl = 4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "a header longer than the datagram",
		  { .ip = { IP4, .ihl = 15 }, .l4 = { PROTO_UDP } },
		  { .kind = REPLY_MALFORMED } },
	};

	CHECK_ROWS(rows);
}

static void test_v4_quoted_lies(void **state)
{
	static const struct row rows[] = {
		{ "a quoted header of 16 octets",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .ihl = 4 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "... with much behind it",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .ihl = 4 },
		    LONG(100) },
		  { .kind = REPLY_MALFORMED } },
		{ "a quoted header longer than the quote",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .ihl = 15 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "quoted length: without the header",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .lie = 20 },
		    UDP },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, MARKED, .size = 68,
		    .qsize = 20, .quote_len = 40 } },
		{ "quoted length: octets swapped",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .lie = 10240 },
		    UDP },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, MARKED, .size = 68,
		    .qsize = 10240, .quote_len = 40 } },
		{ "quoted length: one",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4, .lie = 1 },
		    UDP },
		  { OUTER4, QUOTED4, AT4, EXPIRED4, MARKED, .size = 68,
		    .qsize = 1, .quote_len = 40 } },
	};

	CHECK_ROWS(rows);
}

/* RFC 4884: 128 octets of quote or more, and what stands behind them. */
#define EXT4 OUTER4, QUOTED4, MARKED, AT4, EXPIRED4
#define EXT6 OUTER6, QUOTED6, MARKED, AT6, EXPIRED6

static void test_extensions_v4(void **state)
{
	static const struct row rows[] = {
		{ "v4, with a length",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 16,
		    .words = 32 },
		  { EXT4, .size = 172, .qsize = 40, .quote_len = 128,
		    .ext_off = 170, .ext_len = 16 } },
		{ "v4, a longer quote",
		  { .ip = { IP4 },
		    ICMP4(11, 0),
		    .quote = { Q4 },
		    LONG(400),
		    .quote_max = 160,
		    .extensions = 8,
		    .words = 40 },
		  { EXT4, .size = 196, .qsize = 428, .quote_len = 160,
		    .ext_off = 202, .ext_len = 8 } },
		{ "v4, of old: no length, 128 octets",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 12 },
		  { EXT4, .size = 168, .qsize = 40, .quote_len = 128,
		    .ext_off = 170, .ext_len = 12 } },
		{ "v4, a long quote and nothing behind",
		  { .ip = { IP4 }, ICMP4(11, 0), .quote = { Q4 }, LONG(103) },
		  { EXT4, .size = 159, .qsize = 131, .quote_len = 131 } },
		{ "v4, a length below 128",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 12,
		    .words = 31 },
		  { EXT4, .size = 168, .qsize = 40, .quote_len = 140 } },
		{ "v4, a length beyond the datagram",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 12,
		    .words = 255 },
		  { EXT4, .size = 168, .qsize = 40, .quote_len = 140 } },
		{ "v4, a length to the datagram's end",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 12,
		    .words = 35 },
		  { EXT4, .size = 168, .qsize = 40, .quote_len = 140 } },
		{ "v4, a header and no object",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 4,
		    .words = 32 },
		  { EXT4, .size = 160, .qsize = 40, .quote_len = 128,
		    .ext_off = 170, .ext_len = 4 } },
		{ "v4, cut in the extensions",
		  { PLAIN4, ICMP4(11, 0), .quote_pad = 128, .extensions = 16,
		    .words = 32, .cut = 175 },
		  { EXT4, .size = 172, .qsize = 40, .quote_len = 128,
		    .ext_off = 170, .ext_len = 5 } },
		{ "v4, too big never has any",
		  { PLAIN4, ICMP4(3, 4), .quote_pad = 128, .extensions = 12 },
		  { OUTER4, QUOTED4, MARKED, AT4, .kind = REPLY_TOOBIG,
		    .icmp_type = 3, .icmp_code = 4, .size = 168, .qsize = 40,
		    .quote_len = 140 } },
	};

	CHECK_ROWS(rows);
}

static void test_extensions_v6(void **state)
{
	static const struct row rows[] = {
		{ "v6, with a length",
		  { PLAIN6, ICMP6(3, 0), .quote_pad = 128, .extensions = 16,
		    .words = 16 },
		  { EXT6, .size = 192, .qsize = 60, .quote_len = 128,
		    .ext_off = 190, .ext_len = 16 } },
		{ "v6, a longer quote",
		  { .ip = { IP6 },
		    ICMP6(3, 0),
		    .quote = { Q6 },
		    LONG(400),
		    .quote_max = 160,
		    .extensions = 8,
		    .words = 20 },
		  { EXT6, .size = 216, .qsize = 448, .quote_len = 160,
		    .ext_off = 222, .ext_len = 8 } },
		{ "v6, no length, 128 octets",
		  { PLAIN6, ICMP6(3, 0), .quote_pad = 128, .extensions = 8 },
		  { EXT6, .size = 184, .qsize = 60, .quote_len = 128,
		    .ext_off = 190, .ext_len = 8 } },
		{ "v6, a length below 128",
		  { PLAIN6, ICMP6(3, 0), .quote_pad = 128, .extensions = 8,
		    .words = 15 },
		  { EXT6, .size = 184, .qsize = 60, .quote_len = 136 } },
		{ "v6, parameter problem: a pointer, not a length",
		  { PLAIN6, ICMP6(4, 0), .quote_pad = 128, .extensions = 8,
		    .words = 16 },
		  { OUTER6, QUOTED6, MARKED, AT6, .kind = REPLY_PARAM,
		    .icmp_type = 4, .size = 184, .qsize = 60,
		    .quote_len = 136 } },
	};

	CHECK_ROWS(rows);
}

static void test_no_error(void **state)
{
	static const struct row rows[] = {
		{ "echo reply",
		  { .ip = { IP4 },
		    .l4 = { PROTO_ICMP, 0, .sport = 5, .field = 6, .payload = 8,
			    .mark = MARK } },
		  { OUTER4, MARKED, .kind = REPLY_ECHO, .size = 36,
		    .l4_off = 34, .sport = 5, .field = 6 } },
		{ "echo reply, short",
		  { .ip = { IP4 },
		    .l4 = { PROTO_ICMP, 0, .sport = 5, .field = 6, .payload = 7,
			    .mark = MARK } },
		  { OUTER4, .kind = REPLY_ECHO, .size = 35, .l4_off = 34,
		    .sport = 5, .field = 6 } },
		{ "echo reply, v6",
		  { .ip = { IP6 },
		    .l4 = { PROTO_ICMP6, 129, .sport = 5, .field = 6,
			    .payload = 9, .mark = MARK } },
		  { OUTER6, MARKED, .kind = REPLY_ECHO, .icmp_type = 129,
		    .size = 57, .l4_off = 54, .sport = 5, .field = 6 } },
		{ "TCP",
		  { .ip = { IP4 },
		    .l4 = { PROTO_TCP, .sport = 443, .dport = 33000,
			    .seq = 0xdeadbeef, .ack = 0xfeedf00d,
			    .flags = 0x14 } },
		  { FROM4, .ttl = 57, .ipid = 42, .proto = PROTO_TCP,
		    .kind = REPLY_TCP, .size = 40, .l4_off = 34, .sport = 443,
		    .dport = 33000, .seq = 0xdeadbeef, .ack = 0xfeedf00d,
		    .tcp_flags = 0x14 } },
		{ "UDP, v6",
		  { .ip = { IP6 },
		    .l4 = { PROTO_UDP, .sport = 53, .dport = 33000, .field = 77,
			    .payload = 8, .mark = MARK } },
		  { FROM6, .ttl = 57, .proto = PROTO_UDP, .kind = REPLY_UDP,
		    .size = 56, .l4_off = 54, .sport = 53, .dport = 33000,
		    .field = 77 } },
		{ "ICMPv6 in IPv4",
		  { .ip = { IP4 }, .l4 = { PROTO_ICMP6, 129, .payload = 8 } },
		  { .kind = REPLY_NONE } },
		{ "ICMP in IPv6",
		  { .ip = { IP6 }, .l4 = { PROTO_ICMP, 0, .payload = 8 } },
		  { .kind = REPLY_NONE } },
		{ "another protocol",
		  { .ip = { IP4 }, .l4 = { 89, .payload = 64 } },
		  { .kind = REPLY_NONE } },
		{ "no next header",
		  { .ip = { IP6 }, .l4 = { 59, .payload = 64 } },
		  { .kind = REPLY_NONE } },
		{ "UDP of seven octets",
		  { .ip = { IP4, .lie = 27 }, .l4 = { PROTO_UDP } },
		  { .kind = REPLY_MALFORMED } },
	};

	CHECK_ROWS(rows);
}

#define TAGGED(n)                                                              \
	{                                                                      \
		OUTER4, QUOTED4, MARKED, EXPIRED4,                             \
			.size = 68, .qsize = 40, .quote_len = 40,              \
			.l4_off = 34 + (n), .quote_off = 42 + (n)              \
	}

static void test_vlan(void **state)
{
	static const struct row rows[] = {
		{ "one tag",
		  { PLAIN4, ICMP4(11, 0), .vlan = { ETHERTYPE_CTAG } },
		  TAGGED(4) },
		{ "one service tag",
		  { PLAIN4, ICMP4(11, 0), .vlan = { ETHERTYPE_STAG } },
		  TAGGED(4) },
		{ "802.1ad",
		  { PLAIN4, ICMP4(11, 0),
		    .vlan = { ETHERTYPE_STAG, ETHERTYPE_CTAG } },
		  TAGGED(8) },
		{ "two customer tags",
		  { PLAIN4, ICMP4(11, 0),
		    .vlan = { ETHERTYPE_CTAG, ETHERTYPE_CTAG } },
		  TAGGED(8) },
		{ "a tag inside which nothing is known",
		  { PLAIN4, ICMP4(11, 0), .vlan = { ETHERTYPE_CTAG, 0x0806 } },
		  { .kind = REPLY_NONE } },
		{ "ARP",
		  { PLAIN4, ICMP4(11, 0), .vlan = { 0x0806 } },
		  { .kind = REPLY_NONE } },
		{ "v6, one tag",
		  { PLAIN6, ICMP6(3, 0), .vlan = { ETHERTYPE_CTAG } },
		  { SAYS6, EXPIRED6, .l4_off = 58, .quote_off = 66 } },
	};

	CHECK_ROWS(rows);
}

/* Version and EtherType must agree. */
static void test_version(void **state)
{
	struct frame f4 = { PLAIN4, ICMP4(11, 0) };
	struct frame f6 = { PLAIN6, ICMP6(3, 0) };
	u8 at[FRAME_MAX];
	u32 len = frame_build(&f4, at);

	at[12] = 0x86;
	at[13] = 0xdd;
	assert_int_equal(parse(at, len).kind, REPLY_MALFORMED);
	len = frame_build(&f6, at);
	at[12] = 0x08;
	at[13] = 0x00;
	assert_int_equal(parse(at, len).kind, REPLY_MALFORMED);
}

/* Cut anywhere: what is still said is true, or it is said to be cut. */
static void test_every_truncation(void **state)
{
	struct cookie_key key = frame_key();
	u8 at[FRAME_MAX];

	for (unsigned int i = 0; i < frame_samples(); i++) {
		u32 whole = frame_sample(&key, i, at);
		struct reply full = parse(at, whole);

		for (u32 len = 0; len <= whole; len++) {
			struct reply r = parse(at, len);

			assert_true(r.kind == full.kind ||
				    r.kind == REPLY_NONE ||
				    r.kind == REPLY_MALFORMED);
			if (r.kind <= REPLY_FRAGMENT)
				continue;
			assert_true(addr_equal(&r.from, &full.from));
			assert_true(addr_equal(&r.qdst, &full.qdst));
			assert_int_equal(r.sport, full.sport);
			assert_int_equal(r.field, full.field);
			assert_true(!r.has_mark || r.mark == full.mark);
		}
	}
}

/* What Ethernet adds behind the datagram changes nothing. */
static void test_trailer(void **state)
{
	struct cookie_key key = frame_key();
	u8 at[FRAME_MAX + 64];

	for (unsigned int i = 0; i < frame_samples(); i++) {
		u32 len = frame_sample(&key, i, at);
		struct reply bare = parse(at, len), padded;

		for (int fill = 0; fill < 256; fill += 51) {
			memset(at + len, fill, 64);
			padded = parse(at, len + 64);
			assert_memory_equal(&bare, &padded, sizeof(bare));
		}
	}
}

/* Damage of every sort: nothing read outside, no invariant broken. */
static void test_mutants(void **state)
{
	struct cookie_key key = frame_key();
	u64 random = 5;
	u8 at[FRAME_MAX];

	for (int i = 0; i < 100000; i++) {
		u32 len = frame_sample(&key, i % frame_samples(), at);

		len = frame_mutate(at, len, 0, &random);
		parse(at, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4_errors),
		cmocka_unit_test(test_v4_quotes),
		cmocka_unit_test(test_v4_lies),
		cmocka_unit_test(test_v4_quoted_lies),
		cmocka_unit_test(test_extensions_v4),
		cmocka_unit_test(test_extensions_v6),
		cmocka_unit_test(test_no_error),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
