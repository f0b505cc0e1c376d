/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment: records as octets that can be trusted, or are seen not to be.
 *
 *   frame   | length : 4 | type : 1 | 0 : 3 | sequence : 8 |
 *           | payload : length | CRC32C of all before : 4 |
 *
 * A segment is a sequence of frames, BEGIN and nothing but ALONE and TRACE
 * after it, each numbered one higher than the last, across segments. Integers
 * are in the order of octets of the host that wrote them; another host finds
 * no magic number. A frame counts as a whole or not at all.
 *
 * A record stands as what differs from the one before it in its frame: a mask
 * of 40 bits, and the words of four octets that it names, combined by
 * exclusive or. Nothing here reads a file; any octets at all may be read.
 */
#ifndef WHITHER_SEGMENT_H
#define WHITHER_SEGMENT_H

#include <sys/types.h>

#include "trace/record.h"

enum {
	SEGMENT_FORMAT = 2,
	SEGMENT_HEAD = 16,  /* octets before the payload */
	SEGMENT_TAIL = 4,   /* and after it */
	SEGMENT_WORDS = 34, /* of a record */
	SEGMENT_RECORD_MAX = 5 + 4 * SEGMENT_WORDS,
	SEGMENT_PAYLOAD_MAX = 1 << 19, /* any trace */
};

enum segment_type {
	SEGMENT_BEGIN = 1, /* payload: struct segment_begin */
	SEGMENT_ALONE,	   /* records that stand alone */
	SEGMENT_TRACE,	   /* one whole trace */
};

#define SEGMENT_MAGIC 0x31676573746c6877ULL /* "whltseg1" */

struct segment_begin {
	u64 magic;
	u64 run;	    /* drawn at random for each run */
	u64 wall_offset_ns; /* wall clock minus the records' clock */
	u32 format;
	u32 number; /* of the segment, as in its name */
};

struct segment_frame {
	enum segment_type type;
	u64 sequence;
	const u8 *payload;
	u32 length;
};

/* Would this record be read back? One that would not must not be written. */
bool segment_can(const struct record *r);
/* Finishes the frame whose payload begins SEGMENT_HEAD octets behind `at`.
 * Octets in all. */
size_t segment_seal(u8 *at, enum segment_type type, u64 sequence,
		    size_t length);
/* Writes at most SEGMENT_RECORD_MAX octets and returns how many; *before is
 * the record before, zeroed at the first, and becomes this one. */
size_t segment_put(u8 *at, struct record *before, const struct record *r);

/* The frame at `at`: its octets; 0: left is 0; -EBADMSG: cut short, or not
 * what was written. */
ssize_t segment_check(const u8 *at, size_t left, struct segment_frame *f);
/* The next record of a payload: its octets, or -EBADMSG if there is none that
 * makes sense. *r is the record before, zeroed at the first. */
ssize_t segment_get(const u8 *at, size_t left, struct record *r);

/* Reading a segment from its beginning. */
struct segment_scan {
	/* As it must be. */
	u64 run;
	u32 number;
	u64 sequence; /* of the next frame; becomes that of the one behind */
	/* Each record; negative: ends it. */
	int (*take)(void *to, const struct record *r, u64 wall_offset_ns);
	void *to;
	/* What was found. */
	size_t good;	 /* octets that are whole frames, as they must be */
	const char *why; /* of what comes then; NULL: nothing does */
	bool foreign;	 /* it is a whole frame: nobody was cut off there */
};

/*
 * Up to the first octets that are no frame of this segment. Of a frame, all
 * records are taken or none. 0, or what take() returned. A segment of another
 * run is never good for anything.
 */
int segment_scan(struct segment_scan *s, const u8 *octets, size_t n);

#endif
