/* SPDX-License-Identifier: BSD-2-Clause */
/* gate_test: nothing excluded, unknown or beyond the rate ever leaves, and
 * every frame is counted once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "io/gate.h"
#include "lib/clock.h"

enum { SLOT = 64 };

#define START (1000 * NS_PER_S)

/* A device that keeps an account of what it is given. */
struct wire {
	struct tx tx;
	struct tx_slot slot[IO_BATCH];
	u8 memory[IO_BATCH][SLOT];
	u64 offered;	/* slots with a frame */
	u32 refuse;	/* one frame in so many; 0: none */
	bool shut[256]; /* by the last octet of the destination */
	int err;
	u64 now;
	struct addr last; /* destination that left last */
};

static struct addr dst_of(const struct tx_slot *slot)
{
	struct addr a;
	be32 v4;

	if (slot->frame[12] == 0x08) {
		memcpy(&v4, slot->frame + 30, 4);
		return addr_from_v4(v4);
	}
	memcpy(&a, slot->frame + 38, 16);
	return a;
}

static int wire_send(struct tx *tx, unsigned int n)
{
	struct wire *w = tx->state;

	for (unsigned int i = 0; i < n; i++) {
		struct tx_slot *slot = &tx->slot[i];

		slot->sent_ns = 0;
		if (!slot->len)
			continue;
		if (w->refuse && i % w->refuse == 0) {
			tx->stats.failed++;
			continue;
		}
		w->last = dst_of(slot);
		assert_false(w->shut[w->last.b[15]]);
		slot->sent_ns = w->now;
		tx->stats.sent++;
	}
	return w->err;
}

static const struct tx_ops wire_ops = { .name = "wire", .send = wire_send };

static struct wire *wire_new(void)
{
	struct wire *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->tx = (struct tx){
		.ops = &wire_ops,
		.slot = w->slot,
		.batch = IO_BATCH,
		.frame_max = SLOT,
		.state = w,
	};
	for (int i = 0; i < IO_BATCH; i++)
		w->slot[i].frame = w->memory[i];
	return w;
}

static void put_frame(struct wire *w, unsigned int i, const struct addr *dst)
{
	u8 *frame = w->slot[i].frame;

	memset(frame, 0, SLOT);
	if (addr_is_v4(dst)) {
		frame[12] = 0x08;
		memcpy(frame + 30, &dst->w[3], 4);
	} else {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		memcpy(frame + 38, dst, 16);
	}
	w->slot[i].len = SLOT;
	w->offered++;
}

static int offer(struct wire *w, struct gate *g, unsigned int n, u64 now)
{
	w->now = now;
	return gate_send(g, &w->tx, n, now);
}

static void check_sum(const struct wire *w)
{
	const struct tx_stats *s = &w->tx.stats;

	assert_int_equal(s->sent + s->excluded + s->over_rate + s->failed,
			 w->offered);
}

static void exclude_of(struct exclude *x, const char *one, const char *other)
{
	struct prefix p;

	exclude_init(x);
	assert_int_equal(inet_parse_prefix(one, &p), 0);
	assert_int_equal(exclude_add(x, &p), 0);
	assert_int_equal(inet_parse_prefix(other, &p), 0);
	assert_int_equal(exclude_add(x, &p), 0);
	assert_int_equal(exclude_seal(x), 0);
}

/* The last octet 192 .. 255 is excluded, of both families. */
static void excluded_never_leaves(void **state)
{
	struct wire *w = wire_new();
	u64 seed = 1, excluded = 0;
	struct exclude x;
	struct gate g;

	exclude_of(&x, "203.0.113.192/26", "2001:db8::c0/122");
	for (int i = 192; i < 256; i++)
		w->shut[i] = true;
	gate_init(&g, &x, 0, 0, START);
	for (u64 turn = 0; turn < 100; turn++) {
		for (unsigned int i = 0; i < 256; i++) {
			u64 r = frame_random(&seed);
			struct addr a = frame_addr(r & 1 ? "203.0.113.0"
							 : "2001:db8::");

			a.b[15] = (u8)(r >> 8);
			excluded += a.b[15] >= 192;
			put_frame(w, i, &a);
		}
		assert_int_equal(offer(w, &g, 256, START + turn), 0);
		for (unsigned int i = 0; i < 256; i++) {
			bool shut = dst_of(&w->slot[i]).b[15] >= 192;

			assert_int_equal(w->slot[i].len, shut ? 0 : SLOT);
			assert_int_equal(!w->slot[i].sent_ns, shut);
		}
	}
	assert_int_equal(w->tx.stats.excluded, excluded);
	assert_int_equal(w->tx.stats.sent, 25600 - excluded);
	check_sum(w);
	exclude_fini(&x);
	free(w);
}

