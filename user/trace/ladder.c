/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder: the classic strategy, for one target or for millions.
 *
 *   target space -> start -> [ ready ] -> schedule -> in flight -> settle
 *                               ^                                   |
 *                               +-- expire <- deadlines <-----------+
 *                                                                   v
 *                  free slot <- put to the sink <- [ held ] <- judged over
 *
 * Every event finds its trace in constant time (by slot, or by number of the
 * target), and moves it in at most one heap: one node a trace, at its next
 * deadline. Whichever trace may send stands in the ready list, and goes to
 * its end after each probe, so that no path gets two in a row while another
 * waits or can be started.
 */
#include "trace/ladder.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "trace/ladder_state.h"

/* Targets looked at in one call, so that a large exclusion does not stop the
 * loop that calls. */
enum { LADDER_SKIP = 4096 };

/* A trace that just sent waits for so many others, while more can start. */
enum { LADDER_SPREAD = 32 };

/* How soon a sink that was full is asked again. */
#define LADDER_RETRY_NS (1 * NS_PER_MS)

void ladder_set_due(struct ladder *l, struct climb *c, u64 due)
{
	if (due == UINT64_MAX) {
		heap_remove(&l->due, &c->due);
	} else if (!heap_has(&c->due)) {
		/* cannot fail: the heap has room for every slot */
		heap_insert(&l->due, &c->due, due);
	} else if (heap_key(&l->due, &c->due) != due) {
		heap_update(&l->due, &c->due, due);
	}
}

/* The trace is over: from now on its replies are late. */
static void retire(struct ladder *l, struct climb *c, bool halted)
{
	l->progress.abandoned += climb_in_flight(c);
	l->progress.ended++;
	ladder_set_due(l, c, UINT64_MAX);
	if (ladder_has_sessions(l))
		sessions_end(&l->sessions, c->slot, halted);
	else
		table_remove(&l->slots, c->number);
	if (ladder_has_quic(l))
		ladder_end_quic(l, c);
	roster_remove(&l->roster, c);
	roster_append(&l->roster, LIST_HELD, c);
}

/* After anything happened to a trace: where does it stand now? */
void ladder_place(struct ladder *l, struct climb *c, u64 now)
{
	u64 due, gate;

	if (climb_judge(c, &l->rules) &&
	    !climb_revise(c, &l->rules, &l->doubt)) {
		retire(l, c, false);
		return;
	}
	due = climb_due(c, &l->rules);
	if (ladder_has_sessions(l))
		due = least(due, sessions_due(&l->sessions, c->slot));
	if (!climb_wants(c, &l->rules)) {
		roster_remove(&l->roster, c);
	} else if (c->list == LIST_NONE) {
		gate = climb_gate(c, &l->rules);
		if (gate <= now)
			roster_append(&l->roster, LIST_READY, c);
		else if (gate < due)
			due = gate;
	}
	ladder_set_due(l, c, due);
}

void ladder_release(struct ladder *l, struct climb *c)
{
	if (ladder_has_sessions(l)) {
		ladder_set_due(l, c, UINT64_MAX);
		table_remove(&l->slots, c->number);
	}
	roster_remove(&l->roster, c);
	roster_prepend(&l->roster, LIST_FREE, c); /* its memory is warm */
	l->progress.active--;
}

/* How many records of this trace may go out, if the sink takes them. */
static unsigned int records_known(const struct ladder *l, const struct climb *c)
{
	if (c->stop != STOP_NONE)
		return c->total - c->emitted;
	return l->rules.stream ? c->base - c->emitted : 0;
}

/* What this host may have lost, each time that it was sent, is never shown as
 * silence. */
static void flag_doubtful(const struct ladder *l, struct record *r)
{
	if (r->hop.state == HOP_SILENT && !(r->flags & RECORD_SESSION) &&
	    doubt_covers(&l->doubt, r->sent_ns,
			 r->sent_ns + l->rules.wait_max_ns))
		r->hop.state = HOP_LOST;
}

/* False: the sink is full. */
static bool put_records(struct strategy *s, struct ladder *l, struct climb *c)
{
	unsigned int room = s->emit.room(s->emit.to);
	unsigned int want = records_known(l, c), n = want, told;

	if (room < want + ladder_flows(l)) {
		if (!l->rules.stream || room <= ladder_flows(l))
			return false;
		n = room - ladder_flows(l);
	}
	told = ladder_session_records(l, c);
	if (told && !c->begun)
		l->records[0].flags |= RECORD_FIRST;
	c->begun |= told != 0;
	climb_records(c, &l->rules, c->emitted, n, &l->records[told]);
	for (unsigned int i = 0; i < told + n; i++)
		flag_doubtful(l, &l->records[i]);
	if (ladder_has_sessions(l))
		ladder_session_sizes(l, c, &l->records[told], n);
	if (told + n)
		s->emit.put(s->emit.to, l->records, told + n);
	c->begun |= n != 0;
	c->emitted += n;
	return n == want;
}

