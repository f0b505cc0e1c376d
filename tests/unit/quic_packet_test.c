/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_packet_test: what is written is a hello, a packet, and of the size that
 * was asked for; what does not fit is refused, and nothing written beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/quic_packet.h"
#include "quicframe.h"

static struct quic_crypto crypto;

enum { HEADER = 30 }; /* octets of an Initial without token */

static struct quic_hello hello_of(u64 seed)
{
	struct quic_hello h = {
		.name = "www.example.com",
		.version = QUIC_V1,
		.scid = quicframe_ours(),
	};

	for (u32 i = 0; i < sizeof(h.seed); i++)
		h.seed[i] = (u8)frame_random(&seed);
	return h;
}

static u32 get16(const u8 *p)
{
	return (u32)(p[0] << 8 | p[1]);
}

/* The extension of that type, and its length; NULL: there is none. All lengths
 * must add up, and no type stand twice. */
static const u8 *extension(const u8 *hello, u32 len, u32 type, u32 *size)
{
	const u8 *p = hello + 4 + 2 + 32, *end, *found = NULL;
	u32 types[32], n = 0;

	assert_int_equal(hello[0], 1);
	assert_int_equal(hello[1] << 16 | get16(hello + 2), len - 4);
	assert_int_equal(get16(hello + 4), 0x0303);
	assert_int_equal(*p++, 0); /* session ID */
	p += 2 + get16(p);
	assert_int_equal(get16(p), 0x0100); /* no compression */
	p += 2;
	end = p + 2 + get16(p);
	assert_ptr_equal(end, hello + len);
	for (p += 2; p < end; p += 4 + get16(p + 2)) {
		assert_true(end - p >= 4);
		for (u32 i = 0; i < n; i++)
			assert_int_not_equal(get16(p), types[i]);
		assert_in_range(n, 0, 31);
		types[n++] = get16(p);
		if (get16(p) != type)
			continue;
		found = p + 4;
		*size = get16(p + 2);
	}
	assert_ptr_equal(p, end);
	return found;
}

static void names(void **state)
{
	struct quic_hello h = hello_of(1);
	u8 at[QUIC_HELLO_MAX];
	u32 len = quic_hello_write(&h, at, sizeof(at)), size = 0;
	const u8 *e;

	e = extension(at, len, 0, &size);
	assert_non_null(e);
	assert_int_equal(size, 20);
	assert_memory_equal(e, "\0\x12\0\0\x0fwww.example.com", 20);
	e = extension(at, len, 16, &size);
	assert_non_null(e);
	assert_int_equal(size, 5);
	assert_memory_equal(e, "\0\3\2h3", 5);
	h.name = NULL;
	h.alpn = "doq";
	len = quic_hello_write(&h, at, sizeof(at));
	assert_null(extension(at, len, 0, &size));
	e = extension(at, len, 16, &size);
	assert_non_null(e);
	assert_memory_equal(e, "\0\4\3doq", 6);
}

static void longest_names(void **state)
{
	char name[QUIC_NAME_MAX + 2] = {};
	struct quic_hello h = hello_of(2);
	u8 at[QUIC_HELLO_MAX];
	u32 len;

	memset(name, 'a', QUIC_NAME_MAX);
	h.name = h.alpn = name;
	memset(h.seed, 0xff, sizeof(h.seed)); /* all of what varies is long */
	h.scid.len = QUIC_CID_MAX;
	len = quic_hello_write(&h, at, sizeof(at));
	assert_in_range(len, 2 * QUIC_NAME_MAX, QUIC_HELLO_MAX);
	name[QUIC_NAME_MAX] = 'a';
	h.alpn = NULL;
	assert_int_equal(quic_hello_write(&h, at, sizeof(at)), 0);
	h.name = "";
	assert_int_equal(quic_hello_write(&h, at, sizeof(at)), 0);
	h.name = NULL;
	h.alpn = name;
	assert_int_equal(quic_hello_write(&h, at, sizeof(at)), 0);
	h.alpn = "";
	assert_int_equal(quic_hello_write(&h, at, sizeof(at)), 0);
}

/* A value of RFC 8701: 0x?a?a, both alike. */
static bool is_grease(u32 v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 255);
}

static void shares(void **state)
{
	const struct quic_hello h = hello_of(3);
	u8 at[QUIC_HELLO_MAX];
	u32 len = quic_hello_write(&h, at, sizeof(at)), size = 0;
	const u8 *e;

	assert_memory_equal(at + 6, h.seed, 32);
	assert_true(is_grease(get16(at + 4 + 2 + 32 + 1 + 2)));
	e = extension(at, len, 51, &size);
	assert_non_null(e);
	assert_int_equal(size, 2 + 5 + 36);
	assert_true(is_grease(get16(e + 2)));
	assert_memory_equal(e + 7, "\0\x1d\0\x20", 4);
	assert_memory_equal(e + 11, h.seed + 32, 32);
	e = extension(at, len, 43, &size);
	assert_non_null(e);
	assert_true(is_grease(get16(e + 1)));
	assert_memory_equal(e + 3, "\3\4", 2);
	e = extension(at, len, 10, &size);
	assert_non_null(e);
	assert_true(is_grease(get16(e + 2)));
	assert_int_equal(get16(e + 4), 0x1d);
	assert_non_null(extension(at, len, 13, &size));
	assert_non_null(extension(at, len, 45, &size));
}

