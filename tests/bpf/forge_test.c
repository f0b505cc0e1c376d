/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forge_test: replies by somebody off the path who knows everything but the
 * key: our address, our targets, the range of ports, the TTLs that make
 * sense, and this source. A million of them, through the check in user space
 * and through the XDP program; no more may be taken than guessing the stated
 * number of bits explains.
 */
#include "bpf/run.h"
#include "frame.h"
#include "narrow.h"

#include <math.h>

#include "abi.h"
#include "whither.skel.h"

#define OUR4 "192.0.2.1"
#define OUR6 "2001:db8::1"
#define IP4 .ip = { 4, "198.51.100.7", OUR4, .ttl = 57 }
#define IP6 .ip = { 6, "2001:db8:f::7", OUR6, .ttl = 57 }
#define EXPIRED4 .l4 = { .proto = PROTO_ICMP, .type = ICMP4_EXPIRED }
#define EXPIRED6 .l4 = { .proto = PROTO_ICMP6, .type = ICMP6_EXPIRED }
#define QUOTE4 .family = 4, .dst = "203.0.113.9", .ttl = 1, .src
#define QUOTE6 .family = 6, .dst = "2001:db8:9::9", .ttl = 1, .src
#define UDP .quoted = { .proto = PROTO_UDP, .dport = 33434, .payload = 12 }
#define TCP .quoted = { .proto = PROTO_TCP, .dport = 80, .flags = TCP_SYN }

enum { EACH = 150000 };

static const u64 seed = 19881220;

/* What is forged, and how many bits its maker had to guess. */
static const struct shape {
	const char *what;
	struct frame f;
	unsigned int bits;
} shapes[] = {
	{ "UDP, the shortest quote",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = OUR4 }, UDP, .quote_max = 28 },
	  32 },
	{ "UDP, padded",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = OUR4 }, UDP, .quote_max = 28,
	    .quote_pad = 128 },
	  32 },
	{ "UDP, with the mark",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = OUR4 }, UDP },
	  76 },
	{ "ICMP, the shortest quote",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = OUR4 },
	    .quoted = { PROTO_ICMP, ICMP4_ECHO, .payload = 12 },
	    .quote_max = 28 },
	  36 },
	{ "UDP, IPv6", { IP6, EXPIRED6, .quote = { QUOTE6 = OUR6 }, UDP }, 76 },
	{ "echo reply",
	  { .ip = { 4, "203.0.113.9", OUR4 },
	    .l4 = { PROTO_ICMP, ICMP4_ECHO_REPLY, .payload = 12 } },
	  80 },
	{ "TCP, the shortest quote",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = OUR4 }, TCP, .quote_max = 28 },
	  48 },
	{ "TCP, IPv6, the shortest quote",
	  { IP6, EXPIRED6, .quote = { QUOTE6 = OUR6 }, TCP, .quote_max = 48 },
	  32 },
	{ "SYN/ACK",
	  { .ip = { 4, "203.0.113.9", OUR4 },
	    .l4 = { PROTO_TCP, .sport = 80 } },
	  32 },
	{ "RST/ACK, IPv6",
	  { .ip = { 6, "2001:db8:9::9", OUR6 },
	    .l4 = { PROTO_TCP, .sport = 80, .flags = TCP_RST | TCP_ACK } },
	  32 },
	{ "TCP, as if translated",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = "20.40.60.80" }, TCP },
	  36 },
	{ "TCP, IPv6, as if translated",
	  { IP6, EXPIRED6, .quote = { QUOTE6 = "2001:db8:77::1" }, TCP },
	  20 },
	{ "UDP, the shortest quote, as if translated",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = "20.40.60.80" }, UDP,
	    .quote_max = 28 },
	  19 },
	{ "UDP, with the mark, as if translated",
	  { IP4, EXPIRED4, .quote = { QUOTE4 = "20.40.60.80" }, UDP },
	  63 },
};

/* More than this many is no luck any more: five standard deviations. */
static double most(double n, unsigned int bits)
{
	double expected = ldexp(n, -(int)bits);

	return expected + 5 * sqrt(expected);
}

static void forge(struct frame *f, u64 *random)
{
	struct frame_l4 *l4 = f->quote.family ? &f->quoted : &f->l4;
	u64 a = frame_random(random), b = frame_random(random);
	u16 ttl = 1 + (a & 31);

	f->quote.id = (u16)(ttl << 8 | (a >> 5 & 15));
	l4->field = (u16)(a >> 16);
	l4->mark = (u64)ttl << 56 | (b & 0xffffffffffff);
	if (l4->proto == PROTO_TCP) {
		f->quote.id = (u16)(a >> 16);
		l4->seq = (u32)ttl << 24 | (u32)(b & 0xfffff);
		l4->ack = l4->seq + 1;
		if (!f->quote.family) {
			l4->dport = (u16)(32768 + (a >> 32 & 4095));
			l4->flags = l4->flags ? l4->flags : TCP_SYN | TCP_ACK;
			return;
		}
	}
	if (l4->proto == PROTO_UDP || l4->proto == PROTO_TCP)
		l4->sport = (u16)(32768 + (a >> 32 & 4095));
	else
		l4->sport = (u16)(a >> 32);
}

