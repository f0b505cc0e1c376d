/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_test: what is written is read back, and nothing else is: a segment
 * cut at every length and with every single bit the other way.
 */
#include "out/segment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/inet.h"
#include "probe/tcp.h"
#include "records.h"

enum { RUN = 77, NUMBER = 3, FIRST = 1000, RECORDS = 24, ROOM = 1 << 14 };

static const u64 WALL = 1700000000000000000ULL;

static struct record written[RECORDS];
static u8 segment[ROOM];
static size_t frame_at[RECORDS + 2], frames; /* the last is the end */

static size_t put_begin(u8 *at, u64 run, u32 number, u64 sequence)
{
	const struct segment_begin b = {
		.magic = SEGMENT_MAGIC,
		.run = run,
		.wall_offset_ns = WALL,
		.format = SEGMENT_FORMAT,
		.number = number,
	};

	memcpy(at + SEGMENT_HEAD, &b, sizeof(b));
	return segment_seal(at, SEGMENT_BEGIN, sequence, sizeof(b));
}

static size_t put_frame(u8 *at, enum segment_type type, u64 sequence,
			const struct record *r, unsigned int n)
{
	struct record before = {};
	size_t length = 0;

	for (unsigned int i = 0; i < n; i++)
		length +=
			segment_put(at + SEGMENT_HEAD + length, &before, &r[i]);
	return segment_seal(at, type, sequence, length);
}

/* Frames of records that stand alone, and a trace. */
static size_t build(void)
{
	static const unsigned int each[] = { 1, 7, 10, 6 };
	size_t n = put_begin(segment, RUN, NUMBER, FIRST);
	unsigned int done = 0;

	for (unsigned int i = 0; i < RECORDS; i++) {
		char dst[INET_TEXT];

		snprintf(dst, sizeof(dst),
			 i % 5 ? "198.51.100.%u" : "2001:db8::%u", i);
		written[i] = record_of(i % 5 ? "192.0.2.1" : "2001:db8:1::1",
				       dst, (u8)(i + 1), (u8)(i % 3),
				       i % 5 ? "203.0.113.8" : "2001:db8:2::2",
				       i * 1000);
	}
	records_join(written + 8, 10, STOP_COMPLETED);
	frame_at[0] = 0;
	for (frames = 1; frames <= 4; frames++) {
		unsigned int count = each[frames - 1];

		frame_at[frames] = n;
		n += put_frame(segment + n,
			       done == 8 ? SEGMENT_TRACE : SEGMENT_ALONE,
			       FIRST + frames, written + done, count);
		done += count;
	}
	frame_at[frames] = n;
	assert_int_equal(done, RECORDS);
	assert_true(n < ROOM);
	return n;
}

struct taken {
	unsigned int n;
	int fail_at;
};

static int take(void *to, const struct record *r, u64 wall_offset_ns)
{
	struct taken *t = to;

	assert_true(wall_offset_ns == WALL);
	assert_true(t->n < RECORDS);
	assert_memory_equal(r, &written[t->n], 4 * SEGMENT_WORDS);
	t->n++;
	return t->fail_at && (int)t->n == t->fail_at ? -ENOSPC : 0;
}

/* In a block of its own, so that nothing behind it can be read unnoticed. */
static struct segment_scan scan_as(const u8 *octets, size_t n, struct taken *t,
				   u64 run, u32 number, u64 sequence)
{
	struct segment_scan s = {
		.run = run,
		.number = number,
		.sequence = sequence,
		.take = take,
		.to = t,
	};
	u8 *block = malloc(n ? n : 1);

	assert_non_null(block);
	memcpy(block, octets, n);
	*t = (struct taken){};
	assert_int_equal(segment_scan(&s, block, n), 0);
	free(block);
	return s;
}

static struct segment_scan scan(const u8 *octets, size_t n, struct taken *t)
{
	return scan_as(octets, n, t, RUN, NUMBER, FIRST);
}

static void whole(void **state)
{
	size_t n = build();
	struct taken t;
	struct segment_scan s = scan(segment, n, &t);

	assert_null(s.why);
	assert_int_equal(s.good, n);
	assert_int_equal(s.sequence, FIRST + frames);
	assert_int_equal(t.n, RECORDS);
	print_message("%zu octets for %d records\n", n, RECORDS);
}

