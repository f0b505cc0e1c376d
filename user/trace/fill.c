/* SPDX-License-Identifier: BSD-2-Clause */
/* fill: beyond the last TTL of a random order, where routers answer. */
#include "trace/fill.h"

#include <errno.h>
#include <stdlib.h>

#include "cookie.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "trace/hop.h"

enum {
	NONE = TABLE_NONE,
	LOOKS = 256, /* chains looked at in one call beyond what is sent */
	RECALLS = 1 << 14, /* keys of the past */
	OVER = 255,	   /* of the past: no limit is above it */
};

/* Before a try is given up, at least. */
#define LEAST_NS (100 * NS_PER_MS)

enum chain_state {
	CHAIN_FREE,
	CHAIN_READY,  /* in the list */
	CHAIN_ENDED,  /* still in the list */
	CHAIN_HANDED, /* its probe is being sent */
	CHAIN_WAITING,
	CHAIN_LATER, /* for a budget */
};

struct fill_chain {
	struct addr dst;
	u64 key;     /* target * attempts + attempt */
	u64 sent_ns; /* of the last try; 0: it was refused */
	struct heap_node node;
	u32 after; /* next in the list of ready or of free ones */
	u8 first, ttl;
	u8 tries;   /* that left, at this TTL */
	u8 silent;  /* of them, given up in silence */
	u8 refused; /* that did not leave */
	u8 state;
};

static u8 tries_most(const struct fill *f, const struct fill_chain *c)
{
	u8 step = f->cfg.attempts, own = (u8)(c->key % step);
	u8 most = (u8)((COOKIE_MAX_ATTEMPT - own) / step + 1);

	return most < FILL_TRIES_MAX ? most : FILL_TRIES_MAX;
}

static u8 tries_wanted(const struct fill *f, const struct fill_chain *c)
{
	u8 most = tries_most(f, c);

	return most < FILL_TRIES ? most : FILL_TRIES;
}

static u64 name_of(u64 key, u8 ttl, u8 attempt)
{
	return key << 12 | (u64)ttl << 4 | attempt;
}

/* UINT64_MAX: no target. */
static u64 key_of(const struct fill *f, const struct addr *dst, u8 attempt)
{
	s64 target = targets_find(f->cfg.targets, dst);

	if (target < 0)
		return UINT64_MAX;
	return (u64)target * f->cfg.attempts + attempt % f->cfg.attempts;
}

static u32 place_of(const struct fill *f, const struct fill_chain *c)
{
	return (u32)(c - f->chain);
}

static void set_free(struct fill *f, struct fill_chain *c)
{
	c->state = CHAIN_FREE;
	c->after = f->free;
	f->free = place_of(f, c);
	f->used--;
}

static void make_ready(struct fill *f, struct fill_chain *c)
{
	u32 place = place_of(f, c);

	c->state = CHAIN_READY;
	c->after = NONE;
	if (f->first == NONE)
		f->first = place;
	else
		f->chain[f->last].after = place;
	f->last = place;
}

/* The first that is ready, out of the list; NULL: none is. */
static struct fill_chain *take_ready(struct fill *f)
{
	struct fill_chain *c;

	while (f->first != NONE) {
		c = &f->chain[f->first];
		f->first = c->after;
		if (c->state == CHAIN_READY)
			return c;
		set_free(f, c);
	}
	return NULL;
}

static void leave_heaps(struct fill *f, struct fill_chain *c)
{
	if (c->state == CHAIN_WAITING)
		heap_remove(&f->waiting, &c->node);
	else if (c->state == CHAIN_LATER)
		heap_remove(&f->later, &c->node);
}

/* Who stands in the list keeps its place until it is taken out of there. */
static void end(struct fill *f, struct fill_chain *c, u64 *as)
{
	(*as)++;
	f->stats.open--;
	table_remove(&f->open, c->key);
	leave_heaps(f, c);
	if (c->state == CHAIN_READY) {
		c->state = CHAIN_ENDED;
		return;
	}
	set_free(f, c);
}

