/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mpls: the label stack that a router appended to its ICMP error (RFC 4884,
 * RFC 4950).
 */
#ifndef WHITHER_MPLS_H
#define WHITHER_MPLS_H

#include "probe/probe.h"

/*
 * Writes the first `max` label stack entries, outermost first, and returns
 * how many there are (0..255). 0 if there are no extensions or they are not
 * sound: version 2, a true checksum, every object within bounds. Where the
 * error had no length field, so that the place of the extensions is only
 * assumed (RFC 4884 section 5.5), the checksum may not be left out.
 */
unsigned int mpls_labels(const struct answer *a, be32 *label, unsigned int max);

/* Fields of an entry (RFC 3032 section 2.1). */
static inline u32 mpls_label(be32 entry)
{
	return be32_get(entry) >> 12;
}

static inline u32 mpls_class(be32 entry)
{
	return be32_get(entry) >> 9 & 7;
}

static inline u32 mpls_bottom(be32 entry)
{
	return be32_get(entry) >> 8 & 1;
}

static inline u32 mpls_ttl(be32 entry)
{
	return be32_get(entry) & 255;
}

#endif
