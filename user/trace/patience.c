/* SPDX-License-Identifier: BSD-2-Clause */
/* patience: how long to wait for an answer, by how long the others took. */
#include "trace/patience.h"

#include "lib/clock.h"

/* RFC 6298 section 2: while nothing is known. */
#define WARM_UP NS_PER_S

enum { SLOW = 64 };

void patience_init(struct patience *p, u64 least_ns, u64 most_ns, u64 now)
{
	*p = (struct patience){
		.least_ns = least_ns,
		.most_ns = most_ns,
		.warm_ns = now + WARM_UP,
	};
}

void patience_learn(struct patience *p, u64 rtt)
{
	u64 off = rtt > p->rtt_ns ? rtt - p->rtt_ns : p->rtt_ns - rtt;

	if (!p->rtt_ns) {
		p->rtt_ns = rtt | 1;
		p->off_ns = rtt / 2;
		return;
	}
	p->off_ns = p->off_ns - p->off_ns / SLOW + off / SLOW;
	p->rtt_ns = p->rtt_ns - p->rtt_ns / SLOW + (rtt | SLOW) / SLOW;
}

u64 patience_ns(const struct patience *p, u64 now)
{
	u64 ns = p->rtt_ns + 4 * p->off_ns;

	if (!p->rtt_ns || now < p->warm_ns)
		ns = WARM_UP;
	if (ns > p->most_ns)
		ns = p->most_ns;
	return ns > p->least_ns ? ns : p->least_ns;
}
