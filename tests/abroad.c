/* SPDX-License-Identifier: BSD-2-Clause */
/* abroad: real frames through the simulated Internet in virtual time. */
#include "abroad.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "netframe.h"
#include "probe/match.h"

enum {
	IN_FLIGHT = 1 << 18,
	INDEX = 1 << 17,
	BATCH = 64,
	IDLE = 100000,
};

#define LINK_NS (2 * NS_PER_MS) /* one way, a link */
#define TICK_NS (20 * NS_PER_US)
#define REPEAT_NS NS_PER_S

enum event_kind { TO_US, TO_HOST, REPEAT };

struct event {
	struct heap_node node;
	struct event *spare;
	u32 len, conn;
	u8 kind, ttl, distance;
	u8 frame[] __attribute__((aligned(8)));
};

/* What a frame takes at most. */
static u32 room_of(const struct abroad *f)
{
	return f->config.hear || f->config.stateless ? CRAFT_FRAME : HOST_FRAME;
}

static bool chance(struct abroad *f, u32 permille)
{
	return permille && frame_random(&f->random) % 1000 < permille;
}

void abroad_open(struct abroad *f, const struct abroad_config *c, u32 conns)
{
	memset(f, 0, sizeof(*f));
	f->config = *c;
	f->now = ABROAD_START;
	f->random = c->seed;
	assert_int_equal(world_open(&f->world, &c->simnet, NULL), 0);
	assert_int_equal(heap_init(&f->due, IN_FLIGHT), 0);
	f->parting = calloc(1, sizeof(*f->parting));
	f->index = calloc(INDEX, sizeof(*f->index));
	f->conn = calloc(conns + 1, sizeof(*f->conn));
	assert_true(f->parting && f->index && f->conn && conns < INDEX / 2);
	if (c->habits.deaf_ns)
		f->config.habits.deaf_ns += ABROAD_START;
}

void abroad_close(struct abroad *f)
{
	struct heap_node *n;
	struct event *e;

	while ((n = heap_min(&f->due))) {
		heap_remove(&f->due, n);
		free(heap_of(n, struct event, node));
	}
	while ((e = f->spare)) {
		f->spare = e->spare;
		free(e);
	}
	heap_fini(&f->due);
	world_close(&f->world);
	free(f->parting);
	free(f->index);
	free(f->conn);
	free(f->record);
	memset(f, 0, sizeof(*f));
}

static unsigned int sink_room(void *to)
{
	return UINT_MAX;
}

static void sink_put(void *to, const struct record *r, unsigned int n)
{
	struct abroad *f = to;

	while (f->records + n > f->room) {
		f->room = f->room ? 2 * f->room : 1024;
		f->record = reallocarray(f->record, f->room, sizeof(*r));
		assert_non_null(f->record);
	}
	memcpy(&f->record[f->records], r, n * sizeof(*r));
	f->records += n;
}

struct record_sink abroad_sink(struct abroad *f)
{
	return (struct record_sink){ sink_put, sink_room, f };
}

/* Where its number stands, or is to be put. */
static u32 *slot_of(struct abroad *f, const struct addr *dst, u16 port)
{
	u64 i = simnet_mix(simnet_number(dst) + port);

	for (;; i++) {
		u32 *slot = &f->index[i % INDEX];
		const struct host_conn *c = &f->conn[*slot];
		struct addr a = {};

		if (!*slot)
			return slot;
		if (c->l4 == 34)
			memcpy(&a.w[3], c->head + 26, 4);
		else
			memcpy(&a, c->head + 22, sizeof(a));
		if (c->l4 == 34)
			a = addr_from_v4(a.w[3]);
		if (c->dport == port && addr_equal(&a, dst))
			return slot;
	}
}

struct host_conn *abroad_conn(struct abroad *f, const struct addr *dst,
			      u16 port)
{
	u32 n = *slot_of(f, dst, port);

	return n ? &f->conn[n] : NULL;
}

static void push(struct abroad *f, struct event *e, u64 at)
{
	/* whatever leaves later comes later, unless it is to be otherwise */
	at += f->number++ % 1000;
	if (f->config.jitter_ns && e->kind != REPEAT)
		at += frame_random(&f->random) % f->config.jitter_ns;
	assert_int_equal(heap_insert(&f->due, &e->node, at), 0);
}

