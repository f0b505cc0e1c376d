/* SPDX-License-Identifier: BSD-2-Clause */
/* quotes: what routers quote of the segments of one trace. */
#include "trace/quotes.h"

u8 quotes_note(struct quote *quote, unsigned int n, unsigned int max,
	       const struct hop *h, u16 dport)
{
	const struct quote q = { h->tcp_mss, dport, h->tcp_said, h->tcp_scale };
	unsigned int i = 0;

	while (i < n && memcmp(&quote[i], &q, sizeof(q)) != 0)
		i++;
	if (i == max)
		return 0;
	quote[i] = q;
	return (u8)(i + 1);
}

void quotes_tell(const struct quote *quote, struct record *r)
{
	r->hop.tcp_mss = quote->mss;
	r->hop.tcp_said = quote->said;
	r->hop.tcp_scale = quote->scale;
	r->seen_dport = quote->dport;
}
