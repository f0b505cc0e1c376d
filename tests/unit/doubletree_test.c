/* SPDX-License-Identifier: BSD-2-Clause */
/* doubletree_test: one way, and what may be wrong with it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "trace/doubletree.h"

#define BIT(ttl) (1ULL << (ttl))
#define RTT (100 * NS_PER_MS)

enum lie { LIE_NONE, LIE_ZERO, LIE_ONE, LIE_MUCH };

/* A line of routers to each target: 32.0.0.TTL as far as they are shared,
 * then 32.0.T.TTL. */
struct world {
	u8 length; /* the target's TTL */
	u8 shared; /* routers of all targets */
	u8 loop;   /* from there on two routers take turns; 0: no loop */
	u8 wall;   /* that router knows no way on; 0: all do */
	bool host_silent;
	u64 silent;	 /* bit TTL: that router is */
	u64 lost;	 /* bit TTL: its first attempt is */
	int skew;	 /* hops by which the way back of an echo is longer */
	enum lie lie;	 /* of the target, about the TTL that was left */
	u64 preprobe_ns; /* its answer takes so much longer */
	struct targets targets;
	struct cookie_key key;
	struct doubletree_config rules;
	struct fake_config net;
	struct strategy s;
	struct fake f;
	struct doubletree_progress progress;
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static struct addr router(u8 target, u8 ttl)
{
	return addr_from_v4(be32_put(0x20000000U | (u32)target << 8 | ttl));
}

static void route(void *arg, const struct probe *p, u32 random,
		  struct simnet_hop *hop)
{
	const struct world *w = arg;
	u8 at = p->ttl, target = p->dst.b[15];

	hop->tos_keep = 0xff;
	hop->end = SIMNET_END_ROUTER;
	if (w->wall && at > w->wall) {
		at = w->wall;
		hop->end = SIMNET_END_NO_ROUTE;
	} else if (!w->loop && at >= w->length) {
		at = w->length;
		hop->end = SIMNET_END_DESTINATION;
	}
	hop->distance = at;
	hop->reply_ttl = (u8)(64 - at + 1);
	if (hop->end == SIMNET_END_DESTINATION) {
		hop->from = p->dst;
		hop->reply_ttl = (u8)(hop->reply_ttl - w->skew);
		if (w->host_silent)
			hop->end = SIMNET_END_SILENT;
		return;
	}
	if (at < 64 && w->silent & BIT(at))
		hop->end = SIMNET_END_SILENT;
	if (w->loop && at > w->loop)
		at = (u8)(w->loop + (at - w->loop) % 2);
	hop->from = router(at <= w->shared ? 0 : target, at);
}

static void edit(void *arg, const struct probe *p, struct fake_fate *fate)
{
	const struct world *w = arg;
	struct reply *r = &fate->answer.reply;
	u8 at = w->wall && w->wall < w->length ? w->wall : w->length;

	if (p->attempt == 0 && p->ttl < 64 && w->lost & BIT(p->ttl))
		fate->copies = 0;
	if (p->ttl == w->rules.rules.max_ttl)
		fate->delay_ns += w->preprobe_ns;
	if (r->kind != REPLY_UNREACH)
		return;
	r->qttl = (u8)(p->ttl - at + 1);
	if (w->lie == LIE_ZERO)
		r->qttl = 0;
	if (w->lie == LIE_ONE)
		r->qttl = 1;
	if (w->lie == LIE_MUCH)
		r->qttl = 200;
}

/* n targets: 20.0.0.1 ... */
static struct world *world_new(u8 length, unsigned int n)
{
	struct world *w = calloc(1, sizeof(*w));
	char text[32];

