/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doubletree: each router once, not once for every target behind it.
 *
 *   permuted order -> preprobe -> [ waiting ] -> answered, or given up
 *                                  ^      |
 *                         its turn |      v
 *                        schedule [ ready ] -> nothing left to ask: done
 *
 * A target is known by its turn, its place in the permuted order: the array
 * of paths is begun from its beginning on, and a shard holds but its own.
 * Both lists are queues. Who waits stands there in the order of departure, so
 * that whoever has waited too long stands first.
 */
#include "trace/doubletree.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "trace/doubt.h"
#include "trace/ending.h"
#include "trace/flight.h"
#include "trace/neighbour.h"
#include "trace/patience.h"
#include "trace/queue.h"
#include "trace/single.h"
#include "trace/stopset.h"
#include "trace/turns.h"

enum {
	NONE = QUEUE_NONE,
	SKIP = 4096,	/* targets that are not begun here, in one call */
	STRETCH = 32,	/* answers settled together */
	KNOWN_EACH = 4, /* routers a target; measured needs: 0.1 to 3 */
	KNOWN_LEAST = 1 << 18,
	FLIGHT_EACH = 8, /* probes a target, in all */
};

/* What is waited for a probe: struct path counts it in 16 bits of ms. */
#define HOLD_MAX (30 * NS_PER_S)

struct doubletree {
	struct doubletree_config cfg;
	struct single_rules single;
	struct turns turns;
	struct path *path;
	struct queue ready, waiting; /* marks PATH_READY, PATH_WAITING */
	struct stopset known;
	struct flight flight;
	u64 begun;	/* turns */
	u8 side_bits;	/* log2 of the number of sides, rounded up */
	u64 unanswered; /* probes that left */
	u64 last_sent_ns;
	struct patience patience;
	struct doubt doubt, outage;
	bool halted;
	struct doubletree_progress progress;
};

static void await(struct doubletree *x, u32 turn, u64 now)
{
	x->path[turn].when = (u16)(now / NS_PER_MS);
	queue_append(&x->waiting, x->path, turn);
}

/* Out of whichever list it stands in. */
static void dequeue(struct doubletree *x, u32 turn)
{
	u8 in = x->path[turn].flags & PATH_LISTS;

	if (in)
		queue_remove(in == PATH_READY ? &x->ready : &x->waiting,
			     x->path, turn);
}

static u64 name_of(u32 turn, u8 ttl, u8 attempt)
{
	return (u64)turn << 16 | (u64)ttl << 8 | attempt;
}

static void fill_probe(struct doubletree *x, u32 turn, enum path_side side,
		       struct probe *probe)
{
	flight_prefetch(&x->flight, name_of(turn, probe->ttl, probe->attempt));
	probe->position = turn;
	probe->owner = side;
	probe->sent_ns = 0;
	probe->dport = x->cfg.dport;
	x->progress.probes++;
}

static bool is_excluded(const struct doubletree *x, const struct addr *dst)
{
	return x->cfg.exclude && exclude_has(x->cfg.exclude, dst);
}

/* What an earlier process has begun. */
static void go_on(struct doubletree *x, u32 turn)
{
	struct path *p = &x->path[turn];

	path_recalled(p);
	if (path_wants(p, &x->cfg.rules))
		queue_append(&x->ready, x->path, turn);
	else
		x->progress.done++;
}

/* Preprobes, to as many targets as may be. */
static unsigned int begin(struct doubletree *x, struct probe *probe,
			  unsigned int max, u64 now)
{
	unsigned int n = 0;

	for (int seen = 0; n < max && x->begun < x->turns.count && seen < SKIP;
	     seen++) {
		u32 turn = (u32)x->begun++;

		if (x->path[turn].flags & PATH_BEGUN) {
			go_on(x, turn);
			continue;
		}
		targets_at(x->cfg.targets, turns_number(&x->turns, turn),
			   &probe[n].dst);
		if (is_excluded(x, &probe[n].dst)) {
			x->progress.excluded++;
			x->progress.done++;
			path_shut(&x->path[turn], &x->cfg.rules);
			continue;
		}
		probe[n].ttl = path_hand(&x->path[turn], &x->cfg.rules,
					 PATH_PRE, &probe[n].attempt);
		fill_probe(x, turn, PATH_PRE, &probe[n]);
		await(x, turn, now);
		n++;
	}
	return n;
}

