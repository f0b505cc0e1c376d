/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session: one TCP connection of ours, as far as a trace within it needs.
 *
 *   LATER -> OPENING -> PROVING -> OPEN -> CLOSING -> NONE
 *              SYN      ACK, octet            FIN or RST
 *
 * The octet after the SYN is never sent, so that whatever follows it is
 * acknowledged at once, by SACK (RFC 2018), and read by nobody. Before probes
 * rely on that, one octet with a TTL that goes all the way proves it. In the
 * end the FIN takes the number of the gap: the application reads the end of
 * its input and nothing before.
 *
 * A pure function of its state, the event and `now`; one thread. What is to
 * be sent is taken segment by segment: at most one for each that was heard, but
 * two for a SYN/ACK, the ACK and the octet.
 * Numbers: see cookie.h. RFC 9293, RFC 5961, RFC 7323.
 */
#ifndef WHITHER_SESSION_H
#define WHITHER_SESSION_H

#include "probe/sack.h"
#include "probe/tcp.h"
#include "trace/record.h"

enum session_state {
	SESSION_NONE,
	SESSION_LATER,
	SESSION_OPENING,
	SESSION_PROVING,
	SESSION_OPEN,
	SESSION_CLOSING,
};

/* Of all sessions of a run. */
struct session_rules {
	const struct cookie_key *key;
	u16 dport;
	u16 window;    /* that theirs must have, at least */
	u64 wait_ns;   /* for the first answer; doubled with each try */
	u64 prove_ns;  /* the same for what is not the handshake, at least */
	bool by_reset; /* ended by RST, not by FIN */
};

struct session {
	struct addr dst;
	u64 due_ns;	   /* UINT64_MAX: it waits for no time */
	u64 sent_ns;	   /* the SYN, as far as it left */
	u64 arrived_ns;	   /* the answer to it */
	u32 first, theirs; /* their numbers: the first, and what comes next */
	u32 stamp;	   /* their latest timestamp */
	u32 next;	   /* sessions': in its queue */
	u16 mss;
	u8 flags, said, scale; /* of the answer to the SYN */
	u8 state;	       /* enum session_state */
	u8 fate;	       /* enum session_fate */
	u8 say;		       /* what is to be sent; session.c's */
	u8 tries;
	u8 flow;
	bool queued;   /* sessions' */
	bool told;     /* ladder's: its record went out */
	bool ended;    /* they sent a FIN */
	bool filled;   /* they have ours */
	bool repeated; /* the SYN, or the proof */
};

_Static_assert(sizeof(struct session) <= 256, "10,000 at once cost 2.5 MB");

enum session_event {
	SESSION_NOTHING,
	SESSION_OPENED, /* probes may leave */
	SESSION_ACKED,	/* some may have arrived: see the sack */
	SESSION_FAILED, /* without it, then: see fate */
	SESSION_GONE,	/* nothing of it is left */
};

/* The SYN may leave at `due`. */
void session_begin(struct session *s, const struct addr *dst, u8 flow, u64 due);
/* The next segment to be sent; false: there is none. */
bool session_take(struct session *s, const struct session_rules *r,
		  struct aside *seg);
/* It left; seg->sent_ns is 0 if it was refused. */
enum session_event session_left(struct session *s,
				const struct session_rules *r,
				const struct aside *seg, u64 now);
/* An answer with TTL 0 (cookie.h). *sack is filled if it is ACKED. */
enum session_event session_hear(struct session *s,
				const struct session_rules *r,
				const struct answer *a, struct sack *sack,
				u64 now);
/* due_ns has come. */
enum session_event session_expire(struct session *s,
				  const struct session_rules *r, u64 now);
/* The trace is over. What was never open is dropped at once. */
void session_end(struct session *s, const struct session_rules *r, bool reset);

static inline bool session_speaks(const struct session *s)
{
	return s->say != 0;
}

/* Are its timestamps ours to send? */
static inline bool session_stamped(const struct session *s)
{
	return s->said & TCP_SAID_TIMESTAMPS;
}

/* Octets of a probe's IP datagram. */
u16 session_probe_size(const struct session *s);
/* What became of it, as a record of its trace. */
void session_record(const struct session *s, const struct session_rules *r,
		    struct record *out);

#endif
