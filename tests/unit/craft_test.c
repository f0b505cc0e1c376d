/* SPDX-License-Identifier: BSD-2-Clause */
/* craft_test: every frame is valid by arithmetic of its own, keeps its flow,
 * and comes home when a router quotes it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "netframe.h"
#include "probe/craft.h"

enum { ETH = 14, DRAWS = 200 };

static const u8 near_mac[6] = { 2, 0, 0, 0, 0, 0x11 };
static const u8 far_mac[6] = { 2, 0, 0, 0, 0, 0x22 };
static const u16 sizes4[] = { CRAFT_MIN_V4, CRAFT_MIN_V4 + 1, 60, 61, 1500 };
static const u16 sizes6[] = { CRAFT_MIN_V6, CRAFT_MIN_V6 + 1, 80, 81, 1500 };

struct shape {
	enum probe_method method;
	bool v4;
	u16 size;
};

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

static const u8 *l4_of(const u8 *frame, bool v4)
{
	return frame + ETH + (v4 ? 20 : 40);
}

/* Pseudo header (RFC 768, RFC 8200 section 8.1) and what it stands before. */
static u32 transport_sum(const struct shape *s, const u8 *frame, u32 len)
{
	const u8 *l4 = l4_of(frame, s->v4);
	u32 l4_len = len - (u32)(l4 - frame), sum = 0;
	u8 tail[4] = { 0, 0, (u8)(l4_len >> 8), (u8)l4_len };
	u8 proto[2] = { 0, s->method == PROBE_UDP ? 17 : 58 };

	if (s->method == PROBE_UDP || !s->v4) {
		sum = plain_sum(sum, frame + ETH + (s->v4 ? 12 : 8),
				s->v4 ? 8 : 32);
		sum = plain_sum(sum, tail, 4);
		sum = plain_sum(sum, proto, 2);
	}
	return plain_sum(sum, l4, l4_len);
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

static struct craft *craft_of(const struct shape *s,
			      const struct cookie_key *key)
{
	static struct craft c;
	const struct craft_config config = {
		.key = key,
		.method = s->method,
		.size4 = s->v4 ? s->size : 60,
		.size6 = s->v4 ? 80 : s->size,
		.tos = 0xb8,
		.dont_fragment = true,
	};

	assert_int_equal(craft_init(&c, &config), 0);
	craft_set_mac(&c, s->v4, near_mac, far_mac);
	return &c;
}

/* Runs check() for every method, family and size. */
static void each_shape(void (*check)(const struct shape *, struct craft *,
				     const struct cookie_key *))
{
	const struct cookie_key key = frame_key();

	for (int i = 0; i < 20; i++) {
		struct shape s = {
			.method = i & 1 ? PROBE_UDP : PROBE_ICMP,
			.v4 = i & 2,
			.size = i & 2 ? sizes4[i / 4] : sizes6[i / 4],
		};

		check(&s, craft_of(&s, &key), &key);
	}
}

static struct probe draw_probe(u64 *seed, bool v4)
{
	u64 r = frame_random(seed);

	return (struct probe){
		.dst = draw_dst(seed, v4),
		.dport = (u16)(r >> 16),
		.ttl = (u8)(r % 255 + 1),
		.attempt = r >> 8 & COOKIE_MAX_ATTEMPT,
	};
}

static void check_v4_header(const struct shape *s, const struct probe *p,
			    const struct cookie *k, const u8 *ip)
{
	assert_int_equal(plain_sum(0, ip, 20), 0xffff);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(ip[1], 0xb8);
	assert_int_equal(word(ip + 2), s->size);
	assert_int_equal(word(ip + 4), k->id);
	assert_int_equal(word(ip + 6), 0x4000);
	assert_int_equal(ip[8], p->ttl);
	assert_int_equal(ip[9], s->method == PROBE_UDP ? 17 : 1);
	assert_memory_equal(ip + 12, "\xc0\0\2\1", 4);
	assert_memory_equal(ip + 16, p->dst.b + 12, 4);
}

static void check_v6_header(const struct shape *s, const struct probe *p,
			    const struct cookie_key *key, const u8 *ip)
{
	assert_memory_equal(ip, "\x6b\x80\0\0", 4);
	assert_int_equal(word(ip + 4), s->size - 40);
	assert_int_equal(ip[6], s->method == PROBE_UDP ? 17 : 58);
	assert_int_equal(ip[7], p->ttl);
	assert_memory_equal(ip + 8, key->src6.b, 16);
	assert_memory_equal(ip + 24, p->dst.b, 16);
}

static void check_transport(const struct shape *s, const struct probe *p,
			    const struct cookie *k, const u8 *l4)
{
	if (s->method == PROBE_UDP) {
		assert_int_equal(word(l4), k->port);
		assert_int_equal(word(l4 + 2), p->dport);
		assert_int_equal(word(l4 + 4), s->size - (s->v4 ? 20 : 40));
		assert_int_equal(word(l4 + 6), k->field);
		assert_int_not_equal(word(l4 + 6), 0);
		return;
	}
	assert_int_equal(l4[0], s->v4 ? 8 : 128);
	assert_int_equal(l4[1], 0);
	assert_int_equal(word(l4 + 2), k->echo_check);
	assert_int_equal(word(l4 + 4), k->echo_id);
	assert_int_equal(word(l4 + 6), k->field);
}

static void valid(const struct shape *s, struct craft *c,
		  const struct cookie_key *key)
{
	u64 seed = s->size;
	u8 frame[FRAME_MAX];

	for (int i = 0; i < DRAWS; i++) {
		struct probe p = draw_probe(&seed, s->v4);
		u32 len = craft_probe(c, &p, frame);
		struct cookie k;

		assert_int_equal(len, ETH + s->size);
		assert_memory_equal(frame, far_mac, 6);
		assert_memory_equal(frame + 6, near_mac, 6);
		assert_int_equal(word(frame + 12), s->v4 ? 0x800 : 0x86dd);
		cookie_make(key, &p.dst, craft_proto(s->method, &p.dst), p.ttl,
			    p.attempt, &k);
		if (s->v4)
			check_v4_header(s, &p, &k, frame + ETH);
		else
			check_v6_header(s, &p, key, frame + ETH);
		check_transport(s, &p, &k, l4_of(frame, s->v4));
		assert_int_equal(transport_sum(s, frame, len), 0xffff);
	}
}

static void frames_are_valid(void **state)
{
	each_shape(valid);
}

/* Paris: what balancers look at never changes within a trace; nor does the
 * ICMP checksum, which is among those octets. */
static void one_flow(const struct shape *s, struct craft *c,
		     const struct cookie_key *key)
{
	u64 seed = 77;
	u8 first[FRAME_MAX], frame[FRAME_MAX];

	for (int i = 0; i < 20; i++) {
		struct probe p = draw_probe(&seed, s->v4);

		p.ttl = 1;
		p.attempt = 0;
		craft_probe(c, &p, first);
		for (int ttl = 1; ttl < 256; ttl += 7) {
			p.ttl = (u8)ttl;
			p.attempt = (u8)(ttl & COOKIE_MAX_ATTEMPT);
			craft_probe(c, &p, frame);
			assert_memory_equal(l4_of(frame, s->v4),
					    l4_of(first, s->v4), 4);
			if (s->v4)
				assert_int_equal(frame[ETH + 1],
						 first[ETH + 1]);
			else
				assert_memory_equal(frame + ETH, first + ETH,
						    4);
		}
	}
}

static void flow_is_constant(void **state)
{
	each_shape(one_flow);
}

static void check_quote(const struct shape *s, const struct cookie_key *key,
			const struct probe *p, const u8 *frame, u32 quote)
{
	u8 error[FRAME_MAX];
	struct addr from = frame_addr(s->v4 ? "198.51.100.7" : "2001:db8:f::7");
	struct cookie_proof proof;
	struct reply r;
	u32 len = netframe_error(frame, ETH + s->size, &from,
				 s->v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED, 0,
				 quote, error);
	bool mark = quote >= (s->v4 ? 36 : 56);

	assert_int_equal(reply_parse(error, len, &r), REPLY_EXPIRED);
	assert_int_equal(cookie_check(key, &r, &proof), COOKIE_EXACT);
	assert_true(addr_equal(&r.qdst, &p->dst));
	assert_int_equal(proof.ttl, p->ttl);
	assert_int_equal(proof.attempt, p->attempt);
	assert_int_equal(r.qsize, s->size);
	assert_in_range(proof.bits, mark ? 76 : 32, 80);
}

static void quoted(const struct shape *s, struct craft *c,
		   const struct cookie_key *key)
{
	u64 seed = 4711;
	u8 frame[FRAME_MAX];

	for (int i = 0; i < DRAWS; i++) {
		struct probe p = draw_probe(&seed, s->v4);

		craft_probe(c, &p, frame);
		if (s->v4)
			check_quote(s, key, &p, frame, 28);
		check_quote(s, key, &p, frame, s->v4 ? 36 : 56);
		check_quote(s, key, &p, frame, s->size);
	}
}

static void quotes_come_home(void **state)
{
	each_shape(quoted);
}

/* Slots are recycled: nothing of an earlier frame may leave, and nothing
 * beyond the frame is touched. */
static void written(const struct shape *s, struct craft *c,
		    const struct cookie_key *key)
{
	u64 seed = 99;
	u8 one[FRAME_MAX], other[FRAME_MAX];

	for (int i = 0; i < 20; i++) {
		struct probe p = draw_probe(&seed, s->v4);
		u32 len;

		memset(one, 0x55, sizeof(one));
		memset(other, 0xaa, sizeof(other));
		len = craft_probe(c, &p, one);
		assert_int_equal(craft_probe(c, &p, other), len);
		assert_memory_equal(one, other, len);
		for (u32 at = len; at < FRAME_MAX; at++)
			assert_int_equal(one[at] ^ other[at], 0xff);
	}
}

static void every_octet_is_written(void **state)
{
	each_shape(written);
}

/* RFC 9511 section 3: not the first octet of the payload, so after a 0. */
static void uri_is_carried(void **state)
{
	static const char uri[] = "https://example.net/measurement.txt";
	const u32 octets = craft_uri_octets(uri);
	const struct cookie_key key = frame_key();
	u64 seed = 7;

	assert_int_equal(octets, strlen(uri) + 2);
	assert_int_equal(craft_uri_octets(NULL), 0);
	for (u32 i = 0; i < 12; i++) {
		const struct shape s = { .method =
						 i & 1 ? PROBE_UDP : PROBE_ICMP,
					 .v4 = i & 2 };
		const struct craft_config config = {
			.key = &key,
			.method = s.method,
			.size4 = (u16)(CRAFT_MIN_V4 + octets + i / 4),
			.size6 = (u16)(CRAFT_MIN_V6 + octets + i / 4),
			.uri = uri,
		};
		struct probe p = draw_probe(&seed, s.v4);
		u8 frame[CRAFT_FRAME];
		struct craft_config less = config;
		const u8 *payload;
		struct craft c;
		u32 len;

		assert_int_equal(craft_init(&c, &config), 0);
		len = craft_probe(&c, &p, frame);
		assert_int_equal(len,
				 ETH + (s.v4 ? config.size4 : config.size6));
		assert_int_equal(transport_sum(&s, frame, len), 0xffff);
		payload = l4_of(frame, s.v4) + 8;
		assert_int_equal(payload[CRAFT_PAYLOAD], 0);
		assert_memory_equal(payload + CRAFT_PAYLOAD + 1, uri,
				    sizeof(uri));
		if (i / 4)
			assert_memory_equal(payload + CRAFT_PAYLOAD + octets,
					    "whither", i / 4);
		less.size4 = CRAFT_MIN_V4 + octets - 1;
		assert_int_equal(craft_init(&c, &less), -EINVAL);
		less.size4 = config.size4;
		less.size6 = CRAFT_MIN_V6 + octets - 1;
		assert_int_equal(craft_init(&c, &less), -EINVAL);
	}
}

static void limits(void **state)
{
	static const struct {
		u16 size4, size6;
		int err;
	} rows[] = {
		{ CRAFT_MIN_V4, CRAFT_MIN_V6, 0 },
		{ 1500, 1500, 0 },
		{ CRAFT_MIN_V4 - 1, 80, -EINVAL },
		{ 60, CRAFT_MIN_V6 - 1, -EINVAL },
		{ 0, 80, -EINVAL },
		{ 60, 0, -EINVAL },
		{ 1501, 80, -EINVAL },
		{ 60, 1501, -EINVAL },
		{ 65535, 80, -EINVAL },
		{ 60, 65535, -EINVAL },
	};
	const struct cookie_key key = frame_key();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct craft_config config = {
			.key = &key,
			.size4 = rows[i].size4,
			.size6 = rows[i].size6,
		};
		struct craft c;

		assert_int_equal(craft_init(&c, &config), rows[i].err);
	}
}

