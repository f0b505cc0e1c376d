/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept: a run that is kept in a directory: what is known of its past, and its
 * outputs, which are made from the directory when it is complete.
 *
 * Its cookies' key is kept as well (whoever reads it can forge answers), so
 * that a target's probes belong to one flow whichever process sends them.
 */
#ifndef WHITHER_KEPT_H
#define WHITHER_KEPT_H

#include "out/journal.h"
#include "out/seen.h"
#include "out/writer.h"
#include "trace/exhaustive.h"

/* Of one worker. */
struct kept_part {
	u64 settled, known; /* exhaustive: turns (struct exhaustive_past) */
	u64 turns;
	u64 *bits; /* exhaustive: from settled on; ladder: from 0 on, all */
	u64 words;
};

/* Zeroed: closed. */
struct kept {
	struct rundir dir;
	struct journal journal;
	struct siphash_key key;
	struct kept_part part[RUNDIR_PARTS];
	bool resumed;
	struct rundir found; /* dir, as it was recovered; its files are dir's */
	/* while it recovers */
	const struct kept_plan *plan;
	struct permute order;
};

/* What a result is. */
enum kept_results {
	KEPT_PROBES, /* of a probe, each of which has a turn, or is one of a
			chain's (exhaustive) */
	KEPT_TRACES, /* of a target (ladder) */
	KEPT_REPLIES /* of a target, one of several (doubletree): they say
			how far it is when they are recalled in order */
};

struct kept_plan {
	const struct exhaustive_config *whole; /* the run as one worker's */
	enum kept_results results;
	u32 workers;
	struct out_seen *seen; /* filled with who answered */
};

/* A new one, or one that exists (whose run meta_load() sets). 0 or negative
 * errno, logged. */
int kept_create(struct kept *k, const char *path);
int kept_open(struct kept *k, const char *path);
/* The files' contents, one after the other, under that name, and their CRC;
 * the same again: nothing is there, or what is there is not that, is -EBADMSG.
 * 0 or negative errno, logged. */
int kept_copy(struct kept *k, const char *name, const char *const *path,
	      u32 paths, u32 *crc);
int kept_check_copy(const struct kept *k, const char *name, u32 crc);
/* Takes away a new one that has not begun. */
void kept_discard(struct kept *k);
void kept_close(struct kept *k);

/* Reads all that there is. 0 or negative errno, logged. */
int kept_recover(struct kept *k, const struct kept_plan *plan);
/* All records once more, when it has been recovered and before it has new
 * ones. 0, or negative errno: sink's, or logged. */
int kept_recall(const struct kept *k, const struct rundir_sink *sink);
bool kept_is_complete(const struct kept *k);
/* Until no reply comes any more to probes of a process that was ended just
 * now, or *stop. */
void kept_settle(const struct kept *k, u64 wait_ns, const volatile bool *stop);
/* Puts all records; their times are wall clock. How many, or negative errno,
 * logged. */
s64 kept_export(struct kept *k, const struct record_sink *sink);

#endif
