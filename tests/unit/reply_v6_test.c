/* SPDX-License-Identifier: BSD-2-Clause */
/* reply_v6_test: IPv6 as it comes, with its chains of extension headers. */
#include "reply_rows.h"

static void test_v6_errors(void **state)
{
	static const struct row rows[] = {
		{ "time exceeded",
		  { PLAIN6, ICMP6(3, 0) },
		  { SAYS6, AT6, EXPIRED6 } },
		{ "port unreachable",
		  { PLAIN6, ICMP6(1, 4) },
		  { SAYS6, AT6, .kind = REPLY_UNREACH, .icmp_type = 1,
		    .icmp_code = 4 } },
		{ "too big",
		  { PLAIN6, ICMP6(2, 0), .mtu = 0x12345 },
		  { SAYS6, AT6, .kind = REPLY_TOOBIG, .icmp_type = 2,
		    .mtu = 0x12345 } },
		{ "parameter problem",
		  { PLAIN6, ICMP6(4, 1) },
		  { SAYS6, AT6, .kind = REPLY_PARAM, .icmp_type = 4,
		    .icmp_code = 1 } },
		{ "neighbour solicitation",
		  { PLAIN6, ICMP6(135, 0) },
		  { .kind = REPLY_NONE } },
		{ "traffic classes",
		  { .ip = { IP6, .tos = 0x2e },
		    ICMP6(3, 0),
		    .quote = { Q6, .tos = 0xb9 },
		    UDP },
		  { SAYS6, AT6, EXPIRED6, .tos = 0x2e, .qtos = 0xb9 } },
		{ "echo request",
		  { .ip = { IP6 },
		    ICMP6(3, 0),
		    .quote = { Q6 },
		    .quoted = { PROTO_ICMP6, 128, .sport = 7, .dport = 8,
				.field = 9, .payload = 8, .mark = MARK } },
		  { OUTER6, PROBE6, AT6, EXPIRED6, MARKED,
		    .qproto = PROTO_ICMP6, .size = 104, .qsize = 56,
		    .quote_len = 56, .sport = 7, .field = 9,
		    .icmp_check = 8 } },
		{ "eight octets of UDP",
		  { PLAIN6, ICMP6(3, 0), .quote_max = 48 },
		  { OUTER6, QUOTED6, AT6, EXPIRED6, .size = 96, .qsize = 60,
		    .quote_len = 48 } },
		{ "seven",
		  { PLAIN6, ICMP6(3, 0), .quote_max = 47 },
		  { .kind = REPLY_MALFORMED } },
		{ "a length that cuts the quote",
		  { .ip = { IP6, .lie = 55 },
		    ICMP6(3, 0),
		    .quote = { Q6 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
		{ "a length beyond the frame",
		  { .ip = { IP6, .lie = 65535 },
		    ICMP6(3, 0),
		    .quote = { Q6 },
		    UDP },
		  { OUTER6, QUOTED6, AT6, EXPIRED6, MARKED, .size = 65535,
		    .qsize = 60, .quote_len = 60 } },
		{ "quoted length: one",
		  { .ip = { IP6 },
		    ICMP6(3, 0),
		    .quote = { Q6, .lie = 1 },
		    UDP },
		  { OUTER6, QUOTED6, AT6, EXPIRED6, MARKED, .size = 108,
		    .qsize = 41, .quote_len = 60 } },
	};

	CHECK_ROWS(rows);
}

#define EXTS(n) .ext_count = n, .ext
#define V6_EXT(n, ...)                                                         \
	{                                                                      \
		.ip = { IP6, EXTS(n) = __VA_ARGS__ }, ICMP6(3, 0),             \
		.quote = { Q6 }, UDP                                           \
	}
#define V6_QUOTED(n, ...)                                                      \
	{                                                                      \
		.ip = { IP6 }, ICMP6(3, 0),                                    \
		.quote = { Q6, EXTS(n) = __VA_ARGS__ }, UDP                    \
	}
/* `o` octets of headers outside, `q` in the quote */
#define V6_SAYS(o, q)                                                          \
	{                                                                      \
		OUTER6, QUOTED6, MARKED, EXPIRED6,                             \
			.size = 108 + (o) + (q), .qsize = 60 + (q),            \
			.quote_len = 60 + (q), .l4_off = 54 + (o),             \
			.quote_off = 62 + (o)                                  \
	}

static void test_v6_extension_headers(void **state)
{
	static const struct row rows[] = {
		{ "hop-by-hop", V6_EXT(1, { { PROTO_HOPOPTS, 0 } }),
		  V6_SAYS(8, 0) },
		{ "routing, long", V6_EXT(1, { { PROTO_ROUTING, 16 } }),
		  V6_SAYS(136, 0) },
		{ "destination", V6_EXT(1, { { PROTO_DSTOPTS, 1 } }),
		  V6_SAYS(16, 0) },
		{ "authentication", V6_EXT(1, { { PROTO_AH, 4 } }),
		  V6_SAYS(24, 0) },
		{ "authentication, too short to be one",
		  V6_EXT(1, { { PROTO_AH, 0 } }),
		  { .kind = 1 } },
		{ "atomic fragment", V6_EXT(1, { { PROTO_FRAGMENT } }),
		  V6_SAYS(8, 0) },
		{ "fragment header, reserved bits",
		  V6_EXT(1, { { PROTO_FRAGMENT, 255, .offset = 6 } }),
		  V6_SAYS(8, 0) },
		{ "first fragment",
		  V6_EXT(1, { { PROTO_FRAGMENT, .offset = 1 } }),
		  { .kind = REPLY_FRAGMENT } },
		{ "later fragment",
		  V6_EXT(1, { { PROTO_FRAGMENT, .offset = 8 } }),
		  { .kind = REPLY_FRAGMENT } },
		{ "fragment behind others",
		  V6_EXT(3, { { PROTO_HOPOPTS },
			      { PROTO_ROUTING, 2 },
			      { PROTO_FRAGMENT, .offset = 1 } }),
		  { .kind = REPLY_FRAGMENT } },
		{ "all six",
		  V6_EXT(6, { { PROTO_HOPOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_ROUTING },
			      { PROTO_FRAGMENT },
			      { PROTO_AH, 1 },
			      { PROTO_DSTOPTS } }),
		  V6_SAYS(52, 0) },
		{ "seven: beyond patience",
		  V6_EXT(7, { { PROTO_HOPOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_DSTOPTS },
			      { PROTO_DSTOPTS } }),
		  { .kind = REPLY_NONE } },
		{ "in the quote",
		  V6_QUOTED(2, { { PROTO_HOPOPTS }, { PROTO_AH, 2 } }),
		  V6_SAYS(0, 24) },
		{ "in the quote, atomic fragment",
		  V6_QUOTED(2, { { PROTO_DSTOPTS, 3 }, { PROTO_FRAGMENT } }),
		  V6_SAYS(0, 40) },
		{ "in the quote, a true fragment",
		  V6_QUOTED(1, { { PROTO_FRAGMENT, .offset = 1 } }),
		  { .kind = REPLY_MALFORMED } },
		{ "longer than the datagram",
		  { .ip = { IP6, .lie = 48,
			    EXTS(1) = { { PROTO_ROUTING, 6 } } },
		    ICMP6(3, 0),
		    .quote = { Q6 },
		    UDP },
		  { .kind = REPLY_MALFORMED } },
	};

	CHECK_ROWS(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v6_errors),
		cmocka_unit_test(test_v6_extension_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