static void tos_and_fragments(void **state)
{
	const struct cookie_key key = frame_key();
	u8 frame[FRAME_MAX];

	for (unsigned int tos = 0; tos < 256; tos++) {
		const struct craft_config config = {
			.key = &key,
			.size4 = 60,
			.size6 = 80,
			.tos = (u8)tos,
			.dont_fragment = tos & 1,
		};
		struct probe p = { .dst = frame_addr("203.0.113.9"), .ttl = 3 };
		struct craft c;

		assert_int_equal(craft_init(&c, &config), 0);
		craft_probe(&c, &p, frame);
		assert_int_equal(frame[ETH + 1], tos);
		assert_int_equal(word(frame + ETH + 6), tos & 1 ? 0x4000 : 0);
		assert_int_equal(plain_sum(0, frame + ETH, 20), 0xffff);
		p.dst = frame_addr("2001:db8:9::9");
		craft_probe(&c, &p, frame);
		assert_int_equal(word(frame + ETH) >> 4 & 0xff, tos);
		assert_int_equal(frame[ETH] >> 4, 6);
	}
}

/* The families' next hops are apart. */
static void macs(void **state)
{
	const struct shape s = { PROBE_UDP, true, 60 };
	const struct cookie_key key = frame_key();
	struct craft *c = craft_of(&s, &key);
	struct probe p = { .dst = frame_addr("2001:db8:9::9"), .ttl = 3 };
	u8 frame[FRAME_MAX];

	craft_probe(c, &p, frame);
	assert_memory_equal(frame, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	craft_set_mac(c, false, far_mac, near_mac);
	craft_probe(c, &p, frame);
	assert_memory_equal(frame, near_mac, 6);
	assert_memory_equal(frame + 6, far_mac, 6);
	p.dst = frame_addr("203.0.113.9");
	craft_probe(c, &p, frame);
	assert_memory_equal(frame, far_mac, 6);
	assert_memory_equal(frame + 6, near_mac, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_valid),
		cmocka_unit_test(flow_is_constant),
		cmocka_unit_test(quotes_come_home),
		cmocka_unit_test(every_octet_is_written),
		cmocka_unit_test(uri_is_carried),
		cmocka_unit_test(limits),
		cmocka_unit_test(tos_and_fragments),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
