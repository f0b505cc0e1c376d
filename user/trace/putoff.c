/* SPDX-License-Identifier: BSD-2-Clause */
/* putoff: probes that wait for the budgets of prefixes and routers. */
#include "trace/putoff.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"

/* Who is called late by no more than this takes its place as if in time, so
 * that the next one can too; a longer delay is nobody's to make up for. */
#define LATE_NS (10 * NS_PER_MS)

/* What a probe costs. */
struct toll {
	struct budget *budget;
	u64 key, cost_ns;
};

struct tolls {
	u32 count;
	struct toll toll[1 + FORESEE_MAX];
	u64 until_ns; /* then they are others */
};

int putoff_open(struct putoff *p, const struct budget_rate *prefix,
		const struct budget_rate *router, u64 targets)
{
	int err = 0;

	*p = (struct putoff){};
	if (!prefix->gap_ns && !router->gap_ns)
		return 0;
	if (prefix->gap_ns)
		err = budget_open(&p->prefix, prefix, targets);
	if (!err && router->gap_ns)
		err = budget_open(&p->router, router, targets);
	if (!err && router->gap_ns)
		err = foresee_open(&p->foresee, targets);
	if (!err)
		err = heap_init(&p->due, PUTOFF_MAX);
	if (!err) {
		p->entry = calloc(PUTOFF_MAX, sizeof(*p->entry));
		err = p->entry ? 0 : -ENOMEM;
		if (err)
			log_err("no memory for probes that are put off");
	}
	if (err)
		putoff_close(p);
	return err;
}

static void add_toll(struct tolls *t, struct budget *b, u64 key, u64 cost_ns)
{
	t->toll[t->count++] = (struct toll){ b, key, cost_ns };
}

static void find_tolls(struct putoff *p, const struct probe *probe, u64 now,
		       struct tolls *t)
{
	u64 gap = p->router.gap_ns;
	struct foreseen who;

	t->count = 0;
	t->until_ns = UINT64_MAX;
	if (p->prefix.slot)
		add_toll(t, &p->prefix, budget_prefix(&probe->dst),
			 p->prefix.gap_ns);
	if (!p->router.slot)
		return;
	foresee_who(&p->foresee, &probe->dst, probe->ttl, now, &who);
	for (u32 i = 0; i < who.count; i++)
		add_toll(t, &p->router, budget_router(who.by[i].router),
			 (gap * who.by[i].share + FORESEE_WHOLE - 1) /
				 FORESEE_WHOLE);
	t->until_ns = who.until_ns;
}

/* When that probe leaves, now, or when it is to ask again. */
static u64 reserve(struct putoff *p, const struct probe *probe, u64 now,
		   bool waited)
{
	const struct toll *last = NULL;
	u64 latest = now, when;
	struct tolls t;

	find_tolls(p, probe, now, &t);
	for (u32 i = 0; i < t.count; i++) {
		const struct toll *toll = &t.toll[i];

		when = waited ? budget_when_waited(toll->budget, toll->key, now)
			      : budget_when(toll->budget, toll->key, now);
		if (when > latest) {
			latest = when;
			last = toll;
		}
	}
	if (last) {
		when = budget_line(last->budget, last->key, now, last->cost_ns);
		return when < t.until_ns ? when : t.until_ns;
	}
	for (u32 i = 0; i < t.count; i++)
		budget_charge(t.toll[i].budget, t.toll[i].key, now,
			      t.toll[i].cost_ns);
	return now;
}

bool putoff_admit(struct putoff *p, u64 turn, const struct probe *probe,
		  u64 now)
{
	struct putoff_entry *e;
	u64 when;

	if (!p->entry)
		return true;
	when = reserve(p, probe, now, false);
	if (when <= now)
		return true;
	if (p->head == p->tail)
		p->again = UINT64_MAX;
	else if (turn < p->entry[(p->tail - 1) % PUTOFF_MAX].turn &&
		 turn < p->again)
		p->again = turn;
	e = &p->entry[p->tail++ % PUTOFF_MAX];
	e->turn = turn;
	heap_insert(&p->due, &e->node, when);
	p->count++;
	return false;
}

bool putoff_due(const struct putoff *p, u64 now, u64 *turn)
{
	const struct heap_node *node = heap_due(&p->due, now);

	if (node)
		*turn = heap_of(node, struct putoff_entry, node)->turn;
	return node;
}

void putoff_drop(struct putoff *p)
{
	heap_remove(&p->due, heap_min(&p->due));
	while (p->head < p->tail &&
	       !heap_has(&p->entry[p->head % PUTOFF_MAX].node))
		p->head++;
}

static u64 place_in_time(u64 place, u64 now)
{
	return place + LATE_NS < now ? now - LATE_NS : place;
}

bool putoff_leave(struct putoff *p, const struct probe *probe, u64 now)
{
	u64 place = place_in_time(heap_min_key(&p->due), now);
	u64 when = reserve(p, probe, place, true);

	if (when > place) {
		heap_update(&p->due, heap_min(&p->due), when);
		return false;
	}
	putoff_drop(p);
	return true;
}

u64 putoff_pass(struct putoff *p, const struct probe *probe, u64 place, u64 now)
{
	u64 from = place ? place_in_time(place, now) : now, when;

	if (!p->entry)
		return 0;
	when = reserve(p, probe, from, place != 0);
	p->count += when > from && !place;
	return when > from ? when : 0;
}

/* What was foreseen becomes what was. Else chance would favour one router at
 * times over another with the same share. */
static void correct(struct putoff *p, const struct answer *a, u64 now)
{
	const struct addr *from = &a->reply.from;
	u64 gap = p->router.gap_ns, foreseen = 0;
	u32 name = foresee_name(from);
	struct foreseen who;

	foresee_who(&p->foresee, &a->dst, a->proof.ttl, now, &who);
	for (u32 i = 0; i < who.count; i++) {
		u64 cost = gap * who.by[i].share / FORESEE_WHOLE;

		if (who.by[i].router == name)
			foreseen += cost;
		else
			budget_refund(&p->router,
				      budget_router(who.by[i].router), now,
				      cost);
	}
	if (!addr_equal(from, &a->dst) && foreseen < gap)
		budget_charge(&p->router, budget_router(name), now,
			      gap - foreseen);
}

void putoff_heard(struct putoff *p, const struct answer *a, u64 now)
{
	if (!p->router.slot)
		return;
	correct(p, a, now);
	foresee_heard(&p->foresee, &a->dst, a->proof.ttl, &a->reply.from);
}

void putoff_close(struct putoff *p)
{
	budget_close(&p->prefix);
	budget_close(&p->router);
	foresee_close(&p->foresee);
	heap_fini(&p->due);
	free(p->entry);
	*p = (struct putoff){};
}
