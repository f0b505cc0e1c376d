/* SPDX-License-Identifier: BSD-2-Clause */
/* host: the far end of a TCP connection. */
#include "host.h"

#include "lib/clock.h"
#include "netframe.h"

enum {
	WINDOW = 64240,
	BANNER = 200,
	TRIES = 30,
	HELD = 3, /* blocks that fit beside a timestamp */
};

static void fault(struct host_conn *c, const char *what)
{
	if (!c->faults++)
		c->fault = what;
}

static u8 *put_stamp(u8 *p, u64 now)
{
	const be32 clock = be32_put((u32)(now / NS_PER_MS));
	const be32 echo = be32_put(1); /* all that we ever say */

	memcpy(p, "\1\1\10\12", 4);
	memcpy(p + 4, &clock, 4);
	memcpy(p + 8, &echo, 4);
	return p + 12;
}

static u8 *put_options(const struct host_conn *c, u8 flags, u64 now, u8 *p)
{
	if (flags & TCP_RST)
		return p;
	if (flags & TCP_SYN) {
		memcpy(p, "\2\4\5\264", 4);
		p += 4;
	}
	if (c->stamps)
		p = put_stamp(p, now);
	if (flags & TCP_SYN && c->sack) {
		memcpy(p, "\1\1\4\2", 4);
		p += 4;
	}
	if (flags & TCP_SYN || !c->sack || !c->blocks)
		return p;
	memcpy(p, "\1\1\5", 3);
	p[3] = 2;
	for (u32 i = 0; i < c->blocks && i < HELD; i++) {
		const be32 left = be32_put(c->left[i]);
		const be32 right = be32_put(c->right[i]);

		memcpy(p + 4 + 8 * i, &left, 4);
		memcpy(p + 8 + 8 * i, &right, 4);
		p[3] += 8;
	}
	return p + 4 + p[3] - 2;
}

/* The addresses are those of our frames, the other way round. */
static void put_ip(const struct host_conn *c, u32 size, u8 *at)
{
	struct wire_v4 *v4 = (void *)(at + 14);
	struct wire_v6 *v6 = (void *)(at + 14);

	memcpy(at, c->head, c->l4);
	if (c->l4 == 14 + sizeof(*v4)) {
		v4->len = be16_put((u16)(sizeof(*v4) + size));
		v4->check = be16_put(0);
		v4->check = be16_put(
			csum_neg(csum_octets(0, (u8 *)v4, sizeof(*v4))));
	} else {
		v6->len = be16_put((u16)size);
	}
}

static void say(struct host_conn *c, u8 flags, u32 seq, u32 ack, u32 data,
		u64 now, struct host_out *out)
{
	u8 *at = out->frame[out->n], *tcp = at + c->l4, *end;
	const struct wire_tcp h = {
		.sport = be16_put(c->sport),
		.dport = be16_put(c->dport),
		.seq = be32_put(seq),
		.ack = be32_put(flags & TCP_ACK ? ack : 0),
		.flags = flags,
		.window = be16_put(flags & TCP_RST ? 0 : c->window),
	};

	memset(tcp, 0, HOST_FRAME - c->l4);
	memcpy(tcp, &h, sizeof(h));
	end = put_options(c, flags, now, tcp + sizeof(h));
	tcp[12] = (u8)((end - tcp) / 4 << 4);
	end += data;
	put_ip(c, (u32)(end - tcp), at);
	netframe_sum(at);
	out->len[out->n++] = (u32)(end - at);
}

/* What it has to say of where it stands. */
static void acknowledge(struct host_conn *c, u64 now, struct host_out *out)
{
	say(c, TCP_ACK, c->said, c->next, 0, now, out);
}

static void accept_syn(struct host_conn *c, const struct host_habits *h,
		       u64 now, struct host_out *out)
{
	if (now >= h->deaf_ns)
		say(c, TCP_SYN | TCP_ACK, c->iss, c->next, 0, now, out);
}

static void end(struct host_conn *c)
{
	c->ended += c->state == HOST_OPEN;
	c->state = HOST_LISTEN;
	c->heard_fin = c->said_fin = false;
	c->blocks = 0;
}

/* Which options do we have? */
static void read_ours(const u8 *tcp, u32 header, bool *sack, bool *stamps)
{
	const u8 *p = tcp + 20, *stop = tcp + header;

	*sack = *stamps = false;
	while (p < stop && *p) {
		*sack |= *p == 4;
		*stamps |= *p == 8;
		p += *p == 1 ? 1 : p[1];
	}
}

