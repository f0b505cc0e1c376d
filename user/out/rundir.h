/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundir: the directory that a run is kept in, so that another process can go
 * on with it wherever this one is ended.
 *
 *   lock                whose process has it locked works on the run
 *   meta.json, key      what the run is; written once, by the command
 *   replies-NNNNN.seg   results, appended (segment.h)
 *   checkpoint          how far the run is known to be done
 *
 * A whole file is replaced by a sibling that has been written out. What the
 * checkpoint says was durable before it was written: damage up to there
 * is refused; behind it, and in the last segment alone, it is what a process or
 * a host left that was cut off, and is cut off as well.
 *
 * The directory is its owner's alone. One thread, except journal.h.
 */
#ifndef WHITHER_RUNDIR_H
#define WHITHER_RUNDIR_H

#include "trace/record.h"

enum {
	RUNDIR_PARTS = 64,	       /* workers, at most */
	RUNDIR_SEGMENT = 16 << 20,     /* octets, and then a new one */
	RUNDIR_SEGMENT_MAX = 18 << 20, /* none is longer */
	RUNDIR_NAME = 32,
};

enum rundir_state { RUNDIR_RUNNING, RUNDIR_INTERRUPTED, RUNDIR_COMPLETE };

#define RUNDIR_MAGIC 0x31706b6374696877ULL /* "whitckp1" */

/* Host order, as segments. */
struct rundir_checkpoint {
	u64 magic;
	u32 format, state; /* enum rundir_state */
	u64 run;
	u64 sequence; /* frames that are durable */
	u32 segment;  /* they end in this one, */
	u32 offset;   /* there; both 0 if there are none */
	u64 wall_ns;  /* when it was written */
	u32 parts, zero;
	/* Of each worker: all that came before needs no probe any more. What
	 * it counts is the strategy's. */
	u64 settled[RUNDIR_PARTS];
	u32 zero2, crc; /* CRC32C of all before */
};

/* Zeroed: closed. */
struct rundir {
	char *path;
	int fd, lock;
	u64 run;
	struct rundir_checkpoint last; /* all 0 but `run`: none yet */
	u32 segments;		       /* there are */
	u32 end_segment, end_offset;   /* of what they have; 0, 0: nothing */
	u64 sequence;		       /* of the next frame */
};

/* A new run: `path` does not exist or holds no run yet. 0 or negative errno,
 * logged: -EBUSY if another process has it, -EEXIST if it holds a run. */
int rundir_create(struct rundir *d, const char *path);
/* One that exists; run is unknown until the caller sets it. */
int rundir_open(struct rundir *d, const char *path);
void rundir_close(struct rundir *d);
/* Closes it, and takes it away: a new run that has not begun. */
void rundir_discard(struct rundir *d);

/* A whole file, atomically and durably. 0 or negative errno, logged. */
int rundir_put(struct rundir *d, const char *name, const void *octets,
	       size_t n);
/* At most `max` octets and a NUL behind them, which the caller frees. */
int rundir_get(const struct rundir *d, const char *name, size_t max,
	       char **octets, size_t *n);

/* Records in the order in which they were written, those of a trace together;
 * negative: ends it. wall_offset_ns: what makes wall clock of their times. */
struct rundir_sink {
	int (*take)(void *to, const struct record *r, u64 wall_offset_ns);
	void *to;
};

/* Reads the checkpoint into d->last, checks it (parts are as many as that,
 * each at most its limit), and all segments against it; cuts what is behind;
 * d->segments and d->sequence are set. 0 or negative errno, logged with file
 * and offset; nothing is changed if so. */
int rundir_recover(struct rundir *d, const u64 *limit, u32 parts,
		   const struct rundir_sink *sink);
/* Reads it all once more; nothing is cut. */
int rundir_read(struct rundir *d, const struct rundir_sink *sink);

/* What is wrong with these n octets as a checkpoint of that run, and where;
 * NULL: nothing. Any octets at all. */
const char *rundir_judge(const void *octets, size_t n, u64 run,
			 const u64 *limit, u32 parts, size_t *where);
int rundir_save(struct rundir *d, struct rundir_checkpoint *c);

void rundir_segment_name(char name[static RUNDIR_NAME], u32 number);

#endif
