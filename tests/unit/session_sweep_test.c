/* SPDX-License-Identifier: BSD-2-Clause */
/* session_sweep_test: traces through sessions, many at once, to hosts of every
 * kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "insession.h"

/* The simulated Internet's own destinations, which remember nothing. */
static void stateless(void **state)
{
	struct insession *w = insession_new("20.0.0.0/14", "2001:200::/39");

	w->net.stateless = true;
	w->net.simnet.silent = 100;
	w->net.simnet.mpls = 300;
	insession_run(w);
	insession_check_truth(w, true);
	insession_assert_fates(w, FATE_OPEN);
	w->net.simnet.tcp_open = 500;
	insession_run(w);
	insession_check_truth(w, true);
	assert_in_range(w->fates[FATE_OPEN], 700, 840);
	assert_int_equal(w->fates[FATE_REFUSED],
			 w->traces - w->fates[FATE_OPEN]);
	insession_free(w);
}

static void ten_thousand_at_once(void **state)
{
	struct insession *w = insession_new("20.0.0.0/11", "2001:200::/37");

	insession_run(w);
	insession_check_truth(w, true);
	insession_assert_fates(w, FATE_OPEN);
	assert_int_equal(w->traces, 8192 + 2048);
	assert_int_equal(w->progress.active_peak, 10000);
	assert_int_equal(w->f.conns, w->traces);
	for (u32 i = 1; i <= w->f.conns; i++) {
		assert_int_equal(w->f.conn[i].syns, 1);
		assert_int_equal(w->f.conn[i].opened, 1);
	}
	insession_free(w);
}

/* Beyond what a half-open trace costs. */
static void memory_of_a_session(void **state)
{
	struct insession *w = insession_new("20.0.0.0/8", NULL);
	struct ladder_progress half;

	for (u8 attempts = 1; attempts <= 16; attempts += 5) {
		w->key.flows = attempts > 6;
		w->rules.attempts = attempts;
		w->rules.method = PROBE_TCP;
		assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
		ladder_progress(&w->s, &half);
		w->s.ops->close(&w->s);
		w->rules.method = PROBE_INSESSION;
		assert_int_equal(ladder_open(&w->s, &w->rules, 0), 0);
		ladder_progress(&w->s, &w->progress);
		w->s.ops->close(&w->s);
		assert_in_range(w->progress.octets - half.octets, 10000 * 64,
				10000 * 256 * (w->key.flows ? attempts : 1));
	}
	w->s.ops = NULL;
	insession_free(w);
}

/* What a host may do, and what becomes of the sessions then. */
static const struct row {
	const char *what;
	struct host_habits habits;
	enum session_fate fate;
} rows[] = {
	{ "a host", {}, FATE_OPEN },
	{ "without timestamps", { .no_stamps = true }, FATE_OPEN },
	{ "a banner", { .banner = true }, FATE_OPEN },
	{ "it ends at once", { .ends = true }, FATE_OPEN },
	{ "a banner, and it ends",
	  { .banner = true, .ends = true },
	  FATE_OPEN },
	{ "without SACK", { .no_sack = true }, FATE_COUNTED },
	{ "without SACK, a banner",
	  { .no_sack = true, .banner = true },
	  FATE_COUNTED },
	{ "drops what is behind a gap",
	  { .drops_behind = true },
	  FATE_UNPROVED },
	{ "resets at the proof", { .resets_at = 1 }, FATE_RESET },
	{ "resets at the first probe", { .resets_at = 2 }, FATE_RESET },
	{ "resets at the third", { .resets_at = 4 }, FATE_RESET },
	{ "closed", { .closed = true }, FATE_REFUSED },
	{ "deaf until it is given up",
	  { .deaf_ns = 6900 * NS_PER_MS },
	  FATE_UNANSWERED },
	{ "filtered", { .filtered = true }, FATE_UNANSWERED },
};

static void kinds_of_hosts(void **state)
{
	struct insession *w = insession_new("20.0.0.0/16", "2001:200::/41");

	w->net.simnet.silent = 100;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i / 2];

		w->rules.attempts = i & 1 ? 3 : 1;
		w->net.habits = r->habits;
		/* the first answer would end the trace before */
		if (r->habits.resets_at > 2 && w->rules.attempts == 1)
			continue;
		insession_run(w);
		insession_check_truth(w, !r->habits.filtered);
		insession_assert_fates(w, r->fate);
		/* frames keep their order here, and so must what we say */
		for (u32 c = 1; c <= w->f.conns; c++)
			assert_int_equal(w->f.conn[c].older, 0);
	}
	insession_free(w);
}

/* All that may be sent must fit in, though no path here is so long. */
static void small_windows(void **state)
{
	struct insession *w = insession_new("20.0.0.0/17", "2001:200::/42");

	for (u8 attempts = 1; attempts <= 16; attempts += 3) {
		u32 most = COOKIE_DATA + 32u * attempts + attempts;

		w->rules.attempts = attempts;
		w->net.habits.window = (u16)most;
		insession_run(w);
		insession_check_truth(w, true);
		insession_assert_fates(w, FATE_OPEN);
		w->net.habits.window = (u16)(most - 1);
		insession_run(w);
		insession_check_truth(w, true);
		insession_assert_fates(w, FATE_UNPROVED);
	}
	insession_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stateless),
		cmocka_unit_test(ten_thousand_at_once),
		cmocka_unit_test(memory_of_a_session),
		cmocka_unit_test(kinds_of_hosts),
		cmocka_unit_test(small_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
