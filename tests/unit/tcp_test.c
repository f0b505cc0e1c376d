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
	{ 4, { 254, 0, 1, 1 }, 0, BAD, 0 }, /* would go on for ever */
	{ 4, { 254, 1, 1, 1 }, 0, BAD, 0 },
	{ 4, { 254, 5, 1, 1 }, 0, BAD, 0 }, /* one octet beyond the end */
	{ 4, { 1, 1, 1, 2 }, 0, BAD, 0 },   /* no length any more */
	{ 4, { 1, 1, 1, 254 }, 0, BAD, 0 },
	{ 4, { 1, 1, 2, 4 }, 0, BAD, 0 }, /* nor a value */
	{ 4, { 3, 2, 1, 1 }, 0, BAD, 0 },
	{ 12,
	  { 8, 9, 1, 2, 3, 4, 5, 6, 7, 1 },
	  0,
	  TCP_SAID_TIMESTAMPS | BAD,
	  0 },
	{ 12,
	  { 8, 11, 1, 2, 3, 4, 5, 6, 7, 8 },
	  0,
	  TCP_SAID_TIMESTAMPS | BAD,
	  0 },
	{ 8, { 3, 3, 7, 2, 0, 4, 2, 0 }, 0, TCP_SAID_SCALE | BAD, 7 },
	{ 40, { 253, 41 }, 0, BAD, 0 },
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

/* Our SYN with those options as a router quotes it: `there` octets of the TCP
 * header, and zeroes behind it up to `pad` octets of quote. */
struct quote {
	u8 family, offset, flags;
	u16 there, pad;
	u8 ext; /* an extension header in front of it */
};

static struct tcp_said read_quote(const struct quote *q, const u8 *options,
				  u32 size)
{
	u32 ip = q->family == 4 ? 20 : 40;
	struct frame f = {
		.ip = { 4, "198.51.100.7", "192.0.2.1" },
		.l4 = { PROTO_ICMP, .type = ICMP4_EXPIRED },
		.quote = { 4, "192.0.2.1", "203.0.113.9" },
		.quoted = { PROTO_TCP, .payload = (u16)size,
			    .flags = q->flags },
		.quote_max = (u16)(ip + (q->ext ? 8 : 0) + q->there),
		.quote_pad = q->pad,
	};
	u8 at[FRAME_MAX], *frame, *tcp;
	struct tcp_said said;
	struct answer a;

	if (q->family == 6) {
		f.ip.family = f.quote.family = 6;
		f.ip.src = "2001:db8:f::7";
		f.ip.dst = f.quote.src = "2001:db8::1";
		f.quote.dst = "2001:db8:9::9";
		f.l4 = (struct frame_l4){ .proto = PROTO_ICMP6,
					  .type = ICMP6_EXPIRED };
		f.quote.ext[0].next = PROTO_DSTOPTS;
		f.quote.ext_count = q->ext;
	}
	a.frame_len = frame_build(&f, at);
	tcp = at + 14 + 2 * ip + 8 + (q->ext ? 8 : 0);
	if (q->there > 12)
		tcp[12] = q->offset ? q->offset : (u8)((20 + size) / 4 << 4);
	for (u32 i = 20; i < q->there && i < 20 + size; i++)
		tcp[i] = options[i - 20];
	frame = malloc(a.frame_len);
	assert_non_null(frame);
	memcpy(frame, at, a.frame_len);
	a.frame = frame;
	assert_int_equal(reply_parse(frame, a.frame_len, &a.reply),
			 REPLY_EXPIRED);
	tcp_read_quote(&a, &said);
	free(frame);
	return said;
}

static const u8 linux_options[] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
				    0, 1, 0, 0,	  0, 0, 1, 3,  3, 7 };

/* As much as is there is told, and nothing else, wherever the quote ends. */
static void every_length(void **state)
{
	for (u16 there = 8; there <= 40; there++) {
		struct quote q = { 4, .flags = TCP_SYN, .there = there };

		for (q.family = 4; q.family <= 6; q.family += 2) {
			struct tcp_said s = read_quote(&q, linux_options, 20);
			u8 want = 0;

			want |= there >= 24 ? TCP_SAID_MSS : 0;
			want |= there >= 26 ? TCP_SAID_SACK : 0;
			want |= there >= 36 ? TCP_SAID_TIMESTAMPS : 0;
			want |= there == 40 ? TCP_SAID_SCALE | TCP_SAID_WHOLE
					    : 0;
			assert_int_equal(s.what, want);
			assert_int_equal(s.mss, there >= 24 ? 1460 : 0);
			assert_int_equal(s.scale, there == 40 ? TCP_SHIFT : 0);
		}
	}
}

/* Zeroes in place of what was cut, between words as routers cut, are no list
 * without the rest. */
static void padded(void **state)
{
	enum { FIRST = TCP_SAID_MSS | TCP_SAID_SACK | TCP_SAID_TIMESTAMPS };
	static const u8 want[] = { 0,
				   0,
				   0,
				   0,
				   TCP_SAID_MSS,
				   FIRST,
				   FIRST,
				   FIRST,
				   FIRST | TCP_SAID_SCALE | TCP_SAID_WHOLE };

	for (u16 words = 2; words <= 10; words++) {
		struct quote q = { 4, .flags = TCP_SYN, .there = words * 4,
				   .pad = 128 };

		for (q.family = 4; q.family <= 6; q.family += 2)
			assert_int_equal(read_quote(&q, linux_options, 20).what,
					 want[words - 2]);
	}
}

static void odd_quotes(void **state)
{
	static const u8 bad[] = { 2, 4, 5, 180, 8, 1, 0, 0 },
			beyond[] = { 2, 4, 5, 180, 8, 10, 0, 0 },
			none[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct quote q = { 4, .flags = TCP_SYN, .there = 28 };
	const struct quote ext = { 6, .flags = TCP_SYN, .there = 28, .ext = 1 };

	assert_int_equal(read_quote(&q, none, 8).what, TCP_SAID_WHOLE);
	assert_int_equal(read_quote(&q, bad, 8).what, TCP_SAID_MSS | BAD);
	assert_int_equal(read_quote(&q, beyond, 8).what, TCP_SAID_MSS | BAD);
	q.offset = 15 << 4; /* then it may well be that it was cut */
	assert_int_equal(read_quote(&q, beyond, 8).what, TCP_SAID_MSS);
	for (u8 words = 1; words < 5; words++) {
		q.offset = (u8)(words << 4);
		assert_int_equal(read_quote(&q, none, 8).what, 0);
	}
	q.offset = 0;
	q.flags = TCP_ACK; /* none of a SYN's */
	assert_int_equal(read_quote(&q, none, 8).what, 0);
	assert_int_equal(read_quote(&ext, none, 8).what, 0);
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
		cmocka_unit_test(every_length),
		cmocka_unit_test(padded),
		cmocka_unit_test(odd_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
