/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cookie_quic_test: a QUIC probe is known again by its header alone, and a
 * server's datagram by the connection ID that it is sent to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "frame.h"

#include <cmocka.h>

enum { MINIMAL4 = 28, MINIMAL6 = 48, PORT_BITS = 12, BITS4 = 20, BITS6 = 24 };
enum { EVERY = 256 * 16, PORTS = 4096, CID_AT = 6 };

static const char *const ours[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const router[2] = { "198.51.100.7", "2001:db8:f::7" };
static const char *const asked[2] = { "203.0.113.9", "2001:db8:9::9" };
static const char *const shown[2] = { "20.40.60.80", "2001:db8:a::b" };

static struct cookie_key quic_key(bool flows)
{
	struct cookie_key key = frame_key();

	key.mode = COOKIE_QUIC;
	key.flows = flows;
	return key;
}

static u8 bits_of(int v6)
{
	return v6 ? BITS6 : BITS4;
}

/* A router's quote of that probe, of which nothing is known but the header. */
static struct frame quoted(const struct cookie_key *key, int v6, u8 ttl,
			   u8 attempt)
{
	struct frame f = {
		.ip = { v6 ? 6 : 4, router[v6] },
		.l4 = { v6 ? PROTO_ICMP6 : PROTO_ICMP,
			v6 ? ICMP6_EXPIRED : ICMP4_EXPIRED },
		.quote = { v6 ? 6 : 4, ours[v6], asked[v6], .ttl = 1 },
		.quoted = { PROTO_UDP, .dport = 443, .payload = 40 },
	};

	f.ip.dst = ours[v6];
	frame_probe(&f, key, ttl, attempt);
	f.quoted.mark = 0xc300000001080123;
	return f;
}

static struct cookie_proof judge(const struct cookie_key *key,
				 const struct reply *reply)
{
	struct cookie_proof proof;
	enum cookie_result result = cookie_check(key, reply, &proof);

	assert_int_equal(result, proof.result);
	if (proof.result < COOKIE_EXACT)
		assert_int_equal(proof.ttl | proof.attempt | proof.bits, 0);
	return proof;
}

static struct cookie_proof check(const struct cookie_key *key,
				 const struct frame *f)
{
	struct reply reply;
	u8 at[FRAME_MAX];

	reply_parse(at, frame_build(f, at), &reply);
	return judge(key, &reply);
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
	for (int i = 0; i < 4 * EVERY; i++) {
		u8 ttl = (u8)(i >> 6), attempt = i >> 2 & 15;
		int v6 = i & 1;
		struct cookie_key key = quic_key(i & 2);
		struct frame f = quoted(&key, v6, ttl, attempt);
		u8 bits = (u8)(bits_of(v6) + PORT_BITS);

		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt, bits);
		/* eight octets of UDP are enough */
		f.quote_max = v6 ? MINIMAL6 : MINIMAL4;
		assert_proof(check(&key, &f), COOKIE_EXACT, ttl, attempt, bits);
		f.quote_max--;
		assert_int_equal(check(&key, &f).result, COOKIE_FOREIGN);
	}
}

/* The label is of the flow, the port of the attempt; over IPv4 no label is
 * chosen, nor is one over IPv6 for what is not sealed. */
static void what_is_carried(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct addr dst = frame_addr(asked[v6]);
		struct cookie_key key = quic_key(true);
		struct cookie first, c;

		cookie_make(&key, &dst, PROTO_UDP, 1, 0, &first);
		assert_int_equal(first.label != 0, v6);
		assert_true(first.label < 1 << 20 && first.cid);
		for (int i = 0; i < EVERY; i++) {
			cookie_make(&key, &dst, PROTO_UDP, (u8)(i >> 4), i & 15,
				    &c);
			assert_int_equal(c.label, first.label);
			assert_int_equal(c.cid, first.cid);
			assert_int_not_equal(c.field, 0);
			assert_int_equal((c.port - first.port) & (PORTS - 1),
					 i & 15);
		}
		key.mode = COOKIE_PLAIN;
		cookie_make(&key, &dst, PROTO_UDP, 1, 0, &c);
		assert_int_equal(c.label | c.cid, 0);
	}
}

/* Any other label, id, destination or port is no probe's. */
static void spoilt(void **state)
{
	for (int i = 0; i < 2 * EVERY; i++) {
		u8 ttl = (u8)(i >> 5), attempt = i >> 1 & 15;
		int v6 = i & 1;
		struct cookie_key key = quic_key(i & 32);
		struct frame f = quoted(&key, v6, ttl, attempt), bad = f;

		if (v6)
			bad.quote.label ^= 1u << i % 20;
		else
			bad.quote.id ^= 1 << i % 4;
		assert_int_equal(check(&key, &bad).result, COOKIE_FORGED);
		bad = f;
		bad.quoted.sport ^= 1 << i % 12;
		assert_int_equal(check(&key, &bad).result, COOKIE_FORGED);
		bad.quoted.sport = (u16)(f.quoted.sport ^ 0x8000);
		assert_int_equal(check(&key, &bad).result, COOKIE_FOREIGN);
		bad = f;
		bad.quote.dst = router[v6];
		assert_int_equal(check(&key, &bad).result, COOKIE_FORGED);
		/* where probes are not sealed, the payload would have to say
		 * it too */
		key.mode = COOKIE_PLAIN;
		assert_int_equal(check(&key, &f).result, COOKIE_FORGED);
	}
}