	assert_non_null(w);
	w->length = length;
	w->shared = 255;
	targets_init(&w->targets, &(struct targets_config){});
	for (unsigned int i = 1; i <= n; i++) {
		snprintf(text, sizeof(text), "20.0.0.%u", i);
		assert_int_equal(targets_add(&w->targets, text), 0);
	}
	assert_int_equal(targets_seal(&w->targets), 0);
	w->key = (struct cookie_key){
		.hash = { { 0x1122334455667788, 0x99aabbccddeeff00 } },
		.src4 = addr_of("192.0.2.1"),
		.port_base = 32768,
		.port_mask = 4095,
		.port_bits = 12,
	};
	w->rules = (struct doubletree_config){
		.targets = &w->targets,
		.key = &w->key,
		.method = PROBE_UDP,
		.seed = 11,
		.wait_ns = 3 * NS_PER_S,
		.round_ns = NS_PER_S,
		.shards = 1,
		.dport = 33434,
		.size4 = 38,
		.rules = { 1, 32, 1, 5, 16 },
	};
	w->net = (struct fake_config){
		.seed = 1,
		.probe_size = 38,
		.key = &w->key,
		.route = route,
		.edit = edit,
		.arg = w,
		.delay_min_ns = RTT,
		.delay_max_ns = RTT,
		.log = true,
	};
	return w;
}

static void clear(struct world *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	fake_close(&w->f);
}

static void world_free(struct world *w)
{
	clear(w);
	targets_fini(&w->targets);
	free(w);
}

static void run(struct world *w)
{
	clear(w);
	w->net.method = (u8)w->rules.method;
	assert_int_equal(fake_open(&w->f, &w->net), 0);
	w->s.emit = fake_sink(&w->f);
	assert_int_equal(doubletree_open(&w->s, &w->rules), 0);
	assert_int_equal(fake_run(&w->f, &w->s), 0);
	doubletree_progress(&w->s, &w->progress);
	assert_int_equal(w->progress.probes, w->f.probes);
	assert_int_equal(w->progress.refused, w->f.refused);
	assert_int_equal(w->f.records, w->f.answers);
	if (!w->net.halt_ns)
		assert_int_equal(w->progress.done, w->progress.all);
}

/* Bit TTL: that many probes were sent; a second to a TTL is `again`. */
static u64 sent(const struct world *w, u64 *again)
{
	u64 bits = 0;

	*again = 0;
	for (size_t i = 0; i < w->f.sents; i++) {
		*again |= bits & BIT(w->f.sent[i].ttl);
		bits |= BIT(w->f.sent[i].ttl);
	}
	return bits;
}

/* Bit TTL: a time exceeded came; bit 0: the target answered. */
static u64 heard(const struct world *w)
{
	u64 bits = 0;

	for (size_t i = 0; i < w->f.records; i++) {
		const struct hop *h = &w->f.record[i].hop;

		if (h->kind == REPLY_EXPIRED)
			bits |= BIT(h->ttl);
		else if (h->flags & HOP_REACHED)
			bits |= 1;
	}
	return bits;
}

/* Bits first .. last. */
static u64 span(unsigned int first, unsigned int last)
{
	return last < first ? 0 : (BIT(last) << 1) - BIT(first);
}

/* One target: sent exactly these TTLs, once each, and heard those. */
static void expect(struct world *w, u64 ttls, u64 answers)
{
	u64 again;

	run(w);
	assert_int_equal(sent(w, &again), ttls);
	assert_int_equal(again, 0);
	assert_int_equal(heard(w), answers);
}

static void every_length(void **state)
{
	struct world *w = world_new(1, 1);

	for (u8 length = 1; length <= 32; length++) {
		w->length = length;
		expect(w, span(1, length - 1u) | BIT(32),
		       span(1, length - 1u) | 1);
		assert_int_equal(w->progress.measured, 1);
		for (size_t i = 0; i < w->f.records; i++)
			assert_int_equal(w->f.record[i].hop.rtt_us, 100000);
	}
	/* beyond the highest TTL a router answers the preprobe */
	for (u8 length = 33; length <= 60; length += 9) {
		w->length = length;
		expect(w, span(1, 32), span(1, 32));
		assert_int_equal(w->progress.measured, 0);
	}
	world_free(w);
}

static void bounds(void **state)
{
	struct world *w = world_new(12, 1);

	w->rules.rules.first_ttl = 5;
	expect(w, span(5, 11) | BIT(32), span(5, 11) | 1);
	w->rules.rules.first_ttl = 15;
	expect(w, BIT(32), 1);
	w->rules.rules.first_ttl = 1;
	w->rules.rules.max_ttl = 8;
	expect(w, span(1, 8), span(1, 8));
	w->rules.rules.max_ttl = 1;
	expect(w, BIT(1), BIT(1));
	w->rules.rules.first_ttl = w->rules.rules.max_ttl = 12;
	expect(w, BIT(12), 1);
	w->rules.rules.first_ttl = w->rules.rules.max_ttl = 20;
	w->host_silent = true;
	expect(w, BIT(20), 0);
	w->rules.rules.first_ttl = 18;
	expect(w, BIT(18) | BIT(20), 0);
	world_free(w);
}

/* As many round trips as hops, whatever a round is: not a second each. */
static void round_trips_alone_take_time(void **state)
{
	static const unsigned int targets[] = { 1, 100, 250 };

	for (int i = 0; i < 3; i++) {
		struct world *w = world_new(12, targets[i]);

		w->shared = 3;
		run(w);
		assert_int_equal(w->f.probes,
				 9 * targets[i] + 3 + (targets[i] - 1));
		assert_in_range(w->f.over_ns - w->f.start, RTT,
				12 * RTT + NS_PER_MS);
		world_free(w);
	}
}

/* Where ways meet, one of them goes on. */
static void known_routers_stop(void **state)
{
	struct world *w = world_new(12, 2);

	w->shared = 6;
	run(w);
	/* preprobes, the first way, the second down to what is shared */
	assert_int_equal(w->f.probes, 2 + 11 + 6);
	assert_int_equal(w->progress.stopped, 1);
	assert_int_equal(w->progress.known, 6 + 2 * 5);
	world_free(w);
}

/* A loop is not the end of its own way, but of the next one into it. */
static void loops(void **state)
{
	struct world *w = world_new(12, 1);

	w->loop = 5;
	expect(w, span(1, 32), span(1, 32));
	world_free(w);
	w = world_new(12, 20);
	w->loop = 5;
	run(w);
	assert_int_equal(w->f.probes, 20 + 31);
	world_free(w);
}

static void silent_hops(void **state)
{
	struct world *w = world_new(12, 1);
	u64 ways = span(1, 11) | BIT(32);

	w->silent = BIT(11);
	expect(w, ways, 1 | span(1, 10));
	w->silent = BIT(11) | BIT(10) | BIT(9);
	expect(w, ways, 1 | span(1, 8));
	w->silent = span(1, 11);
	expect(w, ways, 1);
	w->silent = BIT(1) | BIT(6);
	expect(w, ways, 1 | (span(1, 11) & ~w->silent));
	/* each was waited for, for a round, and the last of them for longer */
	assert_in_range(w->f.over_ns - w->f.start,
			w->rules.wait_ns + NS_PER_S + 10 * RTT,
			w->rules.wait_ns + NS_PER_S + 13 * RTT);
	world_free(w);
}

static void silent_targets(void **state)
{
	struct world *w = world_new(12, 1);

	w->host_silent = true;
	expect(w, span(1, 16) | BIT(32), span(1, 11));
	w->length = 20;
	expect(w, span(1, 24) | BIT(32), span(1, 19));
	w->rules.rules.gap_limit = 1;
	expect(w, span(1, 20) | BIT(32), span(1, 19));
	w->rules.rules.gap_limit = 255;
	expect(w, span(1, 32), span(1, 19));
	/* routers beyond a gap */
	w->length = 25;
	w->silent = span(17, 20);
	w->rules.rules.gap_limit = 4;
	expect(w, span(1, 20) | BIT(32), span(1, 16));
	w->rules.rules.gap_limit = 5;
	expect(w, span(1, 29) | BIT(32), span(1, 16) | span(21, 24));
	w->silent = 0;
	w->rules.rules.split = 3;
	expect(w, span(1, 29) | BIT(32), span(1, 24));
	w->rules.rules.split = 200;
	expect(w, span(1, 32), span(1, 24));
	world_free(w);
}

/* An unreachable tells how far its sender is, whoever that is. */
static void walls(void **state)
{
	struct world *w = world_new(20, 1);

	for (u8 wall = 1; wall < 20; wall++) {
		w->wall = wall;
		expect(w, span(1, wall) | BIT(32), span(1, wall));
	}
	/* the preprobe's is lost: that to the first probe does as well */
	w->lost = BIT(32);
	w->wall = 7;
	expect(w, span(1, 7) | BIT(16) | BIT(32), span(1, 7));
	world_free(w);
}

static void the_main_phase_tells_the_distance(void **state)
{
	struct world *w = world_new(10, 1);

	w->lost = BIT(32);
	expect(w, span(1, 9) | BIT(16) | BIT(32), span(0, 9));
	assert_int_equal(w->progress.measured, 1);
	w->length = 16;
	expect(w, span(1, 16) | BIT(32), span(0, 15));
	w->length = 20;
	expect(w, span(1, 20) | BIT(32), span(0, 19));
	w->length = 31;
	expect(w, span(1, 32), span(0, 30));
	w->length = 32; /* never asked twice */
	expect(w, span(1, 32), span(1, 31));
	world_free(w);
}

/* Begun without it, by a split beyond or before; reopened by it. */
static void late_answers_count(void **state)
{
	struct world *w = world_new(25, 1);

	w->preprobe_ns = 10 * NS_PER_S;
	w->rules.wait_ns = 20 * NS_PER_S;
	w->silent = span(17, 22);
	expect(w, span(1, 24) | BIT(32), span(0, 24) & ~w->silent);
	assert_int_equal(w->s.stats.late, 0);
	for (size_t i = 0; i < w->f.records; i++)
		assert_int_equal(w->f.record[i].hop.rtt_us,
				 w->f.record[i].hop.ttl == 32 ? 10100000
							      : 100000);
	w->length = 12;
	w->silent = 0;
	w->host_silent = false;
	expect(w, span(1, 11) | BIT(16) | BIT(32), span(0, 11));
	world_free(w);
}

/* The answer's own TTL is wrong by as much as the way back is longer. */
static void echoes_are_estimates(void **state)
{
	struct world *w = world_new(12, 1);
	u64 again;

	w->rules.method = PROBE_ICMP;
	for (int skew = -11; skew <= 30; skew++) {
		w->skew = skew;
		run(w);
		sent(w, &again);
		assert_int_equal(again, 0);
		assert_int_equal(heard(w), span(0, 11));
		if (!skew)
			assert_int_equal(w->f.probes, 13);
	}
	for (u8 length = 1; length <= 31; length++) {
		w->length = length;
		w->skew = 0;
		run(w);
		assert_int_equal(heard(w), span(0, length - 1u));
		assert_in_range(w->f.probes, length, length + 1u);
	}
	world_free(w);
}

/* A target that does not tell the truth costs probes, and no router. */
static void lies(void **state)
{
	struct world *w = world_new(12, 1);
	u64 again;

	for (w->lie = LIE_ZERO; w->lie <= LIE_MUCH; w->lie++) {
		for (u64 lost = 0; lost < 2; lost++) {
			w->lost = lost ? BIT(32) : 0;
			run(w);
			sent(w, &again);
			assert_int_equal(again, 0);
			assert_int_equal(heard(w), span(0, 11));
		}
	}
	world_free(w);
}

static void second_attempts(void **state)
{
	struct world *w = world_new(12, 1);
	u64 again;

	w->lost = ~BIT(32);
	expect(w, span(1, 11) | BIT(32), 1);
	w->rules.rules.attempts = 2;
	run(w);
	assert_int_equal(heard(w), span(0, 11));
	assert_int_equal(sent(w, &again), span(1, 11) | BIT(32));
	assert_int_equal(again, span(1, 11));
	assert_int_equal(w->f.probes, 23);
	assert_int_equal(w->s.stats.silent, 11);
	assert_int_equal(w->s.stats.answered, 12);
	world_free(w);
}

/* What the device refused is sent again: it is not silence. */
static void refused_probes_return(void **state)
{
	struct world *w = world_new(12, 200);

	w->shared = 0;
	w->net.refuse = 300;
	run(w);
	assert_true(w->f.refused > 600);
	/* four refusals in a row are left: one of 123 */
	assert_in_range(w->progress.known, 200 * 11 * 98 / 100, 200 * 11);
	assert_int_equal(w->s.stats.answered, w->f.probes - w->f.refused);
	w->net.refuse = 1000; /* comes to an end all the same */
	run(w);
	assert_int_equal(w->f.probes, w->f.refused);
	assert_int_equal(w->f.records, 0);
	world_free(w);
}

static void copies_change_nothing(void **state)
{
	struct world *w = world_new(12, 50);
	u64 probes;

	w->shared = 4;
	run(w);
	probes = w->f.probes;
	w->net.duplicate = 500;
	run(w);
	assert_int_equal(w->f.probes, probes);
	assert_int_equal(w->s.stats.answered, probes);
	assert_true(w->s.stats.duplicate > probes / 3);
	assert_int_equal(w->f.records, probes + w->s.stats.duplicate);
	world_free(w);
}

static void answers_of_others(void **state)
{
	struct world *w = world_new(12, 20);
	struct answer a = { .dst = addr_of("20.0.1.1"), .proof = { .ttl = 5 } };

	run(w);
	w->s.ops->settle(&w->s, &a, 1, w->f.now);
	a.dst = addr_of("20.0.0.1");
	a.proof.ttl = 33;
	w->s.ops->settle(&w->s, &a, 1, w->f.now);
	a.proof.ttl = 0;
	w->s.ops->settle(&w->s, &a, 1, w->f.now);
	assert_int_equal(w->s.stats.unknown, 3);
	assert_int_equal(w->f.records, w->f.answers);
	world_free(w);
}

static void halted(void **state)
{
	struct world *w = world_new(12, 100);
	u64 probes;

	w->shared = 2;
	w->net.halt_ns = 4 * RTT + RTT / 2;
	run(w);
	probes = w->f.probes;
	assert_int_equal(probes, 500);
	assert_int_equal(w->f.over_ns, w->f.start + w->net.halt_ns);
	assert_int_equal(w->s.ops->next(&w->s, w->f.now), UINT64_MAX);
	/* what is under way is still heard */
	assert_int_equal(w->f.records, 500);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(bounds),
		cmocka_unit_test(round_trips_alone_take_time),
		cmocka_unit_test(known_routers_stop),
		cmocka_unit_test(loops),
		cmocka_unit_test(silent_hops),
		cmocka_unit_test(silent_targets),
		cmocka_unit_test(walls),
		cmocka_unit_test(the_main_phase_tells_the_distance),
		cmocka_unit_test(late_answers_count),
		cmocka_unit_test(echoes_are_estimates),
		cmocka_unit_test(lies),
		cmocka_unit_test(second_attempts),
		cmocka_unit_test(refused_probes_return),
		cmocka_unit_test(copies_change_nothing),
		cmocka_unit_test(answers_of_others),
		cmocka_unit_test(halted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
