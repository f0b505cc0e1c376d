/* SPDX-License-Identifier: BSD-2-Clause */
/* inet: addresses and prefixes as text. Any thread. */
#ifndef WHITHER_INET_H
#define WHITHER_INET_H

#include "types.h"

enum { INET_TEXT = 64 };

/* An address block; IPv4 lengths count from the IPv4 address (0..32). */
struct prefix {
	struct addr addr; /* bits beyond len are zero */
	u8 len;
	u8 family; /* 4 or 6 */
};

/* "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" (IPv4). 0 or -EINVAL. */
int inet_parse(const char *text, struct addr *a);
/* "192.0.2.0/24"; an address alone is the block of one. Bits beyond the
 * length are cleared. 0 or -EINVAL. */
int inet_parse_prefix(const char *text, struct prefix *p);
/* Writes at most INET_TEXT octets; returns text. */
char *inet_format(const struct addr *a, char text[static INET_TEXT]);
bool inet_in_prefix(const struct addr *a, const struct prefix *p);

#endif
