/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cookie_test: what a probe carries comes back through a quote, whatever the
 * router cuts, pads and translates, and nothing else is accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "frame.h"

#include <cmocka.h>

enum { MINIMAL4 = 28, MINIMAL6 = 48, WITH_MARK = 56 };

static const char *const nets[2][2] = {
	{ "198.51.100.7", "203.0.113.9" },
	{ "2001:db8:f::7", "2001:db8:9::9" },
};

/* A time exceeded that quotes our probe; `v6` and `icmp` are 0 or 1. */
static struct frame expired(const struct cookie_key *key, int v6, int icmp,
			    u8 ttl, u8 attempt)
{
	static const char *const ours[2] = { "192.0.2.1", "2001:db8::1" };
	u8 proto = v6 ? PROTO_ICMP6 : PROTO_ICMP;
	struct frame f = {
		.ip = { .family = v6 ? 6 : 4, .src = nets[v6][0] },
		.l4 = { .proto = proto,
			.type = v6 ? ICMP6_EXPIRED : ICMP4_EXPIRED },
		.quote = { .family = v6 ? 6 : 4, .src = ours[v6], .ttl = 1 },
		.quoted = { .proto = icmp ? proto : PROTO_UDP,
			    .dport = 33434,
			    .payload = 10 },
	};

	f.ip.dst = ours[v6];
	f.quote.dst = nets[v6][1];
	frame_probe(&f, key, ttl, attempt);
	return f;
}

static struct cookie_proof check(const struct cookie_key *key,
				 const struct frame *f)
{
	u8 at[FRAME_MAX];
	struct cookie_proof proof;
	struct reply reply;
	enum cookie_result result;

	reply_parse(at, frame_build(f, at), &reply);
	result = cookie_check(key, &reply, &proof);
	assert_int_equal(result, proof.result);
	return proof;
}

static void assert_proof(struct cookie_proof p, u8 result, u8 ttl, u8 attempt,
			 u8 bits)
{
	assert_int_equal(p.result, result);
	assert_int_equal(p.ttl, ttl);
	assert_int_equal(p.attempt, attempt);
	assert_int_equal(p.bits, bits);
}

static void assert_refused(struct cookie_proof p)
{
	assert_true(p.result == COOKIE_FORGED || p.result == COOKIE_FOREIGN);
	assert_int_equal(p.ttl, 0);
	assert_int_equal(p.attempt, 0);
	assert_int_equal(p.bits, 0);
}

/* Bits of an exact quote: id, field, port or identifier, and the mark. */
static u8 bits_of(int v6, int icmp, bool mark)
{
	u8 flow = icmp ? 16 : 12;

	return v6 ? flow + 16 + 48 : (u8)(flow + 16 + 4 + (mark ? 44 : 0));
}

static void test_every_probe(void **state)
{
	struct cookie_key key = frame_key();

	for (int kind = 0; kind < 4; kind++) {
		int v6 = kind & 1, icmp = kind >> 1;

		for (int i = 0; i < 256 * 16; i++) {
			u8 ttl = (u8)(i >> 4), attempt = i & 15;
			struct frame f = expired(&key, v6, icmp, ttl, attempt);

			assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
				     attempt, bits_of(v6, icmp, true));
		}
	}
}

static void test_short_quotes(void **state)
{
	struct cookie_key key = frame_key();

	for (int icmp = 0; icmp < 2; icmp++) {
		struct frame f = expired(&key, 0, icmp, 9, 2);

		for (f.quote_max = MINIMAL4; f.quote_max < 36; f.quote_max++)
			assert_proof(check(&key, &f), COOKIE_EXACT, 9, 2,
				     bits_of(0, icmp, false));
		f.quote_max = 36;
		assert_proof(check(&key, &f), COOKIE_EXACT, 9, 2,
			     bits_of(0, icmp, true));
		f.quote_max = MINIMAL4 - 1;
		assert_refused(check(&key, &f));

		f = expired(&key, 1, icmp, 9, 2);
		f.quote_max = WITH_MARK;
		assert_proof(check(&key, &f), COOKIE_EXACT, 9, 2,
			     bits_of(1, icmp, true));
		/* IPv6 has no identification: without the mark, nothing */
		f.quote_max = WITH_MARK - 1;
		assert_refused(check(&key, &f));
		f.quote_max = MINIMAL6;
		assert_refused(check(&key, &f));
		/* not even where a missing mark would name the probe */
		f = expired(&key, 1, icmp, 0, 0);
		f.quote_max = MINIMAL6;
		assert_refused(check(&key, &f));
	}
}

