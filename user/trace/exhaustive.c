/* SPDX-License-Identifier: BSD-2-Clause */
/* exhaustive: every (target, TTL, attempt) once, in a keyed permutation. */
#include "trace/exhaustive.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/bounds.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "trace/late.h"
#include "trace/marks.h"
#include "trace/near.h"
#include "trace/putoff.h"
#include "trace/redo.h"
#include "trace/single.h"

enum {
	RING_MIN = 1 << 14,
	RING_MAX = 1 << 22, /* 32 MiB: three seconds of 1.4 million a second */
	STRETCH = 32,	    /* answers settled together */
	SKIP = 1 << 16,	    /* turns passed over in one call */
};

/*
 * In the ring stands the departure of index i at i mod its length: 0 if the
 * probe was refused, bit 0 set once it was answered, and bit 1 while it is put
 * off to be sent again. An index further back than the ring is long has been
 * forgotten.
 */
#define ANSWERED 1ULL
#define WAITS 2ULL

struct exhaustive {
	struct exhaustive_config cfg;
	struct single_rules rules;
	struct permute order;
	u64 *ring;
	u64 mask;
	u64 next, end; /* of this shard: index = next * shards + shard */
	u64 last_sent_ns;
	bool halted;
	/* what this host may have lost */
	u64 checked; /* turns before it are known to have left, or in doubt */
	u64 before, doubted; /* checked, a look earlier; turns once in doubt */
	u64 missed;	     /* turns once in doubt since answers were missed */
	struct redo redo;
	struct late late;
	struct marks marks;
	u64 recent_ns; /* an answer's time, if departures are put off */
	struct putoff putoff;
	struct near near;
	struct fill fill;
};

static u64 index_of(const struct exhaustive *x, u64 turn)
{
	return x->cfg.shards == 1 ? turn : turn * x->cfg.shards + x->cfg.shard;
}

static void fill_probe(const struct exhaustive *x, u64 turn, struct probe *p)
{
	const struct exhaustive_config *c = &x->cfg;
	u64 number = permute_at(&x->order, index_of(x, turn));
	u32 ttls = c->max_ttl - c->first_ttl + 1u;

	p->attempt = (u8)(c->attempts == 1 ? 0 : number % c->attempts);
	number /= c->attempts;
	p->ttl = (u8)(c->first_ttl + number % ttls);
	targets_at(c->targets, number / ttls, &p->dst);
	p->position = turn;
	p->owner = 0;
	p->dport = c->dport;
}

/* Whether the probe of that turn is remembered and was not answered. */
static bool is_open(const struct exhaustive *x, u64 turn)
{
	return x->next - turn <= x->mask + 1 &&
	       !(x->ring[turn & x->mask] & ANSWERED);
}

/* Not while it waits, nor while its answer may be on the way: it left late. */
static bool send_again(struct exhaustive *x, u64 turn, struct probe *p, u64 now)
{
	u64 *left = &x->ring[turn & x->mask];

	if (!is_open(x, turn) || *left & WAITS || now < *left + x->recent_ns)
		return false;
	fill_probe(x, turn, p);
	if (!putoff_admit(&x->putoff, turn, p, now)) {
		*left |= WAITS;
		return false;
	}
	*left = now & ~(ANSWERED | WAITS); /* no second one in this batch */
	return true;
}

/* A second try for what may not have left the first time. */
static unsigned int schedule_again(struct exhaustive *x, struct probe *probe,
				   unsigned int max, u64 now)
{
	unsigned int n = 0;
	u64 turn;

	for (int i = 0; i < SKIP && n < max; i++) {
		if (!putoff_has_room(&x->putoff) ||
		    (!redo_take(&x->redo, now, &turn) &&
		     !late_take(&x->late, now, &turn)))
			break;
		n += send_again(x, turn, &probe[n], now);
	}
	return n;
}

