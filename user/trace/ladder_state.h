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
/* What became of a trace's sessions, as far as that is news and a record
 * follows it: written to l->records; how many. */
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

/* Of strategy_ops. */
unsigned int ladder_waiting(const struct strategy *s);
unsigned int ladder_segments(struct strategy *s, struct tcp_segment *seg,
			     unsigned int max);
void ladder_segments_left(struct strategy *s, const struct tcp_segment *seg,
			  unsigned int n, u64 now);

#endif
