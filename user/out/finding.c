/* SPDX-License-Identifier: BSD-2-Clause */
/* finding: what the records of one trace say together. */
#include "out/finding.h"

#include "wire.h"

void findings_clear(struct findings *f)
{
	f->n = 0;
}

void findings_note(struct findings *f, const struct record *r)
{
	u16 port = r->proto == PROTO_UDP ? r->seen_sport : 0;
	struct finding *x;

	if (r->hop.state != HOP_ANSWERED || !(r->hop.flags & HOP_REWRITTEN))
		return;
	for (unsigned int i = 0; i < f->n; i++) {
		x = &f->f[i];
		if (x->port != port || !addr_equal(&x->seen, &r->seen))
			continue;
		if (r->hop.ttl < x->first_ttl)
			x->first_ttl = r->hop.ttl;
		return;
	}
	if (f->n == FINDINGS)
		return;
	f->f[f->n++] = (struct finding){
		.seen = r->seen,
		.port = port,
		.first_ttl = r->hop.ttl,
	};
}
