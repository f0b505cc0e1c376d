/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simnet_test: the XDP program answers octet for octet as the same network
 * does in memory, whose answers the unit test judges, and as two answers that
 * were worked out by hand.
 */
#include "io/simnet.h"

#include "bpf/run.h"
#include "io/topo.h"
#include "io/world.h"
#include "netframe.h"
#include "simnet_frame.h"

enum { FRAMES = 4000 };

static const char *const targets[] = {
	"8.8.8.8",	"9.9.9.9",     "2600::1",	  "2a00:1450::5",
	"198.51.100.9", "203.0.113.4", "2001:db8:100::1", "2001:db8:200::1",
};

static u32 random_probe(u64 *seed, u8 *at)
{
	static const u8 protos[] = { PROTO_UDP, PROTO_ICMP, PROTO_TCP };
	u64 draw = frame_random(seed);
	struct netframe p = {
		.proto = protos[draw % 3],
		.dst = targets[draw / 3 % 8],
		.ttl = (u8)(1 + draw / 24 % 33),
		.tos = (u8)(draw >> 16),
		.flags = (draw >> 24) & 1 ? 2 : (draw >> 25) & 0x3f,
		.payload = (draw >> 32) & 3 ? (draw >> 34) % 64
					    : (draw >> 34) % 1400,
		.sport = (u16)(draw >> 48) | 1,
		.dport = (u16)(draw >> 40) | 1,
		.dont_fragment = draw >> 63,
		.trailer = (draw >> 60) & 1 ? 6 : 0,
	};

	static const u8 quic[15] = { 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2,
				     3,	   4,	 5,    6,    7,	   8, 8 };
	u8 *tcp = at + (draw / 3 % 8 % 4 < 2 ? 34 : 54);
	bool asks = p.proto == PROTO_UDP && draw >> 62 & 1;
	u32 len;

	if (p.proto == PROTO_TCP && !p.flags)
		p.flags = 16;
	if (asks) /* for versions, or an octet too few for that */
		p.payload = (u16)(1199 + draw % 5);
	len = netframe_build(&p, at);
	if (asks) {
		memcpy(tcp + 8, quic, sizeof(quic));
		netframe_sum(at);
	}
	if (p.proto == PROTO_TCP && p.payload >= 8 && draw >> 62 & 1) {
		/* an MSS of 1460 at an even or odd place */
		memcpy(tcp + 20, "\1\2\4\5\264\1\1\0" + (draw >> 61 & 1), 7);
		tcp[12] = 7 << 4;
		netframe_sum(at);
	}
	return len;
}

static unsigned int action_of(enum simnet_outcome outcome)
{
	if (outcome == SIMNET_PASSED)
		return 2; /* XDP_PASS */
	return outcome >= SIMNET_EXPIRED && outcome <= SIMNET_RESET
		       ? 3 /* XDP_TX */
		       : 1 /* XDP_DROP */;
}

/* One frame through both. */
static enum simnet_outcome both(int fd, struct world *w, struct world_frame *f,
				const u8 *at, u32 len)
{
	enum simnet_outcome outcome;
	unsigned int out_len, action;
	u8 out[4096];

	assert_int_equal(world_put(f, at, len), 0);
	outcome = world_answer(w, f, 0, 0);
	out_len = sizeof(out);
	action = run_frame(fd, at, len, out, &out_len);
	if (action == action_of(outcome) && out_len == f->len &&
	    !memcmp(out, f->data, f->len))
		return outcome;
	netframe_print(at, len);
	netframe_print(f->data, f->len);
	netframe_print(out, out_len);
	fail_msg("in memory %s, XDP action %u: they differ",
		 world_outcome_name(outcome), action);
	return outcome;
}

