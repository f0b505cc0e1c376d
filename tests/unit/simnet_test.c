/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simnet_test: the simulated Internet is the network that it claims to be.
 */
#include <simnet.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"

static const struct simnet_config preset = SIMNET_PRESET;

static struct addr v4(u32 a)
{
	return addr_from_v4(be32_put(a));
}

/* Any flow, any packet: only for networks without diamonds and loss. */
static struct simnet_hop hop_at(const struct simnet_config *c,
				const struct addr *dst, u32 ttl)
{
	struct simnet_hop hop;

	simnet_hop(c, dst, ttl, 0, 0, &hop);
	return hop;
}

static void path_is_a_line_of_routers(void **state)
{
	struct simnet_config c = preset;
	u64 seed = 1;
	bool shortest = false, longest = false;

	c.len_min = 5;
	c.len_max = 9;
	for (int i = 0; i < 2000; i++) {
		struct addr dst = v4((u32)frame_random(&seed));
		u32 n = simnet_length(&c, &dst);

		assert_in_range(n, 5, 9);
		shortest |= n == 5;
		longest |= n == 9;
		for (u32 ttl = 1; ttl < 32; ttl++) {
			struct simnet_hop h = hop_at(&c, &dst, ttl);

			assert_int_equal(h.distance, ttl < n ? ttl : n);
			assert_int_equal(h.end,
					 ttl < n ? SIMNET_END_ROUTER
						 : SIMNET_END_DESTINATION);
			assert_int_equal(addr_equal(&h.from, &dst), ttl >= n);
			if (ttl < n)
				assert_int_equal(be32_get(h.from.w[3]) >> 29,
						 1);
		}
	}
	assert_true(shortest && longest);
}

/* Two destinations share their routers as far as p(t) bits are alike. */
static void near_hops_are_shared(void **state)
{
	struct simnet_config c = preset;
	struct addr a = v4(0x08080808), b, a6 = frame_addr("2600::1"), b6 = a6;

	c.len_min = c.len_max = 32;
	for (u32 bit = 0; bit < 32; bit++) {
		b = v4(0x08080808 ^ 1u << (31 - bit));
		b6 = a6;
		b6.b[bit / 8] ^= 0x80 >> bit % 8;
		for (u32 ttl = 1; ttl < 32; ttl++) {
			struct simnet_hop x = hop_at(&c, &a, ttl);
			struct simnet_hop y = hop_at(&c, &b, ttl);
			struct simnet_hop x6 = hop_at(&c, &a6, ttl);
			struct simnet_hop y6 = hop_at(&c, &b6, ttl);

			assert_int_equal(addr_equal(&x.from, &y.from),
					 (ttl - 1) * 2 <= bit || bit >= 24);
			assert_int_equal(addr_equal(&x6.from, &y6.from),
					 (ttl - 1) * 4 <= bit);
		}
	}
}

static void no_two_routers_share_an_address(void **state)
{
	u8 *seen = calloc(1, 1 << 26); /* a bit for each of 2^29 */
	struct simnet_config c = preset;

	assert_non_null(seen);
	c.seed = 0x123456789abcdef;
	for (u64 place = 1 << 24; place < 32 << 24; place += 97) {
		struct addr a = simnet_router(&c, true, place);
		u32 x = be32_get(a.w[3]);

		assert_int_equal(x >> 29, 1);
		x &= (1u << 29) - 1;
		assert_false(seen[x / 8] & 1 << x % 8);
		seen[x / 8] |= 1 << x % 8;
	}
	free(seen);
}

static void another_seed_is_another_network(void **state)
{
	struct simnet_config a = preset, b = preset;
	struct addr dst = v4(0x08080808);
	unsigned int same = 0;

	b.seed = 2;
	for (u32 ttl = 1; ttl < 8; ttl++) {
		struct simnet_hop x = hop_at(&a, &dst, ttl);
		struct simnet_hop y = hop_at(&b, &dst, ttl);

		same += addr_equal(&x.from, &y.from);
	}
	assert_int_equal(same, 0);
}

/* How many of n draws did it, against what was asked: within five sigma. */
static void assert_share(u32 n, u32 count, double share)
{
	double sigma = sqrt(n * share * (1 - share));

	if (count < n * share - 5 * sigma || count > n * share + 5 * sigma)
		fail_msg("%u of %u, wanted %.0f", count, n, n * share);
}

