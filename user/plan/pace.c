/* SPDX-License-Identifier: BSD-2-Clause */
/* pace: how many packets may leave by now. */
#include "plan/pace.h"

#include "lib/clock.h"

/* A credit of this much is a packet; in a ns, pps of it are gained. */
#define PACKET NS_PER_S

static u64 at_most(u64 v, u64 most)
{
	return v < most ? v : most;
}

void pace_init(struct pace *p, u64 pps, u32 burst, u64 now)
{
	memset(p, 0, sizeof(*p));
	p->pps = at_most(pps, PACE_MAX_PPS);
	if (!burst)
		burst = (u32)at_most(pps / 1000, 256);
	p->credit = (burst ? burst : 1) * PACKET;
	/* a little late for a full bucket is not to be slower for good */
	p->most = p->credit + at_most(p->pps * NS_PER_MS, PACKET - 1);
	p->filled = now;
}

static void fill(struct pace *p, u64 now)
{
	u64 ns = now - p->filled;

	if (now <= p->filled)
		return;
	p->filled = now;
	/* asked first, so that the product cannot overflow */
	if (ns > p->most / p->pps)
		p->credit = p->most;
	else
		p->credit = at_most(p->credit + ns * p->pps, p->most);
}

u32 pace_allow(struct pace *p, u32 want, u64 now)
{
	if (!p->pps)
		return want;
	fill(p, now);
	return (u32)at_most(p->credit / PACKET, want);
}

void pace_take(struct pace *p, u32 n)
{
	p->credit -= at_most(n * PACKET, p->credit);
}

u64 pace_when(const struct pace *p, u64 now)
{
	u64 when;

	if (!p->pps || p->credit >= PACKET)
		return now;
	when = p->filled + (PACKET - p->credit + p->pps - 1) / p->pps;
	return when > now ? when : now;
}