/* The one trace of a stream, if it is under way. */
static struct climb *streaming(const struct ladder *l)
{
	struct climb *c = roster_at(&l->roster, 0);

	if (!l->rules.stream || !l->fresh || c->list == LIST_FREE ||
	    c->stop != STOP_NONE)
		return NULL;
	return c;
}

void ladder_drain(struct strategy *s, struct ladder *l)
{
	struct climb *c = streaming(l);

	s->stats.abandoned = l->progress.abandoned;
	if (c)
		put_records(s, l, c);
	for (;;) {
		c = roster_first(&l->roster, LIST_HELD);
		if (!c || !put_records(s, l, c))
			return;
		c->put = true;
		roster_remove(&l->roster, c);
		ladder_part(l, c);
	}
}

/* The next target of the order that may be probed; false: none just now. */
static bool next_target(struct ladder *l, struct addr *dst, u64 *number)
{
	struct ladder_config *c = &l->rules;
	struct ladder_progress *p = &l->progress;
	unsigned int looks = LADDER_SKIP;

	for (; looks && p->position < p->positions; looks--) {
		u64 n = p->position++, at = c->first + n * c->step;

		if (c->past && c->past[n / 64] >> n % 64 & 1) {
			p->past++;
			continue;
		}
		*number = permute_at(c->order, at);
		targets_at(c->targets, *number, dst);
		if (c->exclude && exclude_has(c->exclude, dst))
			p->excluded++;
		else if (addr_is_none(addr_is_v4(dst) ? &c->src4 : &c->src6))
			p->no_source++;
		else
			return true;
	}
	return false;
}

static bool may_start(const struct ladder *l)
{
	return (roster_first(&l->roster, LIST_FREE) ||
		l->fresh < l->capacity) &&
	       l->progress.position < l->progress.positions;
}

/* NULL: no slot, or no target just now. */
static struct climb *start(struct ladder *l, u64 now)
{
	struct climb *c = roster_first(&l->roster, LIST_FREE);
	struct addr dst;
	u64 number;

	if (!may_start(l) || !next_target(l, &dst, &number))
		return NULL;
	if (c) {
		roster_remove(&l->roster, c);
	} else {
		c = roster_at(&l->roster, l->fresh);
		c->slot = l->fresh++;
	}
	climb_init(c, &l->rules, &dst, number);
	/* cannot fail: numbers are unique, and there is room for every slot */
	table_insert(&l->slots, number, c->slot);
	l->progress.started++;
	if (++l->progress.active > l->progress.active_peak)
		l->progress.active_peak = l->progress.active;
	if (ladder_has_quic(l))
		ladder_begin_quic(l, c);
	if (ladder_has_sessions(l)) {
		c->held = true;
		sessions_begin(&l->sessions, c->slot, &dst, now);
		ladder_set_due(l, c, now);
	}
	return c;
}

/* Whose turn it is; NULL: nobody's. Who begins with a session waits for it. */
static struct climb *choose(struct ladder *l, u32 turn, u64 now)
{
	struct climb *ready = roster_first(&l->roster, LIST_READY), *c = NULL;

	if (!ready || turn - ready->turn < LADDER_SPREAD)
		c = start(l, now);
	return c && !c->held ? c : ready;
}

static unsigned int ladder_schedule(struct strategy *s, struct probe *probe,
				    unsigned int max, u64 now)
{
	struct ladder *l = ladder_of(s);
	u32 turn = (u32)l->progress.probes;
	unsigned int n = 0;

	ladder_drain(s, l);
	for (; n < max; turn++) {
		struct climb *c = choose(l, turn, now);

		if (!c)
			break;
		climb_hand(c, &l->rules, &probe[n]);
		if (ladder_has_sessions(l))
			sessions_equip(&l->sessions, &probe[n]);
		if (ladder_has_quic(l))
			ladder_equip_quic(l, c, &probe[n]);
		n++;
		c->turn = turn;
		roster_remove(&l->roster, c);
		if (climb_wants(c, &l->rules) &&
		    climb_gate(c, &l->rules) <= now)
			roster_append(&l->roster, LIST_READY, c);
	}
	l->progress.probes += n;
	return n;
}

static void depart_one(struct ladder *l, const struct probe *p)
{
	struct climb *c;

	if (p->owner >= l->fresh)
		return;
	c = roster_at(&l->roster, p->owner);
	if (c->list == LIST_FREE || c->stop != STOP_NONE) {
		/* its trace ended while the probe was in the caller's hands */
		l->progress.abandoned += p->sent_ns != 0;
		l->progress.refused += p->sent_ns == 0;
	} else if (climb_depart(c, &l->rules, p)) {
		l->progress.refused += p->sent_ns == 0;
		ladder_place(l, c, p->sent_ns);
	}
}

