/* SPDX-License-Identifier: BSD-2-Clause */
/* match_test: which frames are answers, to what, and how each is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/match.h"

enum { TTL = 7, ATTEMPT = 2 };

#define OUR4 "192.0.2.1"
#define OUR6 "2001:db8::1"
#define TO4 "203.0.113.9"
#define TO6 "2001:db8:9::9"
#define IP4 .family = 4, .src = "198.51.100.7", .dst = OUR4, .ttl = 57
#define IP6 .family = 6, .src = "2001:db8:f::7", .dst = OUR6, .ttl = 57
#define EXPIRED4 .l4 = { PROTO_ICMP, .type = ICMP4_EXPIRED }
#define EXPIRED6 .l4 = { PROTO_ICMP6, .type = ICMP6_EXPIRED }
#define UDP .quoted = { PROTO_UDP, .dport = 33434, .payload = 12 }
#define PING .quoted = { PROTO_ICMP, .payload = 12 }

static const struct cookie_proof none;

struct row {
	const char *what;
	struct frame f;
	bool ours;	 /* a true cookie is put in */
	u32 spoil;	 /* octet of the frame to change; 0: none */
	const char *dst; /* NULL: not an answer */
	enum steer_verdict verdict;
};

static const struct row rows[] = {
	{ "UDP, whole quote",
	  { .ip = { IP4 }, EXPIRED4, UDP, .quote = { 4, OUR4, TO4 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "UDP, least quote",
	  { .ip = { IP4 },
	    EXPIRED4,
	    UDP,
	    .quote = { 4, OUR4, TO4 },
	    .quote_max = 28 },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "port unreachable",
	  { .ip = { 4, TO4, OUR4 },
	    UDP,
	    .quote = { 4, OUR4, TO4 },
	    .l4 = { PROTO_ICMP, .type = ICMP4_UNREACH, .code = 3 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "UDP over IPv6",
	  { .ip = { IP6 }, EXPIRED6, UDP, .quote = { 6, OUR6, TO6 } },
	  .ours = true,
	  .dst = TO6,
	  .verdict = STEER_EXACT },
	{ "quoted ping",
	  { .ip = { IP4 }, EXPIRED4, PING, .quote = { 4, OUR4, TO4 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "echo reply",
	  { .ip = { 4, TO4, OUR4 },
	    .l4 = { PROTO_ICMP, .type = ICMP4_ECHO_REPLY, .payload = 12 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "echo reply over IPv6",
	  { .ip = { 6, TO6, OUR6 },
	    .l4 = { PROTO_ICMP6, .type = ICMP6_ECHO_REPLY, .payload = 12 } },
	  .ours = true,
	  .dst = TO6,
	  .verdict = STEER_EXACT },
	{ "rewritten source",
	  { .ip = { IP4 }, EXPIRED4, UDP, .quote = { 4, "20.1.2.3", TO4 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_REWRITTEN },
	{ "rewritten source, IPv6",
	  { .ip = { IP6 },
	    EXPIRED6,
	    UDP,
	    .quote = { 6, "2001:db8:77::1", TO6 } },
	  .ours = true,
	  .dst = TO6,
	  .verdict = STEER_REWRITTEN },
	{ "another program's UDP",
	  { .ip = { IP4 },
	    EXPIRED4,
	    .quote = { 4, OUR4, TO4 },
	    .quoted = { PROTO_UDP, .sport = 5353, .payload = 12 } },
	  .verdict = STEER_FOREIGN },
	{ "another program's ping",
	  { .ip = { 4, TO4, OUR4 },
	    .l4 = { PROTO_ICMP, .type = ICMP4_ECHO_REPLY, .sport = 77,
		    .payload = 56 } },
	  .verdict = STEER_FOREIGN },
	{ "forged identification",
	  { .ip = { IP4 }, EXPIRED4, UDP, .quote = { 4, OUR4, TO4 } },
	  .ours = true,
	  .spoil = 42 + 5,
	  .verdict = STEER_FORGED },
	{ "forged mark",
	  { .ip = { IP4 }, EXPIRED4, UDP, .quote = { 4, OUR4, TO4 } },
	  .ours = true,
	  .spoil = 42 + 35,
	  .verdict = STEER_FORGED },
	{ "SYN/ACK",
	  { .ip = { 4, TO4, OUR4 }, .l4 = { PROTO_TCP, .sport = 443 } },
	  .ours = true,
	  .dst = TO4,
	  .verdict = STEER_EXACT },
	{ "RST, IPv6",
	  { .ip = { 6, TO6, OUR6 },
	    .l4 = { PROTO_TCP, .sport = 443, .flags = TCP_RST | TCP_ACK } },
	  .ours = true,
	  .dst = TO6,
	  .verdict = STEER_EXACT },
	{ "least quote of a SYN, IPv6",
	  { .ip = { IP6 },
	    EXPIRED6,
	    .quoted = { PROTO_TCP, .dport = 443 },
	    .quote = { 6, OUR6, TO6 },
	    .quote_max = 48 },
	  .ours = true,
	  .dst = TO6,
	  .verdict = STEER_EXACT },
	{ "TCP to a port of ours",
	  { .ip = { IP4 },
	    .l4 = { PROTO_TCP, .sport = 443, .dport = 33000, .flags = 18 } },
	  .verdict = STEER_FORGED },
	{ "TCP",
	  { .ip = { IP4 },
	    .l4 = { PROTO_TCP, .sport = 443, .dport = 50000, .flags = 18 } },
	  .verdict = STEER_OTHER },
	{ "UDP",
	  { .ip = { IP4 }, .l4 = { PROTO_UDP, .sport = 53, .dport = 33000 } },
	  .verdict = STEER_OTHER },
	{ "echo request",
	  { .ip = { IP4 }, .l4 = { PROTO_ICMP, .type = 8, .payload = 56 } },
	  .verdict = STEER_OTHER },
	{ "cut short",
	  { .ip = { IP4 },
	    EXPIRED4,
	    UDP,
	    .quote = { 4, OUR4, TO4 },
	    .cut = 60 },
	  .verdict = STEER_MALFORMED },
	{ "a fragment",
	  { .ip = { IP4, .frag = 0x2000 }, .l4 = { PROTO_UDP, .payload = 64 } },
	  .verdict = STEER_FRAGMENT },
};

static u32 build(const struct row *row, const struct cookie_key *key, u8 *at)
{
	struct frame f = row->f;
	u32 len;

	if (row->ours)
		frame_probe(&f, key, TTL, ATTEMPT);
	len = frame_build(&f, at);
	if (row->spoil)
		at[row->spoil] ^= 1;
	return len;
}

static void verdicts(void **state)
{
	const struct cookie_key key = frame_key();
	u8 at[FRAME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		u64 counts[STEER_VERDICT_COUNT] = {},
		    want[] = { [STEER_VERDICT_COUNT - 1] = 0 };
		u32 len = build(&rows[i], &key, at);
		struct answer a;
		struct addr dst;
		bool found = match(&key, at, len, 42, &none, &a, counts);

		want[rows[i].verdict] = 1;
		if (found != !!rows[i].dst ||
		    memcmp(counts, want, sizeof(want)))
			fail_msg("%s: another verdict", rows[i].what);
		if (!found)
			continue;
		dst = frame_addr(rows[i].dst);
		assert_true(addr_equal(&a.dst, &dst));
		assert_int_equal(a.proof.ttl, TTL);
		assert_int_equal(a.proof.attempt, ATTEMPT);
		assert_int_equal(a.proof.result, rows[i].verdict == STEER_EXACT
							 ? COOKIE_EXACT
							 : COOKIE_REWRITTEN);
		assert_int_equal(a.arrived_ns, 42);
		assert_ptr_equal(a.frame, at);
		assert_int_equal(a.frame_len, len);
	}
}

/* What the XDP program found is taken as it is, and was counted there. */
static void proof_is_believed(void **state)
{
	const struct cookie_key key = frame_key();
	const struct cookie_key other = { .hash = { { 1, 2 } } };
	u64 counts[STEER_VERDICT_COUNT] = {}, zero[STEER_VERDICT_COUNT] = {};
	u8 at[FRAME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct cookie_proof proof = { 9, 4, 76, COOKIE_EXACT };
		u32 len = build(&rows[i], &key, at);
		struct answer a;
		struct addr dst;

		if (!rows[i].dst)
			continue;
		dst = frame_addr(rows[i].dst);
		/* by another key it would not verify */
		assert_true(match(&other, at, len, 42, &proof, &a, counts));
		assert_memory_equal(&a.proof, &proof, sizeof(proof));
		assert_true(addr_equal(&a.dst, &dst));
		assert_memory_equal(counts, zero, sizeof(zero));
	}
}

static void counts_add_up(void **state)
{
	const struct cookie_key key = frame_key();
	u64 counts[STEER_VERDICT_COUNT] = {}, all = 0, taken = 0, seed = 5;
	u8 at[FRAME_MAX];

	for (int i = 0; i < 20000; i++) {
		u32 len = frame_sample(&key, (u32)i % frame_samples(), at);
		struct answer a;

		len = frame_mutate(at, len, 0, &seed);
		taken += match(&key, at, len, 1, &none, &a, counts);
	}
	for (int v = 0; v < STEER_VERDICT_COUNT; v++)
		all += counts[v];
	assert_int_equal(all, 20000);
	assert_int_equal(taken, counts[STEER_EXACT] + counts[STEER_REWRITTEN]);
	assert_int_equal(counts[STEER_STALE] + counts[STEER_NO_SOCKET], 0);
	assert_in_range(taken, 5000, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(proof_is_believed),
		cmocka_unit_test(counts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
