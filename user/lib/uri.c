/* SPDX-License-Identifier: BSD-2-Clause */
/* uri: is it one? By RFC 3986's characters. */
#include "lib/uri.h"

#include <ctype.h>
#include <strings.h>

/* RFC 3986 section 2: unreserved and reserved. */
static bool is_plain(char c)
{
	return c && (isalnum((unsigned char)c) ||
		     strchr("-._~:/?#[]@!$&'()*+,;=", c));
}

bool uri_valid(const char *text)
{
	const char *p = text;

	if ((unsigned char)*p >= 0x80 || !isalpha((unsigned char)*p))
		return false;
	while (is_plain(*p) &&
	       (isalnum((unsigned char)*p) || strchr("+-.", *p)))
		p++;
	if (*p != ':' || !p[1])
		return false;
	for (p++; *p; p++) {
		if (*p == '%' && isxdigit((unsigned char)p[1]) &&
		    isxdigit((unsigned char)p[2]))
			p += 2;
		else if (!is_plain(*p))
			return false;
	}
	return true;
}

bool uri_has_scheme(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);

	return !strncasecmp(text, scheme, n) && text[n] == ':';
}

bool uri_describes(const char *text)
{
	if (!uri_valid(text))
		return false;
	if (uri_has_scheme(text, "https"))
		return !strncmp(text + 6, "//", 2) && text[8];
	return uri_has_scheme(text, "mailto") || uri_has_scheme(text, "tel");
}
