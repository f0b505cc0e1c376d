/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger: what became of every probe of a run. */
#ifndef WHITHER_LEDGER_H
#define WHITHER_LEDGER_H

#include "io/io.h"
#include "trace/parting.h"
#include "trace/strategy.h"

/*
 * Where everything went. Exactly, when the run is over:
 *   made = sent + excluded + over_rate + failed
 *   sent = answered + abandoned + lost here + silent
 * where what this host's own rings dropped is lost here, as far as there are
 * probes without an answer: it may also have cost duplicates. An answer that
 * came too late leaves its probe silent.
 */
struct ledger {
	u64 made; /* probes that the strategy asked for */
	struct tx_stats tx;
	struct rx_stats rx;
	u64 missed; /* frames that the interface had no room for */
	u64 verdicts[STEER_VERDICT_COUNT];
	struct strategy_stats strategy;
	struct parting_stats tcp; /* RSTs are no probes: not in tx */
	u64 matched;
	u64 started_ns, last_sent_ns, ended_ns;
};

/* Adds what another worker did; verdicts are the interface's, and stay. */
void ledger_add(struct ledger *sum, const struct ledger *l);

#endif
