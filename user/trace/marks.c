/* SPDX-License-Identifier: BSD-2-Clause */
/* marks: how far a run is settled whose turns are taken in order. */
#include "trace/marks.h"

enum { LOOPS = 32 }; /* of the packet loop between two marks, at least */

void marks_init(struct marks *m, u64 begun, u64 reply_ns)
{
	*m = (struct marks){
		.settled = begun,
		.ripe = begun,
		.begun = begun,
		.reply_ns = reply_ns,
		.gap_ns = reply_ns / (MARKS / 2),
	};
	if (m->gap_ns < MARKS_REACH_NS / MARKS)
		m->gap_ns = MARKS_REACH_NS / MARKS;
}

bool marks_due(struct marks *m, u64 now)
{
	return ++m->loops >= LOOPS && now >= m->due_ns;
}

/* What a mark says counts once its replies have had their time; and then only
 * some rounds of the packet loop later: what came while this host was held up
 * has been read by then. */
void marks_set(struct marks *m, u64 now, u64 next)
{
	/* pairs with marks_settled() */
	__atomic_store_n(&m->settled, m->ripe, __ATOMIC_RELEASE);
	m->loops = 0;
	m->due_ns = now + m->gap_ns;
	m->mark[m->count++ % MARKS] = (struct mark){ now, next };
	for (; m->first < m->count; m->first++) {
		const struct mark *mark = &m->mark[m->first % MARKS];

		if (now - mark->at_ns < m->reply_ns)
			break;
		m->ripe = mark->next;
	}
}

u64 marks_before(const struct marks *m, u64 time)
{
	u64 first = m->count > MARKS ? m->count - MARKS : 0;

	for (u64 i = m->count; i > first; i--)
		if (m->mark[(i - 1) % MARKS].at_ns <= time)
			return m->mark[(i - 1) % MARKS].next;
	return first ? m->mark[first % MARKS].next : m->begun;
}

u64 marks_settled(const struct marks *m)
{
	return __atomic_load_n(&m->settled, __ATOMIC_ACQUIRE);
}
