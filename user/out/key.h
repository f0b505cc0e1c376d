/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key: the values of a JSON object by their keys, each checked. What is not
 * right is logged where the line has it, and -EBADMSG; a key that is not there
 * leaves the value as it is, unless its type says otherwise.
 */
#ifndef WHITHER_KEY_H
#define WHITHER_KEY_H

#include "out/reader.h"

struct json_object;

/* In the line: json-c does not tell where a value stood. */
const char *key_where(const struct reader *r, const char *key);

/* A whole number up to `most`. */
int key_u64(const struct reader *r, struct json_object *o, const char *key,
	    u64 most, u64 *v);
int key_u8(const struct reader *r, struct json_object *o, const char *key,
	   u8 *to);
int key_u16(const struct reader *r, struct json_object *o, const char *key,
	    u16 *to);
/* NULL: there is no such text. */
const char *key_text(struct json_object *o, const char *key);
/* It must be there. */
int key_addr(const struct reader *r, struct json_object *o, const char *key,
	     struct addr *a);
bool key_true(struct json_object *o, const char *key);
/* {"sec":,"usec":}; null, or nothing at all: not known */
int key_time(const struct reader *r, struct json_object *o, const char *key,
	     u64 *ns);
/* Milliseconds with a fraction, as thousandths. */
int key_thousandths(const struct reader *r, struct json_object *o,
		    const char *key, u32 *to);
/* An array of objects; n is 0 if there is none. */
int key_array(const struct reader *r, struct json_object *o, const char *key,
	      struct json_object **array, size_t *n);

#endif
