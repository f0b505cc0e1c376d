/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp: the header of a TCP probe, and what a SYN/ACK says in its own. */
#include "probe/tcp.h"

/* RFC 9293 section 3.2, RFC 7323, RFC 2018 */
enum option {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	OPTION_SACK = 4,
	OPTION_TIMESTAMPS = 8,
};

/* That each has in all, the kind and the length included. */
enum {
	SIZE_MSS = 4,
	SIZE_SCALE = 3,
	SIZE_SACK = 2,
	SIZE_TIMESTAMPS = 10,
	WINDOW = 64240,
};

u32 tcp_header_size(const struct tcp_shape *s)
{
	u32 size = (u32)sizeof(struct wire_tcp);

	size += s->mss ? SIZE_MSS : 0;
	/* timestamps and the permission of SACK share three words */
	size += s->timestamps ? SIZE_TIMESTAMPS + 2 : s->sack ? 4 : 0;
	return size + (s->window_scaling ? SIZE_SCALE + 1 : 0);
}

static u8 *write_timestamps(u8 *p, u32 echo)
{
	const be32 theirs = be32_put(echo);

	*p++ = OPTION_TIMESTAMPS;
	*p++ = SIZE_TIMESTAMPS;
	/* one value for all: who compares probes sees no clock, and none is
	 * older than another (RFC 7323 section 5) */
	memcpy(p, "\0\0\0\1", 4);
	memcpy(p + 4, &theirs, 4);
	return p + 8;
}

u16 tcp_shape_mss(const struct tcp_shape *s, bool v4)
{
	if (s->mss != TCP_MSS_DEFAULT)
		return s->mss;
	return v4 ? TCP_MSS_V4 : TCP_MSS_V6;
}

u8 tcp_shape_said(const struct tcp_shape *s)
{
	return (u8)((s->mss ? TCP_SAID_MSS : 0) |
		    (s->sack ? TCP_SAID_SACK : 0) |
		    (s->timestamps ? TCP_SAID_TIMESTAMPS : 0) |
		    (s->window_scaling ? TCP_SAID_SCALE : 0));
}

/* In the order of Linux, padded in front as there. */
static u8 *write_options(const struct tcp_shape *s, bool v4, u8 *p)
{
	u16 mss = tcp_shape_mss(s, v4);

	if (mss) {
		*p++ = OPTION_MSS;
		*p++ = SIZE_MSS;
		*p++ = (u8)(mss >> 8);
		*p++ = (u8)mss;
	}
	if (s->sack || s->timestamps) {
		*p++ = s->sack && s->timestamps ? OPTION_SACK : OPTION_NOP;
		*p++ = s->sack && s->timestamps ? SIZE_SACK : OPTION_NOP;
	}
	if (s->timestamps) {
		p = write_timestamps(p, 0);
	} else if (s->sack) {
		*p++ = OPTION_SACK;
		*p++ = SIZE_SACK;
	}
	if (s->window_scaling) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_SCALE;
		*p++ = SIZE_SCALE;
		*p++ = TCP_SHIFT;
	}
	return p;
}

u32 tcp_write_header(const struct tcp_shape *s, bool v4, u8 *at)
{
	struct wire_tcp *h = (void *)at;
	u32 size = (u32)(write_options(s, v4, at + sizeof(*h)) - at);

	*h = (struct wire_tcp){
		.offset = (u8)(size / 4 << 4) |
			  (s->accurate_ecn ? TCP_OFFSET_AE : 0),
		.flags = s->flags,
		.window = be16_put(WINDOW),
	};
	return size;
}

u32 tcp_write_within(u8 flags, bool stamped, u32 echo, u8 *at)
{
	struct wire_tcp *h = (void *)at;
	u8 *p = at + sizeof(*h);

	if (stamped) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_NOP;
		p = write_timestamps(p, echo);
	}
	*h = (struct wire_tcp){
		.offset = (u8)((p - at) / 4 << 4),
		.flags = flags,
		.window = be16_put(WINDOW >> TCP_SHIFT),
	};
	return (u32)(p - at);
}

/* One option of `len` octets. False: it is not as it should be. */
static bool read_option(const u8 *p, u32 len, struct tcp_said *said)
{
	switch (p[0]) {
	case OPTION_MSS:
		if (len != SIZE_MSS)
			return false;
		said->what |= TCP_SAID_MSS;
		said->mss = (u16)(p[2] << 8 | p[3]);
		return true;
	case OPTION_SCALE:
		if (len != SIZE_SCALE)
			return false;
		said->what |= TCP_SAID_SCALE;
		said->scale = p[2];
		return true;
	case OPTION_SACK:
		said->what |= TCP_SAID_SACK;
		return len == SIZE_SACK;
	case OPTION_TIMESTAMPS:
		said->what |= TCP_SAID_TIMESTAMPS;
		return len == SIZE_TIMESTAMPS;
	}
	return true; /* unknown, and long enough to be stepped over */
}

