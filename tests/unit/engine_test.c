/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_test: whole runs over an uplink in memory. Whatever happens to a
 * probe, it happens once in the ledger. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "loop.h"
#include "scratch.h"
#include "trace/doubletree.h"
#include "trace/engine.h"
#include "trace/exhaustive.h"
#include "trace/ladder.h"

enum { TTLS = 8, TRIES = 2, RECORDS = 1 << 15 };

struct rig {
	struct loop *loop;
	struct targets targets;
	struct permute order;
	struct craft craft;
	struct strategy s;
	struct exhaustive_config exhaustive;
	struct ladder_config ladder;
	struct doubletree_config doubletree;
	struct engine_config engine;
	struct ledger ledger;

	/* the sink */
	struct record record[RECORDS];
	u32 records;
	u32 room, drain; /* room 0: much; so many are taken at each look */
	u32 shut; /* after the first records: no room for so many looks */
	u32 held, left;

	u64 statuses;
	int status_err;
};

static unsigned int sink_room(void *to)
{
	struct rig *rig = to;

	rig->left = RECORDS - rig->records;
	if (!rig->room)
		return rig->left;
	rig->held -= rig->drain < rig->held ? rig->drain : rig->held;
	rig->left = rig->room - rig->held;
	if (rig->records && rig->shut && rig->shut--)
		rig->left = 0;
	return rig->left;
}

static void sink_put(void *to, const struct record *r, unsigned int n)
{
	struct rig *rig = to;

	assert_true(n <= rig->left);
	memcpy(&rig->record[rig->records], r, n * sizeof(*r));
	rig->records += n;
	rig->held += n;
	rig->left -= n;
}

static int on_status(void *to, const struct ledger *l, u64 now)
{
	struct rig *rig = to;

	assert_ptr_equal(l, &rig->ledger);
	rig->statuses++;
	return rig->status_err;
}

/* 256 targets of each family, each TTL twice: 8192 probes. */
static struct rig *rig_new(u64 pps)
{
	static const struct targets_config per = { 24, 48, 3 };
	struct rig *rig = calloc(1, sizeof(*rig));
	struct craft_config craft = {
		.method = PROBE_UDP,
		.size4 = 60,
		.size6 = 80,
	};

	assert_non_null(rig);
	rig->loop = loop_new(pps);
	targets_init(&rig->targets, &per);
	assert_int_equal(targets_add(&rig->targets, "20.0.0.0/16"), 0);
	assert_int_equal(targets_add(&rig->targets, "2001:200::/40"), 0);
	assert_int_equal(targets_seal(&rig->targets), 0);
	permute_init(&rig->order, targets_count(&rig->targets), 5);
	craft.key = &rig->loop->uplink.key;
	assert_int_equal(craft_init(&rig->craft, &craft), 0);
	/* No answer is ever late: all are there when the next turn begins. So
	 * no wait is needed, and the outcome does not depend on the clock. */
	rig->exhaustive = (struct exhaustive_config){
		.targets = &rig->targets,
		.key = craft.key,
		.method = PROBE_UDP,
		.seed = 11,
		.wait_ns = 1,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.first_ttl = 1,
		.max_ttl = TTLS,
		.attempts = TRIES,
	};
	rig->ladder = (struct ladder_config){
		.targets = &rig->targets,
		.order = &rig->order,
		.exclude = &rig->loop->exclude,
		.first_ttl = 1,
		.max_ttl = TTLS,
		.attempts = TRIES,
		.gap_limit = LADDER_GAP_OFF,
		.active_max = 100,
		.window = 4,
		.wait_max_ns = 5 * NS_PER_MS,
		.method = PROBE_UDP,
		.key = craft.key,
		.src4 = craft.key->src4,
		.src6 = craft.key->src6,
		.probe_size4 = 60,
		.probe_size6 = 80,
		.dport = 33434,
	};
	rig->doubletree = (struct doubletree_config){
		.targets = &rig->targets,
		.key = craft.key,
		.method = PROBE_UDP,
		.seed = 11,
		.wait_ns = 20 * NS_PER_MS,
		.round_ns = 20 * NS_PER_MS,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.rules = { 1, TTLS, 1, 5, 4 },
	};
	rig->engine = (struct engine_config){
		.uplink = &rig->loop->uplink,
		.strategy = &rig->s,
		.craft = &rig->craft,
		.stop = &rig->loop->stop,
	};
	return rig;
}

