/* SPDX-License-Identifier: BSD-2-Clause */
/* pace_test: the rate over hours, over any window, and at its edges. */
#include "plan/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"

#define HOUR (3600 * NS_PER_S)

/* Sends all that it may until `end`, waking when pace_when says. */
static u64 send_when_told(struct pace *p, u64 now, u64 end)
{
	u64 sent = 0;

	while (now < end) {
		u32 n = pace_allow(p, 256, now);

		/* it keeps its word: woken in time, never in vain */
		assert_true(n > 0);
		pace_take(p, n);
		sent += n;
		now = pace_when(p, now);
	}
	return sent;
}

static void test_no_drift_over_hours(void **state)
{
	const u64 rates[] = { 1, 3, 7, 10, 97, 333, 999 };
	struct pace p;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		u64 start = 123456789, sent;

		pace_init(&p, rates[i], 0, start);
		sent = send_when_told(&p, start, start + 10 * HOUR);
		assert_true(sent == rates[i] * 36000);
	}
}

/* Woken at a fixed beat that has nothing to do with the rate. */
static void test_no_drift_at_any_beat(void **state)
{
	const u64 rates[] = { 3, 1000, 9999, 10000, 123457, 1000003 };
	const u64 beats[] = { 61000, 100000, 250000, 999983 };

	for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
		for (size_t b = 0; b < sizeof(beats) / sizeof(*beats); b++) {
			u64 now = 5, end = 5 + 200 * NS_PER_S, sent = 0;
			u64 exact = rates[r] * 200;
			struct pace p;

			/* a burst holds more than a beat's worth */
			pace_init(&p, rates[r], 1024, now);
			for (; now < end; now += beats[b]) {
				u32 n = pace_allow(&p, UINT32_MAX, now);

				pace_take(&p, n);
				sent += n;
			}
			assert_true(sent >= exact && sent <= exact + 1025);
		}
	}
}

/* With the burst that it takes by itself, being late by the time of a burst,
 * though not by more than a millisecond, costs nothing. */
static void test_late_by_a_burst(void **state)
{
	const u64 rates[] = { 3, 100, 1000, 3333, 10000, 999999 };

	for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
		u64 burst = rates[r] < 2000 ? 1 : rates[r] / 1000;
		u64 late = (burst < 256 ? burst : 256) * NS_PER_S / rates[r];
		u64 now = 0, sent = 0;
		struct pace p;

		late = late < NS_PER_MS ? late : NS_PER_MS;
		srand(5);
		pace_init(&p, rates[r], 0, now);
		while (now < 100 * NS_PER_S) {
			u32 n = pace_allow(&p, 256, now);

			pace_take(&p, n);
			sent += n;
			now = pace_when(&p, now) + (u64)rand() % late;
		}
		assert_in_range(sent, rates[r] * 100 - 260,
				rates[r] * 100 + 260);
	}
}

enum { LOG = 1 << 20 };

/* The most packets in any window of `span` that begins with one. */
static u64 most_in(const u64 *when, u32 n, u64 span)
{
	u64 most = 0;
	u32 tail = 0;

	for (u32 head = 0; head < n; head++) {
		while (when[head] - when[tail] >= span)
			tail++;
		if (head - tail + 1 > most)
			most = head - tail + 1;
	}
	return most;
}

static void check_windows(u64 pps, u64 *when)
{
	u64 now = 1000, limit;
	struct pace p;
	u32 n = 0;

	pace_init(&p, pps, 0, now);
	while (n < LOG && now < 40 * NS_PER_S) {
		u32 allow = pace_allow(&p, 1 + (u32)rand() % 300, now);

		/* a caller that is late, at times by far, and greedy or not */
		pace_take(&p, allow);
		for (u32 i = 0; i < allow && n < LOG; i++)
			when[n++] = now;
		now += (u64)rand() % 3000;
		if (rand() % 64 == 0)
			now = pace_when(&p, now);
		if (rand() % 50 == 0)
			now += (u64)rand() % 2000000;
		if (rand() % 20000 == 0)
			now += NS_PER_S;
	}
	/* a window of few packets is that of the next whole packet */
	limit = pps / 10 + (pps / 200 ? pps / 200 : 2);
	assert_in_range(most_in(when, n, NS_PER_S / 10), 1, limit);
	limit = pps * 10 + (pps / 100 ? pps / 100 : 2);
	assert_in_range(most_in(when, n, 10 * NS_PER_S), 1, limit);
}