/* Zeroes where the mark was are a router's padding, not a wrong mark. */
static void test_padded_quotes(void **state)
{
	struct cookie_key key = frame_key();

	for (int icmp = 0; icmp < 2; icmp++) {
		struct frame f = expired(&key, 0, icmp, 30, 15);

		f.quote_max = MINIMAL4;
		f.quote_pad = 128;
		assert_proof(check(&key, &f), COOKIE_EXACT, 30, 15,
			     bits_of(0, icmp, false));
		f.words = 32;
		f.extensions = 16;
		assert_proof(check(&key, &f), COOKIE_EXACT, 30, 15,
			     bits_of(0, icmp, false));
		f = expired(&key, 1, icmp, 30, 15);
		f.quote_max = MINIMAL6;
		f.quote_pad = 128;
		assert_refused(check(&key, &f));
	}
}

/* Every kind of error carries a quote; so does a reply to an echo request. */
static void test_kinds(void **state)
{
	static const u8 types[2][4] = {
		{ ICMP4_EXPIRED, ICMP4_UNREACH, ICMP4_PARAM, ICMP4_UNREACH },
		{ ICMP6_EXPIRED, ICMP6_UNREACH, ICMP6_PARAM, ICMP6_TOOBIG },
	};
	struct cookie_key key = frame_key();

	for (int i = 0; i < 8; i++) {
		struct frame f = expired(&key, i & 1, 0, 3, 1);

		f.l4.type = types[i & 1][i >> 1];
		f.l4.code = i == 6 ? ICMP4_UNREACH_FRAG : 0;
		assert_proof(check(&key, &f), COOKIE_EXACT, 3, 1,
			     bits_of(i & 1, 0, true));
	}
}

static void test_echo(void **state)
{
	struct cookie_key key = frame_key();

	for (int v6 = 0; v6 < 2; v6++) {
		struct frame f = {
			.ip = { v6 ? 6 : 4, nets[v6][1] },
			.l4 = { v6 ? PROTO_ICMP6 : PROTO_ICMP,
				v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY,
				.payload = 8 },
		};

		f.ip.dst = v6 ? "2001:db8::1" : "192.0.2.1";
		frame_probe(&f, &key, 44, 7);
		assert_proof(check(&key, &f), COOKIE_EXACT, 44, 7, 80);
		/* an echo reply whose mark is missing could be any ping's */
		f.l4.payload = 7;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f.l4.payload = 8;
		f.l4.sport ^= 1;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f.l4.sport ^= 1;
		f.l4.field ^= 1;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.field ^= 1;
		f.l4.mark ^= 1;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.mark ^= 1ULL << 48 | 1; /* no attempt looks so */
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f.l4.mark ^= 1ULL << 48;
		f.ip.src = nets[v6][0]; /* not whom we asked */
		assert_refused(check(&key, &f));
	}
}

/* What a translator does to a UDP checksum when it puts one address and port
 * in place of another: RFC 3022, section 4.2, by summing everything anew. */
static u16 adjusted(u16 check, const char *old, u16 old_port, const char *new,
		    u16 new_port)
{
	struct addr a = frame_addr(old), b = frame_addr(new);
	u64 sum = (u16)~check;

	sum += (u16)~csum_fold(csum_add_addr(old_port, &a));
	sum += csum_fold(csum_add_addr(new_port, &b));
	return (u16)~csum_fold(sum);
}

/* The error came back to us, but the quote shows another address. */
static void test_rewritten(void **state)
{
	static const char *const seen[2] = { "20.40.60.80", "2001:db8:a::b" };
	static const char *const ours[2] = { "192.0.2.1", "2001:db8::1" };
	struct cookie_key key = frame_key();

	for (int i = 0; i < 256 * 16; i++) {
		u8 ttl = (u8)(i >> 4), attempt = i & 15;
		int v6 = i & 1;
		struct frame f = expired(&key, v6, 0, ttl, attempt);
		u16 port = f.quoted.sport, field = f.quoted.field;
		u8 bits = bits_of(v6, 0, true) - 1;

		f.quote.src = seen[v6];
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl, attempt,
			     bits);
		f.quoted.field =
			adjusted(field, ours[v6], port, seen[v6], port);
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl, attempt,
			     bits);
		f.quoted.sport = (u16)(1024 + i);
		if (f.quoted.sport == port)
			continue;
		f.quoted.field = adjusted(field, ours[v6], port, seen[v6],
					  f.quoted.sport);
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl, attempt,
			     bits - 12);
		f.quoted.field = field;
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl, attempt,
			     bits - 12);
		if (!v6) {
			f.quote_max = MINIMAL4;
			assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl,
				     attempt, bits - 12 - 44);
		}
	}
}