static void rig_free(struct rig *rig)
{
	if (rig->s.ops)
		rig->s.ops->close(&rig->s);
	targets_fini(&rig->targets);
	loop_free(rig->loop);
	free(rig);
}

/* What must hold however the run ended. */
static void check_ledger(const struct rig *rig)
{
	const struct ledger *l = &rig->ledger;
	const struct loop *loop = rig->loop;
	u64 verdicts = 0;

	for (int v = 0; v < STEER_VERDICT_COUNT; v++)
		verdicts += l->verdicts[v];
	assert_int_equal(l->made, l->tx.sent + l->tx.excluded +
					  l->tx.over_rate + l->tx.failed);
	assert_int_equal(l->tx.over_rate, 0);
	assert_int_equal(l->tx.sent, loop->frames);
	assert_int_equal(l->tx.sent,
			 loop->answered + loop->silent + loop->overrun);
	assert_int_equal(l->rx.received, verdicts);
	assert_int_equal(l->verdicts[STEER_EXACT], l->matched);
	assert_int_equal(l->rx.ring_full, loop->overrun);
	assert_int_equal(l->matched,
			 l->strategy.answered + l->strategy.duplicate +
				 l->strategy.late + l->strategy.unknown);
	assert_int_equal(l->strategy.unknown, 0);
	assert_true(l->started_ns <= l->ended_ns);
}

/* Every answer was heard, too. */
static void check_all_heard(const struct rig *rig)
{
	const struct ledger *l = &rig->ledger;
	const struct loop *loop = rig->loop;

	assert_int_equal(loop->head, loop->tail);
	assert_int_equal(l->rx.received,
			 loop->answered + loop->doubled + loop->strangers);
	assert_int_equal(l->verdicts[STEER_FOREIGN], loop->strangers);
	assert_int_equal(l->matched, loop->answered + loop->doubled);
}

static int run_exhaustive(struct rig *rig)
{
	int err;

	assert_int_equal(exhaustive_open(&rig->s, &rig->exhaustive), 0);
	rig->s.emit = (struct record_sink){ sink_put, sink_room, rig };
	err = engine_run(&rig->engine, &rig->ledger);
	check_ledger(rig);
	return err;
}

static int run_ladder(struct rig *rig)
{
	struct ladder_progress p;
	const struct ledger *l = &rig->ledger;
	int err;

	assert_int_equal(ladder_open(&rig->s, &rig->ladder, clock_now()), 0);
	rig->s.emit = (struct record_sink){ sink_put, sink_room, rig };
	err = engine_run(&rig->engine, &rig->ledger);
	check_ledger(rig);
	ladder_progress(&rig->s, &p);
	assert_int_equal(l->made, p.probes);
	assert_int_equal(l->tx.excluded + l->tx.failed, p.refused);
	assert_int_equal(l->tx.sent, l->strategy.answered + l->strategy.silent +
					     p.abandoned);
	assert_int_equal(p.started, p.ended);
	return err;
}