/* The turn of one target: at most `max` of its probes, which is done when
 * it neither stands in a list nor has more to send. */
static unsigned int take_turn(struct doubletree *x, u32 turn,
			      struct probe *probe, unsigned int max, u64 now)
{
	const struct path_rules *rules = &x->cfg.rules;
	struct path *p = &x->path[turn];
	u64 number = turns_number(&x->turns, turn);
	unsigned int n = 0;
	struct addr dst;
	u8 wants;

	targets_at(x->cfg.targets, number, &dst);
	if (!(p->flags & PATH_BEGUN) && !path_wants(p, rules)) {
		u8 distance = neighbour_distance(&x->turns, x->path, x->begun,
						 number, &dst);

		x->progress.guessed += distance != 0;
		path_begin(p, rules, distance);
	}
	while (n < max && (wants = path_wants(p, rules))) {
		/* the lowest bit of them */
		enum path_side side = (enum path_side)(wants & -wants);

		probe[n].dst = dst;
		probe[n].ttl = path_hand(p, rules, side, &probe[n].attempt);
		fill_probe(x, turn, side, &probe[n]);
		n++;
	}
	if (path_wants(p, rules))
		return n; /* first in the next batch */
	dequeue(x, turn);
	if (p->flags & PATH_SIDES)
		await(x, turn, now);
	else
		x->progress.done++;
	return n;
}

static unsigned int doubletree_schedule(struct strategy *s, struct probe *probe,
					unsigned int max, u64 now)
{
	struct doubletree *x = s->state;
	unsigned int n;

	if (x->halted)
		return 0;
	if (!x->begun)
		patience_init(&x->patience, least(x->cfg.round_ns, HOLD_MAX),
			      least(x->cfg.wait_ns, HOLD_MAX), now);
	n = begin(x, probe, max, now);
	/* no guess before all neighbours have been asked */
	while (n < max && x->begun == x->turns.count && x->ready.first != NONE)
		n += take_turn(x, x->ready.first, probe + n, max - n, now);
	return n;
}

static void doubletree_departed(struct strategy *s, const struct probe *probe,
				unsigned int n)
{
	struct doubletree *x = s->state;

	for (unsigned int i = 0; i < n; i++) {
		const struct probe *p = &probe[i];
		u32 turn = (u32)p->position;

		if (p->sent_ns) {
			flight_depart(&x->flight,
				      name_of(turn, p->ttl, p->attempt),
				      p->sent_ns);
			x->last_sent_ns = p->sent_ns;
			x->unanswered++;
		} else {
			path_refused(&x->path[turn], &x->cfg.rules,
				     (enum path_side)p->owner);
			x->progress.refused++;
		}
	}
}

static void learn_end(struct doubletree *x, struct path *p,
		      const struct record *r)
{
	bool measured = p->flags & PATH_MEASURED;
	struct path_end end;

	ending_read(r, &end);
	path_ended(p, &x->cfg.rules, r->hop.ttl, &end);
	x->progress.measured += !measured && p->flags & PATH_MEASURED;
}

static void learn_router(struct doubletree *x, struct path *p, u8 ttl, u64 hash)
{
	bool asked_back = p->flags & PATH_BEGUN && p->back;
	enum stopset_result was = stopset_add(&x->known, hash);

	path_router(p, &x->cfg.rules, ttl, was == STOPSET_KNOWN);
	x->progress.stopped += asked_back && was == STOPSET_KNOWN && !p->back;
}