static struct event *event_new(struct abroad *f, enum event_kind kind,
			       const u8 *frame, u32 len)
{
	struct event *e = f->spare;

	if (e)
		f->spare = e->spare;
	else
		e = malloc(sizeof(*e) + room_of(f));
	assert_non_null(e);
	assert_true(len <= room_of(f));
	memset(e, 0, offsetof(struct event, frame));
	memcpy(e->frame, frame, len);
	e->len = len;
	e->kind = (u8)kind;
	return e;
}

/* Whoever still looks at it sees nonsense. */
static void event_put_back(struct abroad *f, struct event *e)
{
	memset(e->frame, 0xdd, e->len);
	e->spare = f->spare;
	f->spare = e;
}

/* One frame of ours leaves. */
static void launch(struct abroad *f, const u8 *frame, u32 len)
{
	static struct world_frame w;
	struct simnet_probe p;
	struct simnet_hop hop;
	struct event *e;
	u32 random = (u32)frame_random(&f->random);
	enum simnet_outcome outcome;

	f->faults += !netframe_sums_hold(frame, len);
	assert_int_equal(simnet_parse(frame, frame + len, &p),
			 SIMNET_OUTCOME_COUNT);
	if (chance(f, f->config.lost))
		return;
	world_hop(&f->world, &p, random, &hop);
	if (hop.end == SIMNET_END_DESTINATION && !f->config.stateless) {
		e = event_new(f, TO_HOST, frame, len);
		e->ttl = hop.reply_ttl;
		e->distance = hop.distance;
		push(f, e, f->now + hop.distance * LINK_NS);
		return;
	}
	assert_int_equal(world_put(&w, frame, len), 0);
	outcome = world_answer(&f->world, &w, random, f->now);
	if (outcome >= SIMNET_EXPIRED && outcome <= SIMNET_RESET)
		push(f, event_new(f, TO_US, w.data, w.len),
		     f->now + 2 * hop.distance * LINK_NS);
}

static void hosts_said(struct abroad *f, u32 conn, u8 distance,
		       const struct host_out *out)
{
	struct host_conn *c = &f->conn[conn];

	for (unsigned int i = 0; i < out->n; i++)
		if (!chance(f, f->config.loss))
			push(f, event_new(f, TO_US, out->frame[i], out->len[i]),
			     f->now + distance * LINK_NS);
	if (host_waits(c) && !c->timed) {
		struct event *e = event_new(f, REPEAT, (const u8 *)"", 0);

		c->timed = true;
		e->conn = conn;
		e->distance = distance;
		push(f, e, f->now + REPEAT_NS);
	}
}

static void to_server(struct abroad *f, const struct event *e)
{
	static struct abroad_said said;

	said.n = 0;
	f->config.hear(f->config.to, e->frame, e->len, e->ttl, f->now, &said);
	for (unsigned int i = 0; i < said.n; i++)
		if (!chance(f, f->config.loss))
			push(f, event_new(f, TO_US, said.frame[i], said.len[i]),
			     f->now + e->distance * LINK_NS);
}

static void to_host(struct abroad *f, const struct event *e)
{
	static struct host_out out;
	struct simnet_probe p;
	u32 *slot, n;

	simnet_parse(e->frame, e->frame + e->len, &p);
	slot = slot_of(f, &p.dst, (u16)(p.first4 >> 16));
	n = *slot ? *slot : ++f->conns;
	*slot = n;
	out.n = 0;
	host_hear(&f->conn[n], &f->config.habits, e->frame, &p, e->ttl, f->now,
		  &out);
	hosts_said(f, n, e->distance, &out);
}

static void repeat(struct abroad *f, const struct event *e)
{
	static struct host_out out;
	struct host_conn *c = &f->conn[e->conn];

	out.n = 0;
	c->timed = false;
	if (host_repeat(c, &f->config.habits, f->now, &out))
		hosts_said(f, e->conn, e->distance, &out);
}

