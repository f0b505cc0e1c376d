/* SPDX-License-Identifier: BSD-2-Clause */
/* single: the record of a reply that stands alone, as strategies write it that
 * keep no traces. Pure. */
#ifndef WHITHER_SINGLE_H
#define WHITHER_SINGLE_H

#include "probe/probe.h"
#include "trace/record.h"

/* What all probes of a run carry. */
struct single_rules {
	const struct cookie_key *key;
	enum probe_method method;
	u16 dport;
	u16 size4, size6; /* IP datagram */
	u8 tos;
};

/* sent_ns: of the probe; 0: not known. */
void single_record(const struct single_rules *rules, const struct answer *a,
		   u64 sent_ns, struct record *r);

#endif