/* A variable-length integer; parameters here have one or two octets. */
static u32 varint(const u8 **p)
{
	u32 v = *(*p)++;

	assert_in_range(v, 0, 0x7f);
	return v < 0x40 ? v : (v & 0x3f) << 8 | *(*p)++;
}

static void transport_parameters(void **state)
{
	const struct quic_hello h = hello_of(4);
	u8 at[QUIC_HELLO_MAX];
	u32 len = quic_hello_write(&h, at, sizeof(at)), size = 0;
	const u8 *e = extension(at, len, 57, &size), *end = e + size;
	int scid = 0, versions = 0, reserved = 0, others = 0;

	assert_non_null(e);
	while (e < end) {
		u32 id = varint(&e), n = varint(&e);

		if (id == 0x0f) {
			scid++;
			assert_true(quic_cid_equal(&h.scid, e, n));
		} else if (id == 0x11) {
			versions++;
			assert_int_equal(n, 12);
			assert_int_equal(quic_get32(e), QUIC_V1);
			assert_true(quic_is_reserved(quic_get32(e + 4)));
			assert_int_equal(quic_get32(e + 8), QUIC_V1);
		} else if (id > 0x11) {
			reserved++;
			assert_int_equal((id - 27) % 31, 0);
		} else {
			others++;
			assert_int_equal(n, 2);
			assert_int_equal(e[0] >> 6, 1);
		}
		e += n;
	}
	assert_ptr_equal(e, end);
	assert_int_equal(scid * versions * reserved, 1);
	assert_int_equal(others, 8);
}

/* Whatever the seed: well-formed, and again the same. */
static void any_seed(void **state)
{
	for (u64 seed = 0; seed < 20000; seed++) {
		const struct quic_hello h = hello_of(seed);
		u8 at[QUIC_HELLO_MAX], again[QUIC_HELLO_MAX];
		u32 len = quic_hello_write(&h, at, sizeof(at)), size;

		assert_true(len);
		assert_non_null(extension(at, len, 57, &size));
		assert_int_equal(quic_hello_write(&h, again, sizeof(again)),
				 len);
		assert_memory_equal(at, again, len);
	}
}

static struct quic_initial initial_of(const struct quic_hello *h, u32 version)
{
	return (struct quic_initial){
		.hello = h,
		.version = version,
		.number = 0x01020304,
		.dcid = quicframe_dcid(),
		.scid = quicframe_ours(),
	};
}

static struct quic_keys client_keys(u32 version)
{
	const struct quic_cid dcid = quicframe_dcid();
	struct quic_keys k;

	assert_true(quic_keys_derive(&crypto, version, &dcid, QUIC_CLIENT, &k));
	return k;
}

/* Opens it, and checks all that stands before its frames. */
static struct quic_opened open_initial(const struct quic_initial *i,
				       const u8 *at, u32 size, u8 *plain)
{
	const struct quic_keys k = client_keys(i->version);
	const u8 *p = at + 5;
	struct quic_opened o;

	assert_int_equal(quic_get32(at + 1), i->version);
	assert_true(quic_cid_equal(&i->dcid, p + 1, p[0]));
	p += 1 + p[0];
	assert_true(quic_cid_equal(&i->scid, p + 1, p[0]));
	p += 1 + p[0];
	if (i->token_len < 64) {
		assert_int_equal(*p++, i->token_len);
	} else {
		assert_int_equal(get16(p), 0x4000 | i->token_len);
		p += 2;
	}
	if (i->token_len)
		assert_memory_equal(p, i->token, i->token_len);
	p += i->token_len;
	assert_int_equal(get16(p), 0x4000 | (size - (p + 2 - at)));
	p += 2;
	assert_true(quic_open(&crypto, &k, at, (u32)(p - at), size, plain, size,
			      &o));
	assert_int_equal(o.number, i->number);
	assert_int_equal(o.first, i->version == QUIC_V1 ? 0xc3 : 0xd3);
	assert_int_equal(o.len, size - (p + 4 - at) - QUIC_TAG);
	return o;
}

static void is_padding(const u8 *p, const u8 *end)
{
	for (; p < end; p++)
		assert_int_equal(*p, 0);
}

