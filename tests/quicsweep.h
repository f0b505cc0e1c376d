/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quicsweep: a ladder of traces by QUIC, with real frames over the procedural
 * network, whose truth can be computed, to servers that open what they hear
 * (abroad.h, quicserver.h).
 *
 * All that goes wrong fails the cmocka test that is running.
 */
#ifndef WHITHER_TESTS_QUICSWEEP_H
#define WHITHER_TESTS_QUICSWEEP_H

#include "abroad.h"
#include "quicserver.h"
#include "trace/ladder.h"

enum { QUICSWEEP_PORT = 443, QUICSWEEP_INDEX = 1 << 16 };

/* Of one destination and one port of ours. */
struct quicsweep_far {
	struct addr dst;
	u16 port;
	struct quicserver server;
};

struct quicsweep {
	struct targets targets;
	struct permute order;
	struct cookie_key key;
	struct quic_conns quic;
	struct ladder_config rules;
	struct craft craft;
	struct abroad_config net;
	struct strategy s;
	struct abroad f;
	struct ladder_progress progress;
	struct quicserver_habits habits;
	struct quic_crypto crypto; /* the servers' */
	struct quicsweep_far *far;
	u32 fars, index[QUICSWEEP_INDEX];
	u16 odd;  /* octets more than the least */
	u16 from; /* servers' port; 0: the one that was asked */
	u8 said;  /* enum hop_quic, of what destinations must have said */
	bool flows;
	u64 traces, reached, lost; /* that were found in the records */
};

/* One target in each /24 or /48 of the prefixes. */
struct quicsweep *quicsweep_new(const char *prefix, const char *another);
void quicsweep_free(struct quicsweep *w);
/* Runs it, and checks that each probe is accounted for. */
void quicsweep_run(struct quicsweep *w);
/* Nothing was heard that no sane client says. */
void quicsweep_check_faults(const struct quicsweep *w);
/* One connection for each of w->traces, or of their attempts with flows, and
 * what began is over. */
void quicsweep_check_servers(const struct quicsweep *w, bool begin);

#endif
