/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cookie_session_test: within a TCP session a probe is known again by where
 * its octet stands, and by nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "frame.h"

#include <cmocka.h>

enum { MINIMAL4 = 28, MINIMAL6 = 48, PORT_BITS = 12, ID_BITS = 16 };

static const char *const ours[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const router[2] = { "198.51.100.7", "2001:db8:f::7" };
static const char *const asked[2] = { "203.0.113.9", "2001:db8:9::9" };
static const char *const shown[2] = { "20.40.60.80", "2001:db8:a::b" };

static struct cookie_key session_key(u8 attempts, bool flows)
{
	struct cookie_key key = frame_key();

	key.mode = COOKIE_TCP_SESSION;
	key.attempts = attempts;
	key.flows = flows;
	return key;
}

static u32 session_of(const struct cookie_key *key, int v6)
{
	struct addr dst = frame_addr(asked[v6]);

	return cookie_session(key, &dst);
}

/* A router's quote of the octet of that probe; TTL 0: of the SYN. */
static struct frame quoted(const struct cookie_key *key, int v6, u8 ttl,
			   u8 attempt)
{
	struct frame f = {
		.ip = { v6 ? 6 : 4, router[v6] },
		.l4 = { v6 ? PROTO_ICMP6 : PROTO_ICMP,
			v6 ? ICMP6_EXPIRED : ICMP4_EXPIRED },
		.quote = { v6 ? 6 : 4, ours[v6], asked[v6], .ttl = 1 },
		.quoted = { PROTO_TCP, .dport = 80 },
	};

	f.ip.dst = ours[v6];
	frame_probe(&f, key, ttl, attempt);
	f.quoted.seq = session_of(key, v6);
	f.quoted.flags = TCP_SYN;
	if (!ttl)
		return f;
	f.quoted.seq += COOKIE_DATA + cookie_step(key, ttl, attempt);
	f.quoted.flags = TCP_PSH | TCP_ACK;
	f.quoted.ack = 0x12345678;
	return f;
}

/* What the destination says, `acked` octets after the SYN's number. */
static struct frame heard(const struct cookie_key *key, int v6, u8 flow,
			  u8 flags, u32 acked)
{
	struct addr dst = frame_addr(asked[v6]);
	struct frame f = {
		.ip = { v6 ? 6 : 4, asked[v6] },
		.l4 = { PROTO_TCP, .sport = 80, .flags = flags },
	};

	f.ip.dst = ours[v6];
	f.l4.dport = cookie_port(key, cookie_flow(key, &dst, PROTO_TCP), flow);
	f.l4.ack = session_of(key, v6) + acked;
	f.l4.seq = 0x9abcdef0;
	return f;
}

static struct cookie_proof check(const struct cookie_key *key,
				 const struct frame *f)
{
	struct cookie_proof proof;
	enum cookie_result result;
	struct reply reply;
	u8 at[FRAME_MAX];

	reply_parse(at, frame_build(f, at), &reply);
	result = cookie_check(key, &reply, &proof);
	assert_int_equal(result, proof.result);
	if (proof.result < COOKIE_EXACT)
		assert_int_equal(proof.ttl | proof.attempt | proof.bits, 0);
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

/* Each probe has a step of its own, all of them fit in, and those that leave
 * one after another are neighbours. */
static void every_step(void **state)
{
	for (int i = 2; i < 34; i++) {
		u8 attempts = (u8)(i / 2);
		struct cookie_key key = session_key(attempts, i & 1);
		u8 taken[256 * 16] = {};
		u32 last = 0;

		for (u32 n = attempts; n < 256u * attempts; n++) {
			u8 ttl = (u8)(n / attempts);
			u8 attempt = (u8)(n % attempts);
			u32 step = cookie_step(&key, ttl, attempt);

			assert_in_range(step, 1, 256u * attempts - 1);
			assert_int_equal(taken[step]++, 0);
			assert_int_equal(cookie_unstep(&key, step),
					 ttl << 8 | attempt << 4);
			if (!key.flows && n > attempts)
				assert_int_equal(step, last + 1);
			if (key.flows && ttl > 1)
				assert_int_equal(
					step,
					cookie_step(&key, ttl - 1, attempt) +
						1);
			last = step;
		}
	}
}

static void every_probe(void **state)
{
	for (int i = 0; i < 2 * 256 * 16; i++) {
		u8 ttl = (u8)(i >> 5), attempt = i >> 1 & 15, bits;
		int v6 = i & 1;

		/* TTL 0 is the SYN, and that is of one flow at least */
		for (int flows = ttl || !attempt ? 0 : 1; flows < 2; flows++) {
			struct cookie_key key = session_key(16, flows);
			struct frame f = quoted(&key, v6, ttl, attempt);

			bits = (u8)(19 + PORT_BITS + (v6 ? 0 : ID_BITS));
			assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
				     attempt, bits);
			/* eight octets of TCP are enough */
			f.quote_max = v6 ? MINIMAL6 : MINIMAL4;
			assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
				     attempt, bits);
			f.quote_max--;
			assert_int_equal(check(&key, &f).result,
					 COOKIE_FOREIGN);
			/* the FIN, whose number is the gap's */
			if (ttl)
				continue;
			f = quoted(&key, v6, 0, attempt);
			f.quoted.seq += COOKIE_GAP;
			f.quoted.flags = TCP_FIN | TCP_ACK;
			assert_proof(check(&key, &f), COOKIE_EXACT, 0, attempt,
				     bits);
		}
	}
}

