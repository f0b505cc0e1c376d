/* SPDX-License-Identifier: BSD-2-Clause */
/* group: replies that stand alone, made into a trace. */
#include "out/group.h"

#include "reply.h"

/* Nothing ends a trace before `ttl`. */
static void revoke(struct record *r, unsigned int n, unsigned int ttl)
{
	for (unsigned int i = 0; i < n; i++)
		if (r[i].hop.ttl < ttl)
			r[i].hop.flags &= (u8)~HOP_FINAL;
}

static enum stop_reason judge(struct record *r, unsigned int n)
{
	unsigned int transit = 0, reached = 0;
	bool ended = false;

	for (unsigned int i = n; i-- > 0;) {
		if (r[i].hop.flags & HOP_REACHED)
			reached = r[i].hop.ttl;
		if (!transit && r[i].hop.kind == REPLY_EXPIRED)
			transit = r[i].hop.ttl;
	}
	revoke(r, n, reached ? reached : transit + 1);
	for (unsigned int i = 0; i < n; i++)
		ended |= (r[i].hop.flags & HOP_FINAL) != 0;
	return reached ? STOP_COMPLETED : ended ? STOP_UNREACH : STOP_NONE;
}

void group_trace(struct record *r, unsigned int n)
{
	if (!n)
		return;
	for (unsigned int i = 0; i < n; i++)
		r[i].flags = RECORD_TRACE;
	r[0].flags |= RECORD_FIRST;
	r[n - 1].flags |= RECORD_LAST;
	r[n - 1].stop_reason = (u8)judge(r, n);
}
