/* SPDX-License-Identifier: BSD-2-Clause */
/* mpls_test: extensions, sound and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "csum.h"
#include "probe/mpls.h"

enum { L4 = 34, EXT = L4 + 8 + 128, ROOM = 256 };

/* An IPv4 error: ICMP header at L4, extensions at EXT. Exactly as long as
 * it says, so that a sanitizer sees every step too far. */
static struct answer answer_of(const u8 *ext, u32 len, bool told, u8 family)
{
	u8 *frame = calloc(1, EXT + len);
	struct answer a = {
		.reply = {
			.family = family,
			.l4_off = L4,
			.ext_off = len ? EXT : 0,
			.ext_len = (u16)len,
		},
		.frame = frame,
		.frame_len = EXT + len,
	};

	assert_non_null(frame);
	frame[L4 + (family == 4 ? 5 : 4)] = told ? (family == 4 ? 32 : 16) : 0;
	if (len)
		memcpy(frame + EXT, ext, len);
	return a;
}

static void sign(u8 *ext, u32 len)
{
	u16 check;

	ext[2] = ext[3] = 0;
	check = csum_neg(csum_octets(0, ext, len));
	ext[2] = (u8)(check >> 8);
	ext[3] = (u8)check;
}

static unsigned int read_of(const u8 *ext, u32 len, bool told, be32 *label)
{
	struct answer a = answer_of(ext, len, told, 4);
	unsigned int n = mpls_labels(&a, label, 3);

	free((void *)a.frame);
	return n;
}

static const u8 two[] = {
	0x20, 0,    0,	  0,
	0,    12,   1,	  1, /* an object of two entries */
	0x05, 0xdc, 0x1a, 0x01,
	0xff, 0xff, 0xff, 0xff,
};

static void test_two(void **state)
{
	be32 label[3];
	u8 ext[sizeof(two)];

	memcpy(ext, two, sizeof(two));
	sign(ext, sizeof(ext));
	assert_int_equal(read_of(ext, sizeof(ext), true, label), 2);
	assert_int_equal(mpls_label(label[0]), 0x05dc1);
	assert_int_equal(mpls_class(label[0]), 5);
	assert_int_equal(mpls_bottom(label[0]), 0);
	assert_int_equal(mpls_ttl(label[0]), 1);
	assert_int_equal(mpls_label(label[1]), 0xfffff);
	assert_int_equal(mpls_class(label[1]), 7);
	assert_int_equal(mpls_bottom(label[1]), 1);
	assert_int_equal(mpls_ttl(label[1]), 255);
}

/* Zero is no checksum; good enough only where the place was told. */
static void test_checksum(void **state)
{
	be32 label[3];
	u8 ext[sizeof(two)];

	assert_int_equal(read_of(two, sizeof(two), true, label), 2);
	assert_int_equal(read_of(two, sizeof(two), false, label), 0);
	memcpy(ext, two, sizeof(two));
	sign(ext, sizeof(ext));
	assert_int_equal(read_of(ext, sizeof(ext), false, label), 2);
	for (unsigned int bit = 0; bit < 8 * sizeof(ext); bit++) {
		ext[bit / 8] ^= (u8)(1 << bit % 8);
		assert_int_equal(read_of(ext, sizeof(ext), false, label), 0);
		ext[bit / 8] ^= (u8)(1 << bit % 8);
	}
}

/* The length stands elsewhere in ICMPv6. */
static void test_v6(void **state)
{
	struct answer a = answer_of(two, sizeof(two), true, 6);
	be32 label[3];

	assert_int_equal(mpls_labels(&a, label, 3), 2);
	a.reply.family = 4;
	assert_int_equal(mpls_labels(&a, label, 3), 0);
	free((void *)a.frame);
}

static void test_version(void **state)
{
	be32 label[3];
	u8 ext[sizeof(two)];

	for (int v = 0; v < 16; v++) {
		memcpy(ext, two, sizeof(two));
		ext[0] = (u8)(v << 4);
		assert_int_equal(read_of(ext, sizeof(ext), true, label),
				 v == 2 ? 2 : 0);
	}
}

/* Unknown classes and other MPLS types are walked over. */
static void test_others(void **state)
{
	static const u8 ext[] = {
		0x20, 0,  0, 0, 0,    8, 2,    9, 1,   2, 3,	4, /* interface
								    */
		0,    4,  1, 1,			  /* an empty stack */
		0,    8,  1, 2, 9,    9, 9,    9, /* not incoming */
		0,    12, 1, 1, 0,    0, 0x10, 7, 0,   0, 0x21, 8, 0, 8,
		1,    1,  0, 0, 0x30, 9, 0,    8, 250, 0, 9,	9, 9, 9,
	};
	be32 label[3];

	assert_int_equal(read_of(ext, sizeof(ext), true, label), 3);
	assert_int_equal(mpls_label(label[0]), 1);
	assert_int_equal(mpls_label(label[1]), 2);
	assert_int_equal(mpls_label(label[2]), 3);
	assert_int_equal(mpls_ttl(label[2]), 9);
}

static void test_malformed(void **state)
{
	static const u16 bad[] = { 0, 1, 3, 5, 11, 13, 16, 0xffff };
	be32 label[3];
	u8 ext[sizeof(two)];

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(ext, two, sizeof(two));
		ext[4] = (u8)(bad[i] >> 8);
		ext[5] = (u8)bad[i];
		assert_int_equal(read_of(ext, sizeof(ext), true, label), 0);
	}
	for (u32 len = 0; len < sizeof(two); len++)
		assert_int_equal(read_of(two, len, true, label), 0);
}

/* What the frame does not hold is not read, whatever the reply claims. */
static void test_cut_frame(void **state)
{
	struct answer a = answer_of(two, sizeof(two), true, 4);
	be32 label[3];

	a.frame_len--;
	assert_int_equal(mpls_labels(&a, label, 3), 0);
	a.frame_len++;
	a.reply.ext_len = 0xffff;
	assert_int_equal(mpls_labels(&a, label, 3), 0);
	a.reply.ext_off = 2; /* before the ICMP header */
	a.reply.ext_len = 8;
	assert_int_equal(mpls_labels(&a, label, 3), 0);
	free((void *)a.frame);
}

/* More than are kept are counted; more than a count holds are not. */
static void test_many(void **state)
{
	static u8 ext[8 + 4 * 300];
	u32 canary = 0x12345678;
	be32 label[4];

	memcpy(&label[3], &canary, 4);
	memcpy(ext, two, 8);
	ext[4] = (4 + 4 * 300) >> 8;
	ext[5] = (4 + 4 * 300) & 255;
	assert_int_equal(read_of(ext, sizeof(ext), true, label), 255);
	assert_memory_equal(&label[3], &canary, 4);
	ext[4] = 0;
	ext[5] = 4 + 4 * 10;
	assert_int_equal(read_of(ext, 8 + 40, true, label), 10);
}

/* Anything at all: no step outside (run under sanitizers), bounded count. */
static void test_random(void **state)
{
	be32 label[3];
	u8 ext[ROOM];

	srand(1);
	for (int round = 0; round < 200000; round++) {
		u32 len = (u32)rand() % ROOM;

		for (u32 i = 0; i < len; i++)
			ext[i] = (u8)(rand() % 3 ? rand() % 13 : rand());
		if (len > 3) {
			ext[0] = 0x20;
			ext[2] = ext[3] = 0;
		}
		assert_true(read_of(ext, len, true, label) <= len / 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cut_frame),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
