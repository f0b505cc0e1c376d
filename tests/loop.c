/* SPDX-License-Identifier: BSD-2-Clause */
/* loop: an uplink in memory. */
#include "loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "netframe.h"

static bool is_nth(u64 n, u32 every)
{
	return every && n % every == every - 1;
}

struct addr loop_router(const struct loop *l, const struct addr *dst, u8 ttl)
{
	struct addr a = *dst;

	if (ttl >= l->length)
		return a;
	a.b[addr_is_v4(dst) ? 12 : 2] = 11;
	a.b[addr_is_v4(dst) ? 13 : 3] = ttl;
	return a;
}

static void put_reply(struct loop *l, const u8 *data, u32 len, u64 arrived_ns)
{
	struct loop_frame *f = &l->queue[l->head % LOOP_QUEUE];

	assert_in_range(len, 1, LOOP_FRAME);
	assert_true(l->head - l->tail < LOOP_QUEUE);
	memcpy(f->data, data, len);
	f->len = len;
	f->arrived_ns = arrived_ns;
	l->head++;
}

/* A probe that left another program. */
static void put_stranger(struct loop *l, u64 now)
{
	const struct netframe n = { .proto = PROTO_UDP,
				    .dst = "203.0.113.9",
				    .sport = 5353 };
	struct addr from = frame_addr("198.51.100.7");
	u8 probe[FRAME_MAX], at[FRAME_MAX];
	u32 len = netframe_build(&n, probe);

	put_reply(l, at,
		  netframe_error(probe, len, &from, ICMP4_EXPIRED, 0, 28, at),
		  now);
	l->strangers++;
}

static void answer(struct loop *l, const struct tx_slot *slot, u64 n)
{
	const struct wire_v4 *v4 = (const void *)(slot->frame + 14);
	const struct wire_v6 *v6 = (const void *)(slot->frame + 14);
	bool is_v4 = v4->ver_ihl == 0x45, there;
	struct addr dst, from;
	u8 at[FRAME_MAX], ttl = is_v4 ? v4->ttl : v6->hops, type, code;
	u64 arrives = slot->sent_ns + ttl * NS_PER_MS;
	u32 len;

	if (is_v4)
		dst = addr_from_v4(v4->dst);
	else
		memcpy(&dst, v6->dst, sizeof(dst));
	from = loop_router(l, &dst, ttl);
	there = ttl >= l->length;
	type = there ? (is_v4 ? ICMP4_UNREACH : ICMP6_UNREACH)
		     : (is_v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED);
	code = !there ? 0 : is_v4 ? ICMP4_UNREACH_PORT : ICMP6_UNREACH_PORT;
	len = netframe_error(slot->frame, slot->len, &from, type, code,
			     is_v4 ? 28 : UINT32_MAX, at);
	put_reply(l, at, len, arrives);
	l->answered++;
	if (is_nth(n, l->twice_every)) {
		put_reply(l, at, len, arrives + 1);
		l->doubled++;
	}
}

/* What is asked a few times in vain is given up, and by whom depends on how
 * turns fall: so a question loses one answer at most. */
static bool overruns(struct loop *l, const struct tx_slot *slot, u64 n)
{
	const struct wire_v4 *v4 = (const void *)(slot->frame + 14);
	const struct wire_v6 *v6 = (const void *)(slot->frame + 14);
	bool is_v4 = v4->ver_ihl == 0x45;
	u64 hash = is_v4 ? v4->ttl : v6->hops;

	if (!is_nth(n, l->overrun_every))
		return false;
	for (u32 i = 0; i < (is_v4 ? 4 : 16); i++)
		hash = hash * 0x100000001b3ULL ^
		       (is_v4 ? ((const u8 *)&v4->dst)[i]
			      : ((const u8 *)v6->dst)[i]);
	hash = (hash * 0x9e3779b97f4a7c15ULL) >> 48;
	if (l->overran[hash / 64] >> hash % 64 & 1)
		return false;
	l->overran[hash / 64] |= 1ULL << hash % 64;
	return true;
}

static void deliver(struct loop *l, const struct tx_slot *slot)
{
	u64 n = l->frames++;

	assert_true(netframe_sums_hold(slot->frame, slot->len));
	if (is_nth(n, l->stranger_every))
		put_stranger(l, slot->sent_ns);
	if (is_nth(n, l->silent_every)) {
		l->silent++;
	} else if (overruns(l, slot, n)) {
		l->overrun++;
		l->uplink.rx.stats.ring_full++;
	} else {
		answer(l, slot, n);
	}
	if (l->stop_after && l->frames >= l->stop_after)
		l->stop = true;
}