/* FRAMES probes, a third of them damaged. */
static void compare(const struct simnet_config *c, const struct topo *topo,
		    u64 seed)
{
	struct world_frame *f = malloc(sizeof(*f));
	struct simnet_counters counters;
	struct simnet s;
	struct world w;
	u32 seen = 0;
	int fd;

	assert_int_equal(simnet_open_topo(&s, c, topo, 0), 0);
	assert_int_equal(world_open(&w, c, topo), 0);
	fd = simnet_program_fd(&s);
	for (int i = 0; i < FRAMES; i++) {
		u8 at[FRAME_MAX];
		u32 len = random_probe(&seed, at);

		if (i % 3 == 0)
			len = frame_mutate(at, len, 14, &seed);
		if (len > RUN_MAX || len > WORLD_FRAME)
			continue;
		seen |= 1u << both(fd, &w, f, at, len);
	}
	/* the kernel's test run itself sends nothing that would be counted */
	assert_int_equal(simnet_counters(&s, &counters), 0);
	assert_memory_equal(&counters, &w.counters, sizeof(counters));
	assert_true(seen & 1u << SIMNET_EXPIRED);
	assert_true(seen & 1u << SIMNET_PORT);
	assert_true(seen & 1u << SIMNET_ECHO);
	assert_true(seen & 1u << SIMNET_RESET);
	assert_true(seen & 1u << SIMNET_SYN_ACK);
	assert_true(seen & 1u << SIMNET_VERSIONS);
	assert_true(seen & 1u << SIMNET_PASSED);
	world_close(&w);
	simnet_close(&s);
	free(f);
}

static void plain_network(void **state)
{
	struct simnet_config c = SIMNET_PRESET;

	run_need_bpf();
	compare(&c, NULL, 1);
}

static void labels_long_quotes_diamonds_silence(void **state)
{
	struct simnet_config c = SIMNET_PRESET;

	run_need_bpf();
	c.seed = 42;
	c.mpls = 500;
	c.quote = 128;
	c.diamond = 500;
	c.silent = 100;
	c.silent_dst = 100;
	compare(&c, NULL, 2);
	c.quote = 548;
	c.mpls = 0;
	compare(&c, NULL, 3);
}

static void translators(void **state)
{
	struct simnet_config c = SIMNET_PRESET;

	run_need_bpf();
	c.public4 = frame_addr("20.55.0.7");
	c.public6 = frame_addr("2a02:1234::7");
	compare(&c, NULL, 4);
	c.public_port = 1024;
	c.quote = 548;
	c.mpls = 300;
	compare(&c, NULL, 5);
	c.adjust = 0;
	compare(&c, NULL, 6);
}

static const char drawn[] =
	"source s\n"
	"node a dscp=10 ecn=1\n"
	"node b nat=20.55.0.7 nat-port=77 mss=900\n"
	"node c mpls=5,6 quote=128\n"
	"node d silent\n"
	"node e dnat=10.9.9.9 quote=548\n"
	"node g nat=2a02::9 unadjusted\n"
	"node web\n"
	"link s a 10.1.0.1 10.1.0.2 2001:db8:1::1 2001:db8:1::2\n"
	"link a b 10.2.0.1 10.2.0.2 2001:db8:2::1 2001:db8:2::2 mtu=600\n"
	"link a g 10.3.0.1 10.3.0.2 2001:db8:3::1 2001:db8:3::2 mtu=700\n"
	"link b c 10.4.0.1 10.4.0.2 2001:db8:4::1 2001:db8:4::2\n"
	"link g d 10.5.0.1 10.5.0.2 2001:db8:5::1 2001:db8:5::2\n"
	"link c e 10.6.0.1 10.6.0.2 2001:db8:6::1 2001:db8:6::2\n"
	"link d e 10.7.0.1 10.7.0.2 2001:db8:7::1 2001:db8:7::2\n"
	"link e web 10.8.0.1 10.8.0.2 2001:db8:8::1 2001:db8:8::2\n"
	"host web 198.51.100.0/24 2001:db8:100::/48\n"
	"host e 0.0.0.0/0 2000::/3\n";

static void drawn_network(void **state)
{
	struct simnet_config c = SIMNET_PRESET;
	struct topo *t = malloc(sizeof(*t));

	run_need_bpf();
	assert_int_equal(topo_parse(t, "drawn", drawn), 0);
	compare(&c, t, 7);
	free(t);
}

