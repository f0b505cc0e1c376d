/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parting_test: each SYN/ACK is answered with one RST, however often it comes;
 * by the packet loop through the gate, and counted apart from the probes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "loop.h"
#include "trace/engine.h"
#include "trace/exhaustive.h"

enum { TARGETS = 512, COPIES = 3 };

static const struct tcp_shape shape = { .flags = TCP_SYN, .mss = 1460 };

static struct craft craft_of(const struct cookie_key *key)
{
	const struct craft_config config = {
		.key = key,
		.method = PROBE_TCP,
		.tcp = shape,
		.size4 = 44,
		.size6 = 64,
	};
	struct craft c;

	assert_int_equal(craft_init(&c, &config), 0);
	return c;
}

/* What a destination sends back; the frame is valid until the next one. */
static struct answer answer_of(const struct cookie_key *key, u8 ttl, u8 attempt,
			       u8 flags)
{
	static u8 at[FRAME_MAX];
	struct frame f = {
		.ip = { 4, "203.0.113.9", "192.0.2.1" },
		.l4 = { PROTO_TCP, .sport = 80, .flags = flags },
	};
	struct answer a = { .proof = { .ttl = 1 }, .frame = at };

	frame_probe(&f, key, ttl, attempt);
	a.frame_len = frame_build(&f, at);
	reply_parse(at, a.frame_len, &a.reply);
	return a;
}

static void once_for_each_probe(void **state)
{
	const struct cookie_key key = frame_key();
	struct parting *p = calloc(1, sizeof(*p));
	struct craft c = craft_of(&key);
	u8 frame[CRAFT_FRAME];

	assert_non_null(p);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 1024; i++) {
			struct answer a = answer_of(&key, (u8)(i >> 2), i & 3,
						    TCP_SYN | TCP_ACK);

			assert_int_equal(parting_note(p, &a, 1), 1);
		}
	assert_int_equal(p->stats.syn_acks, 3 * 1024);
	assert_int_equal(parting_waiting(p), 1024);
	for (int i = 0; i < 1024; i++) {
		const struct answer a =
			answer_of(&key, (u8)(i >> 2), i & 3, TCP_SYN | TCP_ACK);
		struct reply r;

		reply_parse(frame, parting_take(p, &c, frame), &r);
		assert_int_equal(r.kind, REPLY_TCP);
		assert_int_equal(r.tcp_flags, TCP_RST);
		assert_int_equal(r.seq, a.reply.ack);
		assert_true(addr_equal(&r.to, &a.reply.from));
	}
	assert_int_equal(parting_waiting(p), 0);
	free(p);
}

