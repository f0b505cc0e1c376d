/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world_test: every answer of the simulated Internet is a right one, and
 * nothing else leaves it.
 */
#include "io/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/topo.h"
#include "netframe.h"
#include "simnet_frame.h"

static const struct simnet_config preset = SIMNET_PRESET;

/* Any flow, any packet: only for networks without diamonds and loss. */
static struct simnet_hop hop_at(const struct simnet_config *c,
				const struct addr *dst, u32 ttl)
{
	struct simnet_hop hop;

	simnet_hop(c, dst, ttl, 0, 0, &hop);
	return hop;
}

/* An answer to p, parsed; its checksums hold, and it goes back to us. */
static enum simnet_outcome ask(struct world *w, const struct netframe *p,
			       struct world_frame *f, struct reply *r)
{
	u8 at[FRAME_MAX];
	u32 len = netframe_build(p, at);
	enum simnet_outcome outcome;

	assert_int_equal(world_put(f, at, len), 0);
	outcome = world_answer(w, f, 0, 0);
	memset(r, 0, sizeof(*r));
	if (outcome < SIMNET_EXPIRED || outcome > SIMNET_RESET) {
		assert_int_equal(f->len, len);
		assert_memory_equal(f->data, at, len);
		return outcome;
	}
	reply_parse(f->data, f->len, r);
	if (!netframe_sums_hold(f->data, f->len)) {
		netframe_print(f->data, f->len);
		fail_msg("a checksum is wrong");
	}
	assert_int_equal(f->len, 14 + r->size);
	assert_memory_equal(f->data, netframe_near, 6);
	assert_memory_equal(f->data + 6, netframe_far, 6);
	return outcome;
}

struct row {
	const char *what;
	struct netframe probe;
	enum simnet_outcome outcome;
	enum reply_kind kind;
	u8 type, code;
	u16 size; /* of the answer's datagram */
};

#define DST4 "8.8.8.8"
#define DST6 "2600::1"