/* The TTL is the first that it asks. False: no room. */
static bool open_chain(struct fill *f, u64 key, const struct addr *dst, u8 ttl)
{
	struct fill_chain *c;

	if (f->free == NONE || table_find(&f->open, key) != NONE ||
	    table_insert(&f->open, key, f->free))
		return false;
	c = &f->chain[f->free];
	f->free = c->after;
	f->used++;
	f->stats.begun++;
	f->stats.open++;
	*c = (struct fill_chain){
		.dst = *dst, .key = key, .first = ttl, .ttl = ttl
	};
	make_ready(f, c);
	return true;
}

static void learn(struct fill *f, u64 rtt_ns, u64 now)
{
	u64 least = f->cfg.wait_ns < LEAST_NS ? f->cfg.wait_ns : LEAST_NS;

	if (!f->patience.warm_ns)
		patience_init(&f->patience, least, f->cfg.wait_ns, now);
	if (rtt_ns)
		patience_learn(&f->patience, rtt_ns);
}

void fill_begin(struct fill *f, const struct answer *a, u64 sent_ns, u64 now)
{
	u64 key = key_of(f, &a->dst, a->proof.attempt);

	learn(f,
	      a->arrived_ns > sent_ns && sent_ns ? a->arrived_ns - sent_ns : 0,
	      now);
	if (!sent_ns || key == UINT64_MAX ||
	    !open_chain(f, key, &a->dst, (u8)(f->cfg.max_ttl + 1)))
		f->stats.not_begun++;
}

int fill_recall(struct fill *f, const struct record *r)
{
	const struct hop *h = &r->hop;
	u64 key = key_of(f, &r->dst, h->attempt);
	u8 *past;

	if (key == UINT64_MAX || h->ttl > f->cfg.limit)
		return -ENOENT;
	if (h->ttl < f->cfg.max_ttl || h->flags & HOP_DUPLICATE)
		return 0;
	if (!f->past) {
		f->past = calloc(f->keys, 1);
		if (!f->past) {
			log_err("no memory for %llu chains of earlier results",
				(unsigned long long)f->keys);
			return -ENOMEM;
		}
		permute_init(&f->order, f->keys, f->cfg.seed);
	}
	past = &f->past[key];
	if (h->kind != REPLY_EXPIRED || h->ttl == f->cfg.limit)
		*past = OVER;
	else if (h->ttl > *past)
		*past = h->ttl;
	return 0;
}

static bool has_past(const struct fill *f)
{
	return f->past && f->past_next < f->keys && fill_has_room(f);
}

/* Goes on with chains of which another process has results: with those that
 * had ended in silence as well, which look no different. */
static void take_up(struct fill *f, u64 now)
{
	for (int i = 0; i < RECALLS && has_past(f); i++) {
		u64 key = permute_at(&f->order, f->past_next++);
		struct addr dst;

		if (!f->past[key] || f->past[key] == OVER)
			continue;
		learn(f, 0, now);
		targets_at(f->cfg.targets, key / f->cfg.attempts, &dst);
		if (!open_chain(f, key, &dst, (u8)(f->past[key] + 1)))
			f->stats.not_begun++;
	}
}

static void fill_probe(const struct fill *f, const struct fill_chain *c,
		       struct probe *p)
{
	*p = (struct probe){
		.dst = c->dst,
		.owner = place_of(f, c) + 1,
		.dport = f->cfg.dport,
		.ttl = c->ttl,
		.attempt = (u8)(c->key % f->cfg.attempts +
				(u64)c->tries * f->cfg.attempts),
	};
}

/* place: when its time came, who had waited for a budget; else 0. */
static bool hand(struct fill *f, struct fill_chain *c, u64 place,
		 struct probe *p, u64 now)
{
	u64 when;