/* 192.0.2.1 > 8.8.8.8, TTL 1, as it left; checksums by hand. */
static const u8 hand_probe4[] = {
	0x02, 0,    0,	  0,	0,    0x02, 0x02, 0,	0,    0,    0,
	0x01, 0x08, 0x00, 0x45, 0x00, 0x00, 0x1e, 0x12, 0x34, 0x00, 0x00,
	0x01, 0x11, 0xd5, 0x8a, 0xc0, 0x00, 0x02, 0x01, 0x08, 0x08, 0x08,
	0x08, 0x9c, 0x40, 0x82, 0x9a, 0x00, 0x0a, 0x00, 0x00, 0xab, 0xcd,
};

/* From 0x2c484446 (44.72.68.70), the first hop of seed 1. */
static const u8 hand_answer4[] = {
	0x02, 0,    0,	  0,	0,    0x01, 0x02, 0,	0,    0,    0,	  0x02,
	0x08, 0x00, 0x45, 0xc0, 0x00, 0x38, 0x00, 0x00, 0x40, 0x00, 0x40, 0x01,
	0x07, 0x76, 0x2c, 0x48, 0x44, 0x46, 0xc0, 0x00, 0x02, 0x01, 0x0b, 0x00,
	0xd6, 0x1a, 0x00, 0x00, 0x00, 0x00, 0x45, 0x00, 0x00, 0x1e, 0x12, 0x34,
	0x00, 0x00, 0x01, 0x11, 0xd5, 0x8a, 0xc0, 0x00, 0x02, 0x01, 0x08, 0x08,
	0x08, 0x08, 0x9c, 0x40, 0x82, 0x9a, 0x00, 0x0a, 0x00, 0x00,
};

static void as_worked_out_by_hand(void **state)
{
	struct simnet_config c = SIMNET_PRESET;
	unsigned int len = 4096;
	struct simnet s;
	u8 out[4096];

	run_need_bpf();
	c.ttl255 = 0;
	assert_int_equal(simnet_open(&s, &c, 0), 0);
	assert_int_equal(run_frame(simnet_program_fd(&s), hand_probe4,
				   sizeof(hand_probe4), out, &len),
			 3);
	if (len != sizeof(hand_answer4) || memcmp(out, hand_answer4, len))
		netframe_print(out, len);
	assert_int_equal(len, sizeof(hand_answer4));
	assert_memory_equal(out, hand_answer4, len);
	simnet_close(&s);
}

/* What is random or of time cannot be compared, but counted. */
static void loss_and_limits(void **state)
{
	struct netframe p = { PROTO_UDP, "8.8.8.8", .ttl = 3 };
	struct simnet_config c = SIMNET_PRESET;
	struct simnet_counters n;
	struct simnet s;
	u8 at[FRAME_MAX];
	u32 len = netframe_build(&p, at);

	run_need_bpf();
	c.loss = 500;
	assert_int_equal(simnet_open(&s, &c, 0), 0);
	for (int i = 0; i < 2000; i++)
		run_frame(simnet_program_fd(&s), at, len, NULL, NULL);
	assert_int_equal(simnet_counters(&s, &n), 0);
	/* ten sigma */
	assert_in_range(n.n[SIMNET_LOST][SIMNET_V4], 776, 1224);
	assert_int_equal(n.n[SIMNET_LOST][SIMNET_V4] +
				 n.n[SIMNET_EXPIRED][SIMNET_V4],
			 2000);
	simnet_close(&s);
	c.loss = 0;
	c.rate = 1;
	c.burst = 3;
	assert_int_equal(simnet_open(&s, &c, 0), 0);
	for (int i = 0; i < 2000; i++)
		run_frame(simnet_program_fd(&s), at, len, NULL, NULL);
	assert_int_equal(simnet_counters(&s, &n), 0);
	/* one a second beyond the burst: however slow the machine is, the
	 * two thousand runs are not a thousand seconds */
	assert_in_range(n.n[SIMNET_EXPIRED][SIMNET_V4], 3, 1000);
	assert_int_equal(n.n[SIMNET_LIMITED][SIMNET_V4] +
				 n.n[SIMNET_EXPIRED][SIMNET_V4],
			 2000);
	simnet_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_worked_out_by_hand),
		cmocka_unit_test(plain_network),
		cmocka_unit_test(labels_long_quotes_diamonds_silence),
		cmocka_unit_test(translators),
		cmocka_unit_test(drawn_network),
		cmocka_unit_test(loss_and_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