static const struct row rows[] = {
	{ "v4 UDP expires",
	  { PROTO_UDP, DST4, .ttl = 3, .payload = 10 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  11,
	  0,
	  56 },
	{ "v4 UDP arrives",
	  { PROTO_UDP, DST4, .ttl = 30, .payload = 10 },
	  SIMNET_PORT,
	  REPLY_UNREACH,
	  3,
	  3,
	  56 },
	{ "v4 echo expires",
	  { PROTO_ICMP, DST4, .ttl = 3, .payload = 10 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  11,
	  0,
	  56 },
	{ "v4 echo arrives",
	  { PROTO_ICMP, DST4, .ttl = 30, .payload = 10 },
	  SIMNET_ECHO,
	  REPLY_ECHO,
	  0,
	  0,
	  38 },
	{ "v4 echo, odd",
	  { PROTO_ICMP, DST4, .ttl = 30, .payload = 11 },
	  SIMNET_ECHO,
	  REPLY_ECHO,
	  0,
	  0,
	  39 },
	{ "v4 SYN expires",
	  { PROTO_TCP, DST4, .ttl = 3, .dport = 80 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  11,
	  0,
	  56 },
	{ "v4 acknowledgement",
	  { PROTO_TCP, DST4, .ttl = 30, .flags = 16, .payload = 3 },
	  SIMNET_RESET,
	  REPLY_TCP,
	  0,
	  0,
	  40 },
	{ "v4 padded by Ethernet",
	  { PROTO_UDP, DST4, .ttl = 3, .trailer = 18 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  11,
	  0,
	  56 },
	{ "v6 UDP expires",
	  { PROTO_UDP, DST6, .ttl = 3, .payload = 10 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  3,
	  0,
	  40 + 8 + 58 },
	{ "v6 UDP arrives",
	  { PROTO_UDP, DST6, .ttl = 30, .payload = 10 },
	  SIMNET_PORT,
	  REPLY_UNREACH,
	  1,
	  4,
	  40 + 8 + 58 },
	{ "v6 long UDP",
	  { PROTO_UDP, DST6, .ttl = 3, .payload = 1400 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  3,
	  0,
	  1280 },
	{ "v6 odd UDP",
	  { PROTO_UDP, DST6, .ttl = 3, .payload = 15 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  3,
	  0,
	  40 + 8 + 63 },
	{ "v6 echo expires",
	  { PROTO_ICMP, DST6, .ttl = 3, .payload = 10 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  3,
	  0,
	  40 + 8 + 58 },
	{ "v6 echo arrives",
	  { PROTO_ICMP, DST6, .ttl = 30, .payload = 10 },
	  SIMNET_ECHO,
	  REPLY_ECHO,
	  129,
	  0,
	  58 },
	{ "v6 SYN expires",
	  { PROTO_TCP, DST6, .ttl = 3, .dport = 80 },
	  SIMNET_EXPIRED,
	  REPLY_EXPIRED,
	  3,
	  0,
	  40 + 8 + 60 },
	{ "v6 acknowledgement",
	  { PROTO_TCP, DST6, .ttl = 30, .flags = 16, .payload = 3 },
	  SIMNET_RESET,
	  REPLY_TCP,
	  0,
	  0,
	  60 },
	{ "a reset",
	  { PROTO_TCP, DST4, .ttl = 30, .flags = 4 },
	  SIMNET_SILENT,
	  REPLY_NONE,
	  0,
	  0,
	  0 },
	{ "to a multicast group",
	  { PROTO_UDP, "224.0.0.1", .ttl = 30 },
	  SIMNET_PASSED,
	  REPLY_NONE,
	  0,
	  0,
	  0 },
	{ "to the link",
	  { PROTO_ICMP, "fe80::1", .ttl = 30 },
	  SIMNET_PASSED,
	  REPLY_NONE,
	  0,
	  0,
	  0 },
	{ "OSPF",
	  { 89, DST4, .payload = 40 },
	  SIMNET_PASSED,
	  REPLY_NONE,
	  0,
	  0,
	  0 },
};

static void answers_are_right(void **state)
{
	struct world_frame *f = malloc(sizeof(*f));
	struct world w;
	struct reply r;

	assert_int_equal(world_open(&w, &preset, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct addr dst = frame_addr(row->probe.dst);
		struct simnet_hop h = hop_at(&preset, &dst, row->probe.ttl);
		enum simnet_outcome outcome = ask(&w, &row->probe, f, &r);
		bool error = r.kind >= REPLY_EXPIRED && r.kind <= REPLY_PARAM;

		if (outcome != row->outcome || r.kind != row->kind ||
		    r.icmp_type != row->type || r.icmp_code != row->code ||
		    r.size != row->size)
			fail_msg("%s: outcome %s, kind %u, type %u, code %u, "
				 "size %u",
				 row->what, world_outcome_name(outcome), r.kind,
				 r.icmp_type, r.icmp_code, r.size);
		if (r.kind == REPLY_NONE)
			continue;
		assert_true(addr_equal(&r.from, &h.from));
		assert_int_equal(r.ttl, h.reply_ttl);
		if (!error)
			continue;
		assert_true(addr_equal(&r.qdst, &dst));
		assert_int_equal(r.qttl, row->probe.ttl - (h.distance - 1));
		assert_int_equal(r.sport, 40000);
	}
	world_close(&w);
	free(f);
}

static void connections_are_answered_as_ports_are_open(void **state)
{
	struct world_frame *f = malloc(sizeof(*f));
	u32 accepted = 0, reset = 0;
	struct reply r;
	struct world w;

	assert_int_equal(world_open(&w, &preset, NULL), 0);
	for (u16 port = 1; port <= 400; port++) {
		struct netframe p = { PROTO_TCP, port & 1 ? DST4 : DST6,
				      .ttl = 30, .dport = port };
		enum simnet_outcome outcome = ask(&w, &p, f, &r);

		assert_int_equal(r.sport, port);
		assert_int_equal(r.dport, 40000);
		assert_int_equal(r.ack, 0x01020305);
		/* no options; urgent pointer 0 */
		assert_int_equal(f->data[r.l4_off + 12], 5 << 4);
		assert_int_equal(f->data[r.l4_off + 18], 0);
		assert_int_equal(f->data[r.l4_off + 19], 0);
		accepted += outcome == SIMNET_SYN_ACK;
		reset += outcome == SIMNET_RESET;
		assert_int_equal(r.tcp_flags,
				 outcome == SIMNET_SYN_ACK ? 0x12 : 0x14);
	}
	assert_int_equal(accepted + reset, 400);
	assert_in_range(accepted, 150, 250); /* five sigma */
	world_close(&w);
	free(f);
}

static void put16(u8 *at, u16 v)
{
	at[0] = (u8)(v >> 8);
	at[1] = (u8)v;
}

/* A UDP probe with the cookie of `key`; payload: mark and balance. */
static u32 cookie_probe(const struct cookie_key *key, bool six, u8 ttl, u8 *at)
{
	struct netframe p = { PROTO_UDP, six ? DST6 : DST4, .ttl = ttl,
			      .payload = 10 };
	struct addr dst = frame_addr(p.dst);
	u8 *udp = at + (six ? 54 : 34);
	struct cookie cookie;
	be64 mark;
	u32 len;

	cookie_make(key, &dst, PROTO_UDP, ttl, 2, &cookie);
	p.sport = cookie.port;
	len = netframe_build(&p, at);
	if (!six) {
		put16(at + 18, cookie.id);
		put16(at + 24, 0);
		put16(at + 24, (u16)~csum_fold(csum_octets(0, at + 14, 20)));
	}
	mark = be64_put(cookie.mark);
	memcpy(udp + 8, &mark, 8);
	/* the balance makes the true checksum the cookie's field */
	put16(udp + 16, 0);
	netframe_sum(at);
	put16(udp + 16,
	      csum_fold((u64)(udp[6] << 8 | udp[7]) + csum_neg(cookie.field)));
	netframe_sum(at);
	assert_int_equal(udp[6] << 8 | udp[7], cookie.field);
	return len;
}

struct path {
	const char *what;
	u16 quote, mpls;
	bool translate, adjust;
	u16 port;
	enum cookie_result result;
};

static void assert_cookies(const struct path *path)
{
	struct world_frame *f = malloc(sizeof(*f));
	struct cookie_key key = frame_key();
	struct simnet_config c = preset;
	struct cookie_proof proof;
	struct reply r;
	struct world w;

	c.quote = path->quote;
	c.mpls = path->mpls;
	c.adjust = path->adjust;
	c.public_port = path->port;
	if (path->translate) {
		c.public4 = frame_addr("20.55.0.7");
		c.public6 = frame_addr("2a02:1234::7");
	}
	assert_int_equal(world_open(&w, &c, NULL), 0);
	for (u8 ttl = 1; ttl < 30; ttl++) {
		u8 at[FRAME_MAX];

		world_put(f, at, cookie_probe(&key, ttl & 1, ttl, at));
		assert_in_range(world_answer(&w, f, 0, 0), SIMNET_EXPIRED,
				SIMNET_PORT);
		assert_true(netframe_sums_hold(f->data, f->len));
		reply_parse(f->data, f->len, &r);
		if (cookie_check(&key, &r, &proof) != path->result) {
			netframe_print(f->data, f->len);
			fail_msg("%s, TTL %u: %u", path->what, ttl,
				 proof.result);
		}
		assert_int_equal(proof.ttl, ttl);
		assert_int_equal(proof.attempt, 2);
	}
	world_close(&w);
	free(f);
}

/* Whatever a router adds or changes, the cookie is found. */
static void cookies_survive(void **state)
{
	static const struct path path[] = {
		{ "short quote", 28, 0, 0, 1, 0, COOKIE_EXACT },
		{ "long quote", 548, 0, 0, 1, 0, COOKIE_EXACT },
		{ "labels", 28, 1000, 0, 1, 0, COOKIE_EXACT },
		{ "labels, long", 548, 1000, 0, 1, 0, COOKIE_EXACT },
		{ "translated", 28, 0, 1, 1, 0, COOKIE_REWRITTEN },
		{ "and its port", 28, 0, 1, 1, 1111, COOKIE_REWRITTEN },
		{ "sum forgotten", 28, 0, 1, 0, 0, COOKIE_REWRITTEN },
		{ "both", 128, 1000, 1, 1, 2222, COOKIE_REWRITTEN },
	};

	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		assert_cookies(&path[i]);
}

/* The quote as a whole datagram is still one whose checksums hold. */
static void translators_keep_checksums(void **state)
{
	static const u8 protos[] = { PROTO_UDP, PROTO_ICMP, PROTO_TCP };
	struct world_frame *f = malloc(sizeof(*f));
	struct simnet_config c = preset;
	struct reply r;
	struct world w;

	c.quote = 548;
	c.public4 = frame_addr("20.55.0.7");
	c.public6 = frame_addr("2a02:1234::7");
	for (u16 port = 0; port < 3; port++) {
		c.public_port = port;
		assert_int_equal(world_open(&w, &c, NULL), 0);
		for (u16 i = 0; i < 60; i++) {
			struct netframe p = { protos[i % 3],
					      i & 1 ? DST4 : DST6, .ttl = 5,
					      .payload = i };

			assert_int_equal(ask(&w, &p, f, &r), SIMNET_EXPIRED);
			/* 14 octets in front of the quote: as if a frame */
			assert_true(netframe_sums_hold(
				f->data + r.quote_off - 14, r.quote_len + 14u));
			assert_true(addr_equal(&r.qsrc, i & 1 ? &c.public4
							      : &c.public6));
			if (protos[i % 3] != PROTO_ICMP)
				assert_int_equal(r.sport, port ? port : 40000);
		}
		world_close(&w);
	}
	free(f);
}

/* A SYN to the destination of `family`, its MSS 1460 at an even or odd place
 * among the options. */
static u32 syn_with_mss(bool six, bool odd, u8 at[static FRAME_MAX])
{
	static const u8 options[2][8] = { { 2, 4, 5, 0xb4, 1, 1, 1, 0 },
					  { 1, 2, 4, 5, 0xb4, 1, 1, 0 } };
	struct netframe p = { PROTO_TCP,
			      six ? "2001:db8:100::1" : "198.51.100.7",
			      .ttl = 3, .dport = 80, .payload = 8 };
	u32 len = netframe_build(&p, at);
	u8 *tcp = at + (six ? 54 : 34);

	tcp[12] = 7 << 4;
	memcpy(tcp + 20, options[odd], 8);
	netframe_sum(at);
	return len;
}

/* Both addresses, the port and the MSS, and the checksum follows. */
static void all_that_rewrites_keeps_checksums(void **state)
{
	static const char text[] =
		"source s\n"
		"node a nat=20.55.0.7 nat-port=77 mss=900 dscp=8\n"
		"node b nat=2a02::7 dnat=10.9.9.9\n"
		"node c quote=548\n"
		"node d\n"
		"link s a 10.0.0.1 10.0.0.2 2001:db8:1::1 2001:db8:1::2\n"
		"link a b 10.0.1.1 10.0.1.2 2001:db8:2::1 2001:db8:2::2\n"
		"link b c 10.0.2.1 10.0.2.2 2001:db8:3::1 2001:db8:3::2\n"
		"link c d 10.0.3.1 10.0.3.2 2001:db8:4::1 2001:db8:4::2\n"
		"host d 198.51.100.0/24 2001:db8:100::/48\n";
	struct world_frame *f = malloc(sizeof(*f));
	struct topo *t = malloc(sizeof(*t));
	struct world w;

	assert_int_equal(topo_parse(t, "drawn", text), 0);
	assert_int_equal(world_open(&w, &preset, t), 0);
	for (int i = 0; i < 4; i++) {
		bool six = i & 1, odd = i & 2;
		u8 at[FRAME_MAX], *q, *mss;
		struct addr dst = frame_addr("10.9.9.9");
		struct reply r;

		world_put(f, at, syn_with_mss(six, odd, at));
		assert_int_equal(world_answer(&w, f, 0, 0), SIMNET_EXPIRED);
		reply_parse(f->data, f->len, &r);
		q = f->data + r.quote_off;
		assert_true(netframe_sums_hold(q - 14, r.quote_len + 14u));
		mss = q + (six ? 40 : 20) + 20 + odd;
		assert_int_equal(mss[2] << 8 | mss[3], 900);
		assert_int_equal(r.qtos, 8 << 2);
		/* the port goes with an IPv4 source alone */
		assert_int_equal(r.sport, six ? 40000 : 77);
		assert_int_equal(addr_equal(&r.qdst, &dst), !six);
	}
	world_close(&w);
	free(t);
	free(f);
}

static void labels_are_where_they_belong(void **state)
{
	struct world_frame *f = malloc(sizeof(*f));
	struct simnet_config c = preset;
	u32 counts[3] = { 0 };
	struct reply r;
	struct world w;

	c.mpls = 1000;
	assert_int_equal(world_open(&w, &c, NULL), 0);
	for (u8 ttl = 1; ttl < 8; ttl++) {
		for (int six = 0; six < 2; six++) {
			struct netframe p = { PROTO_UDP, six ? DST6 : DST4,
					      .ttl = ttl, .payload = 10 };
			struct addr dst = frame_addr(p.dst);
			struct simnet_hop h = hop_at(&c, &dst, ttl);

			assert_int_equal(ask(&w, &p, f, &r), SIMNET_EXPIRED);
			assert_int_equal(r.ext_off - r.quote_off, 128);
			assert_int_equal(r.ext_len, 8 + 4 * h.labels);
			assert_memory_equal(f->data + r.ext_off + 8, h.label,
					    4u * h.labels);
			assert_int_equal(
				csum_fold(csum_octets(0, f->data + r.ext_off,
						      r.ext_len)),
				0xffff);
			counts[h.labels]++;
		}
	}
	assert_true(counts[1] && counts[2]);
	world_close(&w);
	free(f);
}

static void a_limited_router_falls_silent(void **state)
{
	struct netframe p = { PROTO_UDP, DST4, .ttl = 4 };
	struct world_frame *f = malloc(sizeof(*f));
	struct simnet_config c = preset;
	struct world w;
	u8 at[FRAME_MAX];
	u32 len = netframe_build(&p, at), sent = 0;

	c.rate = 100;
	c.burst = 1;
	assert_int_equal(world_open(&w, &c, NULL), 0);
	for (u64 now = 1; now < 1000000000; now += 1000000) {
		world_put(f, at, len);
		sent += world_answer(&w, f, 0, now) == SIMNET_EXPIRED;
	}
	assert_int_equal(sent, 100);
	assert_int_equal(w.counters.n[SIMNET_EXPIRED][SIMNET_V4], 100);
	assert_int_equal(w.counters.n[SIMNET_LIMITED][SIMNET_V4], 900);
	world_close(&w);
	free(f);
}

/* Whatever comes in, nothing but right answers goes out. */
static void damaged_frames_do_no_harm(void **state)
{
	struct world_frame *f = malloc(sizeof(*f));
	struct simnet_config c = preset;
	u32 answered = 0, others = 0;
	u64 seed = 99;
	struct world w;

	c.mpls = 300;
	c.quote = 548;
	c.public4 = frame_addr("20.55.0.7");
	c.diamond = 300;
	assert_int_equal(world_open(&w, &c, NULL), 0);
	for (int i = 0; i < 200000; i++) {
		const struct row *row = &rows[frame_random(&seed) %
					      (sizeof(rows) / sizeof(rows[0]))];
		enum simnet_outcome outcome;
		u8 at[FRAME_MAX];
		u32 len = netframe_build(&row->probe, at);

		len = frame_mutate(at, len, 14, &seed);
		if (world_put(f, at, len))
			continue;
		outcome = world_answer(&w, f, (u32)frame_random(&seed), 0);
		if (outcome >= SIMNET_EXPIRED && outcome <= SIMNET_PORT) {
			assert_true(netframe_sums_hold(f->data, f->len));
			answered++;
		} else {
			others++;
		}
	}
	assert_true(answered > 10000 && others > 10000);
	world_close(&w);
	free(f);
}

static void contradictions_are_refused(void **state)
{
	struct simnet_config c = preset;

	assert_int_equal(world_check(&c), 0);
	c.len_min = 21;
	assert_true(world_check(&c) < 0);
	c = preset;
	c.loss = 1001;
	assert_true(world_check(&c) < 0);
	c = preset;
	c.width = 1;
	assert_true(world_check(&c) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_right),
		cmocka_unit_test(connections_are_answered_as_ports_are_open),
		cmocka_unit_test(cookies_survive),
		cmocka_unit_test(translators_keep_checksums),
		cmocka_unit_test(all_that_rewrites_keeps_checksums),
		cmocka_unit_test(labels_are_where_they_belong),
		cmocka_unit_test(a_limited_router_falls_silent),
		cmocka_unit_test(damaged_frames_do_no_harm),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