/* hash: if a router answered, its own. */
static void learn(struct doubletree *x, struct path *p, const struct record *r,
		  u64 hash)
{
	if (r->hop.kind == REPLY_EXPIRED)
		learn_router(x, p, r->hop.ttl, hash);
	else
		learn_end(x, p, r);
}

/* What an answer changed. */
static void move(struct doubletree *x, u32 turn)
{
	struct path *p = &x->path[turn];

	if (p->flags & PATH_READY ||
	    (p->flags & PATH_WAITING && p->flags & PATH_SIDES))
		return;
	if (p->flags & PATH_WAITING) {
		dequeue(x, turn);
	} else {
		if (!path_wants(p, &x->cfg.rules))
			return;
		x->progress.done--; /* too late, but not in vain */
	}
	queue_append(&x->ready, x->path, turn);
}

/* False: nobody asked that, or an earlier process, and this one will. */
static bool settle_one(struct strategy *s, const struct answer *a, u32 turn,
		       u64 hash, struct record *r)
{
	struct doubletree *x = s->state;
	const struct path_rules *rules = &x->cfg.rules;
	struct path *p = &x->path[turn];
	u64 name = name_of(turn, a->proof.ttl, a->proof.attempt), sent_ns;
	enum flight_result was = flight_answer(&x->flight, name, &sent_ns);

	if (was == FLIGHT_UNKNOWN && !path_reaches(p, rules, a->proof.ttl))
		return false;
	single_record(&x->single, a, sent_ns, r);
	if (was == FLIGHT_AGAIN) {
		r->hop.flags |= HOP_DUPLICATE;
		s->stats.duplicate++;
		return true;
	}
	if (was == FLIGHT_UNKNOWN) {
		r->hop.flags |= HOP_LATE;
		s->stats.late++;
	} else {
		s->stats.answered++;
		x->unanswered--;
		if (r->hop.rtt_us != HOP_RTT_UNKNOWN)
			patience_learn(&x->patience, a->arrived_ns - sent_ns);
	}
	if (!path_awaits(p, rules, r->hop.ttl))
		r->hop.flags |= HOP_GIVEN_UP;
	if (x->halted)
		return true;
	learn(x, p, r, hash);
	move(x, turn);
	return true;
}

/* The turn of a target that can have been asked with that TTL; else NONE. */
static u32 find(const struct doubletree *x, const struct addr *dst, u8 ttl,
		u64 *number)
{
	s64 found = targets_find(x->cfg.targets, dst);
	u64 turn;

	if (found < 0 || ttl < x->cfg.rules.first_ttl ||
	    ttl > x->cfg.rules.max_ttl ||
	    !turns_find(&x->turns, (u64)found, &turn))
		return NONE;
	*number = (u64)found;
	return (u32)turn;
}

/* Near us few routers serve all targets: a TTL has at most 2^TTL sides. */
static u64 seek(const struct doubletree *x, const struct addr *router, u8 ttl,
		u64 number)
{
	int rest = x->side_bits > ttl ? x->side_bits - ttl : 0;

	return stopset_seek(&x->known, router, ttl,
			    (u32)(number >> (DOUBLETREE_SIDE + rest)));
}

/* Whose answer it is; NONE: nobody's. */
static u32 look_up(const struct doubletree *x, const struct answer *a,
		   u64 *hash)
{
	const struct cookie_proof *p = &a->proof;
	u64 number;
	u32 turn = find(x, &a->dst, p->ttl, &number);

	if (turn == NONE || turn >= x->begun)
		return NONE;
	__builtin_prefetch(&x->path[turn], 1);
	flight_prefetch(&x->flight, name_of(turn, p->ttl, p->attempt));
	if (a->reply.kind == REPLY_EXPIRED)
		*hash = seek(x, &a->reply.from, p->ttl, number);
	return turn;
}

