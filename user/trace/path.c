/* SPDX-License-Identifier: BSD-2-Clause */
/* path: what doubletree knows of the way to one target. */
#include "trace/path.h"

static u8 least(unsigned int a, unsigned int b)
{
	return (u8)(a < b ? a : b);
}

static u8 most(unsigned int a, unsigned int b)
{
	return (u8)(a > b ? a : b);
}

static u8 tries(const struct path *p, enum path_side side)
{
	return side == PATH_FWD ? p->tries >> 4 : p->tries & 15;
}

static void set_tries(struct path *p, enum path_side side, u8 n)
{
	if (side == PATH_FWD)
		p->tries = (u8)((p->tries & 0x0f) | n << 4);
	else
		p->tries = (u8)((p->tries & 0xf0) | n);
}

/* That side's TTL is done with: on to the next one. */
static void step(struct path *p, enum path_side side)
{
	set_tries(p, side, 0);
	p->flags &= (u8)~side;
	if (side == PATH_BACK)
		p->back--;
	else
		p->fwd++;
}

static void stop_back(struct path *p, u8 at)
{
	if (p->back <= at)
		return;
	set_tries(p, PATH_BACK, 0);
	p->flags &= (u8)~PATH_BACK;
	p->back = at;
}

void path_begin(struct path *p, const struct path_rules *rules, u8 guess)
{
	/* below what was guessed a router is more likely to answer than the
	 * destination, which did not */
	unsigned int start = guess ? guess - 1u : rules->split;

	start = most(start, rules->first_ttl);
	p->flags = (u8)((p->flags & ~PATH_PRE) | PATH_BEGUN);
	p->back = least(start, rules->max_ttl - 1u);
	p->fwd = (u8)(p->back + 1);
	p->horizon = p->back;
	p->tries = 0;
}

u8 path_wants(const struct path *p, const struct path_rules *rules)
{
	u8 wants = 0;

	if (!(p->flags & PATH_BEGUN))
		return p->back ? PATH_PRE & (u8)~p->flags : 0;
	if (p->back >= rules->first_ttl)
		wants |= PATH_BACK;
	if (p->fwd <= p->horizon && p->fwd < rules->max_ttl)
		wants |= PATH_FWD;
	return wants & (u8)~p->flags;
}

u8 path_hand(struct path *p, const struct path_rules *rules,
	     enum path_side side, u8 *attempt)
{
	p->flags |= (u8)side;
	*attempt = tries(p, side);
	if (side != PATH_PRE)
		return side == PATH_BACK ? p->back : p->fwd;
	p->back = 0;
	return rules->max_ttl;
}

void path_refused(struct path *p, const struct path_rules *rules,
		  enum path_side side)
{
	u8 n;

	/* an answer to an earlier attempt may have moved that side on */
	if (!(p->flags & side))
		return;
	p->flags &= (u8)~side;
	n = (u8)(tries(p, side) + 1);
	if (side == PATH_PRE) {
		set_tries(p, side, n);
		p->back = n <= PATH_REFUSALS;
	} else if (n < rules->attempts + PATH_REFUSALS) {
		set_tries(p, side, n);
	} else {
		step(p, side);
	}
}

/* The highest TTL is never asked from below. */
static bool is_ahead(const struct path *p, const struct path_rules *rules,
		     u8 ttl)
{
	return ttl == p->fwd && ttl < rules->max_ttl;
}

void path_router(struct path *p, const struct path_rules *rules, u8 ttl,
		 bool known)
{
	if (!(p->flags & PATH_BEGUN)) {
		/* the preprobe expired: the way is longer than that, or it
		 * never ends; all of it is below */
		path_begin(p, rules, rules->max_ttl);
		p->fwd = rules->max_ttl;
		if (known)
			stop_back(p, 0);
		return;
	}
	if (ttl == p->back) {
		step(p, PATH_BACK);
		if (known)
			stop_back(p, 0);
	} else if (is_ahead(p, rules, ttl)) {
		step(p, PATH_FWD);
	}
	if (!(p->flags & PATH_FROZEN))
		p->horizon = most(p->horizon, least(ttl + rules->gap_limit,
						    rules->max_ttl - 1u));
}

