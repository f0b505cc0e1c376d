/* SPDX-License-Identifier: BSD-2-Clause */
/* sack_test: what a segment acknowledges and adds, and every way in which its
 * options can be malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/sack.h"

enum { SEQ = 0x01020304, ROOM = 40 };

struct segment {
	u8 family, flags;
	u8 size, options[ROOM]; /* a multiple of four */
	u8 words;		/* of the header, as it claims; 0: the truth */
	u16 data, trailer, cut; /* as in struct frame */
	u32 seq;
};

/* In a block that ends where the frame does, for the sanitizers. */
static struct sack read_segment(const struct segment *t)
{
	bool v6 = t->family == 6;
	struct frame f = {
		.ip = { v6 ? 6 : 4, v6 ? "2001:db8:9::9" : "203.0.113.9",
			v6 ? "2001:db8::1" : "192.0.2.1" },
		.l4 = { PROTO_TCP, .sport = 80, .dport = 33000,
			.payload = (u16)(t->size + t->data),
			.flags = t->flags ? t->flags : TCP_ACK, .seq = t->seq },
		.trailer = (u8)t->trailer,
		.cut = t->cut,
	};
	u32 l4 = v6 ? 54 : 34;
	u8 at[FRAME_MAX], *frame;
	struct answer a = { .frame_len = frame_build(&f, at) };
	struct sack s;

	memcpy(at + l4 + 20, t->options, t->size);
	at[l4 + 12] = (u8)((t->words ? t->words : 5 + t->size / 4) << 4);
	frame = malloc(a.frame_len);
	assert_non_null(frame);
	memcpy(frame, at, a.frame_len);
	a.frame = frame;
	assert_int_equal(reply_parse(frame, a.frame_len, &a.reply), REPLY_TCP);
	memset(&s, 0xee, sizeof(s));
	sack_read(&a, &s);
	free(frame);
	return s;
}

#define WORD(n) (u8)((n) >> 24), (u8)((n) >> 16), (u8)((n) >> 8), (u8)(n)
#define BLOCK(left, right) WORD(left), WORD(right)
#define STAMP 8, 10, WORD(0xa1b2c3d4u), 0, 0, 0, 1

