/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_reply_test: what servers say, and what nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "quicframe.h"

#define S(name) QUIC_SEEN_##name

static struct quic_crypto crypto;

/* From a block that ends where the datagram does, for the sanitizers. */
static struct quic_reply read_as(const struct quic_expected *e, const u8 *at,
				 u32 len)
{
	struct quic_reply r;
	u8 *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, at, len);
	memset(&r, 0xa5, sizeof(r));
	quic_reply_read(&crypto, e, exact, len, &r);
	if (r.token) /* it is read after the block is gone */
		r.token = at + (r.token - exact);
	free(exact);
	return r;
}

static struct quic_reply read_octets(const u8 *at, u32 len)
{
	const struct quic_expected e = quicframe_expected(QUIC_V1);

	return read_as(&e, at, len);
}

static struct quic_reply read_one(const struct quicframe *f)
{
	u8 at[QUICFRAME_MAX];

	return read_octets(at, quicframe_add(&crypto, f, at, 0));
}

/* The frames of an Initial, padded so that it can be sealed. */
static struct quic_reply read_frames(const char *frames)
{
	const struct quicframe f = {
		QUIC_V1,
		.frames = frames,
		.padding = 8,
	};

	return read_one(&f);
}

#define RANDOM                                                                 \
	"eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12"
#define RETRY_CUT                                                              \
	"cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a833"
#define RETRY RETRY_CUT "9c"

static const struct row {
	const char *frames;
	u32 seen; /* beside INITIAL */
} rows[] = {
	{ "00", 0 },
	{ "01", S(PING) },
	{ "0200000000", S(ACK) },
	{ "0001 0200000000 01", S(ACK) | S(PING) },
	{ "0300000000010203", S(ACK) | S(ECN) },
	{ "060026 020000220303" RANDOM, S(HELLO) },
	{ "060026 020000220303" RETRY, S(HELLO) | S(HELLO_RETRY) },
	/* cut before its random ends, empty, not from the beginning */
	{ "060025 020000220303" RETRY_CUT, S(HELLO) },
	{ "060025 020000220303" RETRY, S(HELLO) | S(STRANGE) },
	{ "060000", 0 },
	{ "060502 0102", 0 },
	{ "060001 01", S(STRANGE) }, /* a ClientHello */
	{ "1c 00 00 00", S(CLOSE) },
	{ "1c 4150 06 02 6869", S(CLOSE) },
	/* frames that no Initial has */
	{ "1d 00 00", S(STRANGE) },
	{ "04 00 00 00", S(STRANGE) },
	{ "08 00 00", S(STRANGE) },
	{ "1e", S(STRANGE) },
	{ "4006 00 00", S(STRANGE) },
	{ "01 7fff", S(PING) | S(STRANGE) },
	/* lengths that go beyond */
	{ "06 00 40ff 02", S(MALFORMED) },
	{ "06 00 ffffffffffffffff", S(MALFORMED) },
	{ "06 ffffffffffffffff 00", 0 },
	{ "1c 00 00 40ff", S(MALFORMED) },
	{ "1c 00 00 ffffffffffffffff", S(MALFORMED) },
	{ "01 1c ffffffffffffffff", S(PING) | S(CLOSE) },
	{ "02 00 00 ffffffffffffffff 00", S(MALFORMED) },
	{ "02 09 00 00 0a", S(MALFORMED) },
	{ "02 09 00 01 00 09 00", S(MALFORMED) },
	{ "02 09 00 01 00 08 00", S(MALFORMED) },
	{ "02 09 00 01 00 07 01", S(MALFORMED) },
	{ "02 09 00 01 00 ffffffffffffffff 00", S(MALFORMED) },
	{ "02 09 00 01 00 00 ffffffffffffffff", S(MALFORMED) },
	{ "02 ffffffffffffffff 00 00 ffffffffffffffff", S(ACK) | S(UNSENT) },
	{ "03 00 00 00 00 ffffffffffffffff ffffffffffffffff 80",
	  S(ACK) | S(ECN) },
};

