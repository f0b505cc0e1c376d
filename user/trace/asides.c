/* SPDX-License-Identifier: BSD-2-Clause */
/* asides: frames of TCP that are no probes. */
#include "trace/asides.h"

unsigned int asides_waiting(const struct engine_config *c)
{
	const struct strategy *s = c->strategy;

	if (!c->parting)
		return 0;
	return parting_waiting(c->parting) +
	       (s->ops->waiting ? s->ops->waiting(s) : 0);
}

/* Up to *n of them; how many are of sessions, which come last. */
static unsigned int craft(struct asides *x, const struct engine_config *c,
			  unsigned int *n)
{
	struct tx_slot *slot = c->uplink->tx.slot;
	struct strategy *s = c->strategy;
	unsigned int i = 0, said = 0;

	for (; i < *n && parting_waiting(c->parting); i++)
		slot[i].len = parting_take(c->parting, c->craft, slot[i].frame);
	if (i < *n)
		said = s->ops->segments(s, x->segment, *n - i);
	*n = i + said;
	for (unsigned int j = 0; j < said; j++, i++)
		slot[i].len =
			craft_aside(c->craft, &x->segment[j], slot[i].frame);
	return said;
}

/* What of the n frames, the last `said` of which are of sessions, left. */
static void count(struct asides *x, const struct engine_config *c,
		  unsigned int n, unsigned int said, u64 sent)
{
	const struct tx_slot *slot = &c->uplink->tx.slot[n - said];
	struct parting_stats *stats = &c->parting->stats;
	unsigned int left = 0;

	for (unsigned int j = 0; j < said; j++) {
		x->segment[j].sent_ns = slot[j].sent_ns;
		left += slot[j].sent_ns != 0;
	}
	stats->segments += left;
	stats->sent += sent - left;
	stats->refused += n - sent;
}

int asides_send(struct asides *x, const struct engine_config *c, u64 now)
{
	struct uplink *u = c->uplink;
	struct tx *tx = &u->tx;
	const struct tx_stats before = tx->stats;
	unsigned int n = asides_waiting(c), said;
	u64 sent;
	int err;

	n = gate_allow(&u->gate, n < tx->batch ? n : tx->batch, now);
	if (n)
		n = tx->ops->reserve(tx, n);
	if (!n)
		return 0;
	said = craft(x, c, &n);
	delivered_begin(&u->delivered);
	err = gate_send(&u->gate, tx, n, now);
	sent = tx->stats.sent - before.sent;
	delivered_end(&u->delivered, sent);
	if (c->tap.to)
		c->tap.sent(c->tap.to, tx->slot, n);
	count(x, c, n, said, sent);
	tx->stats = before;
	if (said)
		c->strategy->ops->segments_left(c->strategy, x->segment, said,
						now);
	return err;
}