/* By the preprobe: nothing is asked twice, and at best nothing in vain. */
static void begin_below(struct path *p, const struct path_rules *rules,
			const struct path_end *end)
{
	p->flags = (u8)((p->flags & ~PATH_PRE) | PATH_BEGUN);
	p->tries = 0;
	if (end->distance) {
		p->back = least(end->destination ? end->distance - 1u
						 : end->distance,
				rules->max_ttl - 1u);
		p->fwd = (u8)(p->back + 1);
		p->horizon = p->back;
		p->flags |= PATH_FROZEN;
	} else {
		/* the way back may be of another length: look to either side
		 * of the estimate at once */
		p->back = least(end->estimate - 1u, rules->max_ttl - 1u);
		p->fwd = most(p->back + 1u, rules->first_ttl);
		p->horizon = p->fwd;
	}
}

void path_ended(struct path *p, const struct path_rules *rules, u8 ttl,
		const struct path_end *end)
{
	bool begun = p->flags & PATH_BEGUN;
	u8 top = (u8)(ttl - 1);

	if (end->destination && end->distance) {
		p->distance = end->distance;
		p->flags |= PATH_MEASURED;
	}
	if (!begun) {
		begin_below(p, rules, end);
		return;
	}
	if (end->distance)
		top = least(top, end->destination ? end->distance - 1u
						  : end->distance);
	if (is_ahead(p, rules, ttl))
		step(p, PATH_FWD);
	if (ttl == rules->max_ttl && !end->distance)
		return; /* late, and tells nothing */
	p->horizon = p->flags & PATH_FROZEN ? least(p->horizon, top) : top;
	p->flags |= PATH_FROZEN;
	if (p->fwd > p->horizon)
		p->flags &= (u8)~PATH_FWD;
	stop_back(p, top);
}

bool path_awaits(const struct path *p, const struct path_rules *rules, u8 ttl)
{
	if (ttl == rules->max_ttl)
		return !(p->flags & PATH_BEGUN);
	return p->flags & PATH_BEGUN && (ttl == p->back || ttl == p->fwd);
}

bool path_reaches(const struct path *p, const struct path_rules *rules, u8 ttl)
{
	if (ttl == rules->max_ttl)
		return true;
	return p->flags & PATH_BEGUN && ttl >= p->back && ttl <= p->fwd;
}

void path_recall(struct path *p, const struct path_rules *rules, u8 ttl,
		 bool given_up)
{
	bool begun = p->flags & PATH_BEGUN;

	if (ttl == rules->max_ttl) {
		if (!begun && given_up)
			p->flags |= PATH_UNSURE;
		return;
	}
	if (!begun || p->flags & PATH_UNSURE) {
		/* where it began is not known; here it has been */
		p->back = ttl;
		p->fwd = (u8)(ttl + 1);
		if (!begun)
			p->horizon = ttl;
		p->flags = (u8)((p->flags & ~PATH_UNSURE) | PATH_BEGUN);
	}
	if (ttl < p->back)
		p->back = ttl;
	else if (ttl > p->fwd)
		p->fwd = ttl;
}

void path_recalled(struct path *p)
{
	p->flags &= (u8)~PATH_UNSURE;
}

void path_shut(struct path *p, const struct path_rules *rules)
{
	p->flags = (u8)((p->flags & ~PATH_SIDES) | PATH_BEGUN);
	p->back = 0;
	p->fwd = rules->max_ttl;
}

unsigned int path_silent(struct path *p, const struct path_rules *rules)
{
	unsigned int n = p->flags & PATH_PRE ? 1 : 0;

	p->flags &= (u8)~PATH_PRE;
	for (u8 side = PATH_BACK; side <= PATH_FWD; side <<= 1) {
		u8 again = (u8)(tries(p, side) + 1);

		if (!(p->flags & side))
			continue;
		n++;
		p->flags &= (u8)~side;
		if (again < rules->attempts)
			set_tries(p, side, again);
		else
			step(p, side);
	}
	return n;
}

unsigned int path_lost(struct path *p, const struct path_rules *rules)
{
	unsigned int n = 0;

	for (u8 side = PATH_PRE; side <= PATH_FWD; side <<= 1) {
		n += (p->flags & side) != 0;
		path_refused(p, rules, (enum path_side)side);
	}
	return n;
}

unsigned int path_unasked(struct path *p)
{
	unsigned int n = 0;

	for (u8 side = PATH_PRE; side <= PATH_FWD; side <<= 1)
		n += (p->flags & side) != 0;
	if (p->flags & PATH_PRE)
		p->back = 1;
	p->flags &= (u8)~PATH_SIDES;
	return n;
}
