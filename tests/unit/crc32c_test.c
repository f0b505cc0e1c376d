/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c_test: the vectors of RFC 3720, in one piece and in two. */
#include "lib/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void vectors(void **state)
{
	u8 zero[32] = {}, ones[32], up[32], down[32];

	for (u8 i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = i;
		down[i] = (u8)(31 - i);
	}
	assert_int_equal(crc32c(0, zero, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

/* Bit by bit, as it is defined. */
static u32 slow(u32 crc, const u8 *p, size_t n)
{
	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void pieces(void **state)
{
	u8 octets[300];

	for (u32 i = 0; i < sizeof(octets); i++)
		octets[i] = (u8)(i * 167 + (i >> 3));
	for (size_t n = 0; n <= sizeof(octets); n++) {
		u32 whole = slow(0, octets, n);

		assert_int_equal(crc32c(0, octets, n), whole);
		for (size_t at = 0; at <= n; at += 7)
			assert_int_equal(crc32c(crc32c(0, octets, at),
						octets + at, n - at),
					 whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