/* Each record as the line of routers makes it; none twice. */
static void check_records(const struct rig *rig)
{
	static u8 times[512][TTLS][TRIES];

	memset(times, 0, sizeof(times));
	for (u32 i = 0; i < rig->records; i++) {
		const struct record *r = &rig->record[i];
		struct addr from = loop_router(rig->loop, &r->dst, r->hop.ttl);
		s64 t = targets_find(&rig->targets, &r->dst);

		assert_in_range(t, 0, 511);
		assert_in_range(r->hop.ttl, 1, TTLS);
		assert_in_range(r->hop.attempt, 0, TRIES - 1);
		if (!(r->hop.flags & HOP_DUPLICATE))
			assert_int_equal(
				times[t][r->hop.ttl - 1][r->hop.attempt]++, 0);
		if (r->hop.state != HOP_ANSWERED)
			continue;
		assert_true(addr_equal(&r->hop.from, &from));
		assert_in_range(r->hop.rtt_us, r->hop.ttl * 1000,
				r->hop.ttl * 1000 + 1);
		assert_int_equal(!!(r->hop.flags & HOP_REACHED),
				 r->hop.ttl >= rig->loop->length);
	}
}

static void all_answered(void **state)
{
	struct rig *rig = rig_new(0);

	assert_int_equal(run_exhaustive(rig), 0);
	check_all_heard(rig);
	check_records(rig);
	assert_int_equal(rig->ledger.made, 512 * TTLS * TRIES);
	assert_int_equal(rig->ledger.tx.sent, 8192);
	assert_int_equal(rig->ledger.strategy.answered, 8192);
	assert_int_equal(rig->records, 8192);
	rig_free(rig);
}

/* Silence, duplicates, our own losses, refusals, exclusions, strangers. */
static void everything_at_once(void **state)
{
	struct rig *rig = rig_new(0);
	struct loop *l = rig->loop;
	struct prefix p;
	u64 excluded = 0;

	l->silent_every = 7;
	l->twice_every = 11;
	l->overrun_every = 13;
	l->refuse_every = 17;
	l->stranger_every = 19;
	assert_int_equal(inet_parse_prefix("20.0.128.0/17", &p), 0);
	assert_int_equal(exclude_add(&l->exclude, &p), 0);
	assert_int_equal(exclude_seal(&l->exclude), 0);
	excluded = 128 * TTLS * TRIES;
	assert_int_equal(run_exhaustive(rig), 0);
	check_all_heard(rig);
	check_records(rig);
	/* what was refused makes its batch doubtful: all of it that has no
	 * answer is tried again, six times, what is excluded too */
	assert_in_range(rig->ledger.made, 8192, 7 * 8192);
	assert_in_range(rig->ledger.tx.excluded, excluded, 7 * excluded);
	assert_in_range(rig->ledger.tx.failed, 300, 2400);
	assert_true(l->silent && l->doubled && l->overrun && l->strangers);
	/* exactly: sent = answered + silent + lost here */
	assert_int_equal(rig->ledger.strategy.answered, l->answered);
	assert_int_equal(rig->ledger.strategy.duplicate, l->doubled);
	assert_int_equal(rig->ledger.strategy.late, 0);
	assert_int_equal(rig->records, l->answered + l->doubled);
	rig_free(rig);
}

/* The rate holds without a frame being refused for it. */
static void paced(void **state)
{
	struct rig *rig = rig_new(200000);

	rig->exhaustive.pps = 200000;
	assert_int_equal(run_exhaustive(rig), 0);
	check_all_heard(rig);
	assert_int_equal(rig->ledger.strategy.answered, 8192);
	rig_free(rig);
}

static void traces(void **state)
{
	struct rig *rig = rig_new(0);

	rig->loop->silent_every = 50;
	rig->loop->refuse_every = 37;
	assert_int_equal(run_ladder(rig), 0);
	check_all_heard(rig);
	check_records(rig);
	/* six TTLs of each, unless both attempts at the last were in vain */
	assert_in_range(rig->records, 512 * 6 * TRIES, 8192);
	assert_int_equal(rig->record[rig->records - 1].flags & RECORD_LAST,
			 RECORD_LAST);
	rig_free(rig);
}