/* An RST ends itself; an ACK alone answers nothing, and the others close up. */
static void other_segments(void **state)
{
	const struct cookie_key key = frame_key();
	struct parting *p = calloc(1, sizeof(*p));
	struct answer a[4];

	assert_non_null(p);
	a[0] = answer_of(&key, 1, 0, TCP_ACK);
	a[1] = answer_of(&key, 2, 0, TCP_RST | TCP_ACK);
	a[2] = answer_of(&key, 3, 0, TCP_ACK);
	a[3] = (struct answer){ .reply = { .kind = REPLY_EXPIRED, .ttl = 7 } };
	assert_int_equal(parting_note(p, a, 4), 2);
	assert_int_equal(a[0].reply.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(a[1].reply.ttl, 7);
	assert_int_equal(parting_waiting(p), 0);
	assert_int_equal(p->stats.bare, 2);
	assert_int_equal(p->stats.resets, 1);
	assert_int_equal(p->stats.syn_acks + p->stats.malformed, 0);
	free(p);
}

/* What finds no room is counted, and what makes no sense. */
static void full_and_malformed(void **state)
{
	const struct cookie_key key = frame_key();
	struct parting *p = calloc(1, sizeof(*p));
	struct answer a;

	assert_non_null(p);
	for (u32 i = 0; i < PARTING_RING + 100; i++) {
		a = answer_of(&key, 9, 0, TCP_SYN | TCP_ACK);
		a.reply.ack += i;
		parting_note(p, &a, 1);
	}
	assert_int_equal(parting_waiting(p), PARTING_RING);
	assert_int_equal(p->stats.refused, 100);
	((u8 *)a.frame)[14 + 20 + 12] = 6 << 4;
	parting_note(p, &a, 1);
	assert_int_equal(p->stats.malformed, 1);
	p->silent = true;
	p->head = p->tail;
	a = answer_of(&key, 10, 0, TCP_SYN | TCP_ACK);
	parting_note(p, &a, 1);
	assert_int_equal(parting_waiting(p), 0);
	assert_int_equal(p->stats.syn_acks, PARTING_RING + 102);
	free(p);
}

/* --- by the packet loop --- */

struct rig {
	struct loop *loop;
	struct targets targets;
	struct exclude exclude; /* from `exclude_after` SYNs on */
	u64 exclude_after;
	struct strategy s;
	struct ledger ledger;
	struct parting *parting;
	u8 resets[TARGETS];
	u64 syns, wrong;
};

static struct rig *the_rig; /* whose tx_ops.send() it is */

static void answer_syn(struct loop *l, const struct reply *r, u64 now)
{
	char us[INET_TEXT], them[INET_TEXT];
	struct frame f = {
		.ip = { r->family, inet_format(&r->to, them),
			inet_format(&r->from, us), .ttl = 60 },
		.l4 = { PROTO_TCP, .sport = r->dport, .dport = r->sport,
			.ack = r->seq + 1, .flags = TCP_SYN | TCP_ACK },
	};

	for (int i = 0; i < COPIES; i++) {
		struct loop_frame *to = &l->queue[l->head++ % LOOP_QUEUE];
		u8 at[FRAME_MAX];

		to->arrived_ns = now + 1000;
		to->len = frame_build(&f, at);
		memcpy(to->data, at, to->len);
	}
}

static void look_at(struct rig *rig, const struct tx_slot *slot)
{
	struct reply r;
	s64 t;

	reply_parse(slot->frame, slot->len, &r);
	t = targets_find(&rig->targets, &r.to);
	if (r.kind != REPLY_TCP || t < 0) {
		rig->wrong++;
	} else if (r.tcp_flags == TCP_SYN) {
		answer_syn(rig->loop, &r, slot->sent_ns);
		if (++rig->syns == rig->exclude_after)
			rig->loop->uplink.gate.exclude = &rig->exclude;
	} else if (r.tcp_flags == TCP_RST) {
		rig->resets[t]++;
		rig->wrong += rig->exclude_after &&
			      rig->syns >= rig->exclude_after &&
			      exclude_has(&rig->exclude, &r.to);
	} else {
		rig->wrong++;
	}
}

static int send_frames(struct tx *tx, unsigned int n)
{
	u64 one = 1;

	for (unsigned int i = 0; i < n; i++) {
		struct tx_slot *slot = &tx->slot[i];

		slot->sent_ns = slot->len ? clock_now() : 0;
		if (!slot->len)
			continue;
		tx->stats.sent++;
		look_at(the_rig, slot);
	}
	return write(the_rig->loop->uplink.rx.fd, &one, 8) == 8 ? 0 : -1;
}

static void nowhere(void *to, const struct record *r, unsigned int n)
{
}

static unsigned int any_room(void *to)
{
	return UINT32_MAX;
}

/* A SYN to each of 512 targets, of which the second half is excluded once so
 * many have left; 0: none is. */
static struct rig *run(u64 exclude_after, bool silent)
{
	static const struct targets_config per = { 24, 48, 3 };
	struct rig *rig = calloc(1, sizeof(*rig));
	static struct tx_ops ops;
	struct craft c;
	struct exhaustive_config x = {
		.method = PROBE_TCP,
		.seed = 5,
		.wait_ns = NS_PER_MS,
		.shards = 1,
		.dport = 80,
		.size4 = 44,
		.size6 = 64,
		.first_ttl = 9,
		.max_ttl = 9,
		.attempts = 1,
	};
	struct engine_config engine;
	const struct prefix half = { frame_addr("2001:200::"), 32, 6 };

	assert_non_null(rig);
	the_rig = rig;
	rig->loop = loop_new(0);
	rig->parting = calloc(1, sizeof(*rig->parting));
	assert_non_null(rig->parting);
	rig->parting->silent = silent;
	rig->exclude_after = exclude_after;
	ops = *rig->loop->uplink.tx.ops;
	ops.send = send_frames;
	rig->loop->uplink.tx.ops = &ops;
	rig->loop->uplink.tx.batch = 64;
	exclude_init(&rig->exclude);
	assert_int_equal(exclude_add(&rig->exclude, &half), 0);
	assert_int_equal(exclude_seal(&rig->exclude), 0);
	targets_init(&rig->targets, &per);
	assert_int_equal(targets_add(&rig->targets, "20.0.0.0/16"), 0);
	assert_int_equal(targets_add(&rig->targets, "2001:200::/40"), 0);
	assert_int_equal(targets_seal(&rig->targets), 0);
	x.targets = &rig->targets;
	x.key = &rig->loop->uplink.key;
	c = craft_of(x.key);
	assert_int_equal(exhaustive_open(&rig->s, &x), 0);
	rig->s.emit = (struct record_sink){ nowhere, any_room, NULL };
	engine = (struct engine_config){
		.uplink = &rig->loop->uplink,
		.strategy = &rig->s,
		.craft = &c,
		.stop = &rig->loop->stop,
		.parting = rig->parting,
	};
	assert_int_equal(engine_run(&engine, &rig->ledger), 0);
	assert_int_equal(rig->wrong, 0);
	assert_int_equal(rig->ledger.made, TARGETS);
	assert_int_equal(rig->ledger.tx.sent, rig->syns);
	assert_int_equal(rig->ledger.made,
			 rig->ledger.tx.sent + rig->ledger.tx.excluded);
	assert_int_equal(rig->ledger.tx.over_rate + rig->ledger.tx.failed, 0);
	assert_int_equal(rig->ledger.tcp.syn_acks, COPIES * rig->syns);
	assert_int_equal(rig->ledger.strategy.answered, rig->syns);
	rig->s.ops->close(&rig->s);
	return rig;
}

static void rig_free(struct rig *rig)
{
	targets_fini(&rig->targets);
	exclude_fini(&rig->exclude);
	loop_free(rig->loop);
	free(rig->parting);
	free(rig);
}

static void each_is_closed(void **state)
{
	struct rig *rig = run(0, false);

	for (int i = 0; i < TARGETS; i++)
		assert_int_equal(rig->resets[i], 1);
	assert_int_equal(rig->ledger.tcp.sent, TARGETS);
	assert_int_equal(rig->ledger.tcp.refused, 0);
	rig_free(rig);
}

static void none_is_closed(void **state)
{
	struct rig *rig = run(0, true);

	for (int i = 0; i < TARGETS; i++)
		assert_int_equal(rig->resets[i], 0);
	assert_int_equal(rig->ledger.tcp.sent + rig->ledger.tcp.refused, 0);
	rig_free(rig);
}

/* What is excluded is sent nothing more, not even that. */
static void exclusions_hold(void **state)
{
	struct rig *rig = run(64, false);
	u64 closed = 0;

	for (int i = 0; i < TARGETS; i++)
		closed += rig->resets[i];
	assert_int_equal(rig->ledger.tcp.sent, closed);
	assert_true(rig->ledger.tcp.refused > 0);
	assert_int_equal(closed + rig->ledger.tcp.refused, rig->syns);
	assert_true(rig->ledger.tx.excluded > 0);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_for_each_probe),
		cmocka_unit_test(other_segments),
		cmocka_unit_test(full_and_malformed),
		cmocka_unit_test(each_is_closed),
		cmocka_unit_test(none_is_closed),
		cmocka_unit_test(exclusions_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