static void begin(struct host_conn *c, const struct host_habits *h,
		  const struct simnet_probe *p, const u8 *tcp, u64 now,
		  struct host_out *out)
{
	bool sack, stamps;

	read_ours(tcp, p->tcp_header, &sack, &stamps);
	c->state = HOST_HALF;
	c->sack = sack && !h->no_sack;
	c->stamps = stamps && !h->no_stamps;
	c->irs = p->seq;
	c->next = p->seq + 1;
	c->iss = (u32)simnet_mix(p->seq + now);
	c->unacked = c->iss;
	c->said = c->iss + 1;
	c->tries = 0;
	c->acked = c->iss;
	c->window = h->window ? h->window : WINDOW;
	c->half++;
	c->octets = 0;
	accept_syn(c, h, now, out);
}

static void opened(struct host_conn *c, const struct host_habits *h, u64 now,
		   struct host_out *out)
{
	c->state = HOST_OPEN;
	c->opened++;
	c->unacked = c->said;
	if (h->banner) {
		say(c, TCP_ACK | TCP_PSH, c->said, c->next, BANNER, now, out);
		c->said += BANNER;
	}
	if (h->ends) {
		say(c, TCP_ACK | TCP_FIN, c->said, c->next, 0, now, out);
		c->said++;
		c->said_fin = true;
	}
}

/* Keeps [left, right) beyond a gap, joined with what it touches. */
static void keep(struct host_conn *c, u32 left, u32 right)
{
	u8 n = 0;

	for (u8 i = 0; i < c->blocks; i++) {
		u32 l = c->left[i], r = c->right[i];

		if ((s32)(l - right) > 0 || (s32)(left - r) > 0) {
			c->left[n] = l;
			c->right[n++] = r;
			continue;
		}
		left = (s32)(l - left) < 0 ? l : left;
		right = (s32)(r - right) > 0 ? r : right;
	}
	if (n == HOST_BLOCKS)
		n--;
	memmove(c->left + 1, c->left, n * sizeof(*c->left));
	memmove(c->right + 1, c->right, n * sizeof(*c->right));
	c->left[0] = left;
	c->right[0] = right;
	c->blocks = n + 1;
}

static void hear_fin(struct host_conn *c, u64 now, struct host_out *out)
{
	c->next++;
	c->heard_fin = true;
	c->blocks = 0; /* nothing can come after it */
	if (c->said_fin) {
		acknowledge(c, now, out);
	} else {
		say(c, TCP_FIN | TCP_ACK, c->said, c->next, 0, now, out);
		c->said++;
		c->said_fin = true;
	}
	if (c->unacked == c->said)
		end(c);
}

static void hear_data(struct host_conn *c, const struct host_habits *h,
		      const struct simnet_probe *p, u64 now,
		      struct host_out *out)
{
	u32 ahead = p->seq - c->next;
	bool fin = p->tcp_flags & TCP_FIN;

	if (!p->payload && !fin)
		return;
	if (p->payload > 1 || (p->payload && fin))
		fault(c, "we send an octet, or a FIN");
	c->octets += p->payload;
	c->fins += fin;
	if (h->resets_at && c->octets == h->resets_at) {
		say(c, TCP_RST, p->ack, 0, 0, now, out);
		end(c);
	} else if (!ahead && fin) {
		hear_fin(c, now, out);
	} else if (ahead >= c->window || c->heard_fin) {
		if (!c->heard_fin && (s32)ahead > 0)
			fault(c, "beyond the window");
		acknowledge(c, now, out);
	} else if (!ahead || fin) {
		fault(c, fin ? "a FIN not at the gap" : "the gap is filled");
	} else if (!h->drops_behind) {
		keep(c, p->seq, p->seq + p->payload);
		acknowledge(c, now, out);
	}
}

static void hear_open(struct host_conn *c, const struct host_habits *h,
		      const struct simnet_probe *p, u64 now,
		      struct host_out *out)
{
	if (p->tcp_flags & TCP_SYN || !(p->tcp_flags & TCP_ACK)) {
		acknowledge(c, now, out); /* RFC 5961 section 4 */
		return;
	}
	c->older += (s32)(p->ack - c->acked) < 0;
	c->acked = p->ack;
	if (p->ack - c->unacked > c->said - c->unacked &&
	    (s32)(p->ack - c->unacked) > 0)
		fault(c, "we acknowledge what was not said");
	else if ((s32)(p->ack - c->unacked) > 0)
		c->unacked = p->ack;
	if (c->heard_fin && c->said_fin && c->unacked == c->said)
		end(c);
	else
		hear_data(c, h, p, now, out);
}