/* Twice over a stretch of answers: what each needs is fetched into the cache
 * while the later ones are still being looked up. */
static void settle_stretch(struct strategy *s, const struct answer *answer,
			   unsigned int n)
{
	struct doubletree *x = s->state;
	struct record records[STRETCH];
	unsigned int filled = 0;
	u64 hash[STRETCH] = {};
	u32 turn[STRETCH];

	for (unsigned int i = 0; i < n; i++)
		turn[i] = look_up(x, &answer[i], &hash[i]);
	for (unsigned int i = 0; i < n; i++) {
		if (turn[i] != NONE && settle_one(s, &answer[i], turn[i],
						  hash[i], &records[filled]))
			filled++;
		else
			s->stats.unknown++;
	}
	if (filled)
		s->emit.put(s->emit.to, records, filled);
}

static void doubletree_settle(struct strategy *s, const struct answer *answer,
			      unsigned int n, u64 now)
{
	(void)now;
	for (unsigned int done = 0; done < n; done += STRETCH)
		settle_stretch(s, answer + done,
			       n - done < STRETCH ? n - done : STRETCH);
}

bool doubletree_recall(struct strategy *s, const struct record *r)
{
	struct doubletree *x = s->state;
	u8 ttl = r->hop.ttl;
	u64 number, hash = 0;
	u32 turn = find(x, &r->dst, ttl, &number);

	if (turn == NONE)
		return false;
	/* the way to who is excluded by now goes no further: none may end
	 * where it was met, as if it did */
	if (r->hop.flags & HOP_DUPLICATE || is_excluded(x, &r->dst))
		return true;
	if (r->hop.kind == REPLY_EXPIRED)
		hash = seek(x, &r->hop.from, ttl, number);
	path_recall(&x->path[turn], &x->cfg.rules, ttl,
		    r->hop.flags & HOP_GIVEN_UP);
	learn(x, &x->path[turn], r, hash);
	return true;
}

/* When who has waited longest began to. */
static u64 waits_since(const struct doubletree *x, u64 now)
{
	u64 ms = now / NS_PER_MS;
	u16 when = x->path[x->waiting.first].when;

	return (ms - (u16)(ms - when)) * NS_PER_MS;
}

/* When who has waited longest will be given up. */
static u64 doubletree_deadline(const struct strategy *s, u64 now)
{
	const struct doubletree *x = s->state;

	if (x->halted || x->waiting.first == NONE)
		return UINT64_MAX;
	return waits_since(x, now) + patience_ns(&x->patience, now);
}

static void doubletree_expire(struct strategy *s, u64 now)
{
	struct doubletree *x = s->state;

	while (doubletree_deadline(s, now) <= now) {
		u64 since = waits_since(x, now);
		u32 turn = x->waiting.first;
		struct path *p = &x->path[turn];

		if (doubt_covers(&x->outage, since, now))
			x->progress.doubted += path_unasked(p);
		else if (doubt_covers(&x->doubt, since, now))
			x->progress.doubted += path_lost(p, &x->cfg.rules);
		else
			s->stats.silent += path_silent(p, &x->cfg.rules);
		dequeue(x, turn);
		queue_append(&x->ready, x->path, turn);
	}
}

static u64 doubletree_next(const struct strategy *s, u64 now)
{
	const struct doubletree *x = s->state;
	u64 over = x->last_sent_ns + x->cfg.wait_ns;

	if (x->halted)
		return UINT64_MAX;
	if (x->begun < x->turns.count || x->ready.first != NONE)
		return 0;
	if (x->waiting.first != NONE)
		return doubletree_deadline(s, now);
	/* what was given up may still be answered */
	return x->unanswered && now < over ? over : UINT64_MAX;
}

static void doubletree_missed(struct strategy *s, u64 from, u64 to)
{
	struct doubletree *x = s->state;

	doubt_add(&x->doubt, from, to);
}

