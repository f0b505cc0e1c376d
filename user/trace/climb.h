/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * climb: one trace in progress: its probes, what answered them, and whether
 * it is over.
 *
 * A rung is one probe. Rungs stand in the order in which they are sent and
 * reported: by TTL, then by attempt.
 *
 *   rung   0 ........ base ........ next ........ last of max_ttl
 *          all resolved | some resolved | not sent
 *
 * TTLs are judged in order, each when its last attempt is resolved, so that
 * the outcome follows from the answers alone, whatever their order and
 * whatever the window.
 *
 * One thread. Nothing here allocates.
 */
#ifndef WHITHER_CLIMB_H
#define WHITHER_CLIMB_H

#include "lib/heap.h"
#include "probe/sack.h"
#include "trace/doubt.h"
#include "trace/ladder.h"
#include "trace/quotes.h"
#include "trace/rung.h"

/* As what a translator made our address appear. */
struct __attribute__((packed, aligned(2))) climb_seen {
	struct addr addr;
	u16 port;
};

enum { CLIMB_AGAIN = 4 }; /* times that a probe is sent again, at most */

struct climb {
	struct addr dst;
	u64 number; /* of the target */
	struct heap_node due;
	u32 slot, after, before; /* roster's: this slot, its list neighbours */
	u32 turn;		 /* ladder's: probes that were sent before */
	u16 next, base;		 /* rungs; see above */
	u16 open;		 /* rungs handed out or sent, not resolved */
	u16 total, emitted;	 /* records; total is set by the end */
	u16 again;		 /* rungs that are RUNG_AGAIN */
	u8 ceiling; /* TTLs, from first_ttl, beyond which nothing is sent */
	u8 judged;  /* TTLs judged */
	u8 gap;	    /* of them, the last ones that nobody answered */
	u8 stop;    /* enum stop_reason; NONE: goes on */
	u8 list;    /* enum roster_list */
	u8 seen;    /* filled climb_seen, which stand behind the last rung */
	u8 quotes;  /* filled quotes, which stand behind those */
	bool accepted : 1; /* a SYN/ACK came, or an Initial */
	bool resent : 1;   /* rungs did not leave in order */
	bool held : 1;	   /* ladder's: it waits for its sessions */
	bool lone : 1;	   /* one probe at a time */
	bool begun : 1;	   /* ladder's: a record of it went out */
	bool put : 1;	   /* ladder's: all of them did */
	bool told : 1;	   /* ladder's: those of its QUIC connections did */
	struct rung rung[];
};

/* Octets of a climb with these rules. */
size_t climb_size(const struct ladder_config *rules);
void climb_init(struct climb *c, const struct ladder_config *rules,
		const struct addr *dst, u64 number);

/* A probe might be sent as far as rungs and window go; when: climb_gate(). */
bool climb_wants(const struct climb *c, const struct ladder_config *rules);
/* The next probe may not leave before this. UINT64_MAX: not known until the
 * last one has left. */
u64 climb_gate(const struct climb *c, const struct ladder_config *rules);
/* The next probe. climb_wants() was true. */
void climb_hand(struct climb *c, const struct ladder_config *rules,
		struct probe *p);
/* It left, or was refused: then it is sent again, a few times at most, as
 * whatever was in the way may be gone. False: no such probe was handed out. */
bool climb_depart(struct climb *c, const struct ladder_config *rules,
		  const struct probe *p);

enum climb_outcome {
	CLIMB_ANSWERED,
	CLIMB_DUPLICATE,
	CLIMB_LATE,
	CLIMB_UNKNOWN,
};
/* a->dst is the trace's. */
enum climb_outcome climb_answer(struct climb *c,
				const struct ladder_config *rules,
				const struct answer *a);
/* The octets of probes that a session's answer `a` acknowledges have arrived:
 * those in `sack`, of that flow; NULL: of the one that is under way. How many
 * those are. */
unsigned int climb_acknowledge(struct climb *c,
			       const struct ladder_config *rules, u8 flow,
			       const struct sack *sack, const struct answer *a);
/* The probe just handed out goes with that number. */
void climb_number(struct climb *c, const struct ladder_config *rules,
		  const struct probe *p, u32 number);
/* A QUIC server answered that flow with `a`: the probes whose numbers the reply
 * acknowledges have arrived; NULL: one did, the first that no router may have
 * answered. `told`: enum hop_quic. How many those are. */
unsigned int climb_arrived(struct climb *c, const struct ladder_config *rules,
			   u8 flow, const struct quic_reply *reply, u8 told,
			   const struct answer *a);
/* The session of that flow failed: what it has under way waited in vain, and is
 * sent again. How many probes. */
unsigned int climb_forsake(struct climb *c, const struct ladder_config *rules,
			   u8 flow);
/*
 * Gives up what has waited long enough; how many probes, those included of
 * which the rung is sent again, a few times at most:
 *
 *   what left, or could have been answered, while this host lost frames: its
 *   silence proves nothing
 *   a SYN that the destination swallowed. All SYNs of a trace are of one
 *   connection: while it is half open for one of them, until our RST is
 *   there, no other is answered. They are sent again one at a time. So are
 *   Initials: what comes while a server sets its connection up it may drop,
 *   and quic-go does
 */
unsigned int climb_expire(struct climb *c, const struct ladder_config *rules,
			  const struct doubt *doubt, u64 now);
/* When climb_expire() will next find something; UINT64_MAX: never. */
u64 climb_due(const struct climb *c, const struct ladder_config *rules);

/* Probes sent and neither answered nor given up. */
unsigned int climb_in_flight(const struct climb *c);
/* Is the trace over? If so, stop and total are set. */
bool climb_judge(struct climb *c, const struct ladder_config *rules);
/* It is over, but was what it calls silent lost here, as has become known
 * since? Then it goes on with that, as climb_expire() would have had it. */
bool climb_revise(struct climb *c, const struct ladder_config *rules,
		  const struct doubt *doubt);
/* Ends it here and now. What is in flight becomes HOP_LOST: that no answer is
 * known is our doing. Returns how many those were. */
unsigned int climb_halt(struct climb *c, const struct ladder_config *rules);

/* Gives a record of the trace what all of them have in common. */
void climb_records_of(const struct climb *c, const struct ladder_config *rules,
		      struct record *r);
/* Writes records [from, from + n). */
void climb_records(const struct climb *c, const struct ladder_config *rules,
		   unsigned int from, unsigned int n, struct record *out);

#endif