static void frames(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct quic_reply r = read_frames(rows[i].frames);

		if (r.seen != (S(INITIAL) | rows[i].seen))
			fail_msg("row %zu: %#x, not %#x", i, r.seen,
				 S(INITIAL) | rows[i].seen);
	}
}

static void values(void **state)
{
	const struct quic_cid scid = quicframe_scid();
	struct quic_reply r =
		read_frames("03 05 41aa 01 01 00 01 c1234567 89abcdef 4102 07");

	assert_int_equal(r.version, QUIC_V1);
	assert_true(quic_cid_equal(&scid, r.scid.id, r.scid.len));
	assert_int_equal(r.ranges, 2);
	assert_int_equal(r.range[0].first, 4);
	assert_int_equal(r.range[0].last, 5);
	assert_int_equal(r.range[1].first, 1);
	assert_int_equal(r.range[1].last, 2);
	for (u32 n = 0; n < 12; n++)
		assert_int_equal(quic_reply_acknowledges(&r, n),
				 n == 1 || n == 2 || n == 4 || n == 5);
	assert_int_equal(r.ect0, 0x0123456789abcdef);
	assert_int_equal(r.ect1, 0x102);
	assert_int_equal(r.ce, 7);
	r = read_frames("1c 80001234 ffffffffffffffff 01 41");
	assert_int_equal(r.close_code, 0x1234);
	assert_int_equal(r.close_frame, 0x3fffffffffffffff);
}

/* What is acknowledged is cut to what can have been sent. */
static void never_sent(void **state)
{
	struct quic_expected e = quicframe_expected(QUIC_V1);
	static const struct quicframe f = {
		QUIC_V1, .frames = "02 80020000 00 01 40ff 8001fef0 0a",
		/* [130817, 131072] and [5, 15] .. */
	};
	u8 at[QUICFRAME_MAX];
	u32 len = quicframe_add(&crypto, &f, at, 0);
	struct quic_reply r;

	e.sent = 10;
	r = read_as(&e, at, len);
	assert_int_equal(r.seen, S(INITIAL) | S(ACK) | S(UNSENT));
	assert_int_equal(r.ranges, 1);
	assert_int_equal(r.range[0].last, 9);
	e.sent = 0;
	r = read_as(&e, at, len);
	assert_int_equal(r.seen, S(INITIAL) | S(ACK) | S(UNSENT));
	assert_int_equal(r.ranges, 0);
	assert_false(quic_reply_acknowledges(&r, 0));
	e.sent = 5; /* the first that was not sent is the first of a range */
	r = read_as(&e, at, len);
	assert_int_equal(r.seen, S(INITIAL) | S(ACK) | S(UNSENT));
	assert_int_equal(r.ranges, 0);
	e.sent = 0xffffffff; /* no more than 2^16 are told apart */
	r = read_as(&e, at, len);
	assert_int_equal(r.seen, S(INITIAL) | S(ACK) | S(UNSENT));
	assert_int_equal(r.ranges, 1);
}

/* Every other number: more ranges than there is room for. */
static void many_ranges(void **state)
{
	struct quic_expected e = quicframe_expected(QUIC_V1);
	char text[512] = "02 4100 00 28 00";
	struct quicframe f = { QUIC_V1, .frames = text };
	struct quic_reply r;
	u8 at[QUICFRAME_MAX];

	for (int i = 0; i < 0x28; i++)
		strcat(text, " 00 00");
	e.sent = 1000;
	r = read_as(&e, at, quicframe_add(&crypto, &f, at, 0));
	assert_int_equal(r.seen, S(INITIAL) | S(ACK) | S(CROWDED));
	assert_int_equal(r.ranges, QUIC_RANGES);
	for (u32 i = 0; i < QUIC_RANGES; i++) {
		assert_int_equal(r.range[i].first, 256 - 2 * i);
		assert_int_equal(r.range[i].last, 256 - 2 * i);
	}
}

