/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_keys_test: the known answers of RFC 9001 and RFC 9369, appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "quicframe.h"

static struct quic_crypto crypto;

enum { HEADER = 22, SIZE = 1200 };

static const struct answers {
	u32 version;
	const char *client[3], *server[3]; /* key, IV, header protection */
	const char *header, *start, *tag;  /* of A.2's packet */
	const char *initial;		   /* A.3 */
	const char *retry;		   /* A.4 */
} answers[] = {
	{ QUIC_V1,
	  { "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
	    "9f50449e04a0e810283a1e9933adedd2" },
	  { "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
	    "c206b8d9b9f0f37644430b490eeaa314" },
	  "c300000001088394c8f03e5157080000449e00000002",
	  "c000000001088394c8f03e5157080000449e7b9aec34"
	  "d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
	  "e221af44860018ab0856972e194cd934",
	  "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a"
	  "5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3"
	  "dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84"
	  "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4"
	  "2158407dd074ee",
	  "ff000000010008f067a5502a4262b5746f6b656e"
	  "04a265ba2eff4d829058fb3f0f2496ba" },
	{ QUIC_V2,
	  { "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
	    "45b95e15235d6f45a6b19cbcb0294ba9" },
	  { "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
	    "edf6d05c83121201b436e16877593c3a" },
	  "d36b3343cf088394c8f03e5157080000449e00000002",
	  "d76b3343cf088394c8f03e5157080000449ea0c95e82"
	  "ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c",
	  "a18b2faa745b6fe189cf772a9f84cbfc",
	  "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698"
	  "baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17"
	  "f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2"
	  "c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8"
	  "4bed8521e2e140",
	  "cf6b3343cf0008f067a5502a4262b5746f6b656e"
	  "c8646ce8bfe33952d955543665dcc7b6" },
};

/* Of both RFCs, without PADDING. */
static const char client_frames[] =
	"060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
	"04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
	"616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
	"04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
	"baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
	"0d0010000e0403050306030203080408050806002d00020101001c0002400100"
	"3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
	"75300901100f088394c8f03e51570806048000ffff";
static const char server_frames[] =
	"02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739"
	"88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94"
	"0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
	"020304";

static void same(const u8 *found, const char *wanted)
{
	u8 octets[SIZE];
	u32 n = quicframe_hex(wanted, octets);

	assert_memory_equal(found, octets, n);
}

static struct quic_keys keys(u32 version, enum quic_side side)
{
	const struct quic_cid dcid = quicframe_dcid();
	struct quic_keys k;

	assert_true(quic_keys_derive(&crypto, version, &dcid, side, &k));
	return k;
}

static void derived(void **state)
{
	const struct quic_cid dcid = quicframe_dcid();
	struct quic_keys k;

	for (int i = 0; i < 2; i++) {
		const struct answers *a = &answers[i];

		k = keys(a->version, QUIC_CLIENT);
		same(k.key, a->client[0]);
		same(k.iv, a->client[1]);
		same(k.hp, a->client[2]);
		k = keys(a->version, QUIC_SERVER);
		same(k.key, a->server[0]);
		same(k.iv, a->server[1]);
		same(k.hp, a->server[2]);
	}
	assert_false(
		quic_keys_derive(&crypto, 0x1a2a3a4a, &dcid, QUIC_CLIENT, &k));
}

/* The packets have 1162 octets of frames; the tag vouches for all of them. */
static void client_initial(void **state)
{
	for (int i = 0; i < 2; i++) {
		const struct answers *a = &answers[i];
		const struct quic_keys k = keys(a->version, QUIC_CLIENT);
		u8 at[SIZE] = {}, plain[SIZE] = {}, wanted[SIZE] = {};
		struct quic_opened o;

		assert_int_equal(quicframe_hex(a->header, at), HEADER);
		quicframe_hex(client_frames, at + HEADER);
		assert_true(quic_seal(&crypto, &k, 2, at, HEADER, SIZE));
		same(at, a->start);
		same(at + SIZE - QUIC_TAG, a->tag);
		assert_true(quic_open(&crypto, &k, at, HEADER - 4, SIZE, plain,
				      sizeof(plain), &o));
		assert_int_equal(o.len, 1162);
		assert_int_equal(o.number, 2);
		quicframe_hex(client_frames, wanted);
		assert_memory_equal(plain, wanted, o.len);
		at[SIZE / 2] ^= 1;
		assert_false(quic_open(&crypto, &k, at, HEADER - 4, SIZE, plain,
				       sizeof(plain), &o));
	}
}

