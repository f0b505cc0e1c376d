/* SPDX-License-Identifier: BSD-2-Clause */
/* inet: addresses and prefixes as text. */
#include "lib/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

int inet_parse(const char *text, struct addr *a)
{
	be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*a = addr_from_v4(v4);
		return 0;
	}
	return inet_pton(AF_INET6, text, a->b) == 1 ? 0 : -EINVAL;
}

static void clear_beyond(struct addr *a, unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int first = i * 8;

		if (first >= bits)
			a->b[i] = 0;
		else if (first + 8 > bits)
			a->b[i] &= (u8)(0xff << (first + 8 - bits));
	}
}

int inet_parse_prefix(const char *text, struct prefix *p)
{
	char host[INET_TEXT], *slash, *end;
	unsigned long len;
	size_t n = strlen(text);

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n + 1);
	slash = strchr(host, '/');
	if (slash)
		*slash++ = '\0';
	if (inet_parse(host, &p->addr))
		return -EINVAL;
	p->family = addr_is_v4(&p->addr) ? 4 : 6;
	len = p->family == 4 ? 32 : 128;
	if (slash) {
		unsigned long most = len;

		len = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || len > most)
			return -EINVAL;
	}
	p->len = (u8)len;
	clear_beyond(&p->addr, p->family == 4 ? 96u + p->len : p->len);
	return 0;
}

char *inet_format(const struct addr *a, char text[static INET_TEXT])
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, &a->w[3], text, INET_TEXT);
	else
		inet_ntop(AF_INET6, a->b, text, INET_TEXT);
	return text;
}

bool inet_in_prefix(const struct addr *a, const struct prefix *p)
{
	struct addr masked = *a;

	if (addr_is_v4(a) != (p->family == 4))
		return false;
	clear_beyond(&masked, p->family == 4 ? 96u + p->len : p->len);
	return addr_equal(&masked, &p->addr);
}