/* What a translator makes of a checksum, by subtraction, modulo 2^16 - 1. */
static u16 adjusted(u16 field, int v6, u16 port, u16 port2)
{
	const struct addr a = frame_addr(ours[v6]), b = frame_addr(shown[v6]);
	u64 old = port, new = port2;

	for (int i = 0; i < 16; i += 2) {
		old += (u64)(a.b[i] << 8 | a.b[i + 1]);
		new += (u64)(b.b[i] << 8 | b.b[i + 1]);
	}
	field = (u16)((field + 0xffff * 32ULL + old - new) % 0xffff);
	return field ? field : 0xffff;
}

/* How often a quote is taken for another probe's, for want of bits: the tag
 * has four over IPv6, and either of two checksums might be meant. */
static u32 translate(const struct cookie_key *key, int v6, bool adjusts,
		     u16 shift)
{
	u32 wrong = 0, lost = 0;

	for (int i = 0; i < EVERY; i++) {
		u8 ttl = (u8)(i >> 4), attempt = i & 15;
		struct frame f = quoted(key, v6, ttl, attempt);
		u16 port = f.quoted.sport;
		struct cookie_proof p;
		bool kept = !shift;

		f.quote.src = shown[v6];
		f.quoted.sport = (u16)(port + shift * (1 + attempt));
		if (adjusts)
			f.quoted.field = adjusted(f.quoted.field, v6, port,
						  f.quoted.sport);
		p = check(key, &f);
		/* by how much it was adjusted, cannot be known then */
		if (v6 && adjusts && shift && key->flows && attempt) {
			lost += p.result == COOKIE_FOREIGN;
			continue;
		}
		assert_int_equal(p.result, COOKIE_REWRITTEN);
		if (p.ttl != ttl || p.attempt != attempt) {
			wrong++;
			continue;
		}
		assert_int_equal(p.bits,
				 bits_of(v6) - 1 + (kept ? PORT_BITS : 0));
		f.quote.dst = router[v6];
		if (!v6)
			assert_int_equal(check(key, &f).result, COOKIE_FOREIGN);
		f.quote.dst = asked[v6];
		f.quote.label ^= 1;
		if (v6)
			assert_int_equal(check(key, &f).result, COOKIE_FOREIGN);
	}
	/* two readings, each of which has four bits to be wrong by */
	if (lost)
		assert_in_range(lost, EVERY * 15 / 16 * 8 / 10, EVERY);
	return wrong;
}

static void translated(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct cookie_key key = quic_key(i & 1);
		int v6 = i >> 1 & 1;
		bool adjusts = i & 4;
		u32 wrong = translate(&key, v6, adjusts, i & 8 ? 1777 : 0);

		/* one in 16, six sigma: whoever adjusts is believed first */
		if (v6 && !adjusts)
			assert_in_range(wrong, 0, EVERY / 16 + 96);
		else
			assert_int_equal(wrong, 0);
	}
}

/* The probe that the other name of zero would be of: its TTL is the complement,
 * so that one of the two is beyond 127. */
static bool shares(const struct cookie_key *key, const struct addr *dst, u8 ttl,
		   u8 attempt)
{
	struct cookie c;

	cookie_make(key, dst, PROTO_UDP, (u8)~ttl, ~attempt & 15, &c);
	return c.field == 0xffff;
}

/* Zero is "no checksum" to UDP, and what is sent in its place some write as
 * zero. */
static void zero_sums(void **state)
{
	u32 seen[2] = {}, shared = 0;

	for (u64 n = 0; n < 400; n++) {
		for (int i = 0; i < 2 * EVERY; i++) {
			struct cookie_key key = quic_key(false);
			int v6 = i & 1;
			u8 ttl = (u8)(i >> 5), attempt = i >> 1 & 15;
			struct addr dst = frame_addr(asked[v6]);
			struct cookie c;
			struct frame f;

			key.hash.k[0] += n;
			cookie_make(&key, &dst, PROTO_UDP, ttl, attempt, &c);
			if (c.field != 0xffff)
				continue;
			f = quoted(&key, v6, ttl, attempt);
			seen[v6]++;
			if (v6 && shares(&key, &dst, ttl, attempt)) {
				shared++;
				continue;
			}
			assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
				     attempt, (u8)(bits_of(v6) + PORT_BITS));
			f.quoted.field = 0;
			assert_proof(check(&key, &f), COOKIE_EXACT, ttl,
				     attempt, (u8)(bits_of(v6) + PORT_BITS));
		}
	}
	assert_true(seen[0] > 4 && seen[1] > 4);
	assert_in_range(shared, 0, seen[1] / 4);
}