/* What replaces the exclusions holds for the next frame; the old ones are let
 * go of when the gate is tended. */
static void replaced_holds_at_once(void **state)
{
	struct addr a = frame_addr("203.0.113.1"), b = frame_addr("10.0.0.1");
	struct wire *w = wire_new();
	struct exclude x, y;
	struct gate g;

	exclude_of(&x, "10.0.0.0/8", "2001:db8::/32");
	exclude_of(&y, "203.0.113.0/24", "2001:db8::/32");
	gate_init(&g, &x, 0, 0, START);
	for (unsigned int round = 0; round < 2; round++) {
		put_frame(w, 0, &a);
		put_frame(w, 1, &b);
		assert_int_equal(offer(w, &g, 2, START), 0);
		assert_int_equal(w->slot[0].len, round ? 0 : SLOT);
		assert_int_equal(w->slot[1].len, round ? SLOT : 0);
		if (!round)
			assert_ptr_equal(exclude_replace(&x, &y), &x);
		assert_false(gate_has_seen(&g, 1));
	}
	gate_tend(&g);
	assert_true(gate_has_seen(&g, 1));
	assert_false(gate_has_seen(&g, 2));
	check_sum(w);
	exclude_fini(&x);
	exclude_fini(&y);
	free(w);
}

/* Not yet sealed: nothing at all. */
static void fails_closed(void **state)
{
	struct addr a = frame_addr("203.0.113.1");
	struct wire *w = wire_new();
	struct exclude x;
	struct gate g;

	exclude_init(&x);
	gate_init(&g, &x, 0, 0, START);
	put_frame(w, 0, &a);
	assert_int_equal(offer(w, &g, 1, START), 0);
	assert_int_equal(w->tx.stats.sent, 0);
	assert_int_equal(w->tx.stats.excluded, 1);
	exclude_fini(&x);
	free(w);
}

/* With and without exclusions: only IP leaves. */
static void unknown_never_leaves(void **state)
{
	static const u16 types[] = { 0,	     0x0806, 0x88b5, 0x8100,
				     0x0801, 0xdd86, 0x0008, 0xffff };
	struct addr a = frame_addr("203.0.113.1");
	struct wire *w = wire_new();
	struct exclude x;
	struct gate g;

	exclude_of(&x, "10.0.0.0/8", "2001:db8::/32");
	for (int round = 0; round < 2; round++) {
		gate_init(&g, round ? &x : NULL, 0, 0, START);
		for (unsigned int i = 0; i < 8; i++) {
			put_frame(w, i, &a);
			w->slot[i].frame[12] = (u8)(types[i] >> 8);
			w->slot[i].frame[13] = (u8)types[i];
		}
		put_frame(w, 8, &a);
		assert_int_equal(offer(w, &g, 9, START), 0);
		assert_int_equal(w->tx.stats.sent, round + 1);
		assert_int_equal(w->tx.stats.excluded, 8 * (round + 1));
	}
	check_sum(w);
	exclude_fini(&x);
	free(w);
}

/* What a span of `ns` may carry: the turns in log, oldest first. */
static void check_windows(const u64 *when, const u32 *sent, size_t turns,
			  u64 ns, double most)
{
	u64 within = 0;
	size_t from = 0;

	for (size_t i = 0; i < turns; i++) {
		within += sent[i];
		while (when[i] - when[from] >= ns)
			within -= sent[from++];
		if ((double)within > most)
			fail_msg("%llu frames in %llu ns, at most %.0f",
				 (unsigned long long)within,
				 (unsigned long long)ns, most);
	}
}

/*
 * Whoever asks for more, in whatever rhythm: 12 virtual seconds of bursts,
 * pauses and steady pressure, of which some frames are excluded and some are
 * refused by the device.
 */
