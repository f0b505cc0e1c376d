/* SPDX-License-Identifier: BSD-2-Clause */
/* uri: is it one? By RFC 3986's characters. Any thread. */
#ifndef WHITHER_URI_H
#define WHITHER_URI_H

#include "types.h"

/* A scheme, a colon and something after it, of the characters that a URI is
 * made of, `%` only before two hexadecimal digits. */
bool uri_valid(const char *text);
/* "https": in any case of letters. */
bool uri_has_scheme(const char *text, const char *scheme);
/* What says who probes (RFC 9511 section 2.1): https, mailto or tel. */
bool uri_describes(const char *text);

#endif