/* A translator leaves the ICMP sequence number alone; with the identifier
 * changed too, less is known. */
static void test_rewritten_echo(void **state)
{
	struct cookie_key key = frame_key();
	struct frame f = expired(&key, 0, 1, 12, 3);

	f.quote.src = "20.40.60.80";
	assert_proof(check(&key, &f), COOKIE_REWRITTEN, 12, 3, 80);
	f.quoted.sport ^= 0x1111;
	assert_proof(check(&key, &f), COOKIE_REWRITTEN, 12, 3, 64);
	f.quoted.field ^= 1;
	assert_refused(check(&key, &f));
}

/* 0 and 0xffff are one number to a checksum, and UDP never sends 0. */
static void test_zero_field(void **state)
{
	struct cookie_key key = frame_key();
	struct addr dst = frame_addr(nets[0][1]);
	unsigned int met = 0;

	assert_int_equal(cookie_field(0), 0xffff);
	assert_int_equal(cookie_field(0xabcd0000), 0xffff);
	assert_int_equal(cookie_field(0xffff), 0xffff);
	assert_int_equal(cookie_field(0x10001), 1);
	for (u64 n = 0; n < 1 << 20 && met < 8; n++) {
		struct cookie c;
		struct frame f;

		key.hash.k[0] = n;
		cookie_make(&key, &dst, PROTO_UDP, 5, 0, &c);
		assert_int_not_equal(c.field, 0);
		if (c.field != 0xffff)
			continue;
		met++;
		f = expired(&key, 0, 0, 5, 0);
		f.quoted.field = 0;
		assert_int_equal(check(&key, &f).result, COOKIE_EXACT);
		f.quote.src = "20.40.60.80";
		assert_int_equal(check(&key, &f).result, COOKIE_REWRITTEN);
		f.quoted.field = adjusted(0, "192.0.2.1", 1, "20.40.60.80", 1);
		assert_int_equal(check(&key, &f).result, COOKIE_REWRITTEN);
		f.quoted.field ^= 0x8000;
		assert_refused(check(&key, &f));
	}
	assert_int_equal(met, 8);
}

/* Somebody else's traceroute: our address, a port that we do not hold. */
static void test_foreign_ports(void **state)
{
	struct cookie_key key = frame_key();
	struct frame f = expired(&key, 0, 0, 5, 0);
	u16 ours = f.quoted.sport;

	for (u32 port = 0; port <= 0xffff; port++) {
		struct cookie_proof p;

		f.quoted.sport = (u16)port;
		p = check(&key, &f);
		if (port == ours)
			assert_int_equal(p.result, COOKIE_EXACT);
		else if (port >= 32768 && port < 32768 + 4096)
			assert_int_equal(p.result, COOKIE_FORGED);
		else
			assert_int_equal(p.result, COOKIE_FOREIGN);
	}
}

static void test_port_masks(void **state)
{
	const struct addr dst = frame_addr(nets[0][1]);

	for (u8 n = 0; n <= 12; n++) {
		struct cookie_key key = frame_key();
		struct frame f;
		struct cookie c;

		key.port_bits = n;
		key.port_mask = (u16)((1 << n) - 1);
		key.port_base = 61000;
		cookie_make(&key, &dst, PROTO_UDP, 1, 0, &c);
		assert_in_range(c.port, 61000, 61000 + key.port_mask);
		f = expired(&key, 0, 0, 1, 0);
		assert_proof(check(&key, &f), COOKIE_EXACT, 1, 0,
			     (u8)(n + 16 + 4 + 44));
		f.quoted.sport = (u16)(61000 + key.port_mask + 1);
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
	}
}

/* The flow: what routers hash is the same for every TTL and attempt, and
 * differs from destination to destination. */
