/* SPDX-License-Identifier: BSD-2-Clause */
/* exhaustive_test: every probe once, every answer to its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "sampled.h"
#include "trace/exhaustive.h"

#define START (1000 * NS_PER_S)

struct rig {
	struct targets targets;
	struct cookie_key key;
	struct exhaustive_config config;
	struct strategy s;
	struct record last;
	u64 records;
	struct probe *probe; /* by turn */
	u64 probes;
};

static void keep_record(void *to, const struct record *r, unsigned int n)
{
	struct rig *rig = to;

	rig->last = r[n - 1];
	rig->records += n;
}

static unsigned int much_room(void *to)
{
	return 1 << 20;
}

static struct rig *rig_new(const char *v4, const char *v6)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	sampled_both(&rig->targets, v4, v6);
	rig->key = frame_key();
	rig->config = (struct exhaustive_config){
		.targets = &rig->targets,
		.key = &rig->key,
		.method = PROBE_UDP,
		.seed = 11,
		.wait_ns = 2 * NS_PER_S,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.first_ttl = 1,
		.max_ttl = 32,
		.attempts = 1,
		.tos = 0x20,
	};
	return rig;
}

static void rig_close(struct rig *rig)
{
	if (rig->s.ops)
		rig->s.ops->close(&rig->s);
	assert_null(rig->s.state);
	free(rig->probe);
	rig->probe = NULL;
	rig->probes = rig->records = 0;
}

static void rig_open(struct rig *rig)
{
	rig_close(rig);
	assert_int_equal(exhaustive_open(&rig->s, &rig->config), 0);
	rig->s.emit = (struct record_sink){ keep_record, much_room, rig };
}

static void rig_free(struct rig *rig)
{
	rig_close(rig);
	targets_fini(&rig->targets);
	free(rig);
}

static u64 all_probes(const struct rig *rig)
{
	const struct exhaustive_config *c = &rig->config;

	return targets_count(&rig->targets) * (c->max_ttl - c->first_ttl + 1u) *
	       c->attempts;
}

/* Turn t leaves at START + 10 us * t, but for one in `refuse` (0: none). */
static u64 departure(u64 turn)
{
	return START + turn * 10 * NS_PER_US;
}

static void send_some(struct rig *rig, u64 n, u32 refuse)
{
	struct probe batch[100];

	if (!rig->probe)
		rig->probe = calloc(all_probes(rig), sizeof(*rig->probe));
	assert_non_null(rig->probe);
	while (n) {
		unsigned int most = n < 100 ? (unsigned int)n : 100, got;

		got = rig->s.ops->schedule(&rig->s, batch, most,
					   departure(rig->probes));
		for (unsigned int i = 0; i < got; i++) {
			u64 turn = rig->probes + i;

			batch[i].sent_ns = departure(turn);
			if (refuse && turn % refuse == 0)
				batch[i].sent_ns = 0;
			rig->probe[turn] = batch[i];
		}
		rig->s.ops->departed(&rig->s, batch, got);
		rig->probes += got;
		n -= got;
		if (got < most)
			return;
	}
}

static struct answer answer_to(const struct probe *p, u64 arrived_ns)
{
	struct answer a = {
		.dst = p->dst,
		.arrived_ns = arrived_ns,
		.proof = { p->ttl, p->attempt, 76, COOKIE_EXACT },
		.reply = { .kind = REPLY_EXPIRED,
			   .family = addr_is_v4(&p->dst) ? 4 : 6,
			   .from = frame_addr("198.51.100.7"),
			   .qdst = p->dst,
			   .sport = 33000,
			   .dport = 33434 },
	};

	return a;
}

static void settle(struct rig *rig, const struct answer *a)
{
	rig->s.ops->settle(&rig->s, a, 1, a->arrived_ns);
}

