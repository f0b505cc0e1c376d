/* SPDX-License-Identifier: BSD-2-Clause */
/* csum_test: the Internet checksum against its definition, done naively. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "csum.h"
#include "frame.h"

#include <cmocka.h>

/* One word at a time, the carry added back at once. */
static u16 naive(u16 sum, const u8 *p, u32 len)
{
	for (u32 i = 0; i < len; i += 2) {
		u32 word = (u32)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
		u32 wide = sum + word;

		sum = (u16)(wide > 0xffff ? wide - 0xffff : wide);
	}
	return sum;
}

/* RFC 1071, section 3: 00 01 f2 03 f4 f5 f6 f7 sum to ddf2. */
static void test_rfc1071(void **state)
{
	const u8 p[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(csum_octets(0, p, sizeof(p)), 0x2ddf0);
	assert_int_equal(csum_fold(csum_octets(0, p, sizeof(p))), 0xddf2);
	assert_int_equal(csum_neg(csum_octets(0, p, sizeof(p))), 0x220d);
}

static void test_octets(void **state)
{
	u64 random = 2;
	u8 p[1600];

	for (int n = 0; n < 2000; n++) {
		u32 len = (u32)(frame_random(&random) % (sizeof(p) + 1));
		u16 start = (u16)frame_random(&random);

		for (u32 i = 0; i < len; i++)
			p[i] = n & 1 ? 0xff : (u8)frame_random(&random);
		assert_true(csum_same(csum_fold(csum_octets(start, p, len)),
				      naive(start, p, len)));
	}
	assert_int_equal(csum_octets(7, p, 0), 7);
}

static void test_fold(void **state)
{
	assert_int_equal(csum_fold(0), 0);
	assert_int_equal(csum_fold(0xffff), 0xffff);
	assert_int_equal(csum_fold(0x10000), 1);
	assert_int_equal(csum_fold(0x1fffe), 0xffff);
	assert_int_equal(csum_fold(0xffffffff), 0xffff);
	assert_int_equal(csum_fold(0xffffffffffffffff), 0xffff);
	assert_int_equal(csum_fold(0xfffffffffffffffe), 0xfffe);
	assert_int_equal(csum_fold(0x0001000000000000), 1);
}

static void test_add32(void **state)
{
	u64 random = 3;

	for (int n = 0; n < 100000; n++) {
		u32 v = (u32)frame_random(&random);
		const u8 p[] = { (u8)(v >> 24), (u8)(v >> 16), (u8)(v >> 8),
				 (u8)v };

		assert_int_equal(csum_fold(csum_add32(0, v)), naive(0, p, 4));
	}
}

static void test_addresses(void **state)
{
	const struct addr v4 = frame_addr("192.0.2.255");
	const struct addr v6 = frame_addr("2001:db8:ffff:1::fffe");

	assert_int_equal(csum_fold(csum_add_addr(0, &v4)),
			 naive(0, v4.b + 12, 4));
	assert_int_equal(csum_fold(csum_add_addr(0, &v6)), naive(0, v6.b, 16));
}

/* Taking a word out and putting another in is what summing anew gives. */
static void test_update(void **state)
{
	u64 random = 4;

	for (int n = 0; n < 100000; n++) {
		u64 r = frame_random(&random);
		u16 sum = (u16)r, old = (u16)(r >> 16), new = (u16)(r >> 32);
		u16 before = csum_fold((u64)sum + old);
		u16 after = csum_fold((u64)before + csum_neg(old) + new);

		assert_true(csum_same(after, csum_fold((u64)sum + new)));
	}
}

static void test_same(void **state)
{
	assert_true(csum_same(0, 0xffff));
	assert_true(csum_same(0xffff, 0));
	assert_true(csum_same(0x1234, 0x1234));
	assert_false(csum_same(0, 1));
	assert_false(csum_same(0xffff, 0xfffe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071),	  cmocka_unit_test(test_octets),
		cmocka_unit_test(test_fold),	  cmocka_unit_test(test_add32),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_update),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