static void shares_are_as_configured(void **state)
{
	enum { N = 100000 };
	struct simnet_config c = preset;
	u32 silent = 0, labels = 0, ttl255 = 0, dark = 0, lost = 0;
	u64 seed = 7;

	c.len_min = c.len_max = 20;
	c.spread = 8;
	c.silent = 100;
	c.mpls = 250;
	c.ttl255 = 700;
	c.silent_dst = 50;
	for (int i = 0; i < N; i++) {
		struct addr dst = v4((u32)frame_random(&seed));
		struct simnet_hop h = hop_at(&c, &dst, 10);

		silent += h.end == SIMNET_END_SILENT;
		labels += h.labels > 0;
		ttl255 += h.reply_ttl == 255 - 9;
		dark += hop_at(&c, &dst, 20).end == SIMNET_END_SILENT;
	}
	/* hop 10 has one router a /24, and some /24 came more than once */
	assert_share(N, silent, 0.1);
	assert_share(N, labels, 0.25);
	assert_share(N, ttl255, 0.7);
	assert_share(N, dark, 0.05);
	c.loss = 30;
	for (int i = 0; i < N; i++) {
		struct addr dst = v4(0x08080808);
		struct simnet_hop h;

		simnet_hop(&c, &dst, 3, 0, (u32)frame_random(&seed), &h);
		lost += h.end == SIMNET_END_LOST;
	}
	assert_share(N, lost, 0.03);
}

static void diamonds_balance(void **state)
{
	struct simnet_config c = preset;
	struct addr dst = v4(0x08080808), first, other[16];
	struct simnet_hop h;
	u64 seed = 3;
	u32 found = 0, j;

	c.diamond = 1000;
	c.width = 5;
	c.len_min = c.len_max = 16;
	for (u64 flow = 0; flow < 200; flow++) {
		simnet_hop(&c, &dst, 4, flow, 1, &h);
		first = h.from;
		/* the packet does not matter */
		simnet_hop(&c, &dst, 4, flow, 0xffffffff, &h);
		assert_true(addr_equal(&h.from, &first));
		for (j = 0; j < found; j++)
			if (addr_equal(&other[j], &first))
				break;
		if (j == found)
			other[found++] = first;
		assert_in_range(found, 1, 5);
	}
	assert_int_equal(found, 5);
	c.per_packet = 1000;
	for (int i = 0, many = 0; i < 200; i++) {
		simnet_hop(&c, &dst, 4, 9, (u32)frame_random(&seed), &h);
		for (j = 0; j < found; j++)
			if (addr_equal(&other[j], &h.from))
				break;
		assert_in_range(j, 0, found - 1);
		many |= 1 << j;
		if (i == 199)
			assert_int_equal(many, 31);
	}
	/* the first hop stands alone, and so do those within the last four of
	 * 24 bits, whose places have no zeroes left */
	for (u32 ttl = 1; ttl < 16; ttl++) {
		bool alone = true;

		simnet_hop(&c, &dst, ttl, 0, 0, &h);
		first = h.from;
		for (u32 i = 1; i < 16; i++) {
			simnet_hop(&c, &dst, ttl, i, i << 28, &h);
			alone &= addr_equal(&h.from, &first);
		}
		assert_int_equal(alone, ttl == 1 || ttl > 11);
	}
}

static void limits_hold(void **state)
{
	struct simnet_config c = preset;
	u64 tat = 0, now = 5000000000ULL;
	u32 sent = 0;

	c.burst = 4;
	for (int i = 0; i < 100; i++)
		sent += simnet_allow(&c, 10, &tat, now);
	assert_int_equal(sent, 4);
	/* a second later: ten more, at most four of them at once */
	for (int i = 0; i <= 1000; i++, now += 1000000)
		sent += simnet_allow(&c, 10, &tat, now);
	assert_int_equal(sent, 14);
	assert_true(simnet_allow(&c, 0, &tat, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_a_line_of_routers),
		cmocka_unit_test(near_hops_are_shared),
		cmocka_unit_test(no_two_routers_share_an_address),
		cmocka_unit_test(another_seed_is_another_network),
		cmocka_unit_test(shares_are_as_configured),
		cmocka_unit_test(diamonds_balance),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