static void initials(void **state)
{
	static const u32 versions[] = { QUIC_V1, QUIC_V2 };
	static const u32 sizes[] = { 500, 1178, 1196, 1200, 1472, 9000 };
	const struct quic_hello h = hello_of(5);
	u8 hello[QUIC_HELLO_MAX], plain[9000], token[80] = { 1, 2, 3 };
	u32 len = quic_hello_write(&h, hello, sizeof(hello));

	for (int i = 0; i < 24; i++) {
		struct quic_initial initial = initial_of(&h, versions[i & 1]);
		const struct quic_keys k = client_keys(initial.version);
		const u32 size = sizes[i / 4];
		u32 frames = size - HEADER - QUIC_TAG;
		u8 *at = malloc(size); /* a block that ends where it does */

		assert_non_null(at);
		memset(at, 0xa5, size);
		if (i & 2 && size > 500) {
			initial.token = token;
			initial.token_len = sizeof(token);
			frames -= sizeof(token) + 1;
		}
		assert_true(
			quic_initial_write(&crypto, &k, &initial, at, size));
		assert_int_equal(open_initial(&initial, at, size, plain).len,
				 frames);
		assert_memory_equal(plain, "\6\0", 2);
		assert_int_equal(get16(plain + 2), 0x4000 | len);
		assert_memory_equal(plain + 4, hello, len);
		is_padding(plain + 4 + len, plain + frames);
		free(at);
	}
}

/* The long ID that a Retry may have given us to send to. */
static void closing(void **state)
{
	struct quic_initial initial = initial_of(NULL, QUIC_V1);
	const struct quic_keys k = client_keys(QUIC_V1);
	u8 at[QUIC_LEAST], plain[QUIC_LEAST];
	struct quic_opened o;

	initial.dcid.len = QUIC_CID_MAX;
	assert_true(quic_initial_write(&crypto, &k, &initial, at, sizeof(at)));
	o = open_initial(&initial, at, sizeof(at), plain);
	assert_memory_equal(plain, "\x1c\0\0\0", 4);
	is_padding(plain + 4, plain + o.len);
}

/* Of every size there is one answer, and not an octet more is written. */
static void any_size(void **state)
{
	const struct quic_hello h = hello_of(6);
	const struct quic_keys k = client_keys(QUIC_V1);
	u8 token[700] = {}, hello[QUIC_HELLO_MAX];
	u32 least = quic_hello_write(&h, hello, sizeof(hello)) + 4 + QUIC_TAG;

	for (u32 token_len = 0; token_len <= sizeof(token); token_len += 70) {
		struct quic_initial initial = initial_of(&h, QUIC_V1);
		const u32 header = HEADER + token_len + (token_len >= 64);

		initial.token = token;
		initial.token_len = token_len;
		for (u32 size = 0; size < QUIC_LEAST; size++) {
			u8 *at = malloc(size ? size : 1);

			assert_non_null(at);
			assert_int_equal(quic_initial_write(&crypto, &k,
							    &initial, at, size),
					 size >= header + least);
			free(at);
		}
	}
}

/* What two octets of a length do not hold. */
static void too_long(void **state)
{
	struct quic_initial initial = initial_of(NULL, QUIC_V1);
	const struct quic_keys k = client_keys(QUIC_V1);
	u8 *at = calloc(1, 1 << 15);

	assert_non_null(at);
	assert_true(quic_initial_write(&crypto, &k, &initial, at, 1 << 14));
	assert_false(
		quic_initial_write(&crypto, &k, &initial, at, (1 << 14) + 1));
	initial.token = at;
	initial.token_len = 1 << 14;
	assert_false(quic_initial_write(&crypto, &k, &initial, at, 1 << 14));
	free(at);
}

static void asking_for_versions(void **state)
{
	const struct quic_cid dcid = quicframe_dcid(), scid = quicframe_ours();
	u8 at[QUIC_LEAST];

	memset(at, 0xa5, sizeof(at));
	assert_true(
		quic_ask_versions(0x1a2a3a4a, &dcid, &scid, at, sizeof(at)));
	assert_int_equal(at[0] & 0xc0, 0xc0);
	assert_memory_equal(at + 1, "\x1a\x2a\x3a\x4a\x8", 5);
	assert_memory_equal(at + 6, dcid.id, 8);
	assert_int_equal(at[14], 8);
	assert_memory_equal(at + 15, scid.id, 8);
	is_padding(at + 23, at + sizeof(at));
	assert_true(quic_ask_versions(0x1a2a3a4a, &dcid, &scid, at, 23));
	assert_false(quic_ask_versions(0x1a2a3a4a, &dcid, &scid, at, 22));
}

static int up(void **state)
{
	return quic_crypto_open(&crypto);
}

static int down(void **state)
{
	quic_crypto_close(&crypto);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(longest_names),
		cmocka_unit_test(shares),
		cmocka_unit_test(transport_parameters),
		cmocka_unit_test(any_seed),
		cmocka_unit_test(initials),
		cmocka_unit_test(closing),
		cmocka_unit_test(any_size),
		cmocka_unit_test(too_long),
		cmocka_unit_test(asking_for_versions),
	};

	return cmocka_run_group_tests(tests, up, down);
}