static void exhaustive_delivered(struct strategy *s, bool all, u64 from, u64 to)
{
	struct exhaustive *x = s->state;

	if (!all) {
		fill_doubt(&x->fill, from, to);
		late_lost(&x->late, to);
		redo_again(&x->redo, from, x->last_sent_ns, true);
		/* a link that goes down takes with it what was on its way:
		 * the stretch before this one is in doubt as well */
		redo_add(&x->redo, most(x->before, x->doubted), x->next,
			 x->last_sent_ns);
		x->doubted = x->next;
	}
	x->before = x->checked;
	x->checked = x->next;
	redo_look(&x->redo, to);
}

/* Answers were missed: of whatever left since then, or a while before, as long
 * as most answers take. */
static void lost(struct exhaustive *x, u64 from, u64 to, bool tried)
{
	u64 turn = marks_before(&x->marks, from - REDO_NS);

	fill_doubt(&x->fill, from, to);
	late_lost(&x->late, to);
	redo_again(&x->redo, from - REDO_NS, x->last_sent_ns, tried);
	redo_look(&x->redo, to);
	redo_add(&x->redo, most(turn, x->missed), x->next, x->last_sent_ns);
	/* nor are these turns in doubt once more if some did not leave */
	x->missed = x->doubted = x->next;
}

static void exhaustive_missed(struct strategy *s, u64 from, u64 to)
{
	lost(s->state, from, to, true);
}

static void exhaustive_outage(struct strategy *s, u64 from, u64 to)
{
	lost(s->state, from, to, false);
}

/* Does another process know the answer already? */
static bool is_past(const struct exhaustive *x, u64 turn)
{
	const struct exhaustive_past *p = &x->cfg.past;
	u64 bit = turn - p->settled;

	return turn < p->known && p->answered[bit / 64] >> bit % 64 & 1;
}

/* Of turns that an earlier process may have had, those without a result. */
static unsigned int schedule_past(struct exhaustive *x, struct probe *probe,
				  unsigned int max)
{
	unsigned int n = 0;

	for (int i = 0; i < SKIP && n < max && x->next < x->cfg.past.known;
	     i++) {
		if (is_past(x, x->next))
			x->ring[x->next & x->mask] = ANSWERED;
		else
			fill_probe(x, x->next, &probe[n++]);
		x->next++;
	}
	return n;
}

/* What was put off must leave while the ring still reaches back to it, and
 * its answer come. */
static bool may_begin(const struct exhaustive *x)
{
	return x->next < x->end && putoff_has_room(&x->putoff) &&
	       fill_has_room(&x->fill) &&
	       (x->end <= x->mask + 1 || !putoff_count(&x->putoff) ||
		x->next - putoff_oldest(&x->putoff) <= (x->mask + 1) / 2);
}

/* Within the budgets of prefixes and routers, and of near TTLs no more than
 * shows something new. In place of `ANSWERED` for what waits: it is not to be
 * sent again yet. */
static unsigned int schedule_politely(struct exhaustive *x, struct probe *probe,
				      unsigned int max, u64 now)
{
	unsigned int n = 0;
	u64 turn;

	/* taken again, it may have been answered meanwhile */
	while (n < max && putoff_due(&x->putoff, now, &turn)) {
		if (!is_open(x, turn) && x->ring[turn & x->mask] != ANSWERED) {
			putoff_drop(&x->putoff);
			continue;
		}
		fill_probe(x, turn, &probe[n]);
		if (!putoff_leave(&x->putoff, &probe[n], now))
			continue;
		if (!(x->ring[turn & x->mask] & WAITS))
			late_add(&x->late, turn, now);
		n++;
	}
	for (int i = 0; i < SKIP && n < max && may_begin(x); i++) {
		turn = x->next++;
		x->ring[turn & x->mask] = ANSWERED;
		if (is_past(x, turn))
			continue;
		fill_probe(x, turn, &probe[n]);
		if (near_skip(&x->near, probe[n].ttl, now))
			continue;
		n += putoff_admit(&x->putoff, turn, &probe[n], now);
	}
	return n;
}

