/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path: what doubletree knows of the way to one target, in 16 octets.
 *
 *   TTL  first .. back | back+1 ........ fwd-1 | fwd .. horizon .. max
 *        still to ask  | asked               | as far as routers  | asked by
 *        downward      |                     | answer             | preprobe
 *
 * A way begins with the preprobe, at max. Its answer, or its silence, says
 * where the two ends start from; then each of them asks one TTL at a time.
 * `back` falls until it passes the first TTL, or meets a router that was
 * known before (then it is 0). `fwd` rises to `horizon`, which every router
 * that answers moves gap_limit TTLs beyond itself, until the far end is
 * known: then it is frozen just below that.
 *
 * What was answered to an earlier process can be told again, to a path that
 * is new: path_recall(). Silence is not told. But both ends asked one TTL
 * after another, so an answer from beyond an end says that all up to there
 * was asked, and was silent.
 *
 * Pure; no list, no clock.
 */
#ifndef WHITHER_PATH_H
#define WHITHER_PATH_H

#include "types.h"

struct path_rules {
	u8 first_ttl, max_ttl;
	u8 attempts;  /* at a TTL where nobody answers, but for max_ttl */
	u8 gap_limit; /* silent TTLs in a row that end the way forward */
	u8 split;     /* where to start if nothing is known */
};

enum path_side {
	PATH_PRE = 1 << 0,
	PATH_BACK = 1 << 1,
	PATH_FWD = 1 << 2,
	PATH_SIDES = PATH_PRE | PATH_BACK | PATH_FWD, /* bits: is out */
	PATH_BEGUN = 1 << 3,	/* back, fwd and horizon are set */
	PATH_MEASURED = 1 << 4, /* distance is the destination's */
	PATH_FROZEN = 1 << 5,	/* horizon is */
	PATH_READY = 1 << 6,	/* stands in this list of doubletree's, */
	PATH_WAITING = 1 << 7,	/* or in this one */
	PATH_LISTS = PATH_READY | PATH_WAITING,
	PATH_UNSURE = PATH_READY, /* while it is recalled: it was begun before
				     the preprobe's answer came, elsewhere */
};

struct path {
	u32 before, after;     /* doubletree's: list neighbours */
	u16 when;	       /* doubletree's: last departure */
	u8 distance;	       /* if MEASURED */
	u8 back, fwd, horizon; /* before BEGUN, back says: preprobe again */
	u8 tries; /* at back, or of the preprobe: lower four bits; at fwd:
		     upper */
	u8 flags; /* enum path_side */
};

_Static_assert(sizeof(struct path) == 16, "ten million of them: 160 MB");

/* How often more a TTL is asked whose probes may not have left, or whose
 * answers this host may have lost. */
enum { PATH_REFUSALS = 3 };

/* What an answer that ends the way says of where that is. */
struct path_end {
	u8 distance;	  /* of who sent it; 0: not known, then */
	u8 estimate;	  /* from the TTL of the answer itself, >= 1 */
	bool destination; /* sent it; else a router on the way */
};

/* Nobody answered the preprobe. guess: distance, 0: none. */
void path_begin(struct path *p, const struct path_rules *rules, u8 guess);

/* Which sides to send at now: some of PATH_BACK and PATH_FWD, if BEGUN; else
 * none, or PATH_PRE again. */
u8 path_wants(const struct path *p, const struct path_rules *rules);
/* Hands it out: TTL and attempt of one of those, or of the first preprobe. */
u8 path_hand(struct path *p, const struct path_rules *rules,
	     enum path_side side, u8 *attempt);
/* It did not leave after all. */
void path_refused(struct path *p, const struct path_rules *rules,
		  enum path_side side);

/* First answers. known: that router was, there, before this answer. */
void path_router(struct path *p, const struct path_rules *rules, u8 ttl,
		 bool known);
void path_ended(struct path *p, const struct path_rules *rules, u8 ttl,
		const struct path_end *end);
/* Is an answer to a probe of this TTL waited for? Else, if there was such a
 * probe, it has been given up. */
bool path_awaits(const struct path *p, const struct path_rules *rules, u8 ttl);
/* Has this TTL been asked, or is it one of the two that may be next? What an
 * earlier process asked beyond those will be asked again. */
bool path_reaches(const struct path *p, const struct path_rules *rules, u8 ttl);

/* Before path_router() or path_ended(), of an answer that an earlier process
 * had: each in its turn, before anything is sent. given_up: it did not await
 * it any more. */
void path_recall(struct path *p, const struct path_rules *rules, u8 ttl,
		 bool given_up);
/* The past is over. */
void path_recalled(struct path *p);
/* Nothing is to be asked. */
void path_shut(struct path *p, const struct path_rules *rules);

/* Nobody answered what is out. How many probes that was. */
unsigned int path_silent(struct path *p, const struct path_rules *rules);
/* As little, but this host may have lost it: as if it had been refused. */
unsigned int path_lost(struct path *p, const struct path_rules *rules);
/* There was no way: what is out is asked again, as if it had not been yet. */
unsigned int path_unasked(struct path *p);

#endif
