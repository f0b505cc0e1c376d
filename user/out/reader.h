/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader: results in, as records: caracal's CSV, and the JSON lines that
 * jsonl writes (scamper's own, too, as far as they say the same).
 *
 * Records are as they were written, as far as the format tells: times are
 * Unix time (CLOCK_REALTIME), not CLOCK_MONOTONIC; of a CSV row they are whole
 * seconds of the arrival. One thread.
 */
#ifndef WHITHER_READER_H
#define WHITHER_READER_H

#include "out/input.h"
#include "out/out.h"

enum { READER_RECORDS = 1 << 13 }; /* of one trace, at most */

#define READER_SECONDS_MAX 10000000000ULL /* Unix, in the year 2286 */

struct json_tokener;

/* Zeroed: closed. */
struct reader {
	struct input in;
	struct json_tokener *tokener;
	bool csv, begun;
	char *line; /* under way */
	size_t len;

	/* A whole trace, or a reply that stands alone (trace is false). */
	struct record *record;
	unsigned int n, room;
	bool trace;
	/* ... and what was said of it: the method, TTLs, attempts, wait */
	struct out_run run;
};

/* `partial`: an input that ends early is taken as far as it goes. */
int reader_open(struct reader *r, const char *path, bool partial);
/* 1: the next. 0: end. Negative errno: the file, line, column and what is
 * wrong are logged. */
int reader_next(struct reader *r);
void reader_close(struct reader *r);

/* For the formats: */

/* Logs what is wrong where the line has `at`; -EBADMSG. */
__attribute__((format(printf, 3, 4))) int
reader_fail(const struct reader *r, const char *at, const char *format, ...);
/* The next record, all zero but for an unknown round trip; NULL: too many. */
struct record *reader_add(struct reader *r);
/* Fills kind and flags in from what came; type < 0: no ICMP. False: no
 * answer to a probe is like that. */
bool reader_judge(struct record *r, int icmp_type);

/* From the line: 0 (r->n may be 0: nothing to tell) or negative errno. */
int reader_csv(struct reader *r);
int reader_jsonl(struct reader *r);

#endif