static unsigned int taken(struct whither *skel)
{
	int map = bpf_map__fd(skel->maps.steer_counts);
	/* no socket listens, so that is what a frame of ours is counted as */
	u32 verdict = STEER_NO_SOCKET;
	u64 each[1024], sum = 0;

	assert_in_range(libbpf_num_possible_cpus(), 1, 1024);
	assert_int_equal(bpf_map_lookup_elem(map, &verdict, each), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += each[i];
	return (unsigned int)sum;
}

static struct whither *load(const struct cookie_key *key)
{
	struct whither *skel = whither__open_and_load();

	assert_non_null(skel);
	memcpy((void *)&skel->bss->steer_config.key, key, sizeof(*key));
	skel->bss->steer_config.heartbeat_ns = ~0ULL;
	return skel;
}

static unsigned int user_takes(const struct cookie_key *key, const u8 *frame,
			       u32 len)
{
	struct cookie_proof proof;
	struct reply reply;

	reply_parse(frame, len, &reply);
	return cookie_check(key, &reply, &proof) >= COOKIE_EXACT;
}

static void test_forgeries(void **state)
{
	struct cookie_key key = frame_key();
	u8 frame[FRAME_MAX], out[FRAME_MAX + 256];
	unsigned int ifindex, before, user;
	struct whither *skel;
	u64 random = seed;

	run_need_bpf();
	ifindex = run_interface();
	skel = load(&key);
	for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++) {
		before = taken(skel);
		user = 0;
		for (int i = 0; i < EACH; i++) {
			unsigned int out_len = sizeof(out), meta;
			struct frame f = shapes[s].f;
			u32 len;

			forge(&f, &random);
			len = frame_build(&f, frame);
			user += user_takes(&key, frame, len);
			run_frame_on(bpf_program__fd(skel->progs.whither),
				     ifindex, frame, len, out, &out_len, &meta);
		}
		print_message("%s: %u of %d taken, %.4f expected\n",
			      shapes[s].what, user, EACH,
			      ldexp(EACH, -(int)shapes[s].bits));
		assert_int_equal(taken(skel) - before, user);
		assert_true(user <= most(EACH, shapes[s].bits));
	}
	whither__destroy(skel);
}

/* The true ones, among the same shapes: the program above is not deaf. */
static void test_true_ones(void **state)
{
	struct cookie_key key = frame_key();
	u8 frame[FRAME_MAX], out[FRAME_MAX + 256];
	struct whither *skel;
	unsigned int ifindex;

	run_need_bpf();
	ifindex = run_interface();
	skel = load(&key);
	for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++) {
		unsigned int out_len = sizeof(out), meta;
		unsigned int before = taken(skel);
		struct frame f = shapes[s].f;
		struct cookie_proof proof;
		struct reply reply;
		u32 len;

		frame_probe(&f, &key, 7, 0);
		len = frame_build(&f, frame);
		reply_parse(frame, len, &reply);
		cookie_check(&key, &reply, &proof);
		assert_true(proof.result >= COOKIE_EXACT);
		/* a flow that survived a translation is twelve bits more */
		assert_int_equal(proof.bits,
				 proof.result == COOKIE_REWRITTEN
					 ? shapes[s].bits + key.port_bits
					 : shapes[s].bits);
		run_frame_on(bpf_program__fd(skel->progs.whither), ifindex,
			     frame, len, out, &out_len, &meta);
		assert_int_equal(taken(skel) - before, 1);
	}
	whither__destroy(skel);
}

/* The same test of a cookie whose tag has eight bits: one in 256. */
static void test_finds_a_weak_one(void **state)
{
	struct cookie_key key = frame_key();
	unsigned int accepted = 0;
	struct cookie_proof proof;
	struct reply reply;
	u8 frame[FRAME_MAX];
	u64 random = seed;

	for (int i = 0; i < 1000000; i++) {
		struct frame f = shapes[0].f;

		forge(&f, &random);
		f.quote.id &= 0xfff0;
		f.quoted.sport = key.port_base;
		f.quoted.field &= 0xff;
		reply_parse(frame, frame_build(&f, frame), &reply);
		accepted += narrow_check(&key, &reply, &proof) == COOKIE_EXACT;
	}
	print_message("a tag of eight bits: %u of 1000000 taken\n", accepted);
	assert_in_range(accepted, 3500, 4300);
	assert_true(accepted > most(1000000, shapes[0].bits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_true_ones),
		cmocka_unit_test(test_finds_a_weak_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