static u64 again_due(const struct exhaustive *x)
{
	return least(redo_due(&x->redo), late_due(&x->late));
}

static unsigned int schedule_order(struct exhaustive *x, struct probe *probe,
				   unsigned int max, u64 now)
{
	unsigned int n = (unsigned int)least(x->end - x->next, max);

	if (again_due(x) <= now && putoff_has_room(&x->putoff))
		return schedule_again(x, probe, max, now);
	if (putoff_has_budget(&x->putoff) || x->cfg.near_ttls)
		return schedule_politely(x, probe, max, now);
	if (!fill_has_room(&x->fill))
		return 0;
	if (x->next < x->cfg.past.known)
		return schedule_past(x, probe, n);
	for (unsigned int i = 0; i < n; i++)
		fill_probe(x, x->next + i, &probe[i]);
	x->next += n;
	return n;
}

static unsigned int exhaustive_schedule(struct strategy *s, struct probe *probe,
					unsigned int max, u64 now)
{
	struct exhaustive *x = s->state;
	unsigned int n = 0;

	if (x->halted)
		return 0;
	if (fill_is_on(&x->fill))
		n = fill_schedule(&x->fill, probe, max, now);
	if (n < max)
		n += schedule_order(x, probe + n, max - n, now);
	if (n)
		x->last_sent_ns = now;
	return n;
}

static void exhaustive_departed(struct strategy *s, const struct probe *probe,
				unsigned int n)
{
	struct exhaustive *x = s->state;

	for (unsigned int i = 0; i < n; i++) {
		if (probe[i].owner)
			fill_departed(&x->fill, &probe[i], x->last_sent_ns);
		else
			x->ring[probe[i].position & x->mask] =
				probe[i].sent_ns & ~(ANSWERED | WAITS);
	}
}

static bool find_index(const struct exhaustive *x, const struct answer *a,
		       u64 *index)
{
	return exhaustive_index(&x->cfg, &x->order, &a->dst, a->proof.ttl,
				a->proof.attempt, index);
}

/* The turn at which the answered probe was due; false: never. */
static bool find_turn(const struct exhaustive *x, const struct answer *a,
		      u64 *turn)
{
	const struct exhaustive_config *c = &x->cfg;

	if (!find_index(x, a, turn))
		return false;
	if (c->shards > 1) { /* divisions that most runs can spare */
		if (*turn % c->shards != c->shard)
			return false;
		*turn /= c->shards;
	}
	return *turn < x->next;
}

static u32 exhaustive_shard(const struct strategy *s,
			    const struct answer *answer)
{
	const struct exhaustive *x = s->state;
	const struct cookie_proof *p = &answer->proof;
	u64 index;

	if (!find_index(x, answer, &index) &&
	    !exhaustive_chain(&x->cfg, &x->order, &answer->dst, p->ttl,
			      p->attempt, &index))
		return UINT32_MAX;
	return (u32)(index % x->cfg.shards);
}

static u64 exhaustive_next(const struct strategy *s, u64 now);

/* When the run is over it is too late: others may have stopped hearing. */
static void begin_chain(struct strategy *s, const struct answer *a, u64 left,
			u64 now)
{
	struct exhaustive *x = s->state;
	bool over = exhaustive_next(s, now) == UINT64_MAX;

	fill_begin(&x->fill, a, over ? 0 : left, now);
}

/* When the probe left, and whether this is its first answer. */
static void settle_one(struct strategy *s, const struct answer *a, u64 turn,
		       struct record *r, u64 now)
{
	struct exhaustive *x = s->state;
	u64 *left = &x->ring[turn & x->mask];

