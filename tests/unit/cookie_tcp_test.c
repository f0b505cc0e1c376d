/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cookie_tcp_test: a TCP probe is known again by its quote and by what the
 * destination acknowledges, and by nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "frame.h"

#include <cmocka.h>

enum { ETH = 14, IP4 = 20, IP6 = 40, MINIMAL4 = 28, MINIMAL6 = 48 };

static const char *const ours[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const router[2] = { "198.51.100.7", "2001:db8:f::7" };
static const char *const asked[2] = { "203.0.113.9", "2001:db8:9::9" };
static const char *const shown[2] = { "20.40.60.80", "2001:db8:a::b" };

static struct frame expired(const struct cookie_key *key, int v6, u8 ttl,
			    u8 attempt)
{
	struct frame f = {
		.ip = { v6 ? 6 : 4, router[v6] },
		.l4 = { v6 ? PROTO_ICMP6 : PROTO_ICMP,
			v6 ? ICMP6_EXPIRED : ICMP4_EXPIRED },
		.quote = { v6 ? 6 : 4, ours[v6], asked[v6], .ttl = 1 },
		.quoted = { PROTO_TCP, .dport = 80, .flags = TCP_SYN },
	};

	f.ip.dst = ours[v6];
	frame_probe(&f, key, ttl, attempt);
	return f;
}

/* flags 0: what the key's probes are answered with. */
static struct frame answered(const struct cookie_key *key, int v6, u8 flags,
			     u8 ttl, u8 attempt)
{
	struct frame f = {
		.ip = { v6 ? 6 : 4, asked[v6] },
		.l4 = { PROTO_TCP, .sport = 80, .flags = flags },
	};

	f.ip.dst = ours[v6];
	frame_probe(&f, key, ttl, attempt);
	return f;
}

static struct cookie_proof check_octets(const struct cookie_key *key,
					const u8 *at, u32 len)
{
	struct cookie_proof proof;
	enum cookie_result result;
	struct reply reply;

	reply_parse(at, len, &reply);
	result = cookie_check(key, &reply, &proof);
	assert_int_equal(result, proof.result);
	if (proof.result < COOKIE_EXACT)
		assert_int_equal(proof.ttl | proof.attempt | proof.bits, 0);
	return proof;
}

static struct cookie_proof check(const struct cookie_key *key,
				 const struct frame *f)
{
	u8 at[FRAME_MAX];

	return check_octets(key, at, frame_build(f, at));
}

static void assert_proof(struct cookie_proof p, u8 result, u8 ttl, u8 attempt,
			 u8 bits)
{
	assert_int_equal(p.result, result);
	assert_int_equal(p.ttl, ttl);
	assert_int_equal(p.attempt, attempt);
	assert_int_equal(p.bits, bits);
}

static void every_probe(void **state)
{
	struct cookie_key key = frame_key();

	for (int i = 0; i < 2 * 256 * 16; i++) {
		u8 ttl = (u8)(i >> 5), attempt = i >> 1 & 15;
		int v6 = i & 1;
		struct frame f = expired(&key, v6, ttl, attempt);

		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt,
			     v6 ? 32 : 48);
		/* eight octets of TCP are enough, and seven are not */
		f.quote_max = v6 ? MINIMAL6 : MINIMAL4;
		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt,
			     v6 ? 32 : 48);
		f.quote_max--;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f = answered(&key, v6, 0, ttl, attempt);
		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt, 32);
		f = answered(&key, v6, TCP_RST | TCP_ACK, ttl, attempt);
		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt, 32);
	}
}

/* Of all flags, those that a SYN, or an ACK, is answered with. */
static void flags(void **state)
{
	for (int flags = 1; flags < 256; flags++) {
		u8 what = flags & (TCP_SYN | TCP_RST | TCP_ACK);
		struct cookie_key key = frame_key();
		struct frame f = answered(&key, flags & 1, (u8)flags, 9, 1);

		assert_int_equal(check(&key, &f).result,
				 what & TCP_ACK ? COOKIE_EXACT
						: COOKIE_FOREIGN);
		key.mode = COOKIE_TCP_ACK;
		f = answered(&key, flags & 1, (u8)flags, 9, 1);
		assert_int_equal(check(&key, &f).result,
				 what == TCP_RST ? COOKIE_EXACT
						 : COOKIE_FOREIGN);
		key.mode = COOKIE_PLAIN;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
	}
}

/* What acknowledges nothing of ours, or comes from whom we did not ask. */
static void answers_of_others(void **state)
{
	struct cookie_key key = frame_key(), other = key;

	other.hash.k[0] ^= 1;
	for (int i = 0; i < 512; i++) {
		int v6 = i & 1;
		struct frame f = answered(&key, v6, 0, (u8)(i >> 1), 0);
		u16 port = f.l4.dport;

		f.l4.ack--;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.ack += 2;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.ack--;
		assert_true(check(&other, &f).result < COOKIE_EXACT);
		f.ip.src = router[v6];
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.ip.src = asked[v6];
		f.l4.dport = port ^ 1;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.dport = port ^ 0x8000;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f.l4.dport = port;
		assert_int_equal(check(&key, &f).result, COOKIE_EXACT);
	}
}