static void versions_of_packets(void **state)
{
	static const u32 versions[] = { QUIC_V1, QUIC_V2 };

	/* a server may answer in the other one: RFC 9369 section 4.1 */
	for (int i = 0; i < 4; i++) {
		const struct quic_expected e =
			quicframe_expected(versions[i & 1]);
		const struct quicframe f = { versions[i / 2], .frames = "01",
					     .padding = 20 };
		u8 at[QUICFRAME_MAX];
		struct quic_reply r;

		r = read_as(&e, at, quicframe_add(&crypto, &f, at, 0));
		assert_int_equal(r.seen, S(INITIAL) | S(PING));
		assert_int_equal(r.version, versions[i / 2]);
	}
}

static const struct whole {
	struct quicframe f;
	u32 seen;
} wholes[] = {
	{ { QUIC_V1, .frames = "01", .padding = 20, .unsealed = true },
	  S(SEALED) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .wrong = QUIC_SERVER },
	  S(SEALED) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .to = "0123456789abcdee" },
	  S(FOREIGN) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .to = "0123456789abcd" },
	  S(FOREIGN) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .to = "" }, S(FOREIGN) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .from = "" },
	  S(INITIAL) | S(PING) },
	{ { QUIC_V1, .frames = "01", .padding = 20,
	    .from = "0102030405060708090a0b0c0d0e0f1011121314" },
	  S(INITIAL) | S(PING) },
	{ { QUIC_V1, .frames = "01", .padding = 20,
	    .from = "0102030405060708090a0b0c0d0e0f101112131415" },
	  S(MALFORMED) },
	{ { QUIC_V1, .frames = "", .padding = 0, .number_octets = 4 },
	  S(INITIAL) | S(MALFORMED) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .token = 3 }, S(STRANGE) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .reserved = 4 },
	  S(STRANGE) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .flip = QUIC_FIXED },
	  S(MALFORMED) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .lie = 1 }, S(MALFORMED) },
	{ { QUIC_V1, .frames = "01", .padding = 20, .lie = -1u },
	  S(SEALED) | S(MALFORMED) },
	{ { QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "", .padding = 9 },
	  S(HANDSHAKE) },
	{ { QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "", .padding = 9,
	    .lie = 1 },
	  S(MALFORMED) },
	/* no room for a sample */
	{ { QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "01", .unsealed = true },
	  S(MALFORMED) },
	{ { QUIC_V2, .type = QUIC_HANDSHAKE, .frames = "", .padding = 9 },
	  S(HANDSHAKE) },
	{ { QUIC_V1, .type = QUIC_0RTT, .frames = "", .padding = 9 },
	  S(STRANGE) },
	{ { 0xff00001d, .frames = "41424344" }, S(UNSPOKEN) },
	{ { QUIC_V1, .type = QUIC_RETRY, .frames = "746f6b656e" }, S(RETRY) },
	{ { QUIC_V1, .type = QUIC_RETRY, .frames = "" }, S(MALFORMED) },
	{ { QUIC_V1, .type = QUIC_RETRY, .frames = "00", .flip = 1 },
	  S(STRANGE) }, /* its tag is no longer true */
	{ { QUIC_V1, .type = QUIC_RETRY, .frames = "00",
	    .from = "8394c8f03e515708" },
	  S(STRANGE) },
	{ { QUIC_V2, .type = QUIC_RETRY, .frames = "746f6b656e" },
	  S(STRANGE) }, /* we sent v1 */
	{ { 0, .frames = "6b3343cf" }, S(VERSIONS) },
	{ { 0, .frames = "" }, S(MALFORMED) },
	{ { 0, .frames = "6b3343cf00" }, S(MALFORMED) },
	{ { 0, .frames = "6b3343cf 00000001" }, S(STRANGE) },
	{ { 0, .frames = "6b3343cf", .from = "8394c8f03e515709" }, S(FOREIGN) },
	{ { 0, .frames = "6b3343cf", .to = "00" }, S(FOREIGN) },
};