	fill_probe(f, c, p);
	when = putoff_pass(f->cfg.putoff, p, place, now);
	if (when) {
		c->state = CHAIN_LATER;
		heap_insert(&f->later, &c->node, when);
		return false;
	}
	c->state = CHAIN_HANDED;
	return true;
}

unsigned int fill_schedule(struct fill *f, struct probe *probe,
			   unsigned int max, u64 now)
{
	struct fill_chain *c;
	unsigned int n = 0;

	if (f->past)
		take_up(f, now);
	for (u32 i = 0; i < max + LOOKS && n < max; i++) {
		struct heap_node *node = heap_due(&f->later, now);
		u64 place = heap_min_key(&f->later);

		if (!node)
			break;
		heap_remove(&f->later, node);
		c = heap_of(node, struct fill_chain, node);
		n += hand(f, c, place, &probe[n], now);
	}
	for (u32 i = 0; i < max + LOOKS && n < max; i++) {
		c = take_ready(f);
		if (!c)
			break;
		n += hand(f, c, 0, &probe[n], now);
	}
	return n;
}

void fill_departed(struct fill *f, const struct probe *p, u64 now)
{
	struct fill_chain *c = &f->chain[p->owner - 1];
	u64 due;

	if (c->state != CHAIN_HANDED)
		return;
	c->sent_ns = p->sent_ns;
	due = p->sent_ns + patience_ns(&f->patience, now);
	if (!p->sent_ns) {
		if (++c->refused == FILL_REFUSALS) {
			end(f, c, &f->stats.refused);
			return;
		}
		due += now;
	} else {
		flight_depart(&f->flight, name_of(c->key, p->ttl, p->attempt),
			      p->sent_ns);
		f->stats.probes++;
		f->stats.again += c->tries > 0;
		c->tries++;
		if (c->silent + 1 >= tries_wanted(f, c) ||
		    c->tries == tries_most(f, c))
			due = p->sent_ns + f->cfg.wait_ns;
	}
	c->state = CHAIN_WAITING;
	heap_insert(&f->waiting, &c->node, due);
}

/* An answer to what it asks now. */
static void move(struct fill *f, struct fill_chain *c, const struct reply *r)
{
	if (r->kind != REPLY_EXPIRED) {
		end(f, c,
		    hop_end_flags(r, &c->dst) & HOP_REACHED
			    ? &f->stats.reached
			    : &f->stats.unreachable);
	} else if (c->ttl == f->cfg.limit) {
		end(f, c, &f->stats.at_limit);
	} else {
		leave_heaps(f, c);
		c->ttl++;
		c->tries = c->silent = c->refused = 0;
		if (c->state != CHAIN_READY)
			make_ready(f, c);
	}
}

static struct fill_chain *find_open(const struct fill *f, u64 key)
{
	u32 place = table_find(&f->open, key);

	return place == NONE ? NULL : &f->chain[place];
}

/* Was that asked by an open chain? Else what does not stand in the table of
 * departures is another process's. */
static bool has_asked(const struct fill *f, const struct fill_chain *c,
		      const struct cookie_proof *p)
{
	return p->ttl >= c->first &&
	       (p->ttl < c->ttl ||
		(p->ttl == c->ttl && p->attempt / f->cfg.attempts < c->tries));
}

bool fill_settle(struct fill *f, const struct single_rules *rules,
		 const struct answer *a, u64 now, struct strategy_stats *stats,
		 struct record *r)
{
	const struct cookie_proof *p = &a->proof;
	enum flight_result was;
	struct fill_chain *c;
	u64 key, sent_ns;