static void ladder_departed(struct strategy *s, const struct probe *probe,
			    unsigned int n)
{
	struct ladder *l = ladder_of(s);

	for (unsigned int i = 0; i < n; i++)
		depart_one(l, &probe[i]);
	ladder_drain(s, l);
}

/* No trace of that target is under way: was one? */
static bool is_late(const struct ladder *l, u64 number)
{
	u64 at = permute_index(l->rules.order, number);

	return at >= l->rules.first &&
	       (at - l->rules.first) % l->rules.step == 0 &&
	       (at - l->rules.first) / l->rules.step < l->progress.position;
}

/* What answers no trace that is under way. */
static void settle_stray(struct strategy *s, struct ladder *l,
			 const struct answer *a, s64 number)
{
	if (ladder_has_sessions(l) && a->proof.ttl == 0)
		parting_refuse(l->rules.parting, a);
	else if (number >= 0 && is_late(l, (u64)number))
		s->stats.late++;
	else
		s->stats.unknown++;
}

static void settle_one(struct strategy *s, struct ladder *l,
		       const struct answer *a, u64 now)
{
	s64 number = targets_find(l->rules.targets, &a->dst);
	u32 slot = TABLE_NONE;
	struct climb *c;

	if (number >= 0)
		slot = table_find(&l->slots, (u64)number);
	if (slot == TABLE_NONE) {
		settle_stray(s, l, a, number);
		return;
	}
	c = roster_at(&l->roster, slot);
	if (ladder_has_sessions(l) && a->proof.ttl == 0) {
		ladder_hear_session(s, l, c, a, now);
		return;
	}
	if (c->stop != STOP_NONE) {
		s->stats.late++;
		return;
	}
	if (ladder_has_quic(l) && a->proof.ttl == 0) {
		ladder_hear_quic(s, l, c, a, now);
		return;
	}
	switch (climb_answer(c, &l->rules, a)) {
	case CLIMB_ANSWERED:
		s->stats.answered++;
		ladder_place(l, c, now);
		break;
	case CLIMB_DUPLICATE:
		s->stats.duplicate++;
		break;
	case CLIMB_LATE:
		s->stats.late++;
		break;
	case CLIMB_UNKNOWN:
		s->stats.unknown++;
		break;
	}
}

static void ladder_settle(struct strategy *s, const struct answer *answer,
			  unsigned int n, u64 now)
{
	struct ladder *l = ladder_of(s);

	for (unsigned int i = 0; i < n; i++)
		settle_one(s, l, &answer[i], now);
	ladder_drain(s, l);
}

static void ladder_expire(struct strategy *s, u64 now)
{
	struct ladder *l = ladder_of(s);
	struct heap_node *node;

	while ((node = heap_due(&l->due, now))) {
		struct climb *c = heap_of(node, struct climb, due);

		if (c->stop == STOP_NONE)
			s->stats.silent +=
				climb_expire(c, &l->rules, &l->doubt, now);
		if (ladder_has_sessions(l))
			ladder_expire_sessions(s, l, c, now);
		else
			ladder_place(l, c, now);
	}
	ladder_drain(s, l);
}

static u64 ladder_next(const struct strategy *s, u64 now)
{
	const struct ladder *l = ladder_of(s);
	const struct climb *c = streaming(l);
	u64 next;

	if (roster_first(&l->roster, LIST_READY) || may_start(l))
		return 0;
	next = heap_min_key(&l->due);
	if (!roster_first(&l->roster, LIST_HELD) && !(c && records_known(l, c)))
		return next;
	return next < now + LADDER_RETRY_NS ? next : now + LADDER_RETRY_NS;
}

static void ladder_halt(struct strategy *s, u64 now)
{
	struct ladder *l = ladder_of(s);

	l->progress.positions = l->progress.position;
	for (u32 i = 0; i < l->fresh; i++) {
		struct climb *c = roster_at(&l->roster, i);

		if (c->list == LIST_FREE || c->stop != STOP_NONE)
			continue;
		l->progress.abandoned += climb_halt(c, &l->rules);
		retire(l, c, true);
	}
	ladder_drain(s, l);
}

static void ladder_close(struct strategy *s)
{
	struct ladder *l = ladder_of(s);

	if (!l)
		return;
	heap_fini(&l->due);
	table_fini(&l->slots);
	roster_fini(&l->roster);
	sessions_close(&l->sessions);
	free(l->closing);
	free(l->records);
	free(l);
	s->state = NULL;
}

static void ladder_delivered(struct strategy *s, bool all, u64 from, u64 to)
{
	if (!all)
		doubt_add(&ladder_of(s)->doubt, from, to);
}