/* Nothing in the proof depends on our address or our port. */
static void rewritten(void **state)
{
	struct cookie_key key = frame_key();

	for (int i = 0; i < 512; i++) {
		int v6 = i & 1;
		struct frame f = expired(&key, v6, (u8)(i >> 1), 3);
		u8 bits = v6 ? 20 : 36;

		f.quote.src = shown[v6];
		f.quote_max = v6 ? MINIMAL6 : MINIMAL4;
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, (u8)(i >> 1), 3,
			     bits + 12);
		f.quoted.sport ^= 0x4321;
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, (u8)(i >> 1), 3,
			     bits);
		f.quote.src = ours[v6];
		assert_true(check(&key, &f).result < COOKIE_EXACT);
		f.quote.src = shown[v6];
		f.quoted.seq ^= 1;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
	}
}

static void flip(const struct cookie_key *key, const struct frame *f, u32 from,
		 u32 to)
{
	u8 at[FRAME_MAX];
	u32 len = frame_build(f, at);

	assert_int_equal(check_octets(key, at, len).result, COOKIE_EXACT);
	for (u32 bit = from * 8; bit < to * 8; bit++) {
		at[bit / 8] ^= (u8)(1 << bit % 8);
		assert_true(check_octets(key, at, len).result < COOKIE_EXACT);
		at[bit / 8] ^= (u8)(1 << bit % 8);
	}
}

static void single_bits(void **state)
{
	struct cookie_key key = frame_key();

	for (int i = 0; i < 512; i++) {
		int v6 = i & 1;
		u32 ip = v6 ? IP6 : IP4, quote = ETH + ip + 8;
		struct frame f = expired(&key, v6, (u8)(i / 2), i & 15);

		if (!v6)
			flip(&key, &f, quote + 4, quote + 6);	    /* id */
		flip(&key, &f, quote + (v6 ? 24 : 16), quote + ip); /* dst */
		flip(&key, &f, quote + ip, quote + ip + 2);
		flip(&key, &f, quote + ip + 4, quote + ip + 8);
		f = answered(&key, v6, 0, (u8)(i / 2), i & 15);
		flip(&key, &f, ETH + (v6 ? 8 : 12), ETH + (v6 ? 24 : 16));
		flip(&key, &f, ETH + ip + 2, ETH + ip + 4);
		flip(&key, &f, ETH + ip + 8, ETH + ip + 12);
	}
}

/* Ports are those of the flow; another probe of it has another number. */
static void one_flow(void **state)
{
	struct cookie_key key = frame_key();
	struct addr dst = frame_addr(asked[0]);
	struct cookie first, c;

	cookie_make(&key, &dst, PROTO_TCP, 0, 0, &first);
	for (int i = 1; i < 4096; i++) {
		cookie_make(&key, &dst, PROTO_TCP, (u8)(i >> 4), i & 15, &c);
		assert_int_equal(c.port, first.port);
		assert_int_equal(c.seq >> 20, i);
	}
}

/* With its options, TSval among them, and with another sequence number. */
static u32 renumbered(const struct cookie_key *key, int v6, u32 stamp, u32 seq,
		      u8 *at)
{
	static const u8 options[] = { 2, 4, 5, 180, 4, 2, 8, 10 };
	struct frame f = expired(key, v6, 9, 3);
	u8 *tcp = at + ETH + 2 * (v6 ? IP6 : IP4) + 8;
	const be32 v = be32_put(stamp);
	u32 len;

	f.quoted.payload = 20;
	f.quoted.seq = seq;
	len = frame_build(&f, at);
	tcp[12] = 10 << 4;
	memcpy(tcp + 20, options, sizeof(options));
	memcpy(tcp + 28, &v, sizeof(v));
	return len;
}

/* Whoever rewrites the number leaves the timestamp, or the other way round;
 * either tells the probe, to all but who has to guess it. */
static void either_number(void **state)
{
	struct cookie_key key = frame_key();

	for (int v6 = 0; v6 < 2; v6++) {
		const u32 seq = expired(&key, v6, 9, 3).quoted.seq;
		const u8 bits = (v6 ? 0 : 16) + key.port_bits + 20;
		u8 at[FRAME_MAX];

		assert_proof(check_octets(&key, at,
					  renumbered(&key, v6, seq, seq, at)),
			     COOKIE_EXACT, 9, 3, bits);
		assert_proof(check_octets(&key, at,
					  renumbered(&key, v6, 1, seq, at)),
			     COOKIE_EXACT, 9, 3, bits - 1);
		for (u32 i = 1; i; i <<= 1) {
			u32 len = renumbered(&key, v6, seq, seq ^ i, at);

			assert_proof(check_octets(&key, at, len), COOKIE_EXACT,
				     9, 3, bits - 1);
			len = renumbered(&key, v6, seq ^ i, seq ^ i, at);
			assert_int_equal(check_octets(&key, at, len).result,
					 COOKIE_FORGED);
			/* only of SYNs that have one */
			len = renumbered(&key, v6, seq, seq ^ i, at);
			at[ETH + 2 * (v6 ? IP6 : IP4) + 8 + 13] = TCP_ACK;
			assert_int_equal(check_octets(&key, at, len).result,
					 COOKIE_FORGED);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_probe),
		cmocka_unit_test(flags),
		cmocka_unit_test(answers_of_others),
		cmocka_unit_test(rewritten),
		cmocka_unit_test(single_bits),
		cmocka_unit_test(one_flow),
		cmocka_unit_test(either_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