	if (x->next - turn > x->mask + 1 || !(*left & ~WAITS)) {
		single_record(&x->rules, a, 0, r);
		r->hop.flags |= HOP_LATE;
		s->stats.late++;
		/* a chain of an earlier process is gone on with anyway */
		if (turn >= x->cfg.past.settled && fill_begins(&x->fill, a))
			fill_begin(&x->fill, a, 0, now);
		return;
	}
	single_record(&x->rules, a, *left & ~(ANSWERED | WAITS), r);
	if (*left & ANSWERED) {
		r->hop.flags |= HOP_DUPLICATE;
		s->stats.duplicate++;
		return;
	}
	*left |= ANSWERED;
	s->stats.answered++;
	if (fill_begins(&x->fill, a))
		begin_chain(s, a, *left & ~(ANSWERED | WAITS), now);
	near_heard(&x->near, a->proof.ttl, &a->reply.from, a->arrived_ns);
	putoff_heard(&x->putoff, a, a->arrived_ns);
}

/* Twice over a stretch of answers: the departures are fetched into the cache
 * while the later ones are still being looked up. */
static void settle_stretch(struct strategy *s, const struct answer *answer,
			   unsigned int n, u64 now)
{
	struct exhaustive *x = s->state;
	struct record records[STRETCH];
	unsigned int filled = 0;
	u64 turn[STRETCH];

	for (unsigned int i = 0; i < n; i++) {
		if (find_turn(x, &answer[i], &turn[i]))
			__builtin_prefetch(&x->ring[turn[i] & x->mask], 1);
		else
			turn[i] = UINT64_MAX;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (turn[i] != UINT64_MAX)
			settle_one(s, &answer[i], turn[i], &records[filled++],
				   now);
		else if (fill_settle(&x->fill, &x->rules, &answer[i], now,
				     &s->stats, &records[filled]))
			filled++;
		else
			s->stats.unknown++;
	}
	if (filled)
		s->emit.put(s->emit.to, records, filled);
}

static void exhaustive_settle(struct strategy *s, const struct answer *answer,
			      unsigned int n, u64 now)
{
	for (unsigned int done = 0; done < n; done += STRETCH)
		settle_stretch(s, answer + done,
			       n - done < STRETCH ? n - done : STRETCH, now);
}

/* Before it, all turns have left, as far as is known. */
static u64 all_left(const struct exhaustive *x)
{
	u64 turn = least(x->checked, redo_first(&x->redo));

	return least(turn, putoff_oldest(&x->putoff));
}

/* Of the order nothing waits for a deadline: silence is what is left at the
 * end. */
static void exhaustive_expire(struct strategy *s, u64 now)
{
	struct exhaustive *x = s->state;

	if (marks_due(&x->marks, now))
		marks_set(&x->marks, now, all_left(x));
	if (!x->halted)
		fill_expire(&x->fill, now);
}

static u64 exhaustive_deadline(const struct strategy *s, u64 now)
{
	const struct exhaustive *x = s->state;

	(void)now;
	return x->halted ? UINT64_MAX : fill_deadline(&x->fill);
}

u64 exhaustive_settled(const struct strategy *s)
{
	const struct exhaustive *x = s->state;

	return marks_settled(&x->marks);
}

static u64 exhaustive_next(const struct strategy *s, u64 now)
{
	const struct exhaustive *x = s->state;
	u64 over = x->last_sent_ns + x->cfg.wait_ns, due;

	if (!x->halted && may_begin(x))
		return 0;
	due = putoff_next(&x->putoff);
	if (putoff_has_room(&x->putoff))
		due = least(due, again_due(x));
	due = least(due, fill_next(&x->fill));
	if (!x->halted && due != UINT64_MAX)
		return due > now ? due : 0;
	return now < over ? over : UINT64_MAX;
}

static void exhaustive_halt(struct strategy *s, u64 now)
{
	struct exhaustive *x = s->state;

	(void)now;
	x->halted = true;
	x->cfg.wait_ns = 0;
}

static size_t ring_octets(const struct exhaustive *x)
{
	return (size_t)(x->mask + 1) * sizeof(*x->ring);
}

