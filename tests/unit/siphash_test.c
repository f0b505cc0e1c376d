/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash_test: against the vectors that its authors published, and against
 * a second implementation that takes octets one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "frame.h"
#include "siphash.h"

#include <cmocka.h>

/* Straight from the paper's definition, section 2: any length, no unrolling. */
static u64 rotate(u64 v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static void rounds(u64 v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13);
		v[3] = rotate(v[3], 16);
		v[1] ^= v[0];
		v[3] ^= v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17);
		v[3] = rotate(v[3], 21);
		v[1] ^= v[2];
		v[3] ^= v[0];
		v[2] = rotate(v[2], 32);
	}
}

static u64 from_octets(const u8 *p)
{
	u64 v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static u64 bytewise(const u8 key[16], const u8 *in, unsigned int len)
{
	static const char text[] = "somepseudorandomlygeneratedbytes";
	u64 v[4], word = 0;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		v[i] = 0;
		for (int j = 0; j < 8; j++)
			v[i] = v[i] << 8 | (u8)text[8 * i + (unsigned int)j];
		v[i] ^= from_octets(key + 8 * (i & 1));
	}
	for (i = 0; i < (len | 7) + 1; i++) {
		u8 octet = 0;

		if (i < len)
			octet = in[i];
		else if (i == (len | 7))
			octet = (u8)len;
		word |= (u64)octet << 8 * (i & 7);
		if ((i & 7) != 7)
			continue;
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
		word = 0;
	}
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Key 00 01 .. 0f, input 00 01 .. of this length: the authors' list. */
static const struct {
	unsigned int len;
	u8 out[8];
} published[] = {
	{ 0, { 0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72 } },
	{ 1, { 0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74 } },
	{ 7, { 0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab } },
	{ 8, { 0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93 } },
	{ 15, { 0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1 } },
	{ 16, { 0xdb, 0x9b, 0xc2, 0x57, 0x7f, 0xcc, 0x2a, 0x3f } },
	{ 24, { 0x94, 0xaf, 0x49, 0xf6, 0xc6, 0x50, 0xad, 0xb8 } },
};

static void counting(u8 *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		p[i] = (u8)i;
}

static void test_published(void **state)
{
	u8 key[16], in[64];

	counting(key, sizeof(key));
	counting(in, sizeof(in));
	for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++)
		assert_int_equal(bytewise(key, in, published[i].len),
				 from_octets(published[i].out));
}

static void test_one_word(void **state)
{
	struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };

	assert_int_equal(siphash1(&key, 0x0706050403020100),
			 0x93f5f5799a932462);
}

static void test_three_words(void **state)
{
	struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };

	assert_int_equal(siphash3(&key, 0x0706050403020100, 0x0f0e0d0c0b0a0908,
				  0x1716151413121110),
			 0xb8ad50c6f649af94);
}

static void test_against_bytewise(void **state)
{
	u64 random = 1, words[5];
	struct siphash_key key;
	u8 octets[40];

	for (int n = 0; n < 20000; n++) {
		for (int i = 0; i < 5; i++) {
			words[i] = frame_random(&random);
			for (int j = 0; j < 8; j++)
				octets[8 * i + j] = (u8)(words[i] >> 8 * j);
		}
		key.k[0] = words[0];
		key.k[1] = words[1];
		assert_int_equal(siphash3(&key, words[2], words[3], words[4]),
				 bytewise(octets, octets + 16, 24));
		assert_int_equal(siphash1(&key, words[2]),
				 bytewise(octets, octets + 16, 8));
		assert_int_equal(siphash1(&key, words[2]),
				 bytewise(octets, octets + 16, 8));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_one_word),
		cmocka_unit_test(test_three_words),
		cmocka_unit_test(test_against_bytewise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
