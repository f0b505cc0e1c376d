/* SPDX-License-Identifier: BSD-2-Clause */
/* session_rough_test: sessions where frames are lost, overtake each other or
 * never leave, and those that are cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "insession.h"

/* Frames overtake each other, on both ways. */
static void reordered(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->net.jitter_ns = 50 * NS_PER_MS;
	for (u64 seed = 1; seed < 4; seed++) {
		w->net.seed = seed;
		w->net.habits.banner = seed == 2;
		w->net.habits.no_stamps = seed == 3;
		w->rules.attempts = (u8)seed;
		insession_run(w);
		insession_check_truth(w, true);
		insession_assert_fates(w, FATE_OPEN);
	}
	insession_free(w);
}

/* Without SACK, acknowledgements are counted: one that belongs to an octet sent
 * before must not be taken for that of a probe which never got there. */
static void counted_on_rough_ways(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->net.habits.no_sack = true;
	w->rules.attempts = 2;
	for (int i = 0; i < 4; i++) {
		w->net.seed = (u64)i;
		w->net.jitter_ns = (i & 1 ? 20 : 400) * NS_PER_MS;
		w->net.loss = i & 2 ? 200 : 0;
		insession_prepare(w);
		assert_int_equal(abroad_run(&w->f, &w->s), 0);
		insession_check_ledger(w);
		insession_check_answers(w);
		assert_int_equal(w->traces, targets_count(&w->targets));
		assert_true(w->fates[FATE_COUNTED] > w->traces / 10);
		for (u32 c = 1; c <= w->f.conns; c++) {
			assert_int_equal(w->f.conn[c].faults, 0);
			assert_int_equal(w->f.conn[c].opened,
					 w->f.conn[c].ended);
		}
	}
	insession_free(w);
}

/* What hosts say is lost, often. */
static void acknowledgements_are_lost(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	/* a lost one makes the next acknowledge both, later */
	w->net.jitter_ns = 1;
	w->net.loss = 300;
	for (u64 seed = 1; seed < 4; seed++) {
		w->net.seed = seed;
		w->net.habits.banner = seed == 2;
		insession_run(w);
		insession_check_answers(w);
		assert_int_equal(w->traces, targets_count(&w->targets));
		assert_true(w->fates[FATE_OPEN] > w->traces * 9 / 10);
		assert_true(w->reached > w->traces * 9 / 10);
	}
	insession_free(w);
}

/* What we say is lost, as often. */
static void segments_are_lost(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->net.jitter_ns = 1;
	w->net.lost = 200;
	w->rules.attempts = 3;
	for (int i = 0; i < 4; i++) {
		u32 left = 0;

		w->net.seed = (u64)i;
		w->net.habits.ends = i & 1;
		w->net.habits.no_sack = i & 2;
		insession_prepare(w);
		assert_int_equal(abroad_run(&w->f, &w->s), 0);
		insession_check_ledger(w);
		insession_check_answers(w);
		assert_int_equal(w->traces, targets_count(&w->targets));
		for (u32 c = 1; c <= w->f.conns; c++) {
			assert_int_equal(w->f.conn[c].faults, 0);
			left += w->f.conn[c].state == HOST_OPEN;
		}
		/* who is not told, as an RST was lost, and asks no more */
		assert_true(left <= 6);
		assert_true(w->fates[FATE_OPEN] + w->fates[FATE_COUNTED] >
			    w->traces / 2);
	}
	insession_free(w);
}

/* This host does not let out all that is to be sent. */
static void refused_here(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->net.refuse = 100;
	w->rules.attempts = 2;
	insession_prepare(w);
	assert_int_equal(abroad_run(&w->f, &w->s), 0);
	insession_check_ledger(w);
	insession_check_answers(w);
	assert_in_range(w->f.refused, w->f.probes / 20, w->f.probes / 5);
	assert_int_equal(w->traces, targets_count(&w->targets));
	assert_true(w->fates[FATE_OPEN] > w->traces * 95 / 100);
	for (u32 i = 1; i <= w->f.conns; i++)
		assert_int_equal(w->f.conn[i].faults, 0);
	insession_free(w);
}

/* By a halt, that is: then there is no time for a FIN. */
static bool was_cut(struct insession *w, const struct record *r)
{
	const struct host_conn *c = abroad_conn(&w->f, &r->dst, r->sport);

	if (r->stop_reason != STOP_HALTED)
		return false;
	assert_true(!c || !c->fins);
	return true;
}

/* There is room for few segments, and they wait in a line, in which some have
 * nothing to say any more when it is their turn. */
static void the_line_is_long(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->rules.active_max = 100;
	w->net.asides = 1;
	w->net.tick_ns = NS_PER_MS;
	for (int i = 0; i < 3; i++) {
		w->net.habits.banner = i == 1;
		w->net.habits.resets_at = i == 2 ? 1 : 0;
		insession_run(w);
		insession_check_truth(w, true);
		insession_assert_fates(w, i == 2 ? FATE_RESET : FATE_OPEN);
		assert_true(w->f.waited > 50);
	}
	insession_free(w);
}