/* The bits that are stated are no more than a forger would have to guess:
 * around the session, and right up to its ends, so many numbers pass. */
static void stated_bits(void **state)
{
	static const u8 stated[17] = { 0,  22, 22, 22, 20, 20, 20, 20, 20,
				       20, 20, 20, 20, 20, 20, 20, 19 };

	for (int i = 2; i < 34; i++) {
		u8 attempts = (u8)(i / 2);
		struct cookie_key key = session_key(attempts, i & 1);
		struct frame f = quoted(&key, 1, 1, 0);
		struct cookie_proof p;
		u32 ports = i & 1 ? attempts : 1, pass = 0;
		struct reply r;
		u8 at[FRAME_MAX];

		reply_parse(at, frame_build(&f, at), &r);
		r.tcp_flags = 0; /* as where the quote ends before */
		for (u32 n = 0; n < ports << 14; n++) {
			r.seq = session_of(&key, 1) + (n & 0x3fff) - 0x1000;
			r.sport = cookie_port(
				&key, cookie_flow(&key, &r.qdst, PROTO_TCP),
				(u8)(n >> 14));
			if (cookie_check(&key, &r, &p) != COOKIE_EXACT)
				continue;
			pass++;
			assert_int_equal(p.bits, stated[attempts] + PORT_BITS);
			assert_true(p.attempt < attempts);
		}
		assert_in_range(pass, 255u * attempts,
				1u << (32 - stated[attempts]));
	}
}

static void what_the_destination_says(void **state)
{
	static const u8 flags[] = { TCP_ACK, TCP_SYN | TCP_ACK,
				    TCP_FIN | TCP_ACK, TCP_PSH | TCP_ACK,
				    TCP_RST | TCP_ACK };

	for (int i = 0; i < 2 * 2 * 16 * 5; i++) {
		int v6 = i & 1, flows = i >> 1 & 1;
		u8 flow = i >> 2 & 15, f = flags[i >> 6];
		struct cookie_key key = session_key(16, flows);

		for (u32 acked = 0; acked < 4; acked++) {
			struct frame h = heard(&key, v6, flow, f, acked);
			struct cookie_proof p = check(&key, &h);

			if (acked != COOKIE_GAP && acked != COOKIE_DATA) {
				assert_int_equal(p.result, COOKIE_FORGED);
				continue;
			}
			assert_proof(p, COOKIE_EXACT, 0, flows ? flow : 0,
				     31 + PORT_BITS);
			/* the port is another's, or that of no flow */
			h.l4.dport ^= 0x800;
			assert_int_equal(check(&key, &h).result, COOKIE_FORGED);
			h.l4.dport ^= 0x8800;
			assert_int_equal(check(&key, &h).result,
					 COOKIE_FOREIGN);
			h = heard(&key, v6, flow, f, acked);
			h.ip.src = router[v6];
			assert_int_equal(check(&key, &h).result, COOKIE_FORGED);
		}
	}
}