static void ladder_missed(struct strategy *s, u64 from, u64 to)
{
	doubt_add(&ladder_of(s)->doubt, from, to);
}

static u64 ladder_deadline(const struct strategy *s, u64 now)
{
	(void)now;
	return heap_min_key(&ladder_of(s)->due);
}

static u32 ladder_shard(const struct strategy *s, const struct answer *answer)
{
	const struct ladder_config *c = &ladder_of(s)->rules;
	s64 number = targets_find(c->targets, &answer->dst);

	if (number < 0)
		return UINT32_MAX;
	return (u32)(permute_index(c->order, (u64)number) % c->step);
}

static const struct strategy_ops ladder_ops = {
	.name = "ladder",
	.schedule = ladder_schedule,
	.departed = ladder_departed,
	.delivered = ladder_delivered,
	.missed = ladder_missed,
	.waiting = ladder_waiting,
	.segments = ladder_segments,
	.segments_left = ladder_segments_left,
	.settle = ladder_settle,
	.expire = ladder_expire,
	.deadline = ladder_deadline,
	.next = ladder_next,
	.halt = ladder_halt,
	.close = ladder_close,
	.shard = ladder_shard,
};

static u64 count_positions(const struct ladder_config *c)
{
	u64 n = c->order->n;

	return c->first < n ? (n - c->first - 1) / c->step + 1 : 0;
}

/* 0 or negative errno, logged; what was allocated, ladder_close() frees. */
static int allocate(struct ladder *l)
{
	int err = roster_init(&l->roster, l->capacity, climb_size(&l->rules));

	/* and as many of sessions as may go before those of probes */
	l->records = calloc(ladder_rungs(&l->rules) + LADDER_ATTEMPTS,
			    sizeof(*l->records));
	if (err || !l->records) {
		log_err("ladder: no memory for %u traces at once: ask for "
			"fewer",
			l->capacity);
		return -ENOMEM;
	}
	err = heap_init(&l->due, l->capacity);
	if (err)
		return err;
	err = table_init(&l->slots, l->capacity, l->rules.key->hash.k[0]);
	if (err)
		return err;
	if (ladder_has_sessions(l))
		err = ladder_open_sessions(l);
	if (ladder_has_quic(l))
		err = ladder_open_quic(l);
	if (err)
		return err;
	l->progress.octets = sessions_octets(&l->sessions) + sizeof(*l) +
			     l->capacity * l->roster.stride +
			     (l->capacity + 1ULL) * sizeof(*l->due.entry) +
			     (l->slots.mask + 1ULL) * 12;
	return 0;
}

/* Why nobody can climb by these rules; NULL: they are sound. */
static const char *unsound(const struct ladder_config *c)
{
	if (!c->targets || !c->order || !c->key)
		return "no targets, no order, or no key";
	if (!targets_count(c->targets) ||
	    c->order->n != targets_count(c->targets))
		return "no targets, or the order is of other targets";
	if (!c->first_ttl || c->first_ttl > c->max_ttl)
		return "the first TTL must be 1 .. the last";
	if (!c->attempts || c->attempts > LADDER_ATTEMPTS)
		return "attempts must be 1 .. 16";
	if (!c->gap_limit || !c->window || !c->active_max)
		return "gap limit, window and active traces must be 1 or more";
	/* RTTs are kept in 32 bits of microseconds */
	if (!c->wait_max_ns || c->wait_max_ns > 1000 * NS_PER_S)
		return "the wait must be above 0 and at most 1000 s";
	if (c->stream && c->active_max != 1)
		return "a stream is of one trace at a time";
	if (c->dport_step && !c->dport_span)
		return "a rising port needs a span";
	return NULL;
}

int ladder_open(struct strategy *s, const struct ladder_config *c, u64 now)
{
	const char *why = unsound(c);
	struct ladder *l;
	int err;

	if (why) {
		log_err("ladder: %s", why);
		return -EINVAL;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		log_err("ladder: no memory");
		return -ENOMEM;
	}
	s->ops = &ladder_ops;
	s->state = l;
	memset(&s->stats, 0, sizeof(s->stats));
	l->rules = *c;
	if (!l->rules.step)
		l->rules.step = 1;
	l->progress.positions = count_positions(&l->rules);
	l->capacity = c->active_max;
	if (l->capacity > l->progress.positions)
		l->capacity = (u32)l->progress.positions;
	if (!l->capacity)
		l->capacity = 1; /* a shard of nothing */
	err = allocate(l);
	if (err)
		ladder_close(s);
	return err;
}

void ladder_progress(const struct strategy *s, struct ladder_progress *p)
{
	const struct ladder *l = ladder_of(s);

	*p = l->progress;
	memcpy(p->sessions, l->sessions.fates, sizeof(p->sessions));
}