/* How many traces there are, all whole; how many were halted. */
static u32 count_traces(const struct rig *rig, u32 *halted)
{
	u32 traces = 0;
	bool open = false;

	*halted = 0;
	for (u32 i = 0; i < rig->records; i++) {
		const struct record *r = &rig->record[i];

		assert_int_equal(!!(r->flags & RECORD_FIRST), !open);
		open = !(r->flags & RECORD_LAST);
		traces += !open;
		*halted += r->stop_reason == STOP_HALTED;
	}
	assert_false(open);
	return traces;
}

/* Answers that found the ring full are asked for again: each router and each
 * target is heard. */
static void our_own_losses_again(void **state)
{
	struct rig *rig = rig_new(0);
	struct doubletree_progress p;

	rig->loop->overrun_every = 13;
	assert_int_equal(doubletree_open(&rig->s, &rig->doubletree), 0);
	rig->s.emit = (struct record_sink){ sink_put, sink_room, rig };
	assert_int_equal(engine_run(&rig->engine, &rig->ledger), 0);
	check_ledger(rig);
	doubletree_progress(&rig->s, &p);
	assert_true(rig->loop->overrun > 200);
	assert_int_equal(p.doubted, rig->loop->overrun);
	/* each quote says that no TTL was left: all TTLs are asked */
	assert_int_equal(p.known, 512 * 5);
	assert_int_equal(rig->records, 512 * TTLS);
	rig_free(rig);
}

/* Answers that found the ring full are asked for again by a ladder as well, and
 * never shown as silence; hardly one is lost five times. */
static void our_own_losses(void **state)
{
	struct rig *rig = rig_new(0);
	u32 lost = 0;

	rig->loop->overrun_every = 13;
	rig->ladder.wait_max_ns = 400 * NS_PER_MS;
	assert_int_equal(run_ladder(rig), 0);
	check_records(rig);
	assert_true(rig->loop->overrun > 200);
	for (u32 i = 0; i < rig->records; i++) {
		assert_int_not_equal(rig->record[i].hop.state, HOP_SILENT);
		lost += rig->record[i].hop.state == HOP_LOST;
	}
	assert_in_range(lost, 0, 2);
	rig_free(rig);
}

static void stopped(void **state)
{
	struct rig *rig = rig_new(0);
	u32 halted;

	rig->loop->stop_after = 1000;
	assert_int_equal(run_exhaustive(rig), -EINTR);
	/* what had come by then was heard and put */
	check_all_heard(rig);
	check_records(rig);
	assert_in_range(rig->ledger.tx.sent, 1000, 1000 + IO_BATCH);
	assert_int_equal(rig->records, rig->ledger.tx.sent);
	rig_free(rig);

	rig = rig_new(0);
	rig->loop->stop_after = 500;
	assert_int_equal(run_ladder(rig), -EINTR);
	check_records(rig);
	assert_in_range(rig->ledger.tx.sent, 500, 500 + IO_BATCH);
	assert_true(count_traces(rig, &halted) >= 100);
	assert_true(halted > 0);
	rig_free(rig);

	/* before the first probe */
	rig = rig_new(0);
	rig->loop->stop = true;
	assert_int_equal(run_exhaustive(rig), -EINTR);
	assert_int_equal(rig->ledger.made, 0);
	rig_free(rig);
}

static void out_of_time(void **state)
{
	struct rig *rig = rig_new(1000);
	u32 halted;

	/* at this rate it would take eight seconds; its time is over */
	rig->engine.deadline_ns = 1;
	assert_int_equal(run_exhaustive(rig), 0);
	assert_int_equal(rig->ledger.made, 0);
	rig_free(rig);

	rig = rig_new(1000);
	rig->engine.deadline_ns = clock_now() + 20 * NS_PER_MS;
	assert_int_equal(run_ladder(rig), 0);
	assert_true(rig->ledger.ended_ns >= rig->engine.deadline_ns);
	assert_true(rig->ledger.made < 8192);
	count_traces(rig, &halted);
	rig_free(rig);
}