/* Who guesses, from the right port: as often as the stated bits allow. */
static void forged(void **state)
{
	for (int flows = 0; flows < 2; flows++) {
		struct cookie_key key = quic_key(flows);
		struct reply quote[2];
		u32 pass4 = 0, pass6 = 0, labelled = 0;
		u8 at[FRAME_MAX];
		u64 seed = 5;
		u32 label;

		for (int v6 = 0; v6 < 2; v6++) {
			struct frame f = quoted(&key, v6, 7, 3);

			reply_parse(at, frame_build(&f, at), &quote[v6]);
		}
		label = quote[1].qflow;
		for (int i = 0; i < 1 << 20; i++) {
			u64 r = frame_random(&seed);

			quote[0].qid = (u16)r;
			quote[0].field = quote[1].field = (u16)(r >> 16);
			quote[1].qflow = (u32)(r >> 44);
			pass4 += judge(&key, &quote[0]).result != COOKIE_FORGED;
			pass6 += judge(&key, &quote[1]).result != COOKIE_FORGED;
			quote[1].qflow = label;
			labelled +=
				judge(&key, &quote[1]).result != COOKIE_FORGED;
		}
		/* 2^32 of (id, field) have 2^12 that are right, 2^36 of
		 * (label, field) as many; with flows a sixteenth of either,
		 * the port being of one attempt */
		assert_in_range(pass4, 0, 8);
		assert_in_range(pass6, 0, 2);
		assert_in_range(labelled, (flows ? 1 << 12 : 1 << 16) * 9 / 10,
				(flows ? 1 << 12 : 1 << 16) * 11 / 10);
	}
}

/* Of all fields with the right label, a sixteenth each is of some probe. */
static void stated_bits(void **state)
{
	struct cookie_key key = quic_key(false);
	struct frame f = quoted(&key, 1, 7, 3);
	u8 named[EVERY] = {};
	struct reply r;
	u8 at[FRAME_MAX];
	u32 pass = 0;

	reply_parse(at, frame_build(&f, at), &r);
	for (u32 field = 1; field < 1 << 16; field++) {
		struct cookie_proof p;

		r.field = (u16)field;
		p = judge(&key, &r);
		if (p.result != COOKIE_EXACT)
			continue;
		assert_int_equal(p.bits, BITS6 + PORT_BITS);
		assert_int_equal(named[p.ttl << 4 | p.attempt]++, 0);
		pass++;
	}
	assert_int_equal(pass, 1u << (16 + 20 - BITS6));
}

/* --- what servers send --- */

/* The start of a packet with a long header to that connection ID. */
static u32 datagram(const struct cookie_key *key, int v6, u8 flow, u64 cid,
		    u8 *at)
{
	const u8 head[CID_AT] = { 0xc0, 0, 0, 0, 1, 8 };
	struct addr dst = frame_addr(asked[v6]);
	struct frame f = {
		.ip = { v6 ? 6 : 4, asked[v6] },
		.l4 = { PROTO_UDP, .sport = 443, .payload = 30 },
	};
	u8 *payload = at + 14 + (v6 ? 40 : 20) + 8;
	const be64 id = be64_put(cid);
	u32 len;

	f.ip.dst = ours[v6];
	f.l4.dport = cookie_port(key, cookie_flow(key, &dst, PROTO_UDP), flow);
	len = frame_build(&f, at);
	memcpy(payload, head, sizeof(head));
	memcpy(payload + CID_AT, &id, sizeof(id));
	return len;
}

static u64 mark_of(const struct cookie_key *key, int v6, u8 ttl, u8 attempt)
{
	struct addr dst = frame_addr(asked[v6]);
	struct cookie c;

	cookie_make(key, &dst, PROTO_UDP, ttl, attempt, &c);
	return c.mark;
}

/* The same, were there a probe with one of the four zeroes set. */
static u64 unnamed(const struct cookie_key *key, int v6, u64 mark)
{
	struct addr dst = frame_addr(asked[v6]);
	u16 i = (u16)(mark >> 48 | 4);

	return cookie_mark(cookie_tag(key, &dst, PROTO_UDP, i), i);
}

static struct cookie_proof heard(const struct cookie_key *key, const u8 *at,
				 u32 len)
{
	struct reply r;

	assert_int_equal(reply_parse(at, len, &r), REPLY_UDP);
	return judge(key, &r);
}

