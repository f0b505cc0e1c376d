/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json: a streaming writer that cannot emit a wrong comma (RFC 8259).
 *
 * Every value is put together with its key, so that what separates it from
 * the one before follows from the nesting alone. In an array, and at the top,
 * the key is NULL. After each value at the top comes a newline (JSON lines).
 * Errors are the stream's.
 */
#ifndef WHITHER_JSON_H
#define WHITHER_JSON_H

#include <stdio.h>

#include "types.h"

enum {
	JSON_DEPTH = 60,
	JSON_BUFFER = 4096,
};

struct json {
	FILE *to;
	u64 filled; /* bit n: something stands at depth n already */
	u32 len;
	u8 depth;
	char close[JSON_DEPTH]; /* '}' or ']' */
	char text[JSON_BUFFER];
};

void json_init(struct json *j, FILE *to);
/* A key is a literal: it is not escaped. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j); /* of the innermost object or array */

/* Beyond 2^53 (RFC 8259 section 6) the number is put as a string. */
void json_u64(struct json *j, const char *key, u64 v);
void json_s64(struct json *j, const char *key, s64 v);
/* v / 10^digits with all its digits; digits 1..9. */
void json_fixed(struct json *j, const char *key, u64 v, unsigned int digits);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);
/* Octets that are not UTF-8 become U+FFFD. */
void json_string(struct json *j, const char *key, const char *s);
void json_addr(struct json *j, const char *key, const struct addr *a);

/* Hands to the stream what is still held; each newline at the top does. */
void json_flush(struct json *j);

#endif
