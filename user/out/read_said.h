/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read_said: what destinations said of TCP and QUIC, in the lines that jsonl
 * writes. 0, or -EBADMSG, logged.
 */
#ifndef WHITHER_READ_SAID_H
#define WHITHER_READ_SAID_H

#include "out/reader.h"

struct json_object;

/* From a hop. */
int said_tcp(const struct reader *r, struct json_object *o, struct hop *h);
int said_quic(const struct reader *r, struct json_object *o, struct hop *h);
/* What a quote shows of our own segment. */
int said_of_segment(const struct reader *r, struct json_object *o,
		    struct record *x);

/* From a trace: adds a record for each of its sessions, or for its connection.
 * `common` has what all records share. */
int said_of_sessions(struct reader *r, struct json_object *o,
		     const struct record *common);
int said_of_connection(struct reader *r, struct json_object *o,
		       const struct record *common);

#endif