/* What has come by now; how many events. */
static unsigned int deliver(struct abroad *f, struct strategy *s)
{
	struct event *held[BATCH];
	struct answer answer[BATCH];
	unsigned int taken = 0, n = 0;
	const struct cookie_proof none = { .result = COOKIE_FOREIGN };
	struct heap_node *node;

	while (taken < BATCH && (node = heap_due(&f->due, f->now))) {
		struct event *e = heap_of(node, struct event, node);
		u64 at = heap_key(&f->due, node);

		heap_remove(&f->due, node);
		held[taken++] = e;
		if (e->kind == TO_HOST && f->config.hear)
			to_server(f, e);
		else if (e->kind == TO_HOST)
			to_host(f, e);
		else if (e->kind == REPEAT)
			repeat(f, e);
		else
			n += match(f->config.key, e->frame, e->len, at, &none,
				   &answer[n], f->verdicts);
	}
	n = parting_note(f->parting, answer, n);
	if (n)
		s->ops->settle(s, answer, n, f->now);
	for (unsigned int i = 0; i < taken; i++)
		event_put_back(f, held[i]);
	return taken;
}

static bool refuses(struct abroad *f)
{
	return chance(f, f->config.refuse);
}

/* What is no probe goes first. */
static unsigned int send_asides(struct abroad *f, struct strategy *s)
{
	struct aside seg[BATCH];
	u8 frame[CRAFT_FRAME] __attribute__((aligned(8)));
	unsigned int n = 0, said = 0, max = BATCH;

	if (f->config.asides)
		max = f->config.asides;
	if (s->ops->waiting(s) > f->waited)
		f->waited = s->ops->waiting(s);
	for (; n < max && parting_waiting(f->parting); n++)
		launch(f, frame,
		       parting_take(f->parting, f->config.craft, frame));
	if (n < max && s->ops->waiting(s))
		said = s->ops->segments(s, seg, max - n);
	for (unsigned int i = 0; i < said; i++) {
		u32 len = craft_aside(f->config.craft, &seg[i], frame);

		seg[i].sent_ns = refuses(f) ? 0 : f->now;
		f->segments++;
		if (seg[i].sent_ns)
			launch(f, frame, len);
	}
	if (said)
		s->ops->segments_left(s, seg, said, f->now);
	return n + said;
}

static unsigned int send_probes(struct abroad *f, struct strategy *s)
{
	struct probe p[BATCH];
	u8 frame[CRAFT_FRAME] __attribute__((aligned(8)));
	unsigned int n = s->ops->schedule(s, p, BATCH, f->now);

	for (unsigned int i = 0; i < n; i++) {
		u32 len = craft_probe(f->config.craft, &p[i], frame);

		p[i].sent_ns = refuses(f) ? 0 : f->now;
		f->probes++;
		f->refused += !p[i].sent_ns;
		if (p[i].sent_ns)
			launch(f, frame, len);
	}
	if (n)
		s->ops->departed(s, p, n);
	return n;
}

/* UINT64_MAX: nothing will ever come again. */
static u64 next_turn(struct abroad *f, const struct strategy *s)
{
	u64 t = s->ops->next(s, f->now),
	    halt = ABROAD_START + f->config.halt_ns;
	u64 tick;

	if (heap_min_key(&f->due) < t)
		t = heap_min_key(&f->due);
	if (s->ops->waiting(s) || parting_waiting(f->parting))
		t = 0;
	if (f->config.halt_ns && !f->halted && halt < t)
		t = halt;
	if (t == UINT64_MAX)
		return t;
	tick = f->config.tick_ns ? f->config.tick_ns : TICK_NS;
	return t < f->now + tick ? f->now + tick : t;
}

int abroad_run(struct abroad *f, struct strategy *s)
{
	for (;;) {
		u64 silent = s->stats.silent, t;
		size_t records = f->records;
		unsigned int n = deliver(f, s);

		s->ops->expire(s, f->now);
		if (f->config.halt_ns && !f->halted &&
		    f->now >= ABROAD_START + f->config.halt_ns) {
			f->halted = true;
			s->ops->halt(s, f->now);
		}
		n += send_asides(f, s);
		n += send_probes(f, s);
		if (n || silent != s->stats.silent || records != f->records)
			f->idle = 0;
		else if (++f->idle > IDLE)
			return -ELOOP;
		t = next_turn(f, s);
		if (t == UINT64_MAX)
			return 0;
		f->now = t;
	}
}