static void server_initial(void **state)
{
	for (int i = 0; i < 2; i++) {
		const struct answers *a = &answers[i];
		const struct quic_keys k = keys(a->version, QUIC_SERVER);
		const struct quic_keys others =
			keys(answers[1 - i].version, QUIC_SERVER);
		u8 at[256], plain[256];
		u32 size = quicframe_hex(a->initial, at);
		struct quic_opened o;

		assert_true(quic_open(&crypto, &k, at, 18, size, plain,
				      sizeof(plain), &o));
		assert_int_equal(o.number, 1);
		assert_int_equal(o.first, a->version == QUIC_V1 ? 0xc1 : 0xd1);
		assert_int_equal(o.len, sizeof(server_frames) / 2);
		same(plain, server_frames);
		assert_false(quic_open(&crypto, &others, at, 18, size, plain,
				       sizeof(plain), &o));
		/* every octet of it is authenticated, but for a header's bits
		 * that change the number's length */
		for (u32 j = 0; j < size; j++) {
			at[j] ^= 0x40;
			assert_false(quic_open(&crypto, &k, at, 18, size, plain,
					       sizeof(plain), &o));
			at[j] ^= 0x40;
		}
	}
}

/* A packet number of any length; room that is too small by one. */
static void any_number(void **state)
{
	const struct quic_keys k = keys(QUIC_V1, QUIC_SERVER);
	static const u32 numbers[] = { 0xfe, 0xfedc, 0xfedcba, 0xfedcba98 };

	for (u8 i = 0; i < 4; i++) {
		const struct quicframe f = {
			QUIC_V1,
			.frames = "01",
			.padding = 30,
			.number = numbers[i],
			.number_octets = i + 1,
		};
		u8 at[QUICFRAME_MAX], plain[64];
		u32 size = quicframe_add(&crypto, &f, at, 0);
		u32 header = size - 31 - QUIC_TAG - i - 1;
		struct quic_opened o;

		assert_true(quic_open(&crypto, &k, at, header, size, plain,
				      31 + i, &o));
		assert_int_equal(o.number, numbers[i]);
		assert_int_equal(o.len, 31);
		assert_int_equal(plain[0], 1);
		assert_false(quic_open(&crypto, &k, at, header, size, plain,
				       30 + i, &o));
	}
}

/* Shorter than a sample needs, however short. */
static void too_short(void **state)
{
	const struct quic_keys k = keys(QUIC_V1, QUIC_SERVER);
	u8 at[QUIC_HEADER_MAX + 20] = {}, plain[64];
	struct quic_opened o;

	for (u32 size = 18; size < 18 + 20; size++)
		assert_false(quic_open(&crypto, &k, at, 18, size, plain,
				       sizeof(plain), &o));
	assert_false(quic_open(&crypto, &k, at, QUIC_HEADER_MAX + 1, sizeof(at),
			       plain, sizeof(plain), &o));
}

static void retry(void **state)
{
	struct quic_cid dcid = quicframe_dcid();

	for (int i = 0; i < 2; i++) {
		const struct answers *a = &answers[i];
		u8 at[64];
		u32 size = quicframe_hex(a->retry, at);

		assert_true(quic_retry_verify(&crypto, a->version, &dcid, at,
					      size));
		assert_false(quic_retry_verify(&crypto, answers[1 - i].version,
					       &dcid, at, size));
		assert_false(quic_retry_verify(&crypto, 0xff00001d, &dcid, at,
					       size));
		for (u32 j = 0; j < size; j++) {
			at[j] ^= 1;
			assert_false(quic_retry_verify(&crypto, a->version,
						       &dcid, at, size));
			at[j] ^= 1;
			assert_false(quic_retry_verify(&crypto, a->version,
						       &dcid, at, j));
		}
		dcid.id[7] ^= 1;
		assert_false(quic_retry_verify(&crypto, a->version, &dcid, at,
					       size));
		dcid.id[7] ^= 1;
	}
}

static int up(void **state)
{
	return quic_crypto_open(&crypto);
}

static int down(void **state)
{
	quic_crypto_close(&crypto);
	quic_crypto_close(&crypto); /* a zeroed one may be closed */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),
		cmocka_unit_test(client_initial),
		cmocka_unit_test(server_initial),
		cmocka_unit_test(any_number),
		cmocka_unit_test(too_short),
		cmocka_unit_test(retry),
	};

	return cmocka_run_group_tests(tests, up, down);
}