static void keep_rate(u64 pps, u64 gap_max)
{
	enum { TURNS = 1 << 18 };
	struct addr a = frame_addr("203.0.113.1"), no = frame_addr("10.1.1.1");
	u64 now = START, seed = pps, *when = calloc(TURNS, sizeof(*when));
	u32 *sent = calloc(TURNS, sizeof(*sent));
	struct wire *w = wire_new();
	struct tx_stats before;
	struct exclude x;
	struct gate g;
	size_t turns = 0;

	assert_non_null(when);
	assert_non_null(sent);
	exclude_of(&x, "10.0.0.0/8", "2001:db8::/32");
	gate_init(&g, &x, pps, 0, now);
	w->refuse = 101;
	for (; now < START + 12 * NS_PER_S; turns++) {
		u64 r = frame_random(&seed);
		unsigned int n = (r >> 40) % (r & 7 ? 64 : IO_BATCH) + 1;

		assert_true(turns < TURNS);
		for (unsigned int i = 0; i < n; i++)
			put_frame(w, i, i % 17 ? &a : &no);
		before = w->tx.stats;
		assert_int_equal(offer(w, &g, n, now), 0);
		when[turns] = now;
		sent[turns] = (u32)(w->tx.stats.sent - before.sent);
		now += r % gap_max;
		if (!((r >> 44) % (2 * NS_PER_S / gap_max)))
			now += NS_PER_S / 5; /* earns nothing */
	}
	check_sum(w);
	assert_true(w->tx.stats.over_rate > 0);
	assert_true(w->tx.stats.excluded > 0);
	/* the pressure was there, and little was given away */
	assert_true(w->tx.stats.sent > 6 * pps);
	check_windows(when, sent, turns, NS_PER_S / 10,
		      1.05 * (double)pps / 10);
	check_windows(when, sent, turns, 10 * NS_PER_S,
		      1.001 * (double)pps * 10);
	exclude_fini(&x);
	free(sent);
	free(when);
	free(w);
}

static void rate_holds(void **state)
{
	keep_rate(1000, 2 * NS_PER_MS);
	keep_rate(10000, NS_PER_MS);
	keep_rate(200000, 200 * NS_PER_US);
}

/* What it would allow is what it lets pass, and when is the first moment. */
static void allow_and_when(void **state)
{
	struct addr a = frame_addr("203.0.113.1");
	struct wire *w = wire_new();
	u64 now = START, seed = 3;
	struct gate g;

	gate_init(&g, NULL, 123457, 0, now);
	for (int turn = 0; turn < 20000; turn++) {
		u32 n = (u32)(frame_random(&seed) % 200 + 1);
		u32 allowed = gate_allow(&g, n, now);
		u64 sent = w->tx.stats.sent, when = gate_when(&g, now);

		assert_int_equal(when == now, allowed > 0);
		if (!allowed) {
			struct gate early = g;

			assert_int_equal(gate_allow(&early, 1, when - 1), 0);
			early = g;
			assert_int_equal(gate_allow(&early, 1, when), 1);
			now = when;
			continue;
		}
		for (u32 i = 0; i < n; i++)
			put_frame(w, i, &a);
		offer(w, &g, n, now);
		assert_int_equal(w->tx.stats.sent - sent, allowed);
		now += frame_random(&seed) % NS_PER_MS;
	}
	check_sum(w);
	free(w);
}

/* Excluded frames take nothing of the rate; empty slots are nobody's. */
static void only_frames_that_leave_count(void **state)
{
	struct addr a = frame_addr("203.0.113.1"), no = frame_addr("10.1.1.1");
	struct wire *w = wire_new();
	struct exclude x;
	struct gate g;

	exclude_of(&x, "10.0.0.0/8", "2001:db8::/32");
	gate_init(&g, &x, 1000, 4, START);
	for (unsigned int i = 0; i < 8; i++)
		put_frame(w, i, i % 2 ? &a : &no);
	put_frame(w, 8, &a);
	w->slot[8].len = 0;
	w->offered--;
	put_frame(w, 9, &a);
	assert_int_equal(offer(w, &g, 10, START), 0);
	assert_int_equal(w->tx.stats.excluded, 4);
	assert_int_equal(w->tx.stats.sent, 4);
	assert_int_equal(w->tx.stats.over_rate, 1);
	check_sum(w);
	exclude_fini(&x);
	free(w);
}

static void errors_pass_through(void **state)
{
	struct addr a = frame_addr("203.0.113.1");
	struct wire *w = wire_new();
	struct gate g;

	gate_init(&g, NULL, 0, 0, START);
	put_frame(w, 0, &a);
	w->err = -ENETDOWN;
	assert_int_equal(offer(w, &g, 1, START), -ENETDOWN);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excluded_never_leaves),
		cmocka_unit_test(replaced_holds_at_once),
		cmocka_unit_test(fails_closed),
		cmocka_unit_test(unknown_never_leaves),
		cmocka_unit_test(rate_holds),
		cmocka_unit_test(allow_and_when),
		cmocka_unit_test(only_frames_that_leave_count),
		cmocka_unit_test(errors_pass_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