static void every_probe_once(void **state)
{
	static const u32 shards[] = { 1, 2, 3, 7, 64 };
	struct rig *rig = rig_new("20.0.0.0/19", "2001:200::/44");
	u64 all, seed = 1;
	u8 *times;

	rig->config.first_ttl = 3;
	rig->config.max_ttl = 9;
	rig->config.attempts = 3;
	all = all_probes(rig);
	assert_int_equal(all, (32 + 16) * 7 * 3);
	times = calloc(all, 1);
	assert_non_null(times);
	for (size_t k = 0; k < sizeof(shards) / sizeof(*shards); k++) {
		rig->config.shards = shards[k];
		memset(times, 0, all);
		for (u32 shard = 0; shard < shards[k]; shard++) {
			struct exhaustive_progress p;

			rig->config.shard = shard;
			rig_open(rig);
			while (rig->s.ops->next(&rig->s, START) == 0)
				send_some(rig, frame_random(&seed) % 64 + 1, 0);
			exhaustive_progress(&rig->s, &p);
			assert_int_equal(p.done, p.all);
			assert_int_equal(p.all, rig->probes);
			assert_in_range(p.all, all / shards[k],
					all / shards[k] + 1);
			for (u64 i = 0; i < rig->probes; i++) {
				const struct probe *o = &rig->probe[i];
				s64 t = targets_find(&rig->targets, &o->dst);

				assert_in_range(t, 0, 47);
				assert_in_range(o->ttl, 3, 9);
				assert_in_range(o->attempt, 0, 2);
				assert_int_equal(o->dport, 33434);
				times[((u64)t * 7 + o->ttl - 3) * 3 +
				      o->attempt]++;
			}
		}
		for (u64 i = 0; i < all; i++)
			assert_int_equal(times[i], 1);
	}
	free(times);
	rig_free(rig);
}

/* Shards without any probe are over at once. */
static void more_shards_than_probes(void **state)
{
	struct rig *rig = rig_new("20.0.0.1", NULL);
	u64 probes = 0;

	rig->config.max_ttl = 3;
	rig->config.shards = 8;
	for (u32 shard = 0; shard < 8; shard++) {
		rig->config.shard = shard;
		rig_open(rig);
		send_some(rig, 100, 0);
		probes += rig->probes;
		assert_int_equal(rig->s.ops->next(&rig->s, START + 1),
				 rig->probes ? START + 2 * NS_PER_S
					     : UINT64_MAX);
	}
	assert_int_equal(probes, 3);
	rig_free(rig);
}

static void answers_find_their_probes(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/18", "2001:200::/42");

	rig->config.attempts = 2;
	rig_open(rig);
	send_some(rig, all_probes(rig), 0);
	assert_int_equal(rig->probes, 128 * 32 * 2);
	for (u64 i = 0; i < rig->probes; i++) {
		u64 turn = i * 4099 % rig->probes;
		const struct probe *p = &rig->probe[turn];
		u64 rtt = 20 * NS_PER_MS + turn * 1000 + 499;
		struct answer a = answer_to(p, p->sent_ns + rtt);
		bool v4 = addr_is_v4(&p->dst);
		const struct record *r = &rig->last;

		settle(rig, &a);
		assert_true(addr_equal(&r->dst, &p->dst));
		assert_true(addr_equal(&r->src,
				       v4 ? &rig->key.src4 : &rig->key.src6));
		assert_int_equal(r->sent_ns, p->sent_ns);
		assert_int_equal(r->arrived_ns, a.arrived_ns);
		assert_int_equal(r->hop.rtt_us, rtt / 1000);
		assert_int_equal(r->hop.ttl, p->ttl);
		assert_int_equal(r->hop.attempt, p->attempt);
		assert_int_equal(r->hop.flags, 0);
		assert_int_equal(r->probe_size, v4 ? 60 : 80);
		assert_int_equal(r->proto, PROTO_UDP);
		assert_int_equal(r->sport, 33000);
		assert_int_equal(r->dport, 33434);
		assert_int_equal(r->tos, 0x20);
		assert_int_equal(r->flags, 0);
		assert_int_equal(r->stop_reason, STOP_NONE);
		assert_true(addr_is_none(&r->seen));
	}
	assert_int_equal(rig->s.stats.answered, rig->probes);
	assert_int_equal(rig->records, rig->probes);
	assert_int_equal(rig->s.stats.duplicate + rig->s.stats.late +
				 rig->s.stats.unknown,
			 0);
	rig_free(rig);
}