static const struct row {
	const char *what;
	u8 size, options[ROOM];
	u8 blocks;
	struct {
		u32 left, right;
	} block[SACK_BLOCKS];
	bool stamped, malformed;
} rows[] = {
	{ "nothing", .size = 0 },
	{ "as Linux does",
	  12,
	  { 1, 1, 5, 10, BLOCK(1000u, 1001u) },
	  .blocks = 1,
	  .block = { { 1000, 1001 } } },
	{ "the length first, then what pads",
	  12,
	  { 5, 10, BLOCK(1000u, 1001u), 0, 0 },
	  .blocks = 1,
	  .block = { { 1000, 1001 } } },
	{ "two",
	  20,
	  { 1, 1, 5, 18, BLOCK(7u, 9u), BLOCK(3u, 5u) },
	  .blocks = 2,
	  .block = { { 7, 9 }, { 3, 5 } } },
	{ "three with timestamps",
	  40,
	  { 1, 1, STAMP, 1, 1, 5, 26, BLOCK(7u, 9u), BLOCK(3u, 5u),
	    BLOCK(1u, 2u) },
	  .blocks = 3,
	  .block = { { 7, 9 }, { 3, 5 }, { 1, 2 } },
	  .stamped = 1 },
	{ "the other way round",
	  24,
	  { 5, 10, BLOCK(7u, 9u), STAMP, 1, 1, 1, 1 },
	  .blocks = 1,
	  .block = { { 7, 9 } },
	  .stamped = 1 },
	{ "four",
	  36,
	  { 1, 1, 5, 34, BLOCK(70u, 90u), BLOCK(30u, 50u), BLOCK(10u, 20u),
	    BLOCK(5u, 6u) },
	  .blocks = 4,
	  .block = { { 70, 90 }, { 30, 50 }, { 10, 20 }, { 5, 6 } } },
	{ "in two options",
	  24,
	  { 1, 5, 10, BLOCK(7u, 9u), 1, 5, 10, BLOCK(1u, 2u), 1, 0 },
	  .blocks = 2,
	  .block = { { 7, 9 }, { 1, 2 } } },
	{ "across the end of the numbers",
	  12,
	  { 1, 1, 5, 10, BLOCK(0xfffffffeu, 3u) },
	  .blocks = 1,
	  .block = { { 0xfffffffe, 3 } } },
	{ "up to it",
	  12,
	  { 1, 1, 5, 10, BLOCK(0xfffffffeu, 0u) },
	  .blocks = 1,
	  .block = { { 0xfffffffe, 0 } } },
	{ "duplicate, below the acknowledgement",
	  20,
	  { 1, 1, 5, 18, BLOCK(0xfffffff0u, 0xfffffff1u), BLOCK(7u, 9u) },
	  .blocks = 2,
	  .block = { { 0xfffffff0, 0xfffffff1 }, { 7, 9 } } },
	{ "duplicate, within another",
	  20,
	  { 1, 1, 5, 18, BLOCK(8u, 9u), BLOCK(3u, 12u) },
	  .blocks = 2,
	  .block = { { 8, 9 }, { 3, 12 } } },
	{ "after the end: nothing",
	  16,
	  { 0, 1, 1, 1, 1, 1, 5, 10, BLOCK(7u, 9u) },
	  .blocks = 0 },
	{ "of a kind that nobody knows",
	  16,
	  { 254, 4, 5, 10, 1, 1, 5, 10, BLOCK(7u, 9u) },
	  .blocks = 1,
	  .block = { { 7, 9 } } },
	{ "as wide as a window",
	  12,
	  { 1, 1, 5, 10, BLOCK(5u, 0x40000005u) },
	  .blocks = 1,
	  .block = { { 5, 0x40000005 } } },
	/* malformed, and what stood before that */
	{ "wider",
	  12,
	  { 1, 1, 5, 10, BLOCK(5u, 0x40000006u) },
	  .malformed = 1 },
	{ "no block", 4, { 1, 1, 5, 2 }, .malformed = 1 },
	{ "half a block", 8, { 1, 1, 5, 6, WORD(7u) }, .malformed = 1 },
	{ "an octet more", 16, { 1, 5, 11, BLOCK(7u, 9u), 0 }, .malformed = 1 },
	{ "an octet less",
	  12,
	  { 1, 1, 1, 5, 9, WORD(7u), 0, 0, 0 },
	  .malformed = 1 },
	{ "no length", 12, { 1, 1, 5, 0, BLOCK(7u, 9u) }, .malformed = 1 },
	{ "length 1", 12, { 1, 1, 5, 1, BLOCK(7u, 9u) }, .malformed = 1 },
	{ "the kind alone", 4, { 1, 1, 1, 5 }, .malformed = 1 },
	{ "cut", 12, { 1, 1, 5, 18, BLOCK(7u, 9u) }, .malformed = 1 },
	{ "of no octets",
	  20,
	  { 1, 1, 5, 18, BLOCK(7u, 9u), BLOCK(4u, 4u) },
	  .blocks = 1,
	  .block = { { 7, 9 } },
	  .malformed = 1 },
	{ "reversed",
	  24,
	  { 5, 10, BLOCK(7u, 9u), 1, 1, 5, 10, BLOCK(4u, 3u), 1, 1 },
	  .blocks = 1,
	  .block = { { 7, 9 } },
	  .malformed = 1 },
	{ "half a timestamp",
	  20,
	  { 5, 10, BLOCK(7u, 9u), 8, 6, WORD(3u), 1, 1, 1, 1 },
	  .blocks = 1,
	  .block = { { 7, 9 } },
	  .malformed = 1 },
	{ "what follows a timestamp",
	  16,
	  { STAMP, 1, 1, 5, 3, 0, 0 },
	  .stamped = 1,
	  .malformed = 1 },
};

static void option_lists(void **state)
{
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i / 2];
		struct segment t = { .family = i & 1 ? 6 : 4, .size = r->size };
		struct sack s;

		memcpy(t.options, r->options, sizeof(t.options));
		s = read_segment(&t);
		if (s.blocks != r->blocks || s.stamped != r->stamped ||
		    s.malformed != r->malformed)
			fail_msg("%s: %u blocks, stamped %d, malformed %d",
				 r->what, s.blocks, s.stamped, s.malformed);
		assert_int_equal(s.stamp, r->stamped ? 0xa1b2c3d4 : 0);
		for (int b = 0; b < r->blocks; b++) {
			assert_int_equal(s.left[b], r->block[b].left);
			assert_int_equal(s.right[b], r->block[b].right);
		}
	}
}