static void packets(void **state)
{
	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++) {
		struct quic_reply r = read_one(&wholes[i].f);

		if (r.seen != wholes[i].seen)
			fail_msg("row %zu: %#x, not %#x", i, r.seen,
				 wholes[i].seen);
		assert_int_equal(!r.token, !(r.seen & S(RETRY)));
		assert_int_equal(!r.offers, !(r.seen & S(VERSIONS)));
		assert_true(!r.scid.len || r.seen & (S(RETRY) | S(INITIAL)));
	}
}

static void retry(void **state)
{
	const struct quicframe f = { QUIC_V1, .type = QUIC_RETRY,
				     .frames = "746f6b656e" };
	const struct quic_cid scid = quicframe_scid();
	u8 at[QUICFRAME_MAX];
	struct quic_reply r;

	r = read_octets(at, quicframe_add(&crypto, &f, at, 0));
	assert_int_equal(r.token_len, 5);
	assert_memory_equal(r.token, "token", 5);
	assert_true(quic_cid_equal(&scid, r.scid.id, r.scid.len));
}

static void negotiation(void **state)
{
	struct quic_expected e = quicframe_expected(0x1a2a3a4a);
	const struct quicframe f = {
		.frames = "0a0a0a0a 01010101 02020202 03030303 04040404"
			  "05050505 06060606 07070707 1a2a3a4a 6b3343cf",
	};
	u8 at[QUICFRAME_MAX];
	struct quic_reply r;

	/* a server may offer any reserved version, ours too */
	r = read_as(&e, at, quicframe_add(&crypto, &f, at, 0));
	assert_int_equal(r.seen, S(VERSIONS));
	assert_int_equal(r.offers, 10);
	assert_int_equal(r.offered[0], 0x0a0a0a0a);
	assert_int_equal(r.offered[QUIC_OFFERED - 1], 0x07070707);
	assert_true(r.offers_v2);
	assert_false(r.offers_v1);
}

/* What stands behind a packet: another, one of ours, one that is none. */
static void coalesced(void **state)
{
	static const struct quicframe initial = { QUIC_V1, .frames = "01",
						  .padding = 20 };
	static const struct quicframe second = { QUIC_V1,
						 .frames = "0200000000",
						 .padding = 20, .number = 1 };
	static const struct quicframe handshake = {
		QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "", .padding = 9
	};
	static const struct quicframe again = { QUIC_V1, .type = QUIC_RETRY,
						.frames = "00" };
	static const struct quicframe other = { QUIC_V2, .frames = "0200000000",
						.padding = 20 };
	static const u8 one_rtt[] = { 0x5b, 1,	  0x23, 0x45, 0x67, 0x89,
				      0xab, 0xcd, 0xef, 7,    7,    7 };
	const u32 base = S(INITIAL) | S(PING);
	u8 at[QUICFRAME_MAX];
	u32 len = quicframe_add(&crypto, &initial, at, 0), all;

	all = quicframe_add(&crypto, &second, at, len);
	assert_int_equal(read_octets(at, all).seen, base | S(ACK));
	/* of another version, hence with other keys */
	all = quicframe_add(&crypto, &other, at, len);
	assert_int_equal(read_octets(at, all).seen, base | S(ACK));
	all = quicframe_add(&crypto, &handshake, at, all);
	memcpy(at + all, one_rtt, sizeof(one_rtt));
	all += sizeof(one_rtt);
	assert_int_equal(read_octets(at, all).seen,
			 base | S(ACK) | S(HANDSHAKE) | S(SHORT));
	all = quicframe_add(&crypto, &again, at, len);
	assert_int_equal(read_octets(at, all).seen, base | S(STRANGE));
	memset(at + len, 0, 30); /* as some pad */
	assert_int_equal(read_octets(at, len + 30).seen, base | S(TRAILER));
	at[len] = 0x40;
	assert_int_equal(read_octets(at, len + 30).seen, base | S(TRAILER));
	at[len] = 0x80;
	assert_int_equal(read_octets(at, len + 3).seen, base | S(MALFORMED));
	assert_int_equal(read_octets(at, len + 30).seen, base | S(FOREIGN));
}