static void to_a_probe(void **state)
{
	for (int i = 0; i < 4 * EVERY; i++) {
		u8 ttl = (u8)(i >> 6), attempt = i >> 2 & 15, at[FRAME_MAX];
		int v6 = i & 1;
		struct cookie_key key = quic_key(i & 2);
		u64 mark = mark_of(&key, v6, ttl, attempt);
		u32 len = datagram(&key, v6, attempt, mark, at);
		u8 named = ttl || key.flows ? attempt : 0;

		assert_proof(heard(&key, at, len), COOKIE_EXACT, ttl, named,
			     48 + PORT_BITS);
		/* all octets of the ID count: TTL, the zeroes, the tag */
		len = datagram(&key, v6, attempt, mark ^ 1ULL << i % 64, at);
		assert_int_equal(heard(&key, at, len).result, COOKIE_FORGED);
		/* a tag that is true, of what no probe is */
		len = datagram(&key, v6, attempt, unnamed(&key, v6, mark), at);
		assert_int_equal(heard(&key, at, len).result, COOKIE_FORGED);
	}
}

/* To the connection: TTL 0, and the flow that the port is of. */
static void to_a_connection(void **state)
{
	for (int i = 0; i < 4 * 16; i++) {
		u8 flow = i >> 2 & 15, at[FRAME_MAX];
		int v6 = i & 1;
		struct cookie_key key = quic_key(i & 2);
		u32 len = datagram(&key, v6, flow, mark_of(&key, v6, 0, flow),
				   at);
		u8 *port = at + 14 + (v6 ? 40 : 20) + 2;
		struct reply r;

		assert_proof(heard(&key, at, len), COOKIE_EXACT, 0,
			     key.flows ? flow : 0, 48 + PORT_BITS);
		/* another of ours, or one that we do not hold */
		port[0] ^= 8;
		assert_int_equal(heard(&key, at, len).result, COOKIE_FORGED);
		port[0] ^= 0x88;
		assert_int_equal(heard(&key, at, len).result, COOKIE_FOREIGN);
		port[0] ^= 0x80;
		/* somebody else, for that destination */
		reply_parse(at, len, &r);
		r.from = frame_addr(router[v6]);
		assert_int_equal(judge(&key, &r).result, COOKIE_FORGED);
		/* nobody speaks QUIC, then */
		for (int mode = COOKIE_PLAIN; mode < COOKIE_QUIC; mode++) {
			struct cookie_key other = key;

			other.mode = (u8)mode;
			reply_parse(at, len, &r);
			assert_int_equal(judge(&other, &r).result,
					 COOKIE_FOREIGN);
		}
	}
}

/* What has no ID of ours proves nothing but the port. */
static void without_an_id(void **state)
{
	for (int i = 0; i < 4 * 16; i++) {
		u8 flow = i >> 2 & 15, at[FRAME_MAX];
		int v6 = i & 1;
		struct cookie_key key = quic_key(i & 2);
		u32 len = datagram(&key, v6, flow, 7, at);
		u32 head = 14 + (v6 ? 40 : 20) + 8;
		u8 named = key.flows ? flow : 0;

		assert_int_equal(heard(&key, at, len).result, COOKIE_FORGED);
		/* a short header, such as a stateless reset has */
		at[head] = 0x40;
		assert_proof(heard(&key, at, len), COOKIE_EXACT, 0, named,
			     PORT_BITS);
		at[head] = 0xc0;
		for (int cid = 0; cid < 256; cid++) {
			struct cookie_proof p;

			at[head + CID_AT - 1] = (u8)cid;
			p = heard(&key, at, len);
			if (cid == 8)
				assert_int_equal(p.result, COOKIE_FORGED);
			else
				assert_proof(p, COOKIE_EXACT, 0, named,
					     PORT_BITS);
		}
	}
}

/* One flow has one port, sixteen have as many, and no more. */
static void ports_of_answers(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct cookie_key key = quic_key(i & 2);
		u8 at[FRAME_MAX];
		u32 len = datagram(&key, i & 1, 0, mark_of(&key, i & 1, 0, 0),
				   at);
		u32 pass = 0;
		struct reply r;

		reply_parse(at, len, &r);
		for (u32 port = 0; port < 1 << 16; port++) {
			r.dport = (u16)port;
			pass += judge(&key, &r).result == COOKIE_EXACT;
		}
		assert_int_equal(pass, key.flows ? 16 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_probe),
		cmocka_unit_test(what_is_carried),
		cmocka_unit_test(spoilt),
		cmocka_unit_test(translated),
		cmocka_unit_test(zero_sums),
		cmocka_unit_test(forged),
		cmocka_unit_test(stated_bits),
		cmocka_unit_test(to_a_probe),
		cmocka_unit_test(to_a_connection),
		cmocka_unit_test(without_an_id),
		cmocka_unit_test(ports_of_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
