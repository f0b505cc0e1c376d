/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder: the classic strategy, for one target or for millions: TTL by TTL,
 * with a window, until the destination answers.
 *
 * A trace ends after the first TTL, all of whose attempts are resolved, where
 *
 *   COMPLETED  a port unreachable came, or an echo reply of the destination.
 *              A time exceeded never does this, whoever sent it.
 *   UNREACH    another unreachable came, and no time exceeded
 *   GAPLIMIT   nobody answered, nor at the gap_limit - 1 TTLs before
 *   HOPLIMIT   TTL max_ttl
 *
 * Probes of higher TTLs that are in flight by then are not reported. What a
 * trace reports does not depend on its window.
 *
 * A probe that this host may have lost, or the answer to it, is sent again when
 * it has waited in vain, or when its trace would end if that is known only by
 * then; after four times it is HOP_LOST. One that could not be sent is tried as
 * often, then HOP_REFUSED. What a stream has put is not taken back.
 *
 * Targets are started in a given order and only as probes are asked for:
 * traces under way come first, each a probe at a time in turn. A waiting
 * target costs nothing; an active trace of TTL 1..32 and one attempt costs
 * 1992 octets, and at most 48 more in the index and the deadlines. All is
 * allocated by ladder_open().
 */
#ifndef WHITHER_LADDER_H
#define WHITHER_LADDER_H

#include "plan/budget.h"
#include "plan/exclude.h"
#include "plan/permute.h"
#include "plan/targets.h"
#include "probe/quic_conn.h"
#include "trace/parting.h"
#include "trace/strategy.h"

enum {
	LADDER_GAP_OFF = 255,
	LADDER_ATTEMPTS = COOKIE_MAX_ATTEMPT + 1, /* at most */
};

/* Adaptive waits are at least this long: no host answers on time always. */
#define LADDER_WAIT_FLOOR_NS 50000000ULL

/* Copied; what it points to must outlive the strategy. */
struct ladder_config {
	const struct targets *targets; /* sealed */
	const struct permute *order;   /* of their numbers */
	const struct exclude *exclude; /* sealed; NULL: none */
	/* The run's positions in the order: first, first + step ... Step 0
	 * counts as 1. A shard is (its number, number of shards). */
	u64 first, step;
	/* Bit n: the trace at position n, in steps, is there already. NULL:
	 * none is. */
	const u64 *past;

	u8 first_ttl, max_ttl; /* 1 .. 255 */
	u8 attempts;	       /* per TTL, 1 .. LADDER_ATTEMPTS */
	u8 gap_limit;	       /* 1 .. 254, or LADDER_GAP_OFF */
	u32 active_max;	       /* traces at once */
	u32 window;	       /* probes of a trace in flight */

	/*
	 * A probe waits at most wait_max_ns; at most `here` times the RTT of
	 * a reply to another attempt at its TTL, and `near` times that of a
	 * reply from the nearest later TTL that answered, but those two never
	 * make it less than LADDER_WAIT_FLOOR_NS. In thousandths; 0: off.
	 */
	u64 wait_max_ns;
	u32 here_milli, near_milli;
	u64 send_gap_ns; /* between two probes of a trace, at least */

	/*
	 * Records go out as soon as all earlier ones of the trace are known,
	 * for whoever watches: active_max is 1. Else a trace is put at once
	 * when it ends, which waits until the sink has room for all of it.
	 */
	bool stream;

	/* What probes carry, for the records. */
	u8 method; /* enum probe_method */
	u8 tos;
	const struct cookie_key *key;
	struct addr src4, src6; /* none: targets of that family are skipped */
	u16 probe_size4, probe_size6; /* IP datagram */
	/* UDP: dport + number of the probe in its trace * step % span */
	u16 dport, dport_step, dport_span;

	/* PROBE_INSESSION: a trace goes through a TCP session of its own, or
	 * one for each attempt (key->flows), and is half-open where that fails.
	 */
	/* PROBE_QUIC: the connections of active_max slots, for craft too. */
	struct quic_conns *quic;
	struct parting *parting; /* refuses what belongs to no session */
	struct budget_rate syns; /* of sessions, to each /24 or /48 */
	bool by_reset;		 /* they end by RST, not by FIN */
};

/* Beyond what struct strategy counts. Every probe handed out, those sent again
 * included, ends as one of answered, silent, refused, abandoned. */
struct ladder_progress {
	u64 position;  /* of the order, in steps: targets taken so far */
	u64 positions; /* in all */
	u64 excluded, no_source; /* targets skipped */
	u64 past;		 /* traces that were there already */
	u64 started, ended;	 /* traces */
	u64 probes;		 /* handed out */
	u64 refused;		 /* by the gate or the backend */
	u64 abandoned; /* in flight beyond the end of their trace, or halted */
	u64 sessions[FATES]; /* of ended traces, by enum session_fate */
	u32 active; /* traces that hold memory: under way, or not put yet */
	u32 active_peak;
	size_t octets; /* allocated */
};

/* s->emit may be set before or after, but before the first call. 0 or
 * negative errno, logged. */
int ladder_open(struct strategy *s, const struct ladder_config *c, u64 now);
void ladder_progress(const struct strategy *s, struct ladder_progress *p);

static inline unsigned int ladder_rungs(const struct ladder_config *c)
{
	return (c->max_ttl - c->first_ttl + 1u) * c->attempts;
}

#endif
