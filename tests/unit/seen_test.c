/* SPDX-License-Identifier: BSD-2-Clause */
/* seen_test: whom a record shows, and that each counts once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "out/seen.h"
#include "records.h"

#define TO "203.0.113.9"

static struct record answer(enum reply_kind kind, const char *from, u8 flags)
{
	struct record r = record_of("192.0.2.1", TO, 3, 0, from, 100);

	r.hop.kind = (u8)kind;
	r.hop.flags = flags;
	return r;
}

static void who_counts(void **state)
{
	static const struct row {
		enum reply_kind kind;
		const char *from;
		u8 flags;
		unsigned int interfaces, destinations;
	} rows[] = {
		{ REPLY_EXPIRED, "198.51.100.1", 0, 1, 0 },
		{ REPLY_EXPIRED, "198.51.100.2", HOP_REWRITTEN, 1, 0 },
		{ REPLY_EXPIRED, "198.51.100.2", HOP_DUPLICATE, 1, 0 },
		/* time exceeded is a router's, whatever its address */
		{ REPLY_EXPIRED, TO, 0, 1, 0 },
		{ REPLY_UNREACH, TO, HOP_REACHED | HOP_FINAL, 0, 1 },
		/* from another of the destination's addresses */
		{ REPLY_UNREACH, "203.0.113.10", HOP_REACHED | HOP_FINAL, 0,
		  1 },
		{ REPLY_ECHO, TO, HOP_REACHED | HOP_FINAL, 0, 1 },
		{ REPLY_UNREACH, "198.51.100.1", HOP_FINAL, 0, 0 },
		{ REPLY_TOOBIG, "198.51.100.1", HOP_FINAL, 0, 0 },
		{ REPLY_PARAM, "198.51.100.1", HOP_FINAL, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct record r =
			answer(rows[i].kind, rows[i].from, rows[i].flags);
		struct addr to = frame_addr(TO);
		struct out_seen s = {};

		seen_record(&s, &r);
		seen_record(&s, &r);
		assert_int_equal(s.interfaces.count, rows[i].interfaces);
		assert_int_equal(s.destinations.count, rows[i].destinations);
		if (rows[i].interfaces)
			assert_true(addrset_has(&s.interfaces, &r.hop.from));
		if (rows[i].destinations)
			assert_true(addrset_has(&s.destinations, &to));
		seen_fini(&s);
		assert_int_equal(s.interfaces.count + s.destinations.count, 0);
	}
}

static void silence_shows_nobody(void **state)
{
	static const enum hop_state states[] = { HOP_SILENT, HOP_REFUSED,
						 HOP_LOST };
	struct out_seen s = {};

	for (size_t i = 0; i < 3; i++) {
		struct record r = answer(REPLY_EXPIRED, "198.51.100.1", 0);

		r.hop.state = (u8)states[i];
		seen_record(&s, &r);
		r.hop.kind = REPLY_UNREACH;
		r.hop.flags = HOP_REACHED;
		seen_record(&s, &r);
	}
	assert_int_equal(s.interfaces.count + s.destinations.count, 0);
	seen_fini(&s);
}

static void many(void **state)
{
	struct out_seen s = {};

	for (u32 i = 0; i < 30000; i++) {
		struct record r = answer(REPLY_EXPIRED, TO, 0);

		r.hop.from = addr_from_v4(be32_put(0x0b000000 + i / 3));
		r.dst = addr_from_v4(be32_put(0x14000000 + i / 6));
		seen_record(&s, &r);
		r.hop.kind = REPLY_ECHO;
		r.hop.flags = HOP_REACHED | HOP_FINAL;
		seen_record(&s, &r);
	}
	assert_int_equal(s.interfaces.count, 10000);
	assert_int_equal(s.destinations.count, 5000);
	seen_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_counts),
		cmocka_unit_test(silence_shows_nobody),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
