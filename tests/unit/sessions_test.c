/* SPDX-License-Identifier: BSD-2-Clause */
/* sessions_test: the line in which segments of many sessions wait, and how
 * often a prefix is sent a SYN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "lib/clock.h"
#include "trace/sessions.h"

enum { SLOTS = 4 };

static struct addr dst_of(u32 slot)
{
	return addr_from_v4(be32_put(0xcb007100 + slot)); /* 203.0.113.0/24 */
}

static void open_them(struct sessions *x, const struct cookie_key *key,
		      u8 flows, u64 gap_ns)
{
	const struct session_rules rules = { .key = key,
					     .dport = 80,
					     .wait_ns = NS_PER_S,
					     .prove_ns = NS_PER_S };
	const struct budget_rate syns = { gap_ns, 1 };

	assert_int_equal(sessions_open(x, &rules, SLOTS, flows, &syns), 0);
}

static struct cookie_key key_of(u8 flows)
{
	struct cookie_key key = frame_key();

	key.mode = COOKIE_TCP_SESSION;
	key.attempts = 3;
	key.flows = flows > 1;
	return key;
}

/* A new trace in that slot, whose SYNs are to be sent. */
static void begin(struct sessions *x, u32 slot, u64 now)
{
	struct addr dst = dst_of(slot);

	sessions_begin(x, slot, &dst, now);
	assert_int_equal(sessions_due(x, slot), now);
	assert_int_equal(sessions_expire(x, slot, now), 0);
}

/* The next one, which leaves, is that session's SYN. */
static void assert_next(struct sessions *x, u32 slot, u8 flow, u64 now)
{
	struct aside seg;
	struct addr dst = dst_of(slot);

	assert_int_equal(sessions_take(x, &seg, 1), 1);
	assert_true(addr_equal(&seg.dst, &dst));
	assert_int_equal(seg.flow, flow);
	assert_int_equal(seg.flags, TCP_SYN);
	assert_int_equal(sessions_slot(x, &seg), slot);
	seg.sent_ns = now;
	assert_int_equal(sessions_left(x, &seg, now), SESSION_NOTHING);
}

static void first_come(void **state)
{
	struct cookie_key key = key_of(3);
	struct aside seg[4];
	struct sessions x;

	open_them(&x, &key, 3, 0);
	begin(&x, 2, 5);
	begin(&x, 0, 6);
	assert_int_equal(x.waiting, 6);
	for (u8 f = 0; f < 3; f++)
		assert_next(&x, 2, f, 7);
	begin(&x, 3, 8);
	assert_next(&x, 0, 0, 9);
	/* several at once */
	assert_int_equal(sessions_take(&x, seg, 4), 4);
	assert_int_equal(sessions_slot(&x, &seg[1]), 0);
	assert_int_equal(sessions_slot(&x, &seg[2]), 3);
	assert_next(&x, 3, 2, 9);
	assert_int_equal(sessions_take(&x, seg, 4), 0);
	assert_int_equal(x.waiting, 0);
	assert_int_equal(sessions_due(&x, 2), 7 + NS_PER_S);
	sessions_close(&x);
}

/* Who waits and has nothing to say any more is passed over, also if its place
 * is another's by then, who stands in the line once. */
static void places_are_taken_over(void **state)
{
	struct cookie_key key = key_of(1);
	struct aside seg[8], old;
	struct sessions x;

	open_them(&x, &key, 1, 0);
	for (u32 slot = 0; slot < SLOTS; slot++)
		begin(&x, slot, 5);
	sessions_end(&x, 1, true);
	sessions_end(&x, 3, true);
	assert_false(sessions_busy(&x, 1));
	begin(&x, 1, 6);
	for (u32 slot = 0; slot < 3; slot++)
		assert_next(&x, slot, 0, 7);
	assert_int_equal(sessions_take(&x, seg, 8), 0);
	assert_int_equal(x.waiting, 0);
	begin(&x, 3, 8);
	assert_next(&x, 3, 0, 8);
	/* what left for the one before it is nothing to the next */
	begin(&x, 0, 9);
	assert_int_equal(sessions_take(&x, &old, 1), 1);
	old.sent_ns = 9;
	{
		struct addr other = dst_of(99);

		sessions_begin(&x, 0, &other, 20);
	}
	assert_int_equal(sessions_left(&x, &old, 10), SESSION_NOTHING);
	assert_int_equal(sessions_due(&x, 0), 20);
	assert_int_equal(sessions_at(&x, 0, 0)->sent_ns, 0);
	sessions_close(&x);
}

/* One SYN each gap for a prefix: those of one trace too. */
static void a_prefix_has_a_budget(void **state)
{
	struct cookie_key key = key_of(3);
	struct aside seg[8];
	u64 now = NS_PER_S, gap = 100 * NS_PER_MS, last = 0;
	unsigned int sent = 0;
	struct sessions x;

	open_them(&x, &key, 3, gap);
	for (u32 slot = 0; slot < 2; slot++) {
		struct addr dst = dst_of(slot);

		sessions_begin(&x, slot, &dst, now);
	}
	/* until the first of them is said again */
	for (; now < 2 * NS_PER_S && sent < 6; now += NS_PER_MS) {
		unsigned int n;

		for (u32 slot = 0; slot < 2; slot++)
			if (sessions_due(&x, slot) <= now)
				assert_int_equal(sessions_expire(&x, slot, now),
						 0);
		n = sessions_take(&x, seg, 8);
		for (unsigned int i = 0; i < n; i++) {
			seg[i].sent_ns = now;
			sessions_left(&x, &seg[i], now);
			assert_true(!last || now - last >= gap);
			last = now;
			sent++;
		}
	}
	assert_int_equal(sent, 6);
	/* in turn, not each gap anew for whoever asks again */
	assert_true(last <= NS_PER_S + 5 * gap + 10 * NS_PER_MS);
	sessions_close(&x);
}

static void probes_are_equipped(void **state)
{
	struct cookie_key key = key_of(3);
	struct probe p = { .owner = 1, .attempt = 2 };
	struct session *s;
	struct sessions x;

	open_them(&x, &key, 3, 0);
	begin(&x, 1, 5);
	s = sessions_at(&x, 1, 2);
	for (u8 state_of = 0; state_of <= SESSION_CLOSING; state_of++) {
		s->state = state_of;
		s->theirs = 77;
		sessions_equip(&x, &p);
		assert_int_equal(p.how, state_of == SESSION_OPEN ? PROBE_WITHIN
								 : PROBE_ALONE);
	}
	assert_int_equal(p.ack, 77);
	s->state = SESSION_OPEN;
	s->said = TCP_SAID_TIMESTAMPS;
	s->stamp = 88;
	sessions_equip(&x, &p);
	assert_int_equal(p.how, PROBE_STAMPED);
	assert_int_equal(p.echo, 88);
	/* the other flows' are not */
	p.attempt = 1;
	sessions_equip(&x, &p);
	assert_int_equal(p.how, PROBE_ALONE);
	/* settled when all are, and not before */
	for (u8 f = 0; f < 3; f++) {
		assert_false(sessions_settled(&x, 1));
		sessions_at(&x, 1, f)->fate = FATE_REFUSED;
	}
	assert_true(sessions_settled(&x, 1));
	sessions_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_come),
		cmocka_unit_test(places_are_taken_over),
		cmocka_unit_test(a_prefix_has_a_budget),
		cmocka_unit_test(probes_are_equipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
