/* SPDX-License-Identifier: BSD-2-Clause */
/* sack: what a segment of an open TCP session acknowledges. */
#include "probe/sack.h"

#include "probe/tcp.h"

enum {
	OPTION_SACKED = 5,
	OPTION_STAMPS = 8,
	STAMPS_SIZE = 10,
	SACKED_MAX = 1 << 30, /* no window is larger */
};

static u32 number(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static bool read_blocks(const u8 *p, u32 len, struct sack *s)
{
	if (len < 2 + 8 || (len - 2) % 8)
		return false;
	for (u32 at = 2; at < len && s->blocks < SACK_BLOCKS; at += 8) {
		u32 left = number(p + at), right = number(p + at + 4);

		if (right == left || right - left > SACKED_MAX)
			return false;
		s->left[s->blocks] = left;
		s->right[s->blocks++] = right;
	}
	return true;
}

static bool read_one(const u8 *p, u32 len, struct sack *s)
{
	if (p[0] == OPTION_SACKED)
		return read_blocks(p, len, s);
	if (p[0] != OPTION_STAMPS)
		return true;
	if (len != STAMPS_SIZE)
		return false;
	s->stamped = true;
	s->stamp = number(p + 2);
	return true;
}

void sack_read(const struct answer *a, struct sack *s)
{
	const struct wire_tcp *h = (const void *)(a->frame + a->reply.l4_off);
	u32 size = tcp_octets(a), header, left, len;
	const u8 *p;

	*s = (struct sack){ .next = a->reply.seq };
	header = size < sizeof(*h) ? 0 : (h->offset >> 4) * 4u;
	s->malformed = header < sizeof(*h) || header > size;
	if (s->malformed)
		return;
	s->octets = (u16)(size - header);
	s->next += s->octets + (h->flags & TCP_FIN ? 1 : 0) +
		   (h->flags & TCP_SYN ? 1 : 0);
	p = (const u8 *)(h + 1);
	left = header - (u32)sizeof(*h);
	while (!s->malformed &&
	       (len = tcp_option_size(p, left)) != TCP_OPTIONS_END) {
		s->malformed = !len || len == TCP_OPTIONS_CUT ||
			       (len > 1 && !read_one(p, len, s));
		p += len;
		left -= len;
	}
}

bool sack_covers(const struct sack *s, u32 seq)
{
	for (u32 i = 0; i < s->blocks; i++)
		if (seq - s->left[i] < s->right[i] - s->left[i])
			return true;
	return false;
}
