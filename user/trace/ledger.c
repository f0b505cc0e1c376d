/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger: what became of every probe of a run. */
#include "trace/ledger.h"

void ledger_add(struct ledger *sum, const struct ledger *l)
{
	sum->made += l->made;
	sum->tx.sent += l->tx.sent;
	sum->tx.excluded += l->tx.excluded;
	sum->tx.over_rate += l->tx.over_rate;
	sum->tx.failed += l->tx.failed;
	sum->tx.dropped += l->tx.dropped;
	sum->rx.received += l->rx.received;
	sum->rx.ring_full += l->rx.ring_full;
	sum->rx.fill_empty += l->rx.fill_empty;
	sum->rx.dropped += l->rx.dropped;
	sum->missed += l->missed;
	sum->strategy.answered += l->strategy.answered;
	sum->strategy.silent += l->strategy.silent;
	sum->strategy.abandoned += l->strategy.abandoned;
	sum->strategy.duplicate += l->strategy.duplicate;
	sum->strategy.late += l->strategy.late;
	sum->strategy.unknown += l->strategy.unknown;
	sum->tcp.syn_acks += l->tcp.syn_acks;
	sum->tcp.resets += l->tcp.resets;
	sum->tcp.bare += l->tcp.bare;
	sum->tcp.malformed += l->tcp.malformed;
	sum->tcp.sent += l->tcp.sent;
	sum->tcp.segments += l->tcp.segments;
	sum->tcp.heard += l->tcp.heard;
	sum->tcp.refused += l->tcp.refused;
	sum->matched += l->matched;
	if (l->last_sent_ns > sum->last_sent_ns)
		sum->last_sent_ns = l->last_sent_ns;
	if (l->ended_ns > sum->ended_ns)
		sum->ended_ns = l->ended_ns;
}
