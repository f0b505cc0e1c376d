/* SPDX-License-Identifier: BSD-2-Clause */
/* flight_test: departures are found again, once. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "trace/flight.h"
#include "trace/patience.h"

static u64 name(u64 turn, u64 ttl, u64 attempt)
{
	return turn << 16 | ttl << 8 | attempt;
}

static void found_once(void **state)
{
	struct flight f;
	u64 sent;

	assert_int_equal(flight_open(&f, 100), 0);
	flight_depart(&f, name(0, 1, 0), 1000);
	flight_depart(&f, name(0, 1, 1), 2001);
	flight_depart(&f, name(1, 1, 0), 3000);
	assert_int_equal(flight_answer(&f, name(0, 1, 1), &sent), FLIGHT_FIRST);
	assert_in_range(sent, 2000, 2001);
	assert_int_equal(flight_answer(&f, name(0, 1, 0), &sent), FLIGHT_FIRST);
	assert_int_equal(sent, 1000);
	assert_int_equal(flight_answer(&f, name(0, 1, 0), &sent), FLIGHT_AGAIN);
	assert_int_equal(sent, 1000);
	assert_int_equal(flight_answer(&f, name(0, 2, 0), &sent),
			 FLIGHT_UNKNOWN);
	assert_int_equal(sent, 0);
	assert_int_equal(f.forgotten, 0);
	flight_close(&f);
	flight_close(&f);
}

/* Half as many probes as there is room for: next to none is forgotten. */
static void in_half_of_the_room(void **state)
{
	u32 n = 1 << 18, lost = 0;
	struct flight f;
	u64 sent;

	assert_int_equal(flight_open(&f, 2 * n), 0);
	assert_int_equal(flight_octets(&f), 2 * n * 16);
	for (u32 i = 0; i < n; i++)
		flight_depart(&f, name(i / 4, 10 + i % 4, 0), 2 * (i + 1));
	for (u32 i = 0; i < n; i++)
		if (flight_answer(&f, name(i / 4, 10 + i % 4, 0), &sent))
			lost++;
		else
			assert_int_equal(sent, 2 * (i + 1));
	print_message("half full: %u of %u forgotten\n", lost, n);
	assert_int_equal(f.forgotten, lost);
	assert_in_range(lost, 0, n / 100);
	flight_close(&f);
}

/* Where all is full, answered ones make room first, then the oldest. */
static void who_makes_room(void **state)
{
	u64 last = 100000, sent;
	struct flight f;

	assert_int_equal(flight_open(&f, 128), 0);
	for (u64 i = 1; i <= last; i++) {
		flight_depart(&f, name(i, 1, 0), 2 * i);
		assert_int_equal(flight_answer(&f, name(i, 1, 0), &sent),
				 FLIGHT_FIRST);
	}
	assert_int_equal(f.forgotten, 0);
	/* one that waits outlives all that are answered */
	flight_depart(&f, name(1, 2, 0), 4);
	for (u64 i = 1; i <= last; i++) {
		flight_depart(&f, name(i, 3, 0), 2 * i);
		flight_answer(&f, name(i, 3, 0), &sent);
	}
	assert_int_equal(flight_answer(&f, name(1, 2, 0), &sent), FLIGHT_FIRST);
	for (u64 i = 1; i <= last; i++)
		flight_depart(&f, name(i, 4, 0), 2 * i);
	assert_int_equal(f.forgotten, last - 128);
	for (u64 i = 1; i <= last / 2; i++)
		assert_int_equal(flight_answer(&f, name(i, 4, 0), &sent),
				 FLIGHT_UNKNOWN);
	assert_int_equal(flight_answer(&f, name(last, 4, 0), &sent),
			 FLIGHT_FIRST);
	flight_close(&f);
}

static void patience_follows_the_answers(void **state)
{
	const u64 ms = 1000000, s = 1000 * ms;
	struct patience p;

	patience_init(&p, 10 * ms, 3 * s, 5 * s);
	assert_int_equal(patience_ns(&p, 5 * s), s);
	assert_int_equal(patience_ns(&p, 60 * s), s); /* nobody answered */
	for (u64 i = 0; i < 10000; i++)
		patience_learn(&p, (50 + i * 7919 % 151) * ms);
	assert_int_equal(patience_ns(&p, 6 * s - 1), s);
	/* 50 .. 200 ms: longer than any, not by much */
	assert_in_range(patience_ns(&p, 6 * s), 200 * ms, 400 * ms);
	for (u64 i = 0; i < 10000; i++)
		patience_learn(&p, 40000);
	assert_int_equal(patience_ns(&p, 6 * s), 10 * ms);
	for (u64 i = 0; i < 10000; i++)
		patience_learn(&p, 20 * s);
	assert_int_equal(patience_ns(&p, 6 * s), 3 * s);
	patience_init(&p, 4 * s, 3 * s, 0);
	assert_int_equal(patience_ns(&p, 0), 4 * s);
	patience_learn(&p, 0);
	assert_int_equal(patience_ns(&p, 9 * s), 4 * s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_once),
		cmocka_unit_test(in_half_of_the_room),
		cmocka_unit_test(who_makes_room),
		cmocka_unit_test(patience_follows_the_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
