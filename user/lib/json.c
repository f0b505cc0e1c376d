/* SPDX-License-Identifier: BSD-2-Clause */
/* json: a streaming writer that cannot emit a wrong comma (RFC 8259). */
#include "lib/json.h"

#include <assert.h>

#include "lib/ascii.h"

void json_init(struct json *j, FILE *to)
{
	j->to = to;
	j->filled = 0;
	j->len = 0;
	j->depth = 0;
}

void json_flush(struct json *j)
{
	fwrite_unlocked(j->text, 1, j->len, j->to);
	j->len = 0;
}

/* Where the next n octets go; n is far below JSON_BUFFER. */
static char *room(struct json *j, size_t n)
{
	if (j->len + n > JSON_BUFFER)
		json_flush(j);
	return j->text + j->len;
}

static void took(struct json *j, const char *end)
{
	j->len = (u32)(end - j->text);
}

static void put(struct json *j, const char *s, size_t n)
{
	while (n > JSON_BUFFER / 2) {
		put(j, s, JSON_BUFFER / 2);
		s += JSON_BUFFER / 2;
		n -= JSON_BUFFER / 2;
	}
	memcpy(room(j, n), s, n);
	j->len += (u32)n;
}

/* What stands before a value: the only place that knows commas. */
static void lead(struct json *j, const char *key)
{
	char *p;
	size_t n;

	if (!j->depth)
		return;
	if (j->filled >> j->depth & 1)
		*room(j, 1) = ',', j->len++;
	j->filled |= 1ULL << j->depth;
	if (!key)
		return;
	n = strlen(key);
	p = room(j, n + 3);
	*p++ = '"';
	memcpy(p, key, n);
	memcpy(p + n, "\":", 2);
	j->len += (u32)n + 3;
}

static void trail(struct json *j)
{
	if (j->depth)
		return;
	put(j, "\n", 1);
	json_flush(j);
}

static void nest(struct json *j, const char *key, const char *open, char close)
{
	lead(j, key);
	put(j, open, 1);
	assert(j->depth + 1 < JSON_DEPTH);
	j->close[++j->depth] = close;
	j->filled &= ~(1ULL << j->depth);
}

void json_object(struct json *j, const char *key)
{
	nest(j, key, "{", '}');
}

void json_array(struct json *j, const char *key)
{
	nest(j, key, "[", ']');
}

void json_end(struct json *j)
{
	assert(j->depth > 0);
	put(j, &j->close[j->depth--], 1);
	trail(j);
}

static void literal(struct json *j, const char *key, const char *s)
{
	lead(j, key);
	put(j, s, strlen(s));
	trail(j);
}

void json_bool(struct json *j, const char *key, bool v)
{
	literal(j, key, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	literal(j, key, "null");
}

void json_u64(struct json *j, const char *key, u64 v)
{
	bool quoted = v > 1ULL << 53;
	char *p;

	lead(j, key);
	p = room(j, ASCII_U64 + 2);
	if (quoted)
		*p++ = '"';
	p = ascii_u64(p, v);
	if (quoted)
		*p++ = '"';
	took(j, p);
	trail(j);
}

void json_s64(struct json *j, const char *key, s64 v)
{
	bool quoted = v < -(1LL << 53);
	char *p;

	if (v >= 0) {
		json_u64(j, key, (u64)v);
		return;
	}
	lead(j, key);
	p = room(j, ASCII_U64 + 3);
	if (quoted)
		*p++ = '"';
	*p++ = '-';
	p = ascii_u64(p, -(u64)v);
	if (quoted)
		*p++ = '"';
	took(j, p);
	trail(j);
}

void json_fixed(struct json *j, const char *key, u64 v, unsigned int digits)
{
	u64 unit = 1;
	char *p;

	for (unsigned int i = 0; i < digits; i++)
		unit *= 10;
	lead(j, key);
	p = room(j, 2 * ASCII_U64 + 1);
	p = ascii_u64(p, v / unit);
	*p++ = '.';
	took(j, ascii_digits(p, v % unit, digits));
	trail(j);
}

void json_addr(struct json *j, const char *key, const struct addr *a)
{
	char *p;

	lead(j, key);
	p = room(j, ASCII_ADDR + 2);
	*p++ = '"';
	p = ascii_addr(p, a);
	*p++ = '"';
	took(j, p);
	trail(j);
}

/* Octets of the well-formed UTF-8 sequence at s (RFC 3629 section 4), or 0. */
static unsigned int utf8_len(const u8 *s)
{
	unsigned int n = s[0] < 0x80   ? 1
			 : s[0] < 0xe0 ? 2
			 : s[0] < 0xf0 ? 3
				       : 4;
	u8 least = 0x80, most = 0xbf;

	if (n == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] == 0xe0)
		least = 0xa0; /* not the shortest form */
	else if (s[0] == 0xed)
		most = 0x9f; /* surrogates */
	else if (s[0] == 0xf0)
		least = 0x90;
	else if (s[0] == 0xf4)
		most = 0x8f; /* beyond U+10FFFF */
	if (s[1] < least || s[1] > most)
		return 0;
	for (unsigned int i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void escape(struct json *j, u8 c)
{
	char text[8];

	if (c == '"' || c == '\\') {
		text[0] = '\\';
		text[1] = (char)c;
		put(j, text, 2);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	put(j, text, 6);
}

void json_string(struct json *j, const char *key, const char *s)
{
	unsigned int n;

	lead(j, key);
	put(j, "\"", 1);
	for (; *s; s += n ? n : 1) {
		n = utf8_len((const u8 *)s);
		if (!n)
			put(j, "\xef\xbf\xbd", 3);
		else if ((u8)*s < 0x20 || *s == '"' || *s == '\\' || *s == 0x7f)
			escape(j, (u8)*s);
		else
			put(j, s, n);
	}
	put(j, "\"", 1);
	trail(j);
}