/* Who writes is slow: nothing is lost, nothing is put without room. */
static void back_pressure(void **state)
{
	struct rig *rig = rig_new(0);

	rig->loop->hold = 5000;
	rig->loop->twice_every = 2;
	rig->room = 2 * IO_BATCH + 100;
	rig->drain = 100;
	rig->shut = 40;
	assert_int_equal(run_exhaustive(rig), 0);
	check_all_heard(rig);
	check_records(rig);
	assert_int_equal(rig->records, 8192 + 4096);
	rig_free(rig);

	rig = rig_new(0);
	rig->room = 2 * IO_BATCH + 5;
	rig->drain = 20;
	rig->shut = 40;
	assert_int_equal(run_ladder(rig), 0);
	check_all_heard(rig);
	check_records(rig);
	assert_int_equal(rig->records, 512 * 6 * TRIES);
	rig_free(rig);
}

static void device_gone(void **state)
{
	struct rig *rig = rig_new(0);
	u32 halted;

	rig->loop->fail_after = 2000;
	rig->loop->fail_times = 1;
	rig->loop->fail_with = -ENXIO;
	scratch_hear_begin();
	assert_int_equal(run_exhaustive(rig), -ENXIO);
	assert_non_null(strstr(scratch_hear_end(), "loop: sending failed: "));
	assert_in_range(rig->ledger.tx.sent, 2000, 2000 + IO_BATCH);
	assert_true(rig->ledger.tx.failed > 0);
	rig_free(rig);

	/* traces under way are not lost with it */
	rig = rig_new(0);
	rig->loop->fail_after = 2000;
	rig->loop->fail_times = 1;
	rig->loop->fail_with = -ENXIO;
	scratch_hear_begin();
	assert_int_equal(run_ladder(rig), -ENXIO);
	scratch_hear_end();
	assert_true(count_traces(rig, &halted) > 0);
	assert_true(halted > 0);
	check_records(rig);
	rig_free(rig);
}

/* Down for a moment, or out of buffers: those probes are sent again. */
static void device_stumbles(void **state)
{
	static const int errors[] = { -ENETDOWN, -ENOBUFS };

	for (int i = 0; i < 2; i++) {
		struct rig *rig = rig_new(0);

		rig->loop->fail_after = 2000;
		rig->loop->fail_times = 2;
		rig->loop->fail_with = errors[i];
		assert_int_equal(run_exhaustive(rig), 0);
		check_all_heard(rig);
		assert_in_range(rig->ledger.tx.failed, 2, 2 * IO_BATCH);
		assert_int_equal(rig->ledger.made,
				 8192 + rig->ledger.tx.failed);
		assert_int_equal(rig->ledger.strategy.answered, 8192);
		rig_free(rig);
	}
}

static void status_calls(void **state)
{
	struct rig *rig = rig_new(0);

	rig->engine.status = on_status;
	rig->engine.status_to = rig;
	assert_int_equal(run_exhaustive(rig), 0);
	assert_true(rig->statuses >= 1);
	rig_free(rig);

	/* the writer failed */
	rig = rig_new(0);
	rig->engine.status = on_status;
	rig->engine.status_to = rig;
	rig->status_err = -ENOSPC;
	assert_int_equal(run_exhaustive(rig), -ENOSPC);
	assert_int_equal(rig->statuses, 1);
	assert_int_equal(rig->ledger.made, 0);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_answered),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(paced),
		cmocka_unit_test(traces),
		cmocka_unit_test(our_own_losses),
		cmocka_unit_test(our_own_losses_again),
		cmocka_unit_test(stopped),
		cmocka_unit_test(out_of_time),
		cmocka_unit_test(back_pressure),
		cmocka_unit_test(device_gone),
		cmocka_unit_test(device_stumbles),
		cmocka_unit_test(status_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
