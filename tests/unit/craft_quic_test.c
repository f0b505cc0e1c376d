/* SPDX-License-Identifier: BSD-2-Clause */
/* craft_quic_test: the checksum of a QUIC probe is true by arithmetic of its
 * own, though it was chosen before, and a quote brings the probe home; what
 * is asked for versions lists them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/world.h"
#include "netframe.h"
#include "probe/craft.h"
#include "probe/match.h"
#include "probe/quic_vn.h"
#include "trace/hop.h"

enum { ETH = 14, DRAWS = 24, PORT = 443, SLOTS = 3, FLOWS = 4, GUARD = 32 };
enum { LEAST4 = 20 + 8 + CRAFT_QUIC, LEAST6 = 40 + 8 + CRAFT_QUIC };

struct maker {
	struct cookie_key key;
	struct quic_conns quic;
	struct craft craft;
	enum probe_method method;
};

static void maker_open(struct maker *m, enum probe_method method, u16 more)
{
	const struct craft_config c = {
		.key = &m->key,
		.method = method,
		.quic = &m->quic,
		.size4 = LEAST4 + more,
		.size6 = LEAST6 + more,
		.tos = more & 1 ? 0xb9 : 0,
	};

	m->method = method;
	m->key = frame_key();
	m->key.mode = COOKIE_QUIC;
	m->key.flows = true;
	m->quic = (struct quic_conns){
		.key = &m->key, .dport = PORT, .slots = SLOTS, .flows = FLOWS
	};
	assert_int_equal(quic_conns_open(&m->quic), 0);
	assert_int_equal(craft_init(&m->craft, &c), 0);
}

/* RFC 1071, octet by octet with the carry brought round at once. */
static u32 plain_sum(u32 sum, const u8 *p, u32 len)
{
	for (u32 i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (u32)p[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static u16 word(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static struct addr draw_dst(u64 *seed, bool v4)
{
	struct addr a = { .q = { be64_put(frame_random(seed)),
				 be64_put(frame_random(seed)) } };

	if (v4)
		return addr_from_v4(a.w[0]);
	a.b[0] = 0x20;
	return a;
}

/* All of the frame is written, and nothing behind it; all its sums hold, and
 * UDP's is what the cookie says. */
static void check_frame(const struct maker *m, const u8 *frame, u32 len,
			const struct addr *dst, u8 ttl, u8 named, u8 attempt)
{
	bool v4 = addr_is_v4(dst);
	u32 ip = v4 ? 20 : 40;
	const struct craft_config *c = &m->craft.config;
	const u8 *h = frame + ETH, *udp = h + ip;
	const u8 l4_len[2] = { (u8)((len - ETH - ip) >> 8),
			       (u8)(len - ETH - ip) };
	const u8 proto[2] = { 0, 17 };
	struct cookie k;
	u32 sum;

	cookie_make(&m->key, dst, PROTO_UDP, named, attempt, &k);
	assert_int_equal(len, ETH + (v4 ? c->size4 : c->size6));
	for (u32 i = 0; i < GUARD; i++)
		assert_int_equal(frame[len + i], 0xee);
	sum = plain_sum(0, h + (v4 ? 12 : 8), v4 ? 8 : 32);
	sum = plain_sum(sum, l4_len, 2);
	sum = plain_sum(sum, proto, 2);
	assert_int_equal(plain_sum(sum, udp, len - ETH - ip), 0xffff);
	assert_int_equal(word(udp + 6), k.field);
	assert_int_not_equal(word(udp + 6), 0);
	assert_memory_equal(udp + 4, l4_len, 2);
	assert_int_equal(word(udp), k.port);
	assert_int_equal(word(udp + 2), PORT);
	assert_memory_equal(h + (v4 ? 16 : 24), v4 ? dst->b + 12 : dst->b,
			    v4 ? 4 : 16);
	if (v4) {
		assert_int_equal(plain_sum(0, h, ip), 0xffff);
		assert_int_equal(word(h + 2), c->size4);
		assert_int_equal(word(h + 4), k.id);
		assert_int_equal(h[1], c->tos);
		assert_int_equal(h[8], ttl);
		return;
	}
	assert_int_equal((u32)word(h) << 16 | word(h + 2),
			 6u << 28 | (u32)c->tos << 20 | k.label);
	assert_int_not_equal(k.label, 0);
	assert_int_equal(word(h + 4), c->size6 - 40);
	assert_int_equal(h[7], ttl);
}

/* A router's quote of it, as short as may be, names it. */
static void check_quote(const struct maker *m, const u8 *frame, u32 len,
			const struct addr *dst, u8 ttl, u8 attempt)
{
	bool v4 = addr_is_v4(dst);
	const struct addr router =
		frame_addr(v4 ? "198.51.100.7" : "2001:db8:f::7");
	const struct cookie_proof none = { .result = COOKIE_FOREIGN };
	u64 counts[STEER_VERDICT_COUNT] = {};
	u8 at[FRAME_MAX];
	struct answer a;

	len = netframe_error(frame, len, &router,
			     v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED, 0,
			     v4 ? 28 : 48, at);
	assert_true(match(&m->key, at, len, 1, &none, &a, counts));
	assert_int_equal(counts[STEER_EXACT], 1);
	assert_true(addr_equal(&a.dst, dst));
	assert_int_equal(a.proof.ttl, ttl);
	assert_int_equal(a.proof.attempt, attempt);
}

static u32 craft_one(const struct maker *m, const struct probe *p, u8 *frame)
{
	memset(frame, 0xee, CRAFT_FRAME + GUARD);
	return craft_probe(&m->craft, p, frame);
}

static struct probe draw(u64 *seed, int i)
{
	u64 r = frame_random(seed);

	return (struct probe){ .dst = draw_dst(seed, i & 1),
			       .owner = (u32)(r >> 32) % SLOTS,
			       .ack = (u32)(r >> 16) & 0xffff,
			       .dport = PORT,
			       .ttl = (u8)(1 + (u8)r % 255),
			       .attempt = r >> 8 & 15 };
}

static void begin(struct maker *m, const struct probe *p)
{
	struct quic_conn *c = quic_conns_at(&m->quic, p->owner, p->attempt);

	assert_true(quic_conn_begin(&m->quic, c, &p->dst, p->attempt % FLOWS));
}

/* From the least size to that of a frame, odd and even. */
static void sums_are_true(void **state)
{
	static u8 frame[CRAFT_FRAME + GUARD] __attribute__((aligned(8)));
	static struct maker m;
	u64 seed = 4;

	for (u16 more = 0; more <= 1500 - LEAST6; more++) {
		maker_open(&m, more % 3 ? PROBE_QUIC : PROBE_QUIC_VN, more);
		for (int i = 0; i < DRAWS; i++) {
			struct probe p = draw(&seed, i);
			u32 len;

			begin(&m, &p);
			len = craft_one(&m, &p, frame);
			check_frame(&m, frame, len, &p.dst, p.ttl, p.ttl,
				    p.attempt);
			check_quote(&m, frame, len, &p.dst, p.ttl, p.attempt);
		}
		quic_conns_close(&m.quic);
	}
}

/* Every TTL and attempt of one destination: one flow each. */
static void every_probe(void **state)
{
	static u8 frame[CRAFT_FRAME + GUARD] __attribute__((aligned(8)));
	static struct maker m;
	u64 seed = 9;

	for (int n = 0; n < 4; n++) {
		struct probe p;

		maker_open(&m, n & 2 ? PROBE_QUIC : PROBE_QUIC_VN, n & 1);
		p = draw(&seed, n);
		for (int i = 16; i < 256 * 16; i++) {
			u32 len;

			p.ttl = (u8)(i >> 4);
			p.attempt = i & 15;
			begin(&m, &p);
			len = craft_one(&m, &p, frame);
			check_frame(&m, frame, len, &p.dst, p.ttl, p.ttl,
				    p.attempt);
		}
		quic_conns_close(&m.quic);
	}
}

/* What closes goes all the way, and is of TTL 0. */
static void what_closes(void **state)
{
	static u8 frame[CRAFT_FRAME + GUARD] __attribute__((aligned(8)));
	static struct maker m;
	u64 seed = 6;

	for (u16 more = 0; more < 100; more++) {
		maker_open(&m, PROBE_QUIC, more);
		for (int i = 0; i < DRAWS; i++) {
			struct probe p = draw(&seed, i);
			struct aside s = { .quic = true,
					   .dst = p.dst,
					   .seq = p.ack,
					   .dport = PORT,
					   .flow = (u8)(i % FLOWS) };
			u32 len;

			s.owner = p.owner * FLOWS + s.flow;
			p.attempt = s.flow;
			begin(&m, &p);
			memset(frame, 0xee, sizeof(frame));
			len = craft_aside(&m.craft, &s, frame);
			check_frame(&m, frame, len, &p.dst, 64, 0, s.flow);
		}
		quic_conns_close(&m.quic);
	}
}

/* The fields of a packet that asks for versions: RFC 8999 section 5.1. */
static void asks_for_versions(void **state)
{
	static u8 frame[CRAFT_FRAME + GUARD] __attribute__((aligned(8)));
	static struct maker m;
	u64 seed = 8;

	maker_open(&m, PROBE_QUIC_VN, 0);
	for (int i = 0; i < DRAWS; i++) {
		struct probe p = draw(&seed, i);
		const u8 *q = frame + ETH + (i & 1 ? 20 : 40) + 8;
		struct cookie k;
		be64 theirs, ours;

		craft_one(&m, &p, frame);
		cookie_make(&m.key, &p.dst, PROTO_UDP, p.ttl, p.attempt, &k);
		theirs = be64_put(k.cid);
		ours = be64_put(k.mark);
		assert_int_equal(q[0] & 0xc0, 0xc0);
		for (int j = 1; j < 5; j++)
			assert_int_equal(q[j] & 15, 10);
		assert_int_equal(q[5], 8);
		assert_memory_equal(q + 6, &theirs, 8);
		assert_int_equal(q[14], 8);
		assert_memory_equal(q + 15, &ours, 8);
		assert_int_equal(q[23], 0);
		for (u32 j = 26; j < CRAFT_QUIC; j++)
			assert_int_equal(q[j], 0);
	}
	quic_conns_close(&m.quic);
}

static struct quic_cid cid_of(u64 value)
{
	struct quic_cid id = { .len = 8 };
	const be64 v = be64_put(value);

	memcpy(id.id, &v, sizeof(v));
	return id;
}

/* The simulated Internet's list, read by who does not know how it was made. */
static void versions_are_listed(void **state)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	static u8 frame[CRAFT_FRAME + GUARD] __attribute__((aligned(8)));
	static struct world_frame f;
	static struct maker m;
	struct simnet_config cfg = preset;
	struct world w;
	u64 seed = 12;

	cfg.tcp_open = 1000;
	assert_int_equal(world_open(&w, &cfg, NULL), 0);
	maker_open(&m, PROBE_QUIC_VN, 1);
	for (int i = 0; i < 10 * DRAWS; i++) {
		struct probe p = draw(&seed, i);
		struct quic_expected e = { .version = 0x1a2a3a4a };
		struct quic_reply said;
		struct cookie k;
		struct reply r;
		u32 len;

		p.ttl = 64;
		if (addr_is_v4(&p.dst))
			p.dst.b[12] = 20;
		len = craft_one(&m, &p, frame);
		cookie_make(&m.key, &p.dst, PROTO_UDP, p.ttl, p.attempt, &k);
		e.scid = cid_of(k.mark);
		e.dcid = cid_of(k.cid);
		assert_int_equal(world_put(&f, frame, len), 0);
		assert_int_equal(world_answer(&w, &f, 0, 0), SIMNET_VERSIONS);
		assert_true(netframe_sums_hold(f.data, f.len));
		assert_int_equal(reply_parse(f.data, f.len, &r), REPLY_UDP);
		assert_int_equal(f.len, ETH + r.size);
		assert_true(addr_equal(&r.from, &p.dst));
		assert_int_equal(r.sport, PORT);
		assert_int_equal(r.dport, k.port);
		quic_reply_read(&m.quic.crypto, &e, f.data + r.l4_off + 8,
				f.len - r.l4_off - 8, &said);
		assert_int_equal(said.seen, QUIC_SEEN_VERSIONS);
		assert_int_equal(said.offers, 1);
		assert_true(said.offers_v1);
	}
	quic_conns_close(&m.quic);
	world_close(&w);
}

/* The answer to such a packet: a list of n versions, cut by some octets. */
static u32 first_of(u32 version, u8 cid, const u32 *list, u32 n, u32 cut)
{
	struct hop hop;
	u32 first;

	struct frame f = { .ip = { 4, "203.0.113.9", "192.0.2.1" },
			   .l4 = { PROTO_UDP, .sport = PORT } };
	struct answer a = {};
	u8 at[FRAME_MAX], *p = at + ETH + 20 + 8;

	f.l4.payload = (u16)(23 + 4 * n - cut);
	a.frame_len = frame_build(&f, at);
	*p++ = 0x80;
	p = quic_put32(p, version);
	*p = 8;
	p[9] = cid;
	p += 18;
	for (u32 i = 0; i < n; i++)
		p = quic_put32(p, list[i]);
	reply_parse(at, a.frame_len, &a.reply);
	a.frame = at;
	a.proof.ttl = 7;
	first = quic_vn_first(&a);
	hop_from_answer(&hop, &a);
	assert_int_equal(hop.tcp_said,
			 first ? HOP_QUIC_VERSIONS : HOP_QUIC_UNKNOWN);
	return first;
}

static void first_version(void **state)
{
	static const u32 list[3] = { 0x6b3343cf, 1, 0xff00001d };

	for (u32 n = 1; n <= 3; n++)
		assert_int_equal(first_of(0, 8, list, n, 0), list[0]);
	assert_int_equal(first_of(0, 8, list + 1, 1, 0), 1);
	/* empty, cut, of a version, to another ID */
	assert_int_equal(first_of(0, 8, list, 0, 0), 0);
	for (u32 cut = 1; cut < 12; cut++)
		assert_int_equal(first_of(0, 8, list, 1, cut), 0);
	assert_int_equal(first_of(1, 8, list, 1, 0), 0);
	assert_int_equal(first_of(0, 7, list, 1, 0), 0);
}

static void sizes(void **state)
{
	static const enum probe_method methods[] = { PROBE_QUIC,
						     PROBE_QUIC_VN };
	static struct craft craft;
	struct cookie_key key = frame_key();

	for (int i = 0; i < 2; i++) {
		struct craft_config c = { .key = &key,
					  .method = methods[i],
					  .size4 = LEAST4,
					  .size6 = LEAST6 };
		const struct craft_config good = c;

		assert_int_equal(craft_least(methods[i], NULL, true), LEAST4);
		assert_int_equal(craft_least(methods[i], NULL, false), LEAST6);
		assert_int_equal(craft_init(&craft, &c), 0);
		c.size4--;
		assert_int_equal(craft_init(&craft, &c), -EINVAL);
		c = good;
		c.size6--;
		assert_int_equal(craft_init(&craft, &c), -EINVAL);
		c = good;
		c.size4 = 1501;
		assert_int_equal(craft_init(&craft, &c), -EINVAL);
		c = good;
		c.size4 = c.size6 = 1500;
		assert_int_equal(craft_init(&craft, &c), 0);
		c.uri = "https://example.net/";
		assert_int_equal(craft_init(&craft, &c), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_true),
		cmocka_unit_test(every_probe),
		cmocka_unit_test(what_closes),
		cmocka_unit_test(asks_for_versions),
		cmocka_unit_test(versions_are_listed),
		cmocka_unit_test(first_version),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
