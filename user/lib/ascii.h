/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ascii: integers and addresses as text, for where printf is too slow. Each
 * writes at p without a closing zero, and returns the end of what it wrote.
 */
#ifndef WHITHER_ASCII_H
#define WHITHER_ASCII_H

#include "types.h"

enum {
	ASCII_U64 = 20,	   /* octets at most */
	ASCII_ADDR = 39,   /* IPv6 */
	ASCII_MAPPED = 39, /* IPv4 takes 22 */
};

char *ascii_u64(char *p, u64 v);
/* The last n digits of v, with leading zeros. */
char *ascii_digits(char *p, u64 v, unsigned int n);
/* IPv4 dotted, IPv6 after RFC 5952 section 4. */
char *ascii_addr(char *p, const struct addr *a);
/* The same, but IPv4 as ::ffff:a.b.c.d. */
char *ascii_addr_mapped(char *p, const struct addr *a);

#endif
