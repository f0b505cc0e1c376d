/* SPDX-License-Identifier: BSD-2-Clause */
/* session_end_test: what the other side of a session says, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "talk.h"

/* Each piece is acknowledged, once, up to a bound. */
static void banner(void **state)
{
	u32 at = 1, bound = 1 << 15;
	struct talk t;

	talk_open(&t, 0);
	for (; at - 1 + 1000 <= bound - 1; at += 1000) {
		struct talk_word w = { TCP_PSH | TCP_ACK, at, COOKIE_GAP,
				       .data = 1000 };

		assert_int_equal(talk_hear(&t, w), SESSION_NOTHING);
		talk_said(&t, TCP_ACK, COOKIE_GAP, at + 1000, 0);
		/* again: the same is said */
		talk_hear(&t, w);
		talk_said(&t, TCP_ACK, COOKIE_GAP, at + 1000, 0);
	}
	assert_in_range(at, bound - 1001, bound);
	/* beyond, it is not taken, and they wait */
	for (int i = 0; i < 3; i++) {
		talk_hear(&t, talk_brings(at, 1000));
		talk_said(&t, TCP_ACK, COOKIE_GAP, at, 0);
	}
	/* what comes with it is read all the same */
	{
		struct talk_word w = talk_sacked(&t, 60);

		w.data = 5;
		w.seq = at;
		assert_int_equal(talk_hear(&t, w), SESSION_ACKED);
		assert_int_equal(t.count, 1);
	}
}

static void out_of_order(void **state)
{
	struct talk t;

	talk_open(&t, 0);
	talk_hear(&t, talk_brings(101, 100));
	talk_said(&t, TCP_ACK, COOKIE_GAP, 1, 0);
	/* a FIN behind a hole is none yet */
	talk_hear(&t, talk_says(TCP_FIN | TCP_ACK, 201, COOKIE_GAP));
	talk_said(&t, TCP_ACK, COOKIE_GAP, 1, 0);
	assert_false(t.s.ended);
	talk_hear(&t, talk_brings(1, 100));
	talk_said(&t, TCP_ACK, COOKIE_GAP, 101, 0);
	/* a keep-alive: the octet before */
	talk_hear(&t, talk_brings(100, 1));
	talk_said(&t, TCP_ACK, COOKIE_GAP, 101, 0);
	/* a window update wants no answer, and proves nothing */
	assert_int_equal(
		talk_hear(&t, (struct talk_word){ TCP_ACK, 101, COOKIE_GAP,
						  .window = 9 }),
		SESSION_NOTHING);
	assert_int_equal(t.count, 0);
}

/* The FIN takes the number of the gap. */
static void closed_by_fin(void **state)
{
	for (int order = 0; order < 4; order++) {
		struct talk t;

		talk_open(&t, 0);
		if (order == 3) { /* they ended first */
			talk_hear(&t,
				  talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_GAP));
			talk_said(&t, TCP_ACK, COOKIE_GAP, 2, 0);
			/* probes go on */
			assert_int_equal(talk_hear(&t, talk_sacked(&t, 70)),
					 SESSION_ACKED);
		}
		session_end(&t.s, &t.rules, false);
		talk_collect(&t);
		talk_said(&t, TCP_FIN | TCP_ACK, COOKIE_GAP, order == 3 ? 2 : 1,
			  0);
		if (order == 0) /* at once */
			talk_hear(&t,
				  talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_DATA));
		if (order == 1) { /* theirs later */
			talk_hear(&t, talk_says(TCP_ACK, 1, COOKIE_DATA));
			assert_int_equal(t.s.state, SESSION_CLOSING);
			talk_hear(&t,
				  talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_DATA));
		}
		if (order == 2) { /* both at the same time */
			talk_hear(&t,
				  talk_says(TCP_FIN | TCP_ACK, 1, COOKIE_GAP));
			talk_said(&t, TCP_ACK, COOKIE_GAP, 2, 0);
			assert_int_equal(t.s.state, SESSION_CLOSING);
			assert_int_equal(talk_hear(&t, talk_says(TCP_ACK, 2,
								 COOKIE_DATA)),
					 SESSION_GONE);
		}
		if (order == 3)
			assert_int_equal(talk_hear(&t, talk_says(TCP_ACK, 2,
								 COOKIE_DATA)),
					 SESSION_GONE);
		if (order < 2) {
			talk_said(&t, TCP_ACK, COOKIE_DATA, 2, 0);
			assert_int_equal(t.event, SESSION_GONE);
		}
		assert_int_equal(t.s.state, SESSION_NONE);
		assert_int_equal(t.s.due_ns, UINT64_MAX);
		assert_int_equal(t.s.fate, FATE_OPEN);
	}
}