/* From outside, at any time: what is known is kept, and nobody is left with a
 * connection. */
static void halted(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");
	u64 whole = 0, cut = 0;

	w->rules.active_max = 300;
	/* in the beginning no trace has a hop to tell of */
	for (u64 ms = 1; ms < 1500; ms += 97) {
		u64 halted = 0;

		w->net.halt_ns = ms * NS_PER_MS;
		w->net.habits.ends = ms % 2;
		insession_run(w);
		insession_check_answers(w);
		for (size_t i = 0; i < w->f.records; i++)
			halted += was_cut(w, &w->f.record[i]);
		assert_true(halted <= 300);
		assert_int_equal(w->progress.started, w->progress.ended);
		assert_true(w->traces <= w->progress.started);
		whole += w->traces - halted;
		cut += halted;
	}
	assert_true(whole > 2000 && cut > 1000);
	insession_free(w);
}

/* Each attempt is a flow, with a session and a port of its own. */
static void flows(void **state)
{
	struct insession *w = insession_new("20.0.0.0/16", "2001:200::/42");
	u64 differ = 0;

	w->key.flows = true;
	w->net.simnet.diamond = 400;
	for (u8 attempts = 2; attempts <= 16; attempts += 7) {
		w->rules.attempts = attempts;
		for (int reset = 0; reset < 2; reset++) {
			w->rules.by_reset = reset;
			insession_run(w);
			insession_check_truth(w, true);
			insession_assert_fates(w, FATE_OPEN);
			assert_int_equal(w->f.conns, w->traces * attempts);
		}
		for (u32 i = 1; i <= w->f.conns; i++)
			assert_int_equal(w->f.conn[i].syns, 1);
		for (size_t i = 0; i + 1 < w->f.records; i++) {
			const struct record *r = &w->f.record[i];
			u64 flow = cookie_flow(&w->key, &r->dst, PROTO_TCP);

			assert_int_equal(r->sport, cookie_port(&w->key, flow,
							       r->hop.attempt));
			differ += r->hop.ttl == r[1].hop.ttl &&
				  !addr_equal(&r->hop.from, &r[1].hop.from);
		}
	}
	/* which is what they are for */
	assert_true(differ > 2000);
	/* no SACK tells them apart: one at a time */
	w->rules.attempts = 3;
	w->net.habits.no_sack = true;
	insession_run(w);
	insession_check_truth(w, true);
	insession_assert_fates(w, FATE_COUNTED);
	w->net.habits.no_sack = false;
	/* some fail, and the others go on */
	w->rules.attempts = 3;
	w->net.habits.resets_at = 2;
	insession_run(w);
	insession_check_truth(w, true);
	insession_assert_fates(w, FATE_RESET);
	insession_free(w);
}

/* The same hosts, and no session: they keep half of a connection for each SYN,
 * and swallow others meanwhile. */
static void half_open(void **state)
{
	struct insession *w = insession_new("20.0.0.0/15", "2001:200::/41");

	w->rules.method = PROBE_TCP;
	w->rules.attempts = 3;
	w->key.mode = COOKIE_TCP_SYN;
	insession_run(w);
	insession_check_truth(w, true);
	assert_true(w->progress.probes > w->f.records + w->traces);
	w->net.loss = 300;
	w->net.jitter_ns = 3 * NS_PER_S;
	insession_prepare(w);
	assert_int_equal(abroad_run(&w->f, &w->s), 0);
	insession_check_ledger(w);
	insession_check_answers(w);
	assert_true(w->s.stats.late > 100);
	insession_free(w);
}

/* As it happens: what became of the session, the hops, what became of it
 * then. */
static void stream(void **state)
{
	struct insession *w = insession_new("20.0.0.0/24", NULL);

	w->rules.active_max = 1;
	w->rules.stream = true;
	w->rules.window = 1;
	insession_run(w);
	insession_check_truth(w, true);
	insession_assert_fates(w, FATE_OPEN);
	w->net.habits.resets_at = 2;
	insession_run(w);
	insession_check_truth(w, true);
	assert_int_equal(w->fates[FATE_OPEN], 1);
	assert_int_equal(w->fates[FATE_RESET], 1);
	assert_int_equal(w->f.record[0].session, FATE_OPEN);
	assert_int_equal(w->f.record[w->f.records - 2].session, FATE_RESET);
	insession_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reordered),
		cmocka_unit_test(counted_on_rough_ways),
		cmocka_unit_test(acknowledgements_are_lost),
		cmocka_unit_test(segments_are_lost),
		cmocka_unit_test(refused_here),
		cmocka_unit_test(the_line_is_long),
		cmocka_unit_test(halted),
		cmocka_unit_test(flows),
		cmocka_unit_test(half_open),
		cmocka_unit_test(stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
