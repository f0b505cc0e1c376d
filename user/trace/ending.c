/* SPDX-License-Identifier: BSD-2-Clause */
/* ending: how far away who ended a way is. */
#include "trace/ending.h"

#include "reply.h"

/* Of the TTL sent, how much was left? Of the probe's, the quote tells it; of
 * the answer's own, senders begin with one of three. */
void ending_read(const struct record *r, struct path_end *end)
{
	const struct hop *h = &r->hop;
	u8 sent = h->reply_ttl <= 64 ? 64 : h->reply_ttl <= 128 ? 128 : 255;

	end->destination =
		h->flags & HOP_REACHED || addr_equal(&h->from, &r->dst);
	end->estimate = (u8)(sent - h->reply_ttl + 1);
	end->distance = 0;
	if (!h->reply_ttl)
		end->estimate = 1;
	if (h->kind != REPLY_ECHO && h->quoted_ttl && h->quoted_ttl <= h->ttl)
		end->distance = (u8)(h->ttl - h->quoted_ttl + 1);
}