/* Microseconds to the nearest; what cannot be one is not known. */
static void rtts(void **state)
{
	static const struct {
		s64 ns;
		u32 us;
	} rows[] = {
		{ 0, 0 },
		{ 499, 0 },
		{ 500, 1 },
		{ 1499, 1 },
		{ 1500, 2 },
		{ -10, HOP_RTT_UNKNOWN }, /* a clock that is a little off */
		{ 4294967294000, 4294967294 },
		{ 4294967295000, HOP_RTT_UNKNOWN },
		{ 4294967297000, HOP_RTT_UNKNOWN }, /* not 1 us */
	};
	struct rig *rig = rig_new("20.0.0.0/20", NULL);

	rig_open(rig);
	send_some(rig, 100, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct probe *p = &rig->probe[i + 1];
		struct answer a = answer_to(p, p->sent_ns + (u64)rows[i].ns);

		settle(rig, &a);
		assert_int_equal(rig->last.sent_ns, p->sent_ns);
		assert_int_equal(rig->last.hop.rtt_us, rows[i].us);
	}
	rig_free(rig);
}

static void duplicates(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	struct answer a, three[3];

	rig_open(rig);
	send_some(rig, 10, 0);
	a = answer_to(&rig->probe[3], departure(3) + 5000);
	settle(rig, &a);
	assert_int_equal(rig->last.hop.flags, 0);
	a.arrived_ns += 2000;
	settle(rig, &a);
	assert_int_equal(rig->last.hop.flags, HOP_DUPLICATE);
	assert_int_equal(rig->last.hop.rtt_us, 7);
	/* within one call as well */
	for (int i = 0; i < 3; i++)
		three[i] = answer_to(&rig->probe[4], departure(4) + 1000);
	rig->s.ops->settle(&rig->s, three, 3, departure(9));
	assert_int_equal(rig->s.stats.answered, 2);
	assert_int_equal(rig->s.stats.duplicate, 3);
	assert_int_equal(rig->records, 5);
	rig_free(rig);
}

static void strangers(void **state)
{
	static const struct cookie_proof proofs[] = {
		{ .ttl = 1 }, { .ttl = 21 }, { .ttl = 5, .attempt = 1 }
	};
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	struct answer a;

	rig->config.first_ttl = 2;
	rig->config.max_ttl = 20;
	rig_open(rig);
	send_some(rig, all_probes(rig), 0);
	for (u64 i = 0; i < 4; i++) {
		a = answer_to(&rig->probe[70], departure(999));
		if (i < 3)
			a.proof = proofs[i];
		else
			a.dst.b[12] ^= 64; /* not a target */
		settle(rig, &a);
		assert_int_equal(rig->s.stats.unknown, i + 1);
	}
	assert_int_equal(rig->records, 0);
	assert_int_equal(rig->s.stats.answered + rig->s.stats.late, 0);
	rig_free(rig);
}

/* No reply is believed before its turn; nor that of another shard. */
static void before_its_turn(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	struct probe *order;
	u64 all = all_probes(rig);
	struct answer a;

	rig_open(rig);
	send_some(rig, all, 0);
	order = rig->probe;
	rig->probe = NULL;
	rig->config.shards = 2;
	rig->config.shard = 1;
	rig_open(rig);
	send_some(rig, 100, 0);
	for (u64 i = 0; i < all; i++) {
		bool known = i % 2 && i / 2 < 100;
		u64 unknown = rig->s.stats.unknown;

		a = answer_to(&order[i], departure(500));
		settle(rig, &a);
		assert_int_equal(rig->s.stats.unknown - unknown, !known);
		assert_int_equal(rig->s.ops->shard(&rig->s, &a), i % 2);
	}
	assert_int_equal(rig->s.stats.answered, 100);
	a.proof.ttl = 33;
	assert_int_equal(rig->s.ops->shard(&rig->s, &a), UINT32_MAX);
	free(order);
	rig_free(rig);
}

