/* SPDX-License-Identifier: BSD-2-Clause */
/* seen: who answered, each once. */
#include "out/seen.h"

#include "reply.h"

/* Without memory the counts stand still: they are for people, not results. */
void seen_record(struct out_seen *s, const struct record *r)
{
	if (r->hop.state != HOP_ANSWERED || r->flags & RECORD_SESSION)
		return;
	if (r->hop.ttl > s->farthest)
		s->farthest = r->hop.ttl;
	if (s->random && r->hop.kind == REPLY_EXPIRED &&
	    !(r->hop.flags & HOP_DUPLICATE))
		limits_answer(&s->limits, &r->hop.from, r->arrived_ns);
	if (r->hop.kind == REPLY_EXPIRED)
		addrset_add(&s->interfaces, &r->hop.from);
	else if (r->hop.flags & HOP_REACHED)
		addrset_add(&s->destinations, &r->dst);
}

void seen_fini(struct out_seen *s)
{
	addrset_fini(&s->interfaces);
	addrset_fini(&s->destinations);
	limits_fini(&s->limits);
}