/* A block has its first number, and not the one after its last. */
static void covers(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct sack s = { .blocks = r->blocks };

		for (int b = 0; b < r->blocks; b++) {
			s.left[b] = r->block[b].left;
			s.right[b] = r->block[b].right;
		}
		/* what is not filled covers nothing, whatever stands there */
		for (int b = r->blocks; b < SACK_BLOCKS; b++)
			s.right[b] = 1000000;
		for (u32 seq = 0u - 20; seq != 1100; seq++) {
			bool is = false;

			for (int b = 0; b < r->blocks; b++)
				for (u32 n = r->block[b].left;
				     n != r->block[b].right &&
				     n != r->block[b].left + 2000;
				     n++)
					is |= n == seq;
			assert_int_equal(sack_covers(&s, seq), is);
		}
	}
}

/* Where their side goes on: data, SYN and FIN have numbers. */
static void next_number(void **state)
{
	static const u16 sizes[] = { 0, 1, 100, 1400 };

	for (u32 i = 0; i < 4 * 4 * 4 * 2; i++) {
		struct segment t = {
			.family = i & 1 ? 6 : 4,
			.size = (u8)(4 * (i >> 1 & 3)),
			.flags = TCP_ACK | (i & 8 ? TCP_FIN : 0) |
				 (i & 16 ? TCP_SYN : 0),
			.options = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
			.data = sizes[i >> 5],
			.trailer = 6,
			.seq = 0xffffffff,
		};
		struct sack s = read_segment(&t);

		assert_false(s.malformed);
		assert_int_equal(s.octets, t.data);
		assert_int_equal(s.next, t.seq + t.data + (i & 8 ? 1 : 0) +
						 (i & 16 ? 1 : 0));
	}
}

/* A header that claims to be longer than the segment, or shorter than any:
 * nothing is said of what follows it, though options stand there. */
static void offsets(void **state)
{
	for (u8 words = 1; words < 16; words++) {
		struct segment t = { .options = { 1, 1, 5, 10, BLOCK(7u, 9u) },
				     .size = 12,
				     .words = words,
				     .seq = SEQ };
		struct sack s = read_segment(&t);

		/* 6 and 7 cut through the option */
		assert_int_equal(s.malformed, words != 5 && words != 8);
		assert_int_equal(s.blocks, words == 8);
		assert_int_equal(s.octets, words >= 5 && words <= 8
						   ? (8 - words) * 4
						   : 0);
		assert_int_equal(s.next, SEQ + s.octets);
	}
}

/* A capture may end anywhere, and Ethernet's padding is no data. */
static void cut_anywhere(void **state)
{
	for (u16 cut = 34 + 8; cut <= 34 + 20 + 40 + 6; cut++) {
		struct segment t = {
			.size = 40, .cut = cut, .seq = SEQ, .trailer = 6
		};
		struct sack s;

		memcpy(t.options, rows[4].options, 40);
		s = read_segment(&t);
		assert_int_equal(s.malformed, cut < 34 + 60);
		assert_int_equal(s.blocks, cut < 34 + 60 ? 0 : 3);
		assert_int_equal(s.octets, 0);
	}
}

static void any_octets(void **state)
{
	u32 bad = 0, blocks = 0;
	u64 seed = 3;

	for (int i = 0; i < 100000; i++) {
		struct segment t = { .size = (u8)(i % 11 * 4),
				     .family = i & 64 ? 6 : 4 };
		struct sack s;

		for (size_t j = 0; j < sizeof(t.options); j++) {
			static const u8 likely[] = {
				5, 10, 18, 8, 1, 0, 34, 2
			};
			u64 r = frame_random(&seed);

			t.options[j] =
				r & 3 ? likely[r >> 8 & 7] : (u8)(r >> 8);
		}
		s = read_segment(&t);
		assert_true(s.blocks <= SACK_BLOCKS);
		for (int b = 0; b < s.blocks; b++) {
			assert_in_range(s.right[b] - s.left[b], 1, 1 << 30);
			assert_true(sack_covers(&s, s.left[b]));
			assert_true(sack_covers(&s, s.right[b] - 1));
		}
		assert_true(s.stamped || !s.stamp);
		bad += s.malformed;
		blocks += s.blocks;
	}
	assert_in_range(bad, 20000, 95000);
	assert_in_range(blocks, 500, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_lists), cmocka_unit_test(covers),
		cmocka_unit_test(next_number),	cmocka_unit_test(offsets),
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
