/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply_rows: the words in which the tests of the parser say what a frame is
 * and what the parser must make of it. For what is no reply (none, malformed,
 * fragment) only the kind counts.
 */
#ifndef WHITHER_TESTS_REPLY_ROWS_H
#define WHITHER_TESTS_REPLY_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "frame.h"
#include "invariants.h"

#include <cmocka.h>

struct row {
	const char *what;
	struct frame f;
	struct reply want;
};

#define A4(w, x, y, z)                                                         \
	{                                                                      \
		.b = { [10] = 0xff, 0xff, w, x, y, z }                         \
	}
#define A6(net, host)                                                          \
	{                                                                      \
		.b = { 0x20, 1, 0xd, 0xb8, 0, net, [15] = host }               \
	}
#define OUR4 "192.0.2.1"
#define OUR6 "2001:db8::1"
#define TO4 "203.0.113.9"
#define TO6 "2001:db8:9::9"
#define MARK 0x0102030405060708

/* Frames: from a router, or with a quote of our probe. */
#define IP4 .family = 4, .src = "198.51.100.7", .dst = OUR4, .ttl = 57, .id = 42
#define IP6 .family = 6, .src = "2001:db8:f::7", .dst = OUR6, .ttl = 57
#define Q4 .family = 4, .src = OUR4, .dst = TO4, .ttl = 1, .id = 0x1230
#define Q6 .family = 6, .src = OUR6, .dst = TO6, .ttl = 1
#define ICMP4(t, c) .l4 = { .proto = PROTO_ICMP, .type = t, .code = c }
#define ICMP6(t, c) .l4 = { .proto = PROTO_ICMP6, .type = t, .code = c }
#define PORTS .sport = 33001, .dport = 33434, .field = 0xbeef
#define UDP .quoted = { PROTO_UDP, PORTS, .payload = 12, .mark = MARK }
#define LONG(n) .quoted = { PROTO_UDP, PORTS, .payload = n, .mark = MARK }
#define PLAIN4 .ip = { IP4 }, .quote = { Q4 }, UDP
#define PLAIN6 .ip = { IP6 }, .quote = { Q6 }, UDP

/* What they must say. */
#define FROM4 .from = A4(198, 51, 100, 7), .to = A4(192, 0, 2, 1), .family = 4
#define FROM6 .from = A6(15, 7), .to = A6(0, 1), .family = 6
#define OUTER4 FROM4, .proto = PROTO_ICMP, .ttl = 57, .ipid = 42
#define OUTER6 FROM6, .proto = PROTO_ICMP6, .ttl = 57
#define PROBE4 .qsrc = A4(192, 0, 2, 1), .qdst = A4(203, 0, 113, 9), .qttl = 1
#define PROBE6 .qsrc = A6(0, 1), .qdst = A6(9, 9), .qttl = 1
#define FLOW .sport = 33001, .dport = 33434, .field = 0xbeef
#define MARKED .mark = MARK, .has_mark = 1
#define QUOTED4 PROBE4, .qid = 0x1230, .qproto = PROTO_UDP, FLOW
#define QUOTED6 PROBE6, .qproto = PROTO_UDP, FLOW
#define AT4 .l4_off = 34, .quote_off = 42
#define AT6 .l4_off = 54, .quote_off = 62
#define EXPIRED4 .kind = REPLY_EXPIRED, .icmp_type = ICMP4_EXPIRED
#define EXPIRED6 .kind = REPLY_EXPIRED, .icmp_type = ICMP6_EXPIRED
/* ... of PLAIN4 and PLAIN6 */
#define SAYS4 OUTER4, QUOTED4, MARKED, .size = 68, .qsize = 40, .quote_len = 40
#define SAYS6 OUTER6, QUOTED6, MARKED, .size = 108, .qsize = 60, .quote_len = 60

/* clang-format off */
#define FIELDS(X)                                                              \
	X(mark) X(seq) X(ack) X(mtu) X(size) X(ipid) X(qsize) X(qid) X(sport)  \
	X(dport) X(field) X(icmp_check) X(l4_off) X(quote_off) X(quote_len)    \
	X(ext_off) X(ext_len) X(kind) X(family) X(icmp_type) X(icmp_code)      \
	X(ttl) X(tos) X(qproto) X(qttl) X(qtos) X(has_mark) X(tcp_flags)       \
	X(proto) X(qflow)
/* clang-format on */

static inline void explain(const char *what, const struct reply *want,
			   const struct reply *found)
{
	print_message("%s:\n", what);
#define X(field)                                                               \
	if (want->field != found->field)                                       \
		print_message("  %s: wanted %llu, found %llu\n", #field,       \
			      (unsigned long long)want->field,                 \
			      (unsigned long long)found->field);
	FIELDS(X)
#undef X
#define X(field)                                                               \
	if (!addr_equal(&want->field, &found->field))                          \
		print_message("  another address: %s\n", #field);
	X(from) X(to) X(qsrc) X(qdst)
#undef X
}

/* A copy that ends where its memory does, for the address sanitizer. */
static inline struct reply parse(const u8 *frame, u32 len)
{
	u8 *exact = malloc(len ? len : 1);
	enum reply_kind kind;
	struct reply r;

	assert_non_null(exact);
	memcpy(exact, frame, len);
	kind = reply_parse(exact, len, &r);
	assert_int_equal(kind, r.kind);
	free(exact);
	if (reply_broken(&r, len))
		fail_msg("%s does not hold at length %u", reply_broken(&r, len),
			 len);
	return r;
}

static inline void check_rows(const struct row *rows, size_t n)
{
	unsigned int wrong = 0;
	u8 at[FRAME_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct reply *want = &rows[i].want;
		struct reply r = parse(at, frame_build(&rows[i].f, at));

		if (want->kind <= REPLY_FRAGMENT ? want->kind == r.kind
						 : !memcmp(want, &r, sizeof(r)))
			continue;
		explain(rows[i].what, want, &r);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

#endif