static void test_flow(void **state)
{
	struct cookie_key key = frame_key();
	struct addr dst = frame_addr(nets[0][1]);
	struct cookie first, c;
	unsigned int ports = 0;

	cookie_make(&key, &dst, PROTO_UDP, 1, 0, &first);
	for (int i = 1; i < 4096; i++) {
		cookie_make(&key, &dst, PROTO_UDP, (u8)(i >> 4), i & 15, &c);
		assert_int_equal(c.port, first.port);
		assert_int_equal(c.echo_id, first.echo_id);
		assert_int_equal(c.echo_check, first.echo_check);
	}
	for (int i = 0; i < 4096; i++) {
		dst.b[15] = (u8)i;
		dst.b[14] = (u8)(i >> 8);
		cookie_make(&key, &dst, PROTO_UDP, 1, 0, &c);
		ports += c.port != first.port;
	}
	assert_true(ports > 4080);
}

/* The frame's octets from `from` to `to`, each bit turned over in turn. */
static void flip_all(const struct cookie_key *key, const struct frame *f,
		     u32 from, u32 to)
{
	u8 at[FRAME_MAX];
	u32 len = frame_build(f, at);
	struct cookie_proof proof;
	struct reply reply;

	assert_true(to <= len);
	for (u32 bit = from * 8; bit < to * 8; bit++) {
		at[bit / 8] ^= (u8)(1 << bit % 8);
		reply_parse(at, len, &reply);
		cookie_check(key, &reply, &proof);
		assert_refused(proof);
		at[bit / 8] ^= (u8)(1 << bit % 8);
	}
}

static void test_single_bits(void **state)
{
	enum { QUOTE4 = 14 + 20 + 8, QUOTE6 = 14 + 40 + 8 };
	struct cookie_key key = frame_key();

	for (int i = 0; i < 512; i++) {
		struct frame f = expired(&key, 0, i & 1, (u8)(i / 16), i & 15);
		u32 flow = QUOTE4 + 20 + (i & 1 ? 4 : 0);

		flip_all(&key, &f, QUOTE4 + 4, QUOTE4 + 6);   /* id */
		flip_all(&key, &f, QUOTE4 + 16, QUOTE4 + 20); /* to whom */
		flip_all(&key, &f, flow, flow + 2);	      /* flow */
		flip_all(&key, &f, QUOTE4 + 26, QUOTE4 + 36); /* field, mark */
		f.quote_max = MINIMAL4;
		flip_all(&key, &f, QUOTE4 + 4, QUOTE4 + 6);
		flip_all(&key, &f, QUOTE4 + 26, QUOTE4 + 28);
		f.quote_max = 0;
		f.quote.src = "20.40.60.80";
		flip_all(&key, &f, QUOTE4 + 4, QUOTE4 + 6);
		flip_all(&key, &f, QUOTE4 + 26, QUOTE4 + 36);

		f = expired(&key, 1, i & 1, (u8)(i / 16), i & 15);
		flow += 40;
		flip_all(&key, &f, QUOTE6 + 24, QUOTE6 + 40);
		flip_all(&key, &f, flow, flow + 2);
		flip_all(&key, &f, QUOTE6 + 46, QUOTE6 + 56);
	}
}

/* Another run's key, no address of that family, TCP where none is sent. */
static void test_not_ours(void **state)
{
	struct cookie_key key = frame_key(), other = key;

	other.hash.k[1] ^= 1;
	for (int i = 0; i < 256; i++) {
		struct frame f = expired(&key, i & 1, i >> 1 & 1, (u8)i, 0);
		struct cookie_key none = key;

		assert_refused(check(&other, &f));
		memset(i & 1 ? &none.src6 : &none.src4, 0, sizeof(none.src4));
		assert_int_equal(check(&none, &f).result, COOKIE_FOREIGN);
		f.quoted.proto = PROTO_TCP;
		none = key;
		none.mode = COOKIE_PLAIN;
		frame_probe(&f, &key, (u8)i, 0);
		assert_int_equal(check(&none, &f).result, COOKIE_FOREIGN);
		assert_int_equal(check(&key, &f).result, COOKIE_EXACT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_probe),
		cmocka_unit_test(test_short_quotes),
		cmocka_unit_test(test_padded_quotes),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_rewritten_echo),
		cmocka_unit_test(test_zero_field),
		cmocka_unit_test(test_foreign_ports),
		cmocka_unit_test(test_port_masks),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_single_bits),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