u32 tcp_option_size(const u8 *p, u32 left)
{
	if (!left || p[0] == OPTION_END)
		return TCP_OPTIONS_END;
	if (p[0] == OPTION_NOP)
		return 1;
	if (left < 2 || (p[1] >= 2 && p[1] > left))
		return TCP_OPTIONS_CUT;
	return p[1] < 2 ? 0 : p[1];
}

enum list {
	LIST_WHOLE, /* to its last octet */
	LIST_ENDED, /* by an option that says so */
	LIST_CUT,   /* within an option */
	LIST_BAD,
};

static enum list read_options(const u8 *p, u32 left, struct tcp_said *said)
{
	u32 len;

	while ((len = tcp_option_size(p, left)) != TCP_OPTIONS_END) {
		if (len == TCP_OPTIONS_CUT)
			return LIST_CUT;
		if (!len || (len > 1 && !read_option(p, len, said)))
			return LIST_BAD;
		p += len;
		left -= len;
	}
	return left ? LIST_ENDED : LIST_WHOLE;
}

u32 tcp_octets(const struct answer *a)
{
	const struct reply *r = &a->reply;
	u32 ip = (u32)sizeof(struct wire_eth), end;
	u16 type = (u16)(a->frame[12] << 8 | a->frame[13]);

	for (int tags = 0;
	     tags < 2 && (type == ETHERTYPE_CTAG || type == ETHERTYPE_STAG);
	     tags++) {
		ip += (u32)sizeof(struct wire_vlan);
		type = (u16)(a->frame[ip - 2] << 8 | a->frame[ip - 1]);
	}
	end = ip + r->size;
	if (end > a->frame_len)
		end = a->frame_len;
	return end > r->l4_off ? end - r->l4_off : 0;
}

void tcp_read(const struct answer *a, struct tcp_said *said)
{
	const struct wire_tcp *h = (const void *)(a->frame + a->reply.l4_off);
	u32 size = tcp_octets(a), header;

	*said = (struct tcp_said){};
	if (size < sizeof(*h)) {
		said->what = TCP_SAID_MALFORMED;
		return;
	}
	if (h->offset & TCP_OFFSET_AE)
		said->what |= TCP_SAID_AE;
	header = (h->offset >> 4) * 4u;
	if (header < sizeof(*h) || header > size) {
		said->what |= TCP_SAID_MALFORMED;
		return;
	}
	if (h->flags & TCP_SYN &&
	    read_options((const u8 *)(h + 1), header - (u32)sizeof(*h), said) >=
		    LIST_CUT)
		said->what |= TCP_SAID_MALFORMED;
}

/* The quoted TCP header and how much of it is here; NULL: not all that stands
 * before its options. Behind extension headers, which none of our probes has,
 * it is not looked for. */
static const struct wire_tcp *find_quoted(const struct answer *a, u32 *size)
{
	const struct reply *r = &a->reply;
	u32 header = sizeof(struct wire_v6);
	const u8 *ip;

	if (r->qproto != PROTO_TCP ||
	    r->quote_off + r->quote_len > a->frame_len ||
	    r->quote_len < (r->family == 4 ? 20 : 40))
		return NULL;
	ip = a->frame + r->quote_off;
	if (r->family == 4)
		header = (ip[0] & 15) * 4u;
	else if (ip[offsetof(struct wire_v6, next)] != PROTO_TCP)
		return NULL;
	if (header + sizeof(struct wire_tcp) > r->quote_len)
		return NULL;
	*size = r->quote_len - header;
	return (const void *)(ip + header);
}

/*
 * The length of the quoted datagram is no bound: some routers quote it changed,
 * and the TCP header itself says where it ends. Routers that pad a short quote
 * with zeroes (RFC 4884) make it look like a list that ends early, so such a
 * one is not whole. A SYN of ours never ends so, and those who remove options
 * put NOPs in their place.
 */
void tcp_read_quote(const struct answer *a, struct tcp_said *said)
{
	const struct wire_tcp *h;
	enum list list;
	u32 size, header;

	*said = (struct tcp_said){};
	h = find_quoted(a, &size);
	header = h ? (h->offset >> 4) * 4u : 0;
	if (header < sizeof(*h) || !(h->flags & TCP_SYN))
		return;
	list = read_options((const u8 *)(h + 1),
			    (header < size ? header : size) - (u32)sizeof(*h),
			    said);
	if (list == LIST_BAD || (list == LIST_CUT && header <= size))
		said->what |= TCP_SAID_MALFORMED;
	else if (list == LIST_WHOLE && header <= size)
		said->what |= TCP_SAID_WHOLE;
}
