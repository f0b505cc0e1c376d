/* SPDX-License-Identifier: BSD-2-Clause */
/* doubt: when this host itself dropped frames. */
#include "trace/doubt.h"

#include "lib/bounds.h"

void doubt_add(struct doubt *d, u64 from, u64 to)
{
	struct doubt_span *last =
		&d->span[(d->next + DOUBT_SPANS - 1) % DOUBT_SPANS];

	if (last->to && from <= last->to) {
		last->from = least(from, last->from);
		last->to = most(to, last->to);
		return;
	}
	d->span[d->next] = (struct doubt_span){ from, to };
	d->next = (d->next + 1) % DOUBT_SPANS;
}

bool doubt_covers(const struct doubt *d, u64 from, u64 to)
{
	for (u32 i = 1; i <= DOUBT_SPANS; i++) {
		const struct doubt_span *s =
			&d->span[(d->next + DOUBT_SPANS - i) % DOUBT_SPANS];

		if (!s->to || s->to < from)
			return false; /* as are all before it */
		if (s->from <= to)
			return true;
	}
	return false;
}
