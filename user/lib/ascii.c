/* SPDX-License-Identifier: BSD-2-Clause */
/* ascii: integers and addresses as text, for where printf is too slow. */
#include "lib/ascii.h"

char *ascii_digits(char *p, u64 v, unsigned int n)
{
	for (unsigned int i = n; i > 0; i--) {
		p[i - 1] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + n;
}

static unsigned int count_digits(u64 v)
{
	unsigned int n = 1;

	for (; v >= 10; v /= 10)
		n++;
	return n;
}

/* Most numbers are octets, ports and sizes: 32-bit divisions are cheap. */
static char *put_u32(char *p, u32 v)
{
	char text[10];
	unsigned int n = sizeof(text);

	do {
		text[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	memcpy(p, text + n, sizeof(text) - n);
	return p + (sizeof(text) - n);
}

char *ascii_u64(char *p, u64 v)
{
	if (v <= UINT32_MAX)
		return put_u32(p, (u32)v);
	return ascii_digits(p, v, count_digits(v));
}

static char *put_octet(char *p, u32 v)
{
	if (v >= 100) {
		*p++ = (char)('0' + v / 100);
		v %= 100;
		*p++ = (char)('0' + v / 10);
	} else if (v >= 10) {
		*p++ = (char)('0' + v / 10);
	}
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *put_v4(char *p, const u8 octet[4])
{
	p = put_octet(p, octet[0]);
	for (int i = 1; i < 4; i++) {
		*p++ = '.';
		p = put_octet(p, octet[i]);
	}
	return p;
}

static char *put_group(char *p, u32 v)
{
	static const char hex[] = "0123456789abcdef";

	if (v >= 0x1000)
		*p++ = hex[v >> 12];
	if (v >= 0x100)
		*p++ = hex[v >> 8 & 15];
	if (v >= 0x10)
		*p++ = hex[v >> 4 & 15];
	*p++ = hex[v & 15];
	return p;
}

/* The groups that "::" stands for: the first of the longest runs of zeroes,
 * if it is longer than one. Returns its length. */
static int zero_run(const u32 group[8], int *first)
{
	int best = 1, run = 0;

	for (int i = 0; i < 8; i++) {
		run = group[i] ? 0 : run + 1;
		if (run > best) {
			best = run;
			*first = i - run + 1;
		}
	}
	return best > 1 ? best : 0;
}

static char *put_v6(char *p, const struct addr *a)
{
	int first = 8, run;
	u32 group[8];

	for (int i = 0; i < 8; i++)
		group[i] = (u32)a->b[2 * i] << 8 | a->b[2 * i + 1];
	run = zero_run(group, &first);
	for (int i = 0; i < 8;) {
		if (i == first) {
			*p++ = ':';
			i += run;
			if (i == 8)
				*p++ = ':';
			continue;
		}
		if (i)
			*p++ = ':';
		p = put_group(p, group[i++]);
	}
	return p;
}

char *ascii_addr(char *p, const struct addr *a)
{
	return addr_is_v4(a) ? put_v4(p, a->b + 12) : put_v6(p, a);
}

char *ascii_addr_mapped(char *p, const struct addr *a)
{
	if (!addr_is_v4(a))
		return put_v6(p, a);
	memcpy(p, "::ffff:", 7);
	return put_v4(p + 7, a->b + 12);
}
