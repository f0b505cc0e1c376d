/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort: records by flow, TTL and attempt, more of them than memory holds.
 *
 * What fills the memory is sorted and laid down as a run in a temporary file
 * that has no name; at the end the runs are merged, in several passes if
 * there are very many. Of equal records the first added comes first. One
 * thread.
 */
#ifndef WHITHER_SORT_H
#define WHITHER_SORT_H

#include "trace/record.h"

enum { SORT_MEMORY_MIN = 1 << 16 }; /* octets */

struct sort_item;
struct sort_key;
struct sort_run;

/* Zeroed: closed. */
struct sort {
	struct sort_item *item; /* not yet laid down */
	struct sort_key *key;
	size_t n, room, most;
	size_t memory;
	u64 added, taken;
	const char *dir;      /* of temporary files */
	int fd, spare;	      /* of this pass and the next; -1: none */
	struct sort_run *run; /* laid down */
	size_t n_runs, run_room;
	struct sort_run **heap; /* the merge: the least first */
	size_t heaped;
};

/* `memory` is about what it takes, SORT_MEMORY_MIN at least; `dir` outlives
 * it. */
void sort_open(struct sort *s, size_t memory, const char *dir);
/* 0 or negative errno, logged. */
int sort_add(struct sort *s, const struct record *r);
/* No more is added. 0 or negative errno, logged. */
int sort_end(struct sort *s);
/* 1: the next in order. 0: there is none. Negative errno, logged. */
int sort_next(struct sort *s, struct record *r);
void sort_close(struct sort *s);

/* Do they belong together: same source, destination, protocol and source
 * port? */
bool sort_same_flow(const struct record *a, const struct record *b);

#endif