static void doubletree_outage(struct strategy *s, u64 from, u64 to)
{
	struct doubletree *x = s->state;

	doubt_add(&x->outage, from, to);
}

static void doubletree_delivered(struct strategy *s, bool all, u64 from, u64 to)
{
	if (!all)
		doubletree_missed(s, from, to);
}

static u32 doubletree_shard(const struct strategy *s,
			    const struct answer *answer)
{
	const struct doubletree *x = s->state;

	return turns_shard(&x->turns, &answer->dst);
}

static void doubletree_halt(struct strategy *s, u64 now)
{
	struct doubletree *x = s->state;

	(void)now;
	x->halted = true;
}

static void doubletree_close(struct strategy *s)
{
	struct doubletree *x = s->state;

	if (!x)
		return;
	if (x->known.overflow)
		log_info("doubletree: %llu answers of routers beyond those "
			 "there is room for cost probes",
			 (unsigned long long)x->known.overflow);
	stopset_close(&x->known);
	flight_close(&x->flight);
	free(x->path);
	free(x);
	memset(s, 0, sizeof(*s));
}

static const struct strategy_ops doubletree_ops = {
	.name = "doubletree",
	.schedule = doubletree_schedule,
	.departed = doubletree_departed,
	.settle = doubletree_settle,
	.delivered = doubletree_delivered,
	.missed = doubletree_missed,
	.outage = doubletree_outage,
	.expire = doubletree_expire,
	.deadline = doubletree_deadline,
	.next = doubletree_next,
	.shard = doubletree_shard,
	.halt = doubletree_halt,
	.close = doubletree_close,
};

static int allocate(struct doubletree *x)
{
	const struct doubletree_config *c = &x->cfg;
	u64 turns = x->turns.count;
	u64 known = c->known_room ? c->known_room
				  : KNOWN_EACH * turns + KNOWN_LEAST;

	x->path = calloc(turns ? turns : 1, sizeof(*x->path));
	if (!x->path || stopset_open(&x->known, known, &c->key->hash) ||
	    flight_open(&x->flight,
			flight_room(FLIGHT_EACH * turns, c->pps, c->wait_ns)))
		return -ENOMEM;
	x->progress.octets = sizeof(*x) + turns * sizeof(*x->path) +
			     stopset_octets(&x->known) +
			     flight_octets(&x->flight);
	return 0;
}

int doubletree_open(struct strategy *s, const struct doubletree_config *config)
{
	u64 all = targets_count(config->targets);
	struct record_sink emit = s->emit;
	struct doubletree *x;

	memset(s, 0, sizeof(*s));
	s->emit = emit;
	if (all >= NONE) {
		log_err("doubletree: %llu targets, %u are the most: sweep them "
			"in parts, or by -S exhaustive",
			(unsigned long long)all, NONE - 1);
		return -E2BIG;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		goto undo;
	s->state = x;
	x->cfg = *config;
	x->single = (struct single_rules){
		.key = config->key,
		.method = config->method,
		.dport = config->dport,
		.size4 = config->size4,
		.size6 = config->size6,
		.tos = config->tos,
	};
	queue_init(&x->ready, PATH_READY);
	queue_init(&x->waiting, PATH_WAITING);
	turns_init(&x->turns, config->targets, config->seed, config->shards,
		   config->shard);
	x->progress.all = x->turns.count;
	while (all >> DOUBLETREE_SIDE >> x->side_bits)
		x->side_bits++;
	if (allocate(x))
		goto undo;
	s->ops = &doubletree_ops;
	return 0;
undo:
	log_err("no memory for %llu targets", (unsigned long long)all);
	doubletree_close(s);
	return -ENOMEM;
}

void doubletree_progress(const struct strategy *s,
			 struct doubletree_progress *p)
{
	const struct doubletree *x = s->state;

	*p = x->progress;
	p->begun = x->begun;
	p->known = x->known.count;
	p->overflow = x->known.overflow;
}