	if (!f->chain || p->ttl <= f->cfg.max_ttl)
		return false;
	key = key_of(f, &a->dst, p->attempt);
	if (key == UINT64_MAX)
		return false;
	was = flight_answer(&f->flight, name_of(key, p->ttl, p->attempt),
			    &sent_ns);
	c = find_open(f, key);
	if (was == FLIGHT_UNKNOWN && !(c && has_asked(f, c, p)))
		return false;
	single_record(rules, a, sent_ns, r);
	if (was == FLIGHT_AGAIN) {
		r->hop.flags |= HOP_DUPLICATE;
		stats->duplicate++;
		return true;
	}
	if (was == FLIGHT_UNKNOWN) {
		r->hop.flags |= HOP_LATE;
		stats->late++;
	} else {
		stats->answered++;
		putoff_heard(f->cfg.putoff, a, a->arrived_ns);
		if (a->arrived_ns > sent_ns)
			learn(f, a->arrived_ns - sent_ns, now);
	}
	if (c && c->ttl == p->ttl)
		move(f, c, &a->reply);
	return true;
}

void fill_doubt(struct fill *f, u64 from, u64 to)
{
	doubt_add(&f->doubt, from, to);
}

void fill_expire(struct fill *f, u64 now)
{
	struct heap_node *node;

	while ((node = heap_due(&f->waiting, now))) {
		struct fill_chain *c = heap_of(node, struct fill_chain, node);

		if (c->sent_ns && !doubt_covers(&f->doubt, c->sent_ns, now))
			c->silent++;
		if (c->silent == tries_wanted(f, c)) {
			end(f, c, &f->stats.silent);
		} else if (c->tries == tries_most(f, c)) {
			end(f, c, &f->stats.lost_here);
		} else {
			heap_remove(&f->waiting, node);
			make_ready(f, c);
		}
	}
}

u64 fill_deadline(const struct fill *f)
{
	return heap_min_key(&f->waiting);
}

u64 fill_next(const struct fill *f)
{
	u64 later = heap_min_key(&f->later), due = heap_min_key(&f->waiting);

	if (f->chain && (f->first != NONE || has_past(f)))
		return 0;
	return later < due ? later : due;
}

static int allocate(struct fill *f)
{
	const struct fill_config *c = &f->cfg;
	u64 probes = f->keys * (c->limit - c->max_ttl);

	f->chain = calloc(f->room, sizeof(*f->chain));
	if (!f->chain)
		return -ENOMEM;
	if (table_init(&f->open, f->room, c->seed) ||
	    heap_init(&f->waiting, f->room))
		return -ENOMEM;
	if (putoff_has_budget(c->putoff) && heap_init(&f->later, f->room))
		return -ENOMEM;
	return flight_open(&f->flight, flight_room(probes, c->pps, c->wait_ns));
}

int fill_open(struct fill *f, const struct fill_config *c)
{
	*f = (struct fill){ .cfg = *c };
	if (!c->limit)
		return 0;
	f->keys = targets_count(c->targets) * c->attempts;
	f->room = c->room ? c->room : FILL_CHAINS;
	if (f->room >= f->keys) {
		f->room = (u32)f->keys;
		f->most = f->room; /* there is one for each */
	} else {
		f->most = f->room / 4 * 3;
	}
	if (allocate(f)) {
		log_err("no memory for %u chains", f->room);
		fill_close(f);
		return -ENOMEM;
	}
	f->first = f->last = NONE;
	for (u32 i = 0; i < f->room; i++)
		f->chain[i].after = i + 1 < f->room ? i + 1 : NONE;
	return 0;
}

void fill_close(struct fill *f)
{
	free(f->chain);
	free(f->past);
	table_fini(&f->open);
	heap_fini(&f->waiting);
	heap_fini(&f->later);
	flight_close(&f->flight);
	*f = (struct fill){};
}

void fill_add(struct fill_stats *sum, const struct fill_stats *s)
{
	sum->begun += s->begun;
	sum->reached += s->reached;
	sum->unreachable += s->unreachable;
	sum->at_limit += s->at_limit;
	sum->silent += s->silent;
	sum->lost_here += s->lost_here;
	sum->refused += s->refused;
	sum->open += s->open;
	sum->not_begun += s->not_begun;
	sum->probes += s->probes;
	sum->again += s->again;
}