/* It is said three times, and then otherwise. */
static void fin_is_unanswered(void **state)
{
	struct talk t;

	talk_open(&t, 0);
	session_end(&t.s, &t.rules, false);
	talk_collect(&t);
	for (u64 ms = 1000; ms < 4000; ms *= 2) {
		assert_int_equal(talk_wait(&t, ms), SESSION_NOTHING);
		talk_said(&t, TCP_FIN | TCP_ACK, COOKIE_GAP, 1, 0);
	}
	talk_wait(&t, 4000);
	talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
	assert_int_equal(t.event, SESSION_GONE);
	/* they know it, and do not end */
	talk_open(&t, 0);
	session_end(&t.s, &t.rules, false);
	talk_collect(&t);
	talk_hear(&t, talk_says(TCP_ACK, 1, COOKIE_DATA));
	assert_int_equal(t.count, 0);
	talk_wait(&t, 1000);
	talk_said(&t, TCP_RST | TCP_ACK, COOKIE_DATA, 1, 0);
	assert_int_equal(t.s.state, SESSION_NONE);
	/* they reset it themselves */
	talk_open(&t, 0);
	session_end(&t.s, &t.rules, false);
	talk_collect(&t);
	assert_int_equal(talk_hear(&t, talk_says(TCP_RST, 1, 0)), SESSION_GONE);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.s.fate, FATE_OPEN);
}

static void closed_by_reset(void **state)
{
	for (int hard = 0; hard < 2; hard++) {
		struct talk t;

		talk_open(&t, 0);
		t.rules.by_reset = !hard;
		session_end(&t.s, &t.rules, hard);
		talk_collect(&t);
		talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
		assert_int_equal(t.event, SESSION_GONE);
		/* while it is being closed otherwise */
		talk_open(&t, 0);
		session_end(&t.s, &t.rules, false);
		talk_collect(&t);
		session_end(&t.s, &t.rules, true);
		talk_collect(&t);
		talk_said(&t, TCP_RST | TCP_ACK, COOKIE_GAP, 1, 0);
		/* once is enough */
		session_end(&t.s, &t.rules, true);
		talk_collect(&t);
		assert_int_equal(t.count, 0);
	}
}

/* What was never open is dropped, with nothing said. */
static void ended_before_it_opened(void **state)
{
	struct talk t;

	talk_begin(&t, 0);
	session_end(&t.s, &t.rules, true);
	talk_collect(&t);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.s.state, SESSION_NONE);
	/* its SYN/ACK is on its way: it is refused */
	talk_accept(&t, true, false);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.said[0].flags & TCP_RST, TCP_RST);
	talk_begin(&t, 0);
	talk_accept(&t, true, false);
	session_end(&t.s, &t.rules, false);
	talk_collect(&t);
	talk_said(&t, TCP_FIN | TCP_ACK, COOKIE_GAP, 1, 0);
}

/* Whatever is said, in whatever order: no more is answered than was said, time
 * or an end comes for all that is open, and nothing contradicts itself. */
static void anything_at_all(void **state)
{
	static const u8 flags[] = { TCP_ACK,	       TCP_SYN | TCP_ACK,
				    TCP_RST,	       TCP_RST | TCP_ACK,
				    TCP_FIN | TCP_ACK, TCP_ACK,
				    TCP_PSH | TCP_ACK, TCP_ACK };
	unsigned int fates[FATE_RESET + 1] = {};
	u64 seed = 8;

	for (int i = 0; i < 20000; i++) {
		unsigned int turns = 0;
		struct talk t;

		talk_begin(&t, i & 3);
		while (t.s.state != SESSION_NONE && turns++ < 40) {
			u64 r = frame_random(&seed);
			struct talk_word w = talk_sacked(&t, (u32)(r >> 4 & 7));

			w.flags = flags[r >> 8 & 7];
			w.seq = (u32)(r >> 16 & 3);
			w.ack = 1 + (r >> 18 & 1);
			w.data = r >> 20 & 3 ? 0 : (u16)(r >> 22 & 63);
			w.size = r >> 32 & 1 ? 12 : 0;
			w.window = r >> 33 & 15 ? 0 : 10;
			if ((w.flags & TCP_SYN) && r >> 40 & 1) {
				memcpy(w.options, (u8[]){ TALK_SACK_OK }, 4);
				w.size = 4;
			}
			if ((r & 15) == 1)
				session_end(&t.s, &t.rules, r & 16);
			if ((r & 15) < 2)
				talk_collect(&t);
			else if ((r & 7) && turns < 30)
				talk_hear(&t, w);
			else if (t.s.due_ns != UINT64_MAX)
				talk_wait(&t, (t.s.due_ns - t.now) / NS_PER_MS);
			else
				session_end(&t.s, &t.rules, false);
			talk_collect(&t);
			assert_true(t.s.state == SESSION_NONE ||
				    t.s.state == SESSION_OPEN ||
				    t.s.due_ns != UINT64_MAX);
			assert_true(t.s.state != SESSION_OPEN ||
				    t.s.fate == FATE_OPEN ||
				    t.s.fate == FATE_COUNTED);
		}
		assert_int_equal(t.s.state, SESSION_NONE);
		assert_in_range(t.s.fate, 0, FATE_RESET);
		fates[t.s.fate]++;
	}
	for (int i = 0; i <= FATE_RESET; i++)
		assert_true(fates[i] > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(banner),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(closed_by_fin),
		cmocka_unit_test(fin_is_unanswered),
		cmocka_unit_test(closed_by_reset),
		cmocka_unit_test(ended_before_it_opened),
		cmocka_unit_test(anything_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