/* The beginning of the frame that octet is in. */
static size_t start_of(size_t octet)
{
	size_t i = frames;

	while (frame_at[i] > octet)
		i--;
	return frame_at[i];
}

static void every_length(void **state)
{
	size_t n = build();

	for (size_t cut = 0; cut < n; cut++) {
		struct taken t;
		struct segment_scan s = scan(segment, cut, &t);

		assert_int_equal(s.good, start_of(cut));
		assert_int_equal(s.why != NULL, s.good != cut);
		assert_false(s.foreign);
	}
}

static void every_bit(void **state)
{
	size_t n = build();

	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct segment_scan s;
		struct taken t;

		segment[bit / 8] ^= (u8)(1 << bit % 8);
		s = scan(segment, n, &t);
		segment[bit / 8] ^= (u8)(1 << bit % 8);
		assert_int_equal(s.good, start_of(bit / 8));
		assert_non_null(s.why);
		assert_false(s.foreign);
	}
}

/* Whole frames, but not those that belong there. */
static void others(void **state)
{
	size_t n = build();
	struct segment_scan s;
	struct taken t;

	s = scan_as(segment, n, &t, RUN + 1, NUMBER, FIRST);
	assert_true(s.foreign && !s.good && !t.n);
	s = scan_as(segment, n, &t, RUN, NUMBER + 1, FIRST);
	assert_true(s.foreign && !s.good && !t.n);
	s = scan_as(segment, n, &t, RUN, NUMBER, FIRST + 1);
	assert_true(s.foreign && !s.good && !t.n);
	/* a frame is missing; there are two beginnings; none */
	memmove(segment + frame_at[1], segment + frame_at[2], n - frame_at[2]);
	s = scan(segment, n - (frame_at[2] - frame_at[1]), &t);
	assert_int_equal(s.good, frame_at[1]);
	n = put_begin(segment, RUN, NUMBER, FIRST);
	n += put_begin(segment + n, RUN, NUMBER, FIRST + 1);
	assert_int_equal(scan(segment, n, &t).good, n / 2);
	n = put_frame(segment, SEGMENT_ALONE, FIRST, written, 1);
	s = scan(segment, n, &t);
	assert_true(s.foreign && !s.good && !t.n);
}

/* With a checksum that is right. */
static void hostile(void **state)
{
	size_t begin = put_begin(segment, RUN, NUMBER, FIRST), n;
	struct record r[3], bad;
	struct taken t;

	build();
	for (int i = 0; i < 3; i++)
		r[i] = written[i];
	for (int kind = 0; kind < 7; kind++) {
		enum segment_type type = SEGMENT_ALONE;

		bad = written[1];
		bad.hop.state = kind == 0 ? HOP_LOST + 1 : bad.hop.state;
		bad.hop.kind = kind == 1 ? 200 : bad.hop.kind;
		bad.hop.tcp_said = kind == 2 ? TCP_SAID_WHOLE << 1 : 0;
		bad.stop_reason = kind == 3 ? 99 : 0;
		bad.flags = kind == 4	? RECORD_TRACE
			    : kind == 5 ? RECORD_LAST
					: 0;
		type = kind == 6 ? SEGMENT_TRACE : type;
		r[1] = bad;
		n = put_frame(segment + begin, type, FIRST + 1, r, 3);
		assert_int_equal(scan(segment, begin + n, &t).good, begin);
		assert_int_equal(t.n, 0); /* all or none */
	}
	/* words that a record does not have, or that are not there */
	memset(segment + begin + SEGMENT_HEAD, 0xff, 200);
	for (size_t length = 1; length < 200; length++) {
		n = segment_seal(segment + begin, SEGMENT_ALONE, FIRST + 1,
				 length);
		assert_int_equal(scan(segment, begin + n, &t).good, begin);
		memset(segment + begin + SEGMENT_HEAD, 0xff, 204);
	}
}

static void ended(void **state)
{
	size_t n = build();
	struct taken t = { .fail_at = 5 };
	struct segment_scan s = {
		.run = RUN,
		.number = NUMBER,
		.sequence = FIRST,
		.take = take,
		.to = &t,
	};

	assert_int_equal(segment_scan(&s, segment, n), -ENOSPC);
	assert_int_equal(t.n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),     cmocka_unit_test(every_length),
		cmocka_unit_test(every_bit), cmocka_unit_test(others),
		cmocka_unit_test(hostile),   cmocka_unit_test(ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