static unsigned int loop_reserve(struct tx *tx, unsigned int want)
{
	/* what is not written must not look like the last frame */
	for (unsigned int i = 0; i < want; i++)
		memset(tx->slot[i].frame, 0xee, LOOP_FRAME);
	return want;
}

static int loop_send(struct tx *tx, unsigned int n)
{
	struct loop *l = tx->state;
	u64 one = 1, now = clock_now();
	int err = 0;

	if (l->fail_times && l->frames >= l->fail_after) {
		l->fail_times--;
		err = l->fail_with;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct tx_slot *slot = &tx->slot[i];

		slot->sent_ns = 0;
		if (!slot->len)
			continue;
		if (err || is_nth(tx->stats.sent + tx->stats.failed,
				  l->refuse_every)) {
			tx->stats.failed++;
			continue;
		}
		slot->sent_ns = now;
		tx->stats.sent++;
		deliver(l, slot);
	}
	if (l->head != l->tail)
		assert_int_equal(write(l->uplink.rx.fd, &one, sizeof(one)),
				 sizeof(one));
	return err;
}

static void nothing_to_close(struct tx *tx)
{
	memset(tx, 0, sizeof(*tx));
}

static unsigned int loop_receive(struct rx *rx, struct rx_frame *frame,
				 unsigned int max)
{
	struct loop *l = rx->state;
	unsigned int n = 0;
	u64 events;

	assert_int_equal(l->taken, 0); /* all were given back */
	if (l->frames < l->hold)
		return 0;
	for (; n < max && l->tail + n != l->head; n++) {
		const struct loop_frame *f =
			&l->queue[(l->tail + n) % LOOP_QUEUE];

		frame[n] = (struct rx_frame){ .data = f->data,
					      .len = f->len,
					      .arrived_ns = f->arrived_ns };
	}
	if (max && !n && read(rx->fd, &events, sizeof(events)) < 0)
		assert_int_equal(errno, EAGAIN);
	rx->stats.received += n;
	l->taken = n;
	return n;
}

static void loop_release(struct rx *rx)
{
	struct loop *l = rx->state;

	for (u32 i = 0; i < l->taken; i++)
		memset(&l->queue[(l->tail + i) % LOOP_QUEUE], 0xdd,
		       sizeof(l->queue[0]));
	l->tail += l->taken;
	l->taken = 0;
}

static void loop_read_stats(struct rx *rx)
{
}

static void loop_close(struct rx *rx)
{
	close(rx->fd);
	memset(rx, 0, sizeof(*rx));
}

static const struct tx_ops tx_ops = {
	.name = "loop",
	.reserve = loop_reserve,
	.send = loop_send,
	.close = nothing_to_close,
};

static const struct rx_ops rx_ops = {
	.name = "loop",
	.receive = loop_receive,
	.release = loop_release,
	.read_stats = loop_read_stats,
	.close = loop_close,
};

struct loop *loop_new(u64 pps)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct uplink *u = &l->uplink;

	assert_non_null(l);
	l->length = 6;
	for (int i = 0; i < IO_BATCH; i++)
		l->slot[i].frame = l->memory[i];
	u->tx = (struct tx){
		.ops = &tx_ops,
		.slot = l->slot,
		.batch = IO_BATCH,
		.frame_max = LOOP_FRAME,
		.state = l,
	};
	u->rx = (struct rx){
		.ops = &rx_ops,
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.state = l,
	};
	assert_true(u->rx.fd >= 0);
	u->key = frame_key();
	strcpy(u->ifname, "loop");
	assert_int_equal(route_watch_open(&u->watch), 0);
	exclude_init(&l->exclude);
	assert_int_equal(exclude_seal(&l->exclude), 0);
	gate_init(&u->gate, &l->exclude, pps, 0, clock_now());
	return l;
}

void loop_free(struct loop *l)
{
	l->uplink.tx.ops->close(&l->uplink.tx);
	l->uplink.rx.ops->close(&l->uplink.rx);
	route_watch_close(&l->uplink.watch);
	exclude_fini(&l->exclude);
	free(l);
}