/* It acknowledges nothing: whoever has the session looks at its number. */
static void bare_reset(void **state)
{
	for (int i = 0; i < 2 * 16; i++) {
		struct cookie_key key = session_key(16, true);
		u8 flow = (u8)(i >> 1);
		struct frame f = heard(&key, i & 1, flow, TCP_RST, 77);

		assert_proof(check(&key, &f), COOKIE_EXACT, 0, flow, PORT_BITS);
		f.l4.flags = TCP_RST | TCP_ACK;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		f.l4.flags = TCP_FIN | TCP_PSH;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		/* no flow beyond the sixteenth, nor beyond the first */
		f = heard(&key, i & 1, flow, TCP_RST, 77);
		f.l4.dport = (u16)(32768 + ((f.l4.dport + 16) & 4095));
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		key.flows = false;
		f = heard(&key, i & 1, 0, TCP_RST, 77);
		f.l4.dport = (u16)(32768 + ((f.l4.dport + 1) & 4095));
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		/* nobody keeps a session, then */
		key.mode = COOKIE_TCP_SYN;
		f = heard(&key, i & 1, 0, TCP_RST, 77);
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
		f = quoted(&key, i & 1, 9, 1);
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
	}
}

/* A translator leaves the number alone, which alone names the probe. */
static void translated(void **state)
{
	for (int i = 0; i < 2 * 256 * 16; i++) {
		u8 ttl = (u8)(i >> 5), attempt = i >> 1 & 15;
		u8 bits = i & 1 ? 19 : 19 + ID_BITS;
		struct cookie_key key = session_key(16, ttl && i & 32);
		struct frame f = quoted(&key, i & 1, ttl,
					key.flows || ttl ? attempt : 0);

		f.quote.src = shown[i & 1];
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl,
			     ttl ? attempt : 0, bits + PORT_BITS);
		/* the SYN too: where there is one flow, any port is of it */
		f.quoted.sport = (u16)(f.quoted.sport + 1777 * (1 + attempt));
		assert_proof(check(&key, &f), COOKIE_REWRITTEN, ttl,
			     ttl ? attempt : 0, bits);
		f.quote.dst = router[i & 1];
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
	}
}

/* Who guesses, from the right port and the right address: as often as the
 * half-open probes' 20 bits allow, and those of the session. */
static void forged(void **state)
{
	struct cookie_key key = session_key(16, false);
	struct reply ack = {}, quote4 = {}, quote6 = {};
	struct frame f;
	u8 at[FRAME_MAX];
	u32 acks = 0, quotes4 = 0, quotes6 = 0;
	u64 seed = 5;

	f = heard(&key, 0, 0, TCP_ACK, 1);
	reply_parse(at, frame_build(&f, at), &ack);
	f = quoted(&key, 0, 7, 3);
	reply_parse(at, frame_build(&f, at), &quote4);
	f = quoted(&key, 1, 7, 3);
	reply_parse(at, frame_build(&f, at), &quote6);
	for (int i = 0; i < 1 << 20; i++) {
		u64 r = frame_random(&seed);
		struct cookie_proof p;

		ack.ack = quote4.seq = quote6.seq = (u32)r;
		quote4.qid = (u16)(r >> 32);
		acks += cookie_check(&key, &ack, &p) >= COOKIE_EXACT;
		quotes4 += cookie_check(&key, &quote4, &p) >= COOKIE_EXACT;
		quotes6 += cookie_check(&key, &quote6, &p) >= COOKIE_EXACT;
	}
	assert_true(acks <= 8);
	assert_int_equal(quotes4, 0);
	assert_true(quotes6 <= 8);
	/* the right number, and any other id: none but the right one */
	f = quoted(&key, 0, 7, 3);
	reply_parse(at, frame_build(&f, at), &quote4);
	for (int i = 0; i < 1 << 16; i++) {
		struct cookie_proof p;

		quote4.qid++;
		quotes4 += cookie_check(&key, &quote4, &p) >= COOKIE_EXACT;
	}
	assert_int_equal(quotes4, 1);
}

