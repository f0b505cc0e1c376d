/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_test: what a SYN/ACK says, and every way in which its options can be
 * malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/tcp.h"

enum { L4 = 14 + 20, BAD = TCP_SAID_MALFORMED };

/* Octets of options that the header claims, and those that are there. */
static struct tcp_said read_at(const u8 *options, u32 size, u32 there,
			       u8 offset, u8 flags)
{
	struct frame f = {
		.ip = { 4, "203.0.113.9", "192.0.2.1" },
		.l4 = { PROTO_TCP, .sport = 80, .dport = 33000,
			.payload = (u16)there, .flags = flags },
	};
	u8 at[FRAME_MAX], *frame;
	struct tcp_said said;
	struct answer a;

	a.frame_len = frame_build(&f, at);
	memcpy(at + L4 + 20, options, there);
	at[L4 + 12] = offset ? offset : (u8)((20 + size) / 4 << 4);
	/* a block that ends where the frame does, for the sanitizers */
	frame = malloc(a.frame_len);
	assert_non_null(frame);
	memcpy(frame, at, a.frame_len);
	a.frame = frame;
	assert_int_equal(reply_parse(frame, a.frame_len, &a.reply), REPLY_TCP);
	tcp_read(&a, &said);
	free(frame);
	return said;
}

static struct tcp_said read_syn_ack(const u8 *options, u32 size)
{
	return read_at(options, size, size, 0, TCP_SYN | TCP_ACK);
}

static const struct row {
	u8 size, octets[40];
	u16 mss;
	u8 what, scale;
} rows[] = {
	{ 0, {}, 0, 0, 0 },
	{ 20, /* Linux */
	  { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 1, 1, 3, 3, 9 },
	  1460,
	  TCP_SAID_MSS | TCP_SAID_SACK | TCP_SAID_TIMESTAMPS | TCP_SAID_SCALE,
	  9 },
	{ 4, { 2, 4, 255, 255 }, 65535, TCP_SAID_MSS, 0 },
	{ 4, { 1, 3, 3, 0 }, 0, TCP_SAID_SCALE, 0 },
	{ 4, { 1, 1, 1, 1 }, 0, 0, 0 },
	{ 8, { 0, 2, 0, 9, 9, 9, 9, 9 }, 0, 0, 0 }, /* after the end: nothing */
	{ 8, { 254, 4, 9, 9, 2, 4, 1, 0 }, 256, TCP_SAID_MSS, 0 },
	{ 40, { 253, 40 }, 0, 0, 0 },
	{ 4, { 1, 0, 2, 4 }, 0, 0, 0 },
	/* malformed, and what stood before that */
	{ 4, { 2, 0, 5, 180 }, 0, BAD, 0 },
	{ 4, { 2, 1, 5, 180 }, 0, BAD, 0 },
	{ 4, { 2, 3, 5, 1 }, 0, BAD, 0 },
	{ 4, { 2, 5, 5, 180 }, 0, BAD, 0 },
	{ 8, { 2, 4, 5, 180, 8, 10, 1, 2 }, 1460, TCP_SAID_MSS | BAD, 0 },
	{ 8, { 2, 4, 5, 180, 1, 1, 1, 3 }, 1460, TCP_SAID_MSS | BAD, 0 },
	{ 4, { 4, 3, 0, 0 }, 0, TCP_SAID_SACK | BAD, 0 },
	{ 4, { 3, 4, 7, 0 }, 0, BAD, 0 },
	{ 4, { 254, 255, 0, 0 }, 0, BAD, 0 },
};

static void option_lists(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct tcp_said s = read_syn_ack(r->octets, r->size);

		if (s.mss != r->mss || s.what != r->what || s.scale != r->scale)
			fail_msg("row %zu: MSS %u, said %#x, scale %u", i,
				 s.mss, s.what, s.scale);
	}
}