/* At one probe a second the ring is as short as it may be: 2^14. */
static void ring_overrun(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/14", NULL);
	u64 late = 0, on_time = 0;

	rig->config.pps = 1;
	rig_open(rig);
	send_some(rig, 20000, 0);
	for (u64 i = 0; i < rig->probes; i++) {
		struct answer a = answer_to(&rig->probe[i], departure(20001));
		bool forgotten = i < 20000 - (1 << 14);

		settle(rig, &a);
		assert_int_equal(rig->last.hop.flags, forgotten ? HOP_LATE : 0);
		if (forgotten) {
			assert_int_equal(rig->last.sent_ns, 0);
			assert_int_equal(rig->last.hop.rtt_us, HOP_RTT_UNKNOWN);
		} else {
			assert_int_equal(rig->last.sent_ns,
					 rig->probe[i].sent_ns);
		}
		late += forgotten;
		on_time += !forgotten;
	}
	assert_int_equal(rig->s.stats.late, late);
	assert_int_equal(rig->s.stats.answered, on_time);
	assert_int_equal(on_time, 1 << 14);
	/* a forgotten one's answer left its successor's mark alone */
	assert_int_equal(rig->s.stats.duplicate, 0);
	rig_free(rig);
}

/* A ring for all that the rate may have on its way: nothing is forgotten. */
static void ring_is_long_enough(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/13", NULL);

	rig->config.pps = 100000;
	rig->config.wait_ns = 600 * NS_PER_MS;
	rig_open(rig);
	send_some(rig, 60000, 0);
	for (u64 i = 0; i < rig->probes; i++) {
		struct answer a = answer_to(&rig->probe[i], departure(60001));

		settle(rig, &a);
	}
	assert_int_equal(rig->s.stats.answered, 60000);
	rig_free(rig);
}

/* What never left cannot be answered in time. */
static void refused_probes(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);

	rig_open(rig);
	send_some(rig, 200, 5);
	for (u64 i = 0; i < rig->probes; i++) {
		struct answer a = answer_to(&rig->probe[i], departure(300));

		settle(rig, &a);
		assert_int_equal(rig->last.hop.flags, i % 5 ? 0 : HOP_LATE);
		assert_int_equal(!rig->last.sent_ns, i % 5 == 0);
	}
	assert_int_equal(rig->s.stats.answered, 160);
	assert_int_equal(rig->s.stats.late, 40);
	rig_free(rig);
}

/* A translator: the port as sent is known from the flow. */
static void rewritten(void **state)
{
	static const enum probe_method methods[] = { PROBE_UDP, PROBE_ICMP };
	struct rig *rig = rig_new("20.0.0.0/20", NULL);

	for (size_t i = 0; i < 2; i++) {
		struct addr seen = frame_addr("20.55.0.7");
		struct cookie k;
		struct answer a;

		rig->config.method = methods[i];
		rig_open(rig);
		send_some(rig, 10, 0);
		a = answer_to(&rig->probe[3], departure(20));
		a.proof.result = COOKIE_REWRITTEN;
		a.reply.qsrc = seen;
		a.reply.sport = 1025;
		settle(rig, &a);
		cookie_make(&rig->key, &rig->probe[3].dst,
			    i ? PROTO_ICMP : PROTO_UDP, 1, 0, &k);
		assert_int_equal(rig->last.hop.flags, HOP_REWRITTEN);
		assert_true(addr_equal(&rig->last.seen, &seen));
		assert_int_equal(rig->last.seen_sport, 1025);
		assert_int_equal(rig->last.sport, i ? k.echo_id : k.port);
		assert_int_equal(rig->last.dport, i ? 0 : 33434);
		assert_int_equal(rig->last.proto, i ? PROTO_ICMP : PROTO_UDP);
	}
	rig_free(rig);
}