static void crowded(void **state)
{
	static const struct quicframe f = { QUIC_V1, .type = QUIC_HANDSHAKE,
					    .frames = "", .padding = 9 };
	u8 at[QUICFRAME_MAX];
	u32 len = 0;

	for (int i = 0; i < QUIC_PACKETS; i++)
		len = quicframe_add(&crypto, &f, at, len);
	assert_int_equal(read_octets(at, len).seen, S(HANDSHAKE));
	len = quicframe_add(&crypto, &f, at, len);
	assert_int_equal(read_octets(at, len).seen, S(HANDSHAKE) | S(CROWDED));
}

static void short_headers(void **state)
{
	u8 at[64] = { 0x41, 9, 9 };

	assert_int_equal(read_octets(at, 0).seen, S(MALFORMED));
	assert_int_equal(read_octets(at, 20).seen, S(STRANGE));
	assert_int_equal(read_octets(at, 21).seen, S(RESET));
	at[0] = 1;
	assert_int_equal(read_octets(at, 40).seen, S(STRANGE));
	at[0] = 0x40;
	memcpy(at + 1, quicframe_ours().id, 8);
	assert_int_equal(read_octets(at, 9).seen, S(SHORT));
	assert_int_equal(read_octets(at, 8).seen, S(STRANGE));
}

/* An Initial whose frames are more than a frame of ours can hold. */
static void too_long_to_open(void **state)
{
	static const struct quicframe f = { QUIC_V1, .frames = "01",
					    .padding = 1900 };
	u8 at[4096];
	u32 len = quicframe_add(&crypto, &f, at, 0);

	assert_int_equal(read_octets(at, len).seen, S(INITIAL) | S(PING));
	/* its length now says 3000 */
	memset(at + len, 0, sizeof(at) - len);
	at[5 + 9 + 9 + 1] = 0x40 | 3000 >> 8;
	at[5 + 9 + 9 + 2] = 3000 & 255;
	assert_int_equal(read_octets(at, 5 + 9 + 9 + 3 + 3000).seen, S(SEALED));
}

/* Cut anywhere, and any octet another. */
static void damaged(void **state)
{
	u64 seed = 7;

	for (u32 i = 0; i < quicframe_samples(); i++) {
		u8 at[QUICFRAME_MAX];
		u32 len = quicframe_sample(&crypto, i, true, at);

		assert_in_range(len, 20, QUICFRAME_MAX);
		for (u32 cut = 0; cut < len; cut++) {
			assert_true(read_octets(at, cut).seen != 0);
			assert_true(read_octets(at, cut).seen <
				    1 << QUIC_SEEN_COUNT);
		}
		for (u32 j = 0; j < len; j++) {
			u8 bits = (u8)(1 << frame_random(&seed) % 8);

			at[j] ^= bits;
			assert_true(read_octets(at, len).seen != 0);
			at[j] ^= bits;
		}
	}
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
		cmocka_unit_test(frames),
		cmocka_unit_test(values),
		cmocka_unit_test(never_sent),
		cmocka_unit_test(many_ranges),
		cmocka_unit_test(versions_of_packets),
		cmocka_unit_test(packets),
		cmocka_unit_test(retry),
		cmocka_unit_test(negotiation),
		cmocka_unit_test(coalesced),
		cmocka_unit_test(crowded),
		cmocka_unit_test(short_headers),
		cmocka_unit_test(too_long_to_open),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, up, down);
}