static void hear_half(struct host_conn *c, const struct host_habits *h,
		      const struct simnet_probe *p, u64 now,
		      struct host_out *out)
{
	if (p->tcp_flags & TCP_SYN) {
		if (p->seq == c->irs)
			accept_syn(c, h, now, out);
		else
			acknowledge(c, now, out);
	} else if (p->ack != c->said) {
		say(c, TCP_RST, p->ack, 0, 0, now, out);
	} else {
		opened(c, h, now, out);
		hear_open(c, h, p, now, out);
	}
}

static void hear_listen(struct host_conn *c, const struct host_habits *h,
			const struct simnet_probe *p, const u8 *tcp, u64 now,
			struct host_out *out)
{
	if (p->tcp_flags & TCP_ACK)
		say(c, TCP_RST, p->ack, 0, 0, now, out);
	else if (p->tcp_flags & TCP_SYN && h->closed)
		say(c, TCP_RST | TCP_ACK, 0, p->seq + 1, 0, now, out);
	else if (p->tcp_flags & TCP_SYN)
		begin(c, h, p, tcp, now, out);
}

static void hear_reset(struct host_conn *c, const struct simnet_probe *p,
		       u64 now, struct host_out *out)
{
	if (c->state == HOST_LISTEN)
		return;
	if (p->seq == c->next)
		end(c);
	else if (p->seq - c->next < c->window)
		acknowledge(c, now, out);
}

/* Where the answers go. */
static void turn_round(struct host_conn *c, const u8 *frame,
		       const struct simnet_probe *p, u8 ttl)
{
	struct wire_v4 *v4 = (void *)(c->head + 14);
	struct wire_v6 *v6 = (void *)(c->head + 14);

	c->l4 = p->family == 4 ? 34 : 54;
	memcpy(c->head, frame, c->l4);
	c->sport = (u16)p->first4;
	c->dport = (u16)(p->first4 >> 16);
	if (p->family == 4) {
		v4->src = p->dst.w[3];
		v4->dst = p->src.w[3];
		v4->ttl = ttl;
	} else {
		memcpy(v6->src, &p->dst, sizeof(v6->src));
		memcpy(v6->dst, &p->src, sizeof(v6->dst));
		v6->hops = ttl;
	}
}

void host_hear(struct host_conn *c, const struct host_habits *h,
	       const u8 *frame, const struct simnet_probe *p, u8 ttl, u64 now,
	       struct host_out *out)
{
	const u8 *tcp = frame + (p->family == 4 ? 34 : 54);
	bool sack, stamps;

	c->syns += p->tcp_flags == TCP_SYN;
	turn_round(c, frame, p, ttl);
	if (h->filtered)
		return;
	if (p->tcp_flags & TCP_RST) {
		hear_reset(c, p, now, out);
		return;
	}
	read_ours(tcp, p->tcp_header, &sack, &stamps);
	if (c->state == HOST_OPEN && !(p->tcp_flags & TCP_SYN) &&
	    stamps != c->stamps)
		fault(c, "timestamps in all segments, or in none");
	switch ((enum host_state)c->state) {
	case HOST_LISTEN:
		hear_listen(c, h, p, tcp, now, out);
		break;
	case HOST_HALF:
		hear_half(c, h, p, now, out);
		break;
	case HOST_OPEN:
		hear_open(c, h, p, now, out);
		break;
	}
}

bool host_repeat(struct host_conn *c, const struct host_habits *h, u64 now,
		 struct host_out *out)
{
	u32 data = c->said - c->unacked - (c->said_fin ? 1 : 0);

	if (!host_waits(c) || c->tries++ >= TRIES)
		return false;
	if (c->state == HOST_HALF) {
		accept_syn(c, h, now, out);
		return true;
	}
	if (data)
		say(c, TCP_ACK | TCP_PSH, c->unacked, c->next, data, now, out);
	if (c->said_fin)
		say(c, TCP_FIN | TCP_ACK, c->said - 1, c->next, 0, now, out);
	return true;
}
