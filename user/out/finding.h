/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finding: what the records of one trace say together: what became of our
 * probes on the path, and between which hops.
 *
 * A router quotes a probe as it reached it. What one hop still quotes as it
 * was sent and the next one does not, was changed between the two. Of what no
 * quote reaches nothing is known, and that is a finding too.
 */
#ifndef WHITHER_FINDING_H
#define WHITHER_FINDING_H

#include "out/out.h"

enum { FINDINGS = 24 }; /* a trace; what comes after is not told */

enum finding_kind {
	FINDING_SOURCE, /* `seen`, and `port`: a translator */
	/* from `from` to `to` */
	FINDING_DSCP,
	FINDING_ECN,
	FINDING_DPORT,
	FINDING_MSS,
	FINDING_SCALE,
	FINDING_SEQUENCE, /* of TCP, from ours to anything else */
	/* these `options` of a SYN */
	FINDING_REMOVED,
	FINDING_UNCHANGED,
	FINDING_NOT_VISIBLE,
	/* the ECN mark that was sent, in `to` */
	FINDING_ECN_UNCHANGED,
	FINDING_ECN_NOT_VISIBLE,
	/* nobody beyond last_ttl answers QUIC, but UDP as far as `to` */
	FINDING_BLOCKED,
};

struct finding {
	struct addr seen;
	u16 port; /* 0: the probe has none */
	u16 from, to;
	u8 kind;
	u8 options; /* of enum tcp_said_what */
	/* last_ttl quotes it as before, 0: we are that; first_ttl, and those
	 * beyond, as it is now; 0: the server alone. UNCHANGED: first_ttl to
	 * last_ttl quote it. */
	u8 last_ttl, first_ttl;
	bool at_server; /* of ECN: a QUIC server counted it so */
};

enum finding_track_name {
	TRACK_DSCP,
	TRACK_ECN,
	TRACK_DPORT,
	TRACK_MSS,
	TRACK_SACK,
	TRACK_TIMESTAMPS,
	TRACK_SCALE,
	TRACK_SEQUENCE,
	TRACKS,
};

/* One of the things that quotes show, from hop to hop. */
struct finding_track {
	u32 now;
	u8 first, last; /* that showed it, as it is `now`; 0: none yet */
	bool changed;
};

struct findings {
	struct finding f[FINDINGS];
	unsigned int n;

	struct finding_track track[TRACKS];
	u8 options;	 /* of our SYNs */
	u8 end;		 /* TTL; beyond it nothing is of the path; 0: none */
	u16 syn_ack_mss; /* 0: it did not say */
	u8 mark;	 /* the ECN field that was sent */
	u8 udp_ttl;	 /* as in struct out_run */
	u8 farthest;	 /* TTL that anybody answered */
	bool reached;
	u64 counted[4]; /* by QUIC servers, by the ECN field */
	bool counts;	/* one did */
	bool acks;	/* one acknowledged anything */
};

void findings_clear(struct findings *f);
/* The records of a trace in order, those of connections included; where they
 * are not, less is found. */
void findings_note(struct findings *f, const struct out_run *run,
		   const struct record *r);
/* After the last of them: what did not change, and what nobody can tell. */
void findings_end(struct findings *f);
/* As whom routers saw us last; NULL: as ourselves. */
const struct addr *findings_source(const struct findings *f);

/* One line for people, without its newline. */
void finding_text(const struct findings *f, const struct finding *x, FILE *to);
/* The same of the marks that a QUIC server counted, with its newline; nothing
 * where nobody asked. */
void findings_counts(const struct findings *f, FILE *to);

#endif
