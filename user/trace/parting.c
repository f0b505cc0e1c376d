/* SPDX-License-Identifier: BSD-2-Clause */
/* parting: what a SYN/ACK obliges us to. */
#include "trace/parting.h"

#include "probe/sack.h"

/* Of one probe; nothing a peer chooses is in it but what was verified. */
static u64 mark_of(const struct answer *a)
{
	u64 m = be64_get(a->reply.from.q[0]) * 0x9e3779b97f4a7c15ULL;

	m = (m ^ m >> 29 ^ be64_get(a->reply.from.q[1])) *
	    0xbf58476d1ce4e5b9ULL;
	m = (m ^ m >> 32 ^ a->reply.ack) * 0x94d049bb133111ebULL;
	m ^= m >> 31;
	return m ? m : 1;
}

/* False: it was there already. */
static bool remember(struct parting *p, u64 mark)
{
	u32 set = (u32)mark % PARTING_SETS;

	for (int i = 0; i < PARTING_WAYS; i++)
		if (p->mark[set][i] == mark)
			return false;
	p->mark[set][p->oldest[set]++ % PARTING_WAYS] = mark;
	return true;
}

static void answer(struct parting *p, const struct answer *a)
{
	if (p->silent)
		return;
	if (parting_waiting(p) == PARTING_RING)
		p->stats.refused++;
	else
		p->ring[p->tail++ % PARTING_RING] = a->reply;
}

/* False: it answers no probe. */
static bool note(struct parting *p, const struct answer *a)
{
	u8 flags = a->reply.tcp_flags;
	struct tcp_said said;

	if (!(flags & (TCP_SYN | TCP_RST))) {
		p->stats.bare++;
		return false;
	}
	tcp_read(a, &said);
	p->stats.malformed += (said.what & TCP_SAID_MALFORMED) != 0;
	p->stats.syn_acks += tcp_is_syn_ack(flags);
	if (!tcp_is_syn_ack(flags))
		p->stats.resets++;
	else if (!p->silent && remember(p, mark_of(a)))
		answer(p, a);
	return true;
}

unsigned int parting_note(struct parting *p, struct answer *answer,
			  unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct answer *a = &answer[i];
		bool session = a->proof.ttl == 0;

		p->stats.heard += session && a->reply.kind == REPLY_TCP;
		if (a->reply.kind == REPLY_TCP && !session && !note(p, a))
			continue;
		if (kept < i)
			answer[kept] = answer[i];
		kept++;
	}
	return kept;
}

void parting_refuse(struct parting *p, const struct answer *a)
{
	struct sack sack;

	if (a->reply.kind != REPLY_TCP || a->reply.tcp_flags & TCP_RST)
		return;
	sack_read(a, &sack);
	/* a bare acknowledgement may be the last word of a session that ended
	 * as it should */
	if (sack.next != a->reply.seq)
		answer(p, a);
}

u32 parting_take(struct parting *p, const struct craft *c, u8 *frame)
{
	return craft_reset(c, &p->ring[p->head++ % PARTING_RING], frame);
}