static void test_no_window_has_too_many(void **state)
{
	u64 *when = malloc(LOG * sizeof(*when));

	assert_non_null(when);
	srand(6);
	check_windows(10, when);
	check_windows(50, when);
	check_windows(1000, when);
	check_windows(1234, when);
	check_windows(10000, when);
	check_windows(99999, when);
	check_windows(1000000, when);
	check_windows(2000000, when);
	free(when);
}

static void test_allow_takes_nothing(void **state)
{
	struct pace p;

	pace_init(&p, 1000, 8, 0);
	assert_int_equal(pace_allow(&p, 3, 0), 3);
	assert_int_equal(pace_allow(&p, 100, 0), 8);
	pace_take(&p, 5);
	assert_int_equal(pace_allow(&p, 100, 0), 3);
	pace_take(&p, 3);
	assert_int_equal(pace_allow(&p, 100, 0), 0);
	assert_true(pace_when(&p, 0) == NS_PER_MS);
	assert_int_equal(pace_allow(&p, 100, NS_PER_MS - 1), 0);
	assert_int_equal(pace_allow(&p, 100, NS_PER_MS), 1);
	/* more than there is: nothing is borrowed */
	pace_take(&p, 100);
	assert_true(pace_when(&p, NS_PER_MS) == 2 * NS_PER_MS);
	assert_int_equal(pace_allow(&p, 0, NS_PER_S), 0);
}

static void test_burst_by_itself(void **state)
{
	const struct {
		u64 pps, burst;
	} rows[] = {
		{ 1, 1 },	  { 999, 1 },	       { 1999, 1 },
		{ 2000, 2 },	  { 10000, 10 },       { 256000, 256 },
		{ 1000000, 256 }, { 4000000000, 256 },
	};
	struct pace p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		pace_init(&p, rows[i].pps, 0, 0);
		assert_int_equal(pace_allow(&p, UINT32_MAX, 0), rows[i].burst);
		/* nor does it grow while nobody asks */
		assert_int_equal(pace_allow(&p, UINT32_MAX, 1000 * HOUR),
				 rows[i].burst);
	}
}

static void test_no_limit(void **state)
{
	struct pace p;

	pace_init(&p, 0, 0, 77);
	for (u64 now = 77; now < 1000; now++) {
		assert_int_equal(pace_allow(&p, 256, now), 256);
		pace_take(&p, 256);
		assert_true(pace_when(&p, now) == now);
	}
	assert_int_equal(pace_allow(&p, UINT32_MAX, 1000), UINT32_MAX);
}

/* No sum or product overflows, whatever the times and rates. */
static void test_extremes(void **state)
{
	const u64 rates[] = { 1, 2, 1000, NS_PER_S, UINT64_MAX };
	struct pace p;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		pace_init(&p, rates[i], UINT32_MAX, 0);
		assert_int_equal(pace_allow(&p, UINT32_MAX, 0), UINT32_MAX);
		pace_take(&p, UINT32_MAX);
		assert_int_equal(pace_allow(&p, UINT32_MAX, 0), 0);
		/* time going backwards gives nothing */
		assert_int_equal(pace_allow(&p, 1, 1000 * NS_PER_S) > 0, 1);
		pace_take(&p, UINT32_MAX);
		assert_int_equal(pace_allow(&p, 1, 999 * NS_PER_S), 0);
		assert_int_equal(pace_allow(&p, UINT32_MAX, UINT64_MAX / 2),
				 UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_drift_over_hours),
		cmocka_unit_test(test_no_drift_at_any_beat),
		cmocka_unit_test(test_late_by_a_burst),
		cmocka_unit_test(test_no_window_has_too_many),
		cmocka_unit_test(test_allow_takes_nothing),
		cmocka_unit_test(test_burst_by_itself),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
