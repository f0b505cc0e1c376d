/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder_state: what ladder.c and ladder_session.c share, and nobody else. The
 * latter has what becomes of a trace's TCP sessions.
 */
#ifndef WHITHER_LADDER_STATE_H
#define WHITHER_LADDER_STATE_H

#include "lib/table.h"
#include "trace/doubt.h"
#include "trace/roster.h"
#include "trace/sessions.h"

struct ladder {
	struct ladder_config rules;
	struct ladder_progress progress;
	struct roster roster;
	struct heap due;
	struct table slots;	/* number of a target -> slot of its trace */
	struct record *records; /* of one trace, put at once: those of a trace
				   stay together where several put */
	struct sessions sessions;
	u32 *closing; /* QUIC connections to be closed: a ring */
	u64 closing_head, closing_tail;
	struct doubt doubt;
	u32 capacity, fresh; /* slots from fresh on were never used */
};

static inline struct ladder *ladder_of(const struct strategy *s)
{
	return s->state;
}

static inline bool ladder_has_sessions(const struct ladder *l)
{
	return l->rules.method == PROBE_INSESSION;
}

static inline bool ladder_has_quic(const struct ladder *l)
{
	return l->rules.method == PROBE_QUIC;
}

/* Records besides those of its probes that a trace may have at once. */
static inline unsigned int ladder_flows(const struct ladder *l)
{
	return ladder_has_quic(l) ? l->rules.quic->flows : l->sessions.flows;
}

/* UINT64_MAX: nothing is waited for. */
void ladder_set_due(struct ladder *l, struct climb *c, u64 due);
/* After anything happened to a trace: where does it stand now? */
void ladder_place(struct ladder *l, struct climb *c, u64 now);
/* Its slot is free. */
void ladder_release(struct ladder *l, struct climb *c);
/* Puts what records there are room for. */
void ladder_drain(struct strategy *s, struct ladder *l);

/* 0 or -ENOMEM, logged. */
int ladder_open_sessions(struct ladder *l);
/* What became of a trace's sessions or connections, as far as that is news and
 * a record follows it: written to l->records; how many. */
unsigned int ladder_session_records(struct ladder *l, struct climb *c);
/* Gives n records of probes the size that those within a session have. */
void ladder_session_sizes(const struct ladder *l, const struct climb *c,
			  struct record *r, unsigned int n);
/* Its records are put: its slot is free when its sessions are. */
void ladder_part(struct ladder *l, struct climb *c);
/* An answer with TTL 0. */
void ladder_hear_session(struct strategy *s, struct ladder *l, struct climb *c,
			 const struct answer *a, u64 now);
/* Deadlines of its sessions may have passed. */
void ladder_expire_sessions(struct strategy *s, struct ladder *l,
			    struct climb *c, u64 now);

/* The same of QUIC; 0 or -ENOMEM, logged. */
int ladder_open_quic(struct ladder *l);
void ladder_begin_quic(struct ladder *l, struct climb *c);
void ladder_equip_quic(struct ladder *l, struct climb *c, struct probe *p);
void ladder_hear_quic(struct strategy *s, struct ladder *l, struct climb *c,
		      const struct answer *a, u64 now);
void ladder_end_quic(struct ladder *l, struct climb *c);
unsigned int ladder_quic_records(struct ladder *l, struct climb *c);
/* Is one of a trace's connections still to be closed? */
bool ladder_closes_quic(const struct ladder *l, const struct climb *c);
unsigned int ladder_take_quic(struct ladder *l, struct aside *aside,
			      unsigned int max);
void ladder_quic_left(struct ladder *l, const struct aside *aside,
		      unsigned int n);

/* Of strategy_ops. */
unsigned int ladder_waiting(const struct strategy *s);
unsigned int ladder_segments(struct strategy *s, struct aside *seg,
			     unsigned int max);
void ladder_segments_left(struct strategy *s, const struct aside *seg,
			  unsigned int n, u64 now);

#endif
