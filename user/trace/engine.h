/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine: the loop that joins a strategy to an uplink. One thread runs it to
 * its end.
 */
#ifndef WHITHER_ENGINE_H
#define WHITHER_ENGINE_H

#include "io/uplink.h"
#include "probe/craft.h"
#include "trace/ledger.h"
#include "trace/mail.h"
#include "trace/strategy.h"

/* Whoever wants to see the frames themselves, once a batch: those handed to
 * the device, of which some may not have left (sent_ns 0), and those that came
 * in. */
struct engine_tap {
	void (*sent)(void *to, const struct tx_slot *slot, unsigned int n);
	void (*received)(void *to, const struct rx_frame *frame, unsigned int n,
			 u64 now);
	void *to; /* NULL: nobody does */
};

struct engine_config {
	struct uplink *uplink;
	struct strategy *strategy;
	struct craft *craft;
	const volatile bool *stop; /* set by a signal: halt in good order */
	u64 deadline_ns;	   /* halt then; 0: never */
	/* Called about `status_ns` apart; may be NULL. A negative return ends
	 * the run with it (the writer failed). */
	int (*status)(void *to, const struct ledger *ledger, u64 now);
	void *status_to;
	u64 status_ns;
	/* Workers side by side, whose strategies are shards of one run: where
	 * they meet, which one this is, and the shards that are not of this
	 * run. NULL: alone. */
	struct mailroom *mail;
	u32 worker, outer_shards, outer_shard;
	struct engine_tap tap;
	struct parting *parting; /* of TCP probes; NULL: there are none */
};

/*
 * Runs until the strategy says that nothing more will come. *ledger is kept
 * up to date for status(), and complete at the end. 0; -EINTR if stopped;
 * else negative errno, logged.
 */
int engine_run(const struct engine_config *cfg, struct ledger *ledger);

#endif