/* A header that claims to be longer than the segment, or shorter than any. */
static void offsets(void **state)
{
	static const u8 mss[] = { 2, 4, 5, 180 };

	for (u8 words = 0; words < 16; words++) {
		/* AE stands beside it */
		struct tcp_said s = read_at(mss, 4, 4, (u8)(words << 4 | 1),
					    TCP_SYN | TCP_ACK);

		assert_true(s.what & TCP_SAID_AE);
		s.what &= (u8)~TCP_SAID_AE;
		if (words < 5 || words > 6)
			assert_int_equal(s.what, BAD);
		else
			assert_int_equal(s.what, words == 6 ? TCP_SAID_MSS : 0);
	}
}

/* Ethernet pads a short frame: that is no part of the segment. */
static void padding_is_not_read(void **state)
{
	struct frame f = {
		.ip = { 4, "203.0.113.9", "192.0.2.1" },
		.l4 = { PROTO_TCP, .flags = TCP_SYN | TCP_ACK },
		.trailer = 20,
	};
	u8 at[FRAME_MAX];

	for (int tags = 0; tags < 3; tags++) {
		struct tcp_said said;
		struct answer a;

		f.vlan[0] = tags ? ETHERTYPE_CTAG : 0;
		f.vlan[1] = 0;
		if (tags == 2) {
			f.vlan[0] = ETHERTYPE_STAG;
			f.vlan[1] = ETHERTYPE_CTAG;
		}
		a.frame = at;
		a.frame_len = frame_build(&f, at);
		at[L4 + 4 * tags + 12] = 6 << 4;
		assert_int_equal(reply_parse(at, a.frame_len, &a.reply),
				 REPLY_TCP);
		tcp_read(&a, &said);
		assert_int_equal(said.what, BAD);
	}
}

/* An RST has no options to speak of. */
static void only_of_a_syn(void **state)
{
	static const u8 bad[] = { 2, 0, 0, 0 };

	assert_int_equal(read_at(bad, 4, 4, 0, TCP_RST | TCP_ACK).what, 0);
	assert_int_equal(read_at(bad, 4, 4, 0, TCP_SYN | TCP_ACK).what, BAD);
}

/* What we write ourselves is read as it was meant. */
static void round_trip(void **state)
{
	for (int i = 0; i < 16; i++) {
		const struct tcp_shape shape = {
			.mss = i & 1 ? 1200 : 0,
			.flags = TCP_SYN,
			.sack = i & 2,
			.timestamps = i & 4,
			.window_scaling = i & 8,
		};
		u8 at[20 + TCP_OPTIONS_MAX];
		u32 size = tcp_write_header(&shape, true, at);
		struct tcp_said s = read_syn_ack(at + 20, size - 20);

		assert_int_equal(size, tcp_header_size(&shape));
		assert_int_equal(size % 4, 0);
		assert_int_equal(s.what, i & 15);
		assert_int_equal(s.mss, shape.mss);
		assert_int_equal(s.scale, i & 8 ? TCP_SHIFT : 0);
	}
}

static void any_octets(void **state)
{
	u64 seed = 3;
	unsigned int bad = 0;

	for (int i = 0; i < 100000; i++) {
		u8 octets[40];
		struct tcp_said s;

		for (size_t j = 0; j < sizeof(octets); j++) {
			u64 r = frame_random(&seed);

			octets[j] = r & 1 ? r >> 8 & 15 : (u8)(r >> 8);
		}
		s = read_syn_ack(octets, i % 11 * 4);
		assert_true(s.what <= (BAD | (BAD - 1)));
		assert_true(s.mss == 0 || s.what & TCP_SAID_MSS);
		bad += (s.what & BAD) != 0;
	}
	assert_in_range(bad, 20000, 95000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_lists),
		cmocka_unit_test(offsets),
		cmocka_unit_test(padding_is_not_read),
		cmocka_unit_test(only_of_a_syn),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