/* The octets of one session stand on both sides of 2^32. */
static void numbers_wrap(void **state)
{
	struct cookie_key key = session_key(16, false);
	u32 before = 0, after = 0;

	while (session_of(&key, 0) < 0u - 2000)
		key.hash.k[0]++;
	for (int i = 0; i < 256 * 16; i++) {
		u8 ttl = (u8)(i >> 4), attempt = i & 15;
		struct frame f = quoted(&key, 0, ttl, ttl ? attempt : 0);

		before += f.quoted.seq >= 1u << 31;
		after += f.quoted.seq < 1u << 31;
		assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
			     ttl ? attempt : 0, 19 + PORT_BITS + ID_BITS);
	}
	assert_true(before > 16 && after > 16);
	/* what is acknowledged may stand there as well */
	while (session_of(&key, 0) != 0xffffffff &&
	       session_of(&key, 0) < 0u - 64)
		key.hash.k[0]++;
	for (u32 acked = 1; acked < 3; acked++) {
		struct frame f = heard(&key, 0, 0, TCP_ACK, acked);

		assert_proof(check(&key, &f), COOKIE_EXACT, 0, 0,
			     31 + PORT_BITS);
	}
}

/* A half-open probe whose number happens to be one of the session, as one in
 * a million is: its quote shows the flag that no octet has. */
static void number_by_accident(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct cookie_key key = session_key(16, false);
		struct addr dst = frame_addr(asked[v6]);
		struct cookie c;
		struct frame f;
		u16 i;

		for (;; key.hash.k[0]++) {
			u32 first = cookie_session(&key, &dst);

			i = cookie_seq_step(first);
			cookie_make(&key, &dst, PROTO_TCP, (u8)(i >> 8),
				    i >> 4 & 15, &c);
			if (c.seq - first - COOKIE_DATA < 256 * 16)
				break;
		}
		f = quoted(&key, v6, (u8)(i >> 8), i >> 4 & 15);
		f.quoted.seq = c.seq;
		f.quoted.flags = TCP_SYN;
		assert_proof(check(&key, &f), COOKIE_EXACT, (u8)(i >> 8),
			     i >> 4 & 15, 20 + PORT_BITS + (v6 ? 0 : ID_BITS));
		/* where it is cut off, at least nothing false is said */
		f.quote_max = MINIMAL4;
		if (!v6)
			assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
		/* and the octet of that number is the octet's probe */
		i = cookie_unstep(&key,
				  c.seq - session_of(&key, v6) - COOKIE_DATA);
		f = quoted(&key, v6, (u8)(i >> 8), i >> 4 & 15);
		assert_int_equal(f.quoted.seq, c.seq);
		assert_int_equal(check(&key, &f).ttl, i >> 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step),
		cmocka_unit_test(every_probe),
		cmocka_unit_test(stated_bits),
		cmocka_unit_test(what_the_destination_says),
		cmocka_unit_test(bare_reset),
		cmocka_unit_test(translated),
		cmocka_unit_test(forged),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(number_by_accident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