static void exhaustive_close(struct strategy *s)
{
	struct exhaustive *x = s->state;

	if (!x)
		return;
	if (x->ring)
		munmap(x->ring, ring_octets(x));
	putoff_close(&x->putoff);
	late_close(&x->late);
	near_close(&x->near);
	fill_close(&x->fill);
	free(x);
	memset(s, 0, sizeof(*s));
}

static const struct strategy_ops exhaustive_ops = {
	.name = "exhaustive",
	.schedule = exhaustive_schedule,
	.departed = exhaustive_departed,
	.delivered = exhaustive_delivered,
	.missed = exhaustive_missed,
	.outage = exhaustive_outage,
	.settle = exhaustive_settle,
	.expire = exhaustive_expire,
	.deadline = exhaustive_deadline,
	.next = exhaustive_next,
	.shard = exhaustive_shard,
	.halt = exhaustive_halt,
	.close = exhaustive_close,
};

/* Long enough for all that may be on its way, or be sent again, within
 * bounds. */
static u64 ring_length(const struct exhaustive_config *c, u64 turns)
{
	u64 wait = most(c->wait_ns + REDO_TRIES * REDO_NS, MARKS_REACH_NS);
	u64 need = c->pps ? c->pps * (wait / NS_PER_MS + 1) / 1000 : RING_MAX;
	u64 length = RING_MIN;

	need = least(need, turns);
	while (length < need && length < RING_MAX)
		length *= 2;
	return length;
}

static void begin(struct exhaustive *x)
{
	x->next = x->checked = x->cfg.past.settled;
	x->end = exhaustive_turns(&x->cfg);
	/* not before it is known what this host lost */
	marks_init(&x->marks, x->next, most(x->cfg.wait_ns, 2 * REDO_NS));
}

static int open_fill(struct exhaustive *x)
{
	const struct exhaustive_config *c = &x->cfg;
	const struct fill_config fill = {
		.targets = c->targets,
		.putoff = &x->putoff,
		.pps = c->pps,
		.wait_ns = c->wait_ns,
		.seed = c->seed,
		.room = c->fill_room,
		.dport = c->dport,
		.max_ttl = c->max_ttl,
		.attempts = c->attempts,
		.limit = c->fill_ttl,
	};

	return fill_open(&x->fill, &fill);
}

int exhaustive_open(struct strategy *s, const struct exhaustive_config *config)
{
	struct exhaustive *x = calloc(1, sizeof(*x));

	memset(s, 0, sizeof(*s));
	if (!x)
		goto undo;
	s->state = x;
	x->cfg = *config;
	x->rules = (struct single_rules){
		.key = config->key,
		.method = config->method,
		.dport = config->dport,
		.size4 = config->size4,
		.size6 = config->size6,
		.tos = config->tos,
	};
	exhaustive_order(config, &x->order);
	begin(x);
	x->mask = ring_length(config, x->end) - 1;
	x->ring = mmap(NULL, ring_octets(x), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (x->ring == MAP_FAILED) {
		x->ring = NULL;
		goto undo;
	}
	if (putoff_open(&x->putoff, &config->prefix, &config->router,
			targets_count(config->targets)) ||
	    (putoff_has_budget(&x->putoff) && late_open(&x->late)) ||
	    near_open(&x->near, config->near_ttls, config->near_quiet_ns) ||
	    open_fill(x))
		goto undo;
	x->recent_ns = putoff_has_budget(&x->putoff) ? REDO_NS : 0;
	s->ops = &exhaustive_ops;
	return 0;
undo:
	log_err("no memory for exhaustive probing");
	exhaustive_close(s);
	return -ENOMEM;
}

void exhaustive_progress(const struct strategy *s,
			 struct exhaustive_progress *p)
{
	const struct exhaustive *x = s->state;

	p->done = x->next - putoff_count(&x->putoff);
	p->all = x->end;
	p->skipped = x->near.skipped;
	p->put_off = x->putoff.count;
	p->fill = x->fill.stats;
}

int exhaustive_recall(struct strategy *s, const struct record *r)
{
	struct exhaustive *x = s->state;

	return fill_recall(&x->fill, r);
}
