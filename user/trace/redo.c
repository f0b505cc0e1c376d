/* SPDX-License-Identifier: BSD-2-Clause */
/* redo: turns that may have to be taken again. */
#include "trace/redo.h"

#include <string.h>

/* So long a time of losses is one stretch. */
#define MERGE_NS (REDO_NS / 4)

static void add(struct redo *r, u64 from, u64 to, u64 due, u32 tries)
{
	struct redo_stretch *last =
		r->count > r->next + 1 ? &r->stretch[r->count - 1] : NULL;

	if (from >= to || tries > REDO_TRIES)
		return;
	if (last && last->to == from && last->tries == tries &&
	    due - last->first_ns < MERGE_NS) {
		last->to = to;
		last->due_ns = due;
	} else if (r->count < REDO_MOST) {
		r->stretch[r->count++] = (struct redo_stretch){
			.from = from,
			.to = to,
			.due_ns = due,
			.first_ns = due,
			.tries = tries,
		};
	}
}

void redo_add(struct redo *r, u64 from, u64 to, u64 last_ns)
{
	add(r, from, to, last_ns + REDO_NS, 1);
}

void redo_again(struct redo *r, u64 since, u64 last_ns, bool tried)
{
	struct redo_stretch *s = &r->stretch[r->next];
	u32 first = r->looked, next = r->next;

	/* they were taken in order */
	while (first > 0 && r->stretch[first - 1].taken_ns >= since)
		first--;
	for (u32 i = first; i < next; i++) {
		const struct redo_stretch was = r->stretch[i];

		if (!was.again)
			add(r, was.from, was.to, last_ns + REDO_NS,
			    was.tries + tried);
		r->stretch[i].again = true;
	}
	/* of the one under way, as much as was done */
	if (next < r->count && r->done) {
		add(r, s->from, s->from + r->done, last_ns + REDO_NS,
		    s->tries + tried);
		s->from += r->done;
		r->done = 0;
	}
}

/* What was taken again so long ago that nobody will ask for it. */
static void forget(struct redo *r, u64 now)
{
	u32 old = 0;

	while (old < r->looked && r->stretch[old].taken_ns + REDO_KEEP_NS < now)
		old++;
	/* seldom, that little be moved */
	if (old < r->count && old < REDO_MOST / 4)
		return;
	r->count -= old;
	r->next -= old;
	r->looked -= old;
	memmove(r->stretch, r->stretch + old, r->count * sizeof(*r->stretch));
}

void redo_look(struct redo *r, u64 now)
{
	r->looked = r->next;
	if (r->looked)
		forget(r, now);
}

bool redo_take(struct redo *r, u64 now, u64 *turn)
{
	while (r->next < r->count && now >= r->stretch[r->next].due_ns) {
		struct redo_stretch *s = &r->stretch[r->next];

		*turn = s->from + r->done;
		if (*turn < s->to) {
			r->done++;
			s->taken_ns = now;
			return true;
		}
		r->done = 0;
		r->next++;
	}
	return false;
}

u64 redo_due(const struct redo *r)
{
	return r->next < r->count ? r->stretch[r->next].due_ns : UINT64_MAX;
}

u64 redo_first(const struct redo *r)
{
	u64 turn = UINT64_MAX;

	for (u32 i = r->looked; i < r->count; i++)
		if (r->stretch[i].from < turn)
			turn = r->stretch[i].from;
	return turn;
}