static void when_next(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	const struct strategy_ops *ops;
	struct probe p[16];
	u64 over;

	rig_open(rig);
	ops = rig->s.ops;
	assert_int_equal(ops->next(&rig->s, START), 0);
	send_some(rig, all_probes(rig) - 1, 0);
	assert_int_equal(ops->next(&rig->s, departure(rig->probes)), 0);
	assert_int_equal(ops->schedule(&rig->s, p, 16, START + NS_PER_S), 1);
	over = START + 3 * NS_PER_S;
	assert_int_equal(ops->next(&rig->s, START + NS_PER_S), over);
	assert_int_equal(ops->next(&rig->s, over - 1), over);
	assert_int_equal(ops->next(&rig->s, over), UINT64_MAX);
	/* to be asked again does not begin the wait anew */
	assert_int_equal(ops->schedule(&rig->s, p, 16, over - 1), 0);
	assert_int_equal(ops->next(&rig->s, over), UINT64_MAX);
	rig_free(rig);
}

static void halted(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	struct exhaustive_progress progress;
	struct probe p[16];
	struct answer a;

	rig_open(rig);
	send_some(rig, 100, 0);
	rig->s.ops->halt(&rig->s, departure(100));
	assert_int_equal(rig->s.ops->next(&rig->s, departure(100)), UINT64_MAX);
	assert_int_equal(rig->s.ops->schedule(&rig->s, p, 16, departure(101)),
			 0);
	/* what has come by then still counts */
	a = answer_to(&rig->probe[99], departure(101));
	settle(rig, &a);
	assert_int_equal(rig->s.stats.answered, 1);
	exhaustive_progress(&rig->s, &progress);
	assert_int_equal(progress.done, 100);
	assert_int_equal(progress.all, 512);
	rig_free(rig);
}

/* A ring below was full: which of the second hundred did not leave, nobody
 * knows, nor what became of the first: what has no answer is sent again. */
static void sent_again(void **state)
{
	struct rig *rig = rig_new("20.0.0.0/20", NULL);
	u64 all = all_probes(rig), later, again = 0;
	struct probe p[64];
	unsigned int n;

	rig_open(rig);
	send_some(rig, 100, 0);
	rig->s.ops->delivered(&rig->s, true, 0, 0);
	send_some(rig, 100, 0);
	rig->s.ops->delivered(&rig->s, false, 0, 0);
	send_some(rig, all - 200, 0);
	rig->s.ops->delivered(&rig->s, true, 0, 0);
	for (u64 i = 0; i < all; i++) {
		struct answer a = answer_to(&rig->probe[i], departure(all));

		if (i < 50 || (i >= 100 && i < 200 && i % 4))
			settle(rig, &a);
	}
	later = rig->s.ops->next(&rig->s, departure(all));
	assert_true(later > departure(all) && later != UINT64_MAX);
	assert_int_equal(rig->s.ops->schedule(&rig->s, p, 64, later - 1), 0);
	while ((n = rig->s.ops->schedule(&rig->s, p, 7, later)) > 0) {
		for (unsigned int i = 0; i < n; i++) {
			assert_in_range(p[i].position, 50, 199);
			assert_true(p[i].position < 100 ||
				    p[i].position % 4 == 0);
			p[i].sent_ns = later;
		}
		rig->s.ops->departed(&rig->s, p, n);
		rig->s.ops->delivered(&rig->s, true, 0, 0);
		again += n;
	}
	assert_int_equal(again, 50 + 25);
	for (u64 i = 100; i < 200; i += 4) {
		struct answer a = answer_to(&rig->probe[i], later + 5000);

		settle(rig, &a);
		assert_int_equal(rig->last.hop.rtt_us, 5);
	}
	assert_int_equal(rig->s.stats.answered, 150);
	assert_int_equal(rig->s.stats.duplicate, 0);
	assert_int_equal(rig->s.ops->next(&rig->s, later + 60 * NS_PER_S),
			 UINT64_MAX);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_probe_once),
		cmocka_unit_test(more_shards_than_probes),
		cmocka_unit_test(answers_find_their_probes),
		cmocka_unit_test(rtts),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(strangers),
		cmocka_unit_test(before_its_turn),
		cmocka_unit_test(ring_overrun),
		cmocka_unit_test(ring_is_long_enough),
		cmocka_unit_test(refused_probes),
		cmocka_unit_test(rewritten),
		cmocka_unit_test(when_next),
		cmocka_unit_test(halted),
		cmocka_unit_test(sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
