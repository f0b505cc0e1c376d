/* SPDX-License-Identifier: BSD-2-Clause */
/* xsk: AF_XDP sockets; the only file that knows xsk.h. */
#include "io/xsk.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "lib/clock.h"
#include "lib/log.h"

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* Linux 6.17; refused before */
#endif

struct queue {
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	u8 *area;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons comp, rx;
	u32 rx_frames; /* chunks 0 .. rx_frames - 1 */
	u32 frames;    /* all chunks */
	u32 received;  /* of the last receive, to be given back */
};

struct xsk_socket_set {
	struct queue *queue;
	unsigned int queues;
	unsigned int turn; /* queue that is asked first */
	int epoll;
	/* transmitting goes through queue 0 */
	u32 free[XSK_TX_FRAMES];
	u32 n_free;
	u32 in_flight;
	u64 chunk[IO_BATCH]; /* behind tx.slot */
};

static int bind_one(struct queue *q, const char *ifname, unsigned int i,
		    u16 mode)
{
	const struct xsk_socket_config cfg = {
		.rx_size = q->rx_frames,
		.tx_size = XSK_TX_FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = (u16)(mode | XDP_USE_NEED_WAKEUP),
	};
	int err, tries = 0;

	/* the kernel lets go of a queue some time after its socket closed */
	do {
		err = xsk_socket__create(&q->socket, ifname, i, q->umem, &q->rx,
					 &q->tx, &cfg);
		if (err != -EBUSY)
			return err;
		clock_sleep(2 * NS_PER_MS);
	} while (++tries < 1000);
	return err;
}

static int open_umem(struct queue *q)
{
	const struct xsk_umem_config cfg = {
		.fill_size = 2 * q->rx_frames,
		.comp_size = XSK_TX_FRAMES,
		.frame_size = XSK_CHUNK,
		.frame_headroom = 0,
	};
	u64 size = (u64)q->frames * XSK_CHUNK;
	u32 at;
	int err;

	q->area = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (q->area == MAP_FAILED) {
		q->area = NULL;
		return -errno;
	}
	err = xsk_umem__create(&q->umem, q->area, size, &q->fill, &q->comp,
			       &cfg);
	if (err)
		return err;
	if (xsk_ring_prod__reserve(&q->fill, q->rx_frames, &at) != q->rx_frames)
		return -ENOBUFS;
	for (u32 i = 0; i < q->rx_frames; i++)
		*xsk_ring_prod__fill_addr(&q->fill, at + i) =
			(u64)i * XSK_CHUNK;
	xsk_ring_prod__submit(&q->fill, q->rx_frames);
	return 0;
}

static void close_queue(struct queue *q)
{
	if (q->socket)
		xsk_socket__delete(q->socket);
	if (q->umem)
		xsk_umem__delete(q->umem);
	if (q->area)
		munmap(q->area, (size_t)q->frames * XSK_CHUNK);
	memset(q, 0, sizeof(*q));
}

/* A power of two, as rings want. */
static u32 share_of(unsigned int queues)
{
	u32 share = XSK_QUEUE_MAX;

	while (share > XSK_QUEUE_MIN && share * queues > XSK_RX_FRAMES)
		share /= 2;
	return share;
}

static int open_queue(struct xsk_socket_set *set, const struct xsk_config *cfg,
		      unsigned int i, u16 mode)
{
	struct queue *q = &set->queue[i];
	struct epoll_event in = { .events = EPOLLIN };
	unsigned int number = cfg->first + i * cfg->step;
	int err, fd, budget = XSK_TX_FRAMES;

	q->rx_frames = share_of(cfg->queues);
	q->frames = q->rx_frames + (i ? 0 : XSK_TX_FRAMES);
	err = open_umem(q);
	if (!err)
		err = bind_one(q, cfg->ifname, number, mode);
	if (err)
		return err;
	fd = xsk_socket__fd(q->socket);
	/* more frames a call where the kernel can; 32 where it cannot */
	setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(budget));
	if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &in))
		return -errno;
	return steer_add_socket(cfg->steer, number, fd);
}

static int open_all(struct xsk *x, const struct xsk_config *cfg, u16 mode)
{
	int err = 0;

	for (unsigned int i = 0; i < x->queues && !err; i++)
		err = open_queue(x->set, cfg, i, mode);
	if (!err)
		return 0;
	for (unsigned int i = 0; i < x->queues; i++)
		close_queue(&x->set->queue[i]);
	return err;
}

/* The UMEM is charged to it unless we have CAP_IPC_LOCK. */
static void lift_memlock(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, now;

	if (!setrlimit(RLIMIT_MEMLOCK, &unlimited) ||
	    getrlimit(RLIMIT_MEMLOCK, &now))
		return;
	now.rlim_cur = now.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &now);
}

static unsigned int ours_of(const struct xsk_config *cfg, unsigned int queues)
{
	return (queues - cfg->first + cfg->step - 1) / cfg->step;
}

int xsk_open(struct xsk *x, const struct xsk_config *cfg)
{
	int err = -ENOMEM;

	memset(x, 0, sizeof(*x));
	lift_memlock();
	x->set = calloc(1, sizeof(*x->set));
	if (!x->set)
		goto undo;
	x->queues = ours_of(cfg, cfg->queues);
	x->set->queues = x->queues;
	/* libxdp keeps pointers to the rings in it: it cannot move */
	x->set->queue =
		calloc(ours_of(cfg, cfg->queues_max), sizeof(*x->set->queue));
	x->set->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!x->set->queue || x->set->epoll < 0)
		goto undo;
	x->zerocopy = true;
	err = cfg->steer->generic ? -EOPNOTSUPP
				  : open_all(x, cfg, XDP_ZEROCOPY);
	if (err) {
		x->zerocopy = false;
		err = open_all(x, cfg, XDP_COPY);
	}
	if (err)
		goto undo;
	for (u32 i = 0; i < XSK_TX_FRAMES; i++)
		x->set->free[i] = x->set->queue[0].rx_frames + i;
	x->set->n_free = XSK_TX_FRAMES;
	return 0;
undo:
	log_err("%s: no AF_XDP socket on its %u queues: %s%s", cfg->ifname,
		cfg->queues, strerror(-err),
		err == -ENOBUFS || err == -ENOMEM
			? " (raise the locked-memory limit: ulimit -l)"
			: "");
	xsk_close(x);
	return err;
}

int xsk_grow(struct xsk *x, const struct xsk_config *cfg)
{
	unsigned int queues = ours_of(cfg, cfg->queues);
	int err;

	while (x->queues < queues) {
		err = open_queue(x->set, cfg, x->queues,
				 x->zerocopy ? XDP_ZEROCOPY : XDP_COPY);
		if (err) {
			close_queue(&x->set->queue[x->queues]);
			log_err("%s: no AF_XDP socket on its queue %u: %s",
				cfg->ifname, cfg->first + x->queues * cfg->step,
				strerror(-err));
			return err;
		}
		x->set->queues = ++x->queues;
	}
	return 0;
}

void xsk_close(struct xsk *x)
{
	if (!x->set)
		return;
	for (unsigned int i = 0; x->set->queue && i < x->queues; i++)
		close_queue(&x->set->queue[i]);
	if (x->set->epoll > 0)
		close(x->set->epoll);
	free(x->set->queue);
	free(x->set);
	memset(x, 0, sizeof(*x));
}

/*
 * The stamp in front of the frame. Its magic is wiped: a chunk comes round
 * again, and a frame without metadata must not find an old stamp there.
 */
static void read_stamp(const u8 *data, struct rx_frame *f)
{
	struct steer_stamp *stamp =
		(struct steer_stamp *)(data - sizeof(*stamp));

	if (stamp->magic == STEER_MAGIC) {
		f->arrived_ns = stamp->arrived_ns;
		f->proof = stamp->proof;
		stamp->magic = 0;
	} else {
		f->arrived_ns = 0;
		memset(&f->proof, 0, sizeof(f->proof));
	}
}

static unsigned int receive_queue(struct queue *q, struct rx_frame *frame,
				  unsigned int max)
{
	u32 at, n = xsk_ring_cons__peek(&q->rx, max, &at);

	for (u32 i = 0; i < n; i++) {
		const struct xdp_desc *d =
			xsk_ring_cons__rx_desc(&q->rx, at + i);

		frame[i].data = q->area + d->addr;
		frame[i].len = d->len;
		read_stamp(frame[i].data, &frame[i]);
	}
	q->received = n;
	return n;
}

static unsigned int xsk_receive(struct rx *rx, struct rx_frame *frame,
				unsigned int max)
{
	struct xsk_socket_set *set = rx->state;
	unsigned int n = 0;

	for (unsigned int i = 0; i < set->queues && n < max; i++) {
		unsigned int q = (set->turn + i) % set->queues;

		n += receive_queue(&set->queue[q], frame + n, max - n);
	}
	set->turn = (set->turn + 1) % set->queues;
	rx->stats.received += n;
	return n;
}

static void release_queue(struct queue *q)
{
	u32 n = q->received, at, to = 0;

	if (!n)
		return;
	/* the fill ring has twice the room of all chunks: never full */
	xsk_ring_prod__reserve(&q->fill, n, &to);
	at = q->rx.cached_cons - n;
	for (u32 i = 0; i < n; i++) {
		u64 addr = xsk_ring_cons__rx_desc(&q->rx, at + i)->addr;

		*xsk_ring_prod__fill_addr(&q->fill, to + i) =
			addr & ~(u64)(XSK_CHUNK - 1);
	}
	xsk_ring_cons__release(&q->rx, n);
	xsk_ring_prod__submit(&q->fill, n);
	q->received = 0;
	if (xsk_ring_prod__needs_wakeup(&q->fill))
		recvfrom(xsk_socket__fd(q->socket), NULL, 0, MSG_DONTWAIT, NULL,
			 NULL);
}

static void xsk_release(struct rx *rx)
{
	struct xsk_socket_set *set = rx->state;

	for (unsigned int i = 0; i < set->queues; i++)
		release_queue(&set->queue[i]);
}

static void xsk_read_stats(struct rx *rx)
{
	struct xsk_socket_set *set = rx->state;

	rx->stats.ring_full = rx->stats.fill_empty = rx->stats.dropped = 0;
	for (unsigned int i = 0; i < set->queues; i++) {
		struct xdp_statistics st = {};
		socklen_t len = sizeof(st);

		if (getsockopt(xsk_socket__fd(set->queue[i].socket), SOL_XDP,
			       XDP_STATISTICS, &st, &len))
			continue;
		rx->stats.ring_full += st.rx_ring_full;
		rx->stats.fill_empty += st.rx_fill_ring_empty_descs;
		/* the kernel counts a frame for which there was no chunk as
		 * dropped as well */
		if (st.rx_dropped > st.rx_fill_ring_empty_descs)
			rx->stats.dropped +=
				st.rx_dropped - st.rx_fill_ring_empty_descs;
	}
}

static void xsk_rx_close(struct rx *rx)
{
	memset(rx, 0, sizeof(*rx));
}

static const struct rx_ops rx_ops = {
	.name = "xsk",
	.receive = xsk_receive,
	.release = xsk_release,
	.read_stats = xsk_read_stats,
	.close = xsk_rx_close,
};

int xsk_rx_open(struct rx *rx, struct xsk *x)
{
	memset(rx, 0, sizeof(*rx));
	rx->ops = &rx_ops;
	rx->fd = x->set->epoll;
	rx->state = x->set;
	return 0;
}

static void reap(struct xsk_socket_set *set)
{
	struct queue *q = &set->queue[0];
	u32 at, n = xsk_ring_cons__peek(&q->comp, XSK_TX_FRAMES, &at);

	for (u32 i = 0; i < n; i++)
		set->free[set->n_free++] =
			(u32)(*xsk_ring_cons__comp_addr(&q->comp, at + i) /
			      XSK_CHUNK);
	xsk_ring_cons__release(&q->comp, n);
	set->in_flight -= n;
}

static unsigned int tx_reserve(struct tx *tx, unsigned int want)
{
	struct xsk_socket_set *set = tx->state;

	if (set->n_free < want)
		reap(set);
	if (want > set->n_free)
		want = set->n_free;
	if (want > tx->batch)
		want = tx->batch;
	for (unsigned int i = 0; i < want; i++) {
		set->chunk[i] = (u64)set->free[set->n_free - 1 - i] * XSK_CHUNK;
		tx->slot[i].frame = set->queue[0].area + set->chunk[i];
	}
	return want;
}

/* Copy mode sends a bounded number a call, and the rest when asked again. */
static int kick(struct xsk_socket_set *set)
{
	struct queue *q = &set->queue[0];
	int fd = xsk_socket__fd(q->socket);

	for (int tries = 0; tries < 256; tries++) {
		if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 &&
		    errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
			return -errno;
		reap(set);
		if (xsk_prod_nb_free(&q->tx, q->tx.size) == q->tx.size)
			return 0;
	}
	return 0;
}

static int tx_send(struct tx *tx, unsigned int n)
{
	struct xsk_socket_set *set = tx->state;
	struct queue *q = &set->queue[0];
	u64 now = clock_now();
	unsigned int put = 0;
	u32 at;

	if (xsk_ring_prod__reserve(&q->tx, n, &at) != n) {
		tx->stats.failed += n;
		return 0;
	}
	/* chunks that are sent leave the free stack; the others go back */
	set->n_free -= n;
	for (unsigned int i = 0; i < n; i++) {
		struct xdp_desc *d;

		tx->slot[i].sent_ns = 0;
		if (!tx->slot[i].len) {
			set->free[set->n_free++] =
				(u32)(set->chunk[i] / XSK_CHUNK);
			continue;
		}
		d = xsk_ring_prod__tx_desc(&q->tx, at + put++);
		*d = (struct xdp_desc){ .addr = set->chunk[i],
					.len = tx->slot[i].len };
		tx->slot[i].sent_ns = now;
	}
	q->tx.cached_prod -= n - put;
	xsk_ring_prod__submit(&q->tx, put);
	set->in_flight += put;
	tx->stats.sent += put;
	return kick(set);
}

static void xsk_tx_close(struct tx *tx)
{
	free(tx->slot);
	memset(tx, 0, sizeof(*tx));
}

static const struct tx_ops tx_ops = {
	.name = "xsk",
	.reserve = tx_reserve,
	.send = tx_send,
	.close = xsk_tx_close,
};

int xsk_tx_open(struct tx *tx, struct xsk *x)
{
	memset(tx, 0, sizeof(*tx));
	tx->slot = calloc(IO_BATCH, sizeof(*tx->slot));
	if (!tx->slot) {
		log_err("no memory for %d frames", IO_BATCH);
		return -ENOMEM;
	}
	tx->ops = &tx_ops;
	tx->batch = 256; /* one stamp a batch: small, for the RTT's sake */
	tx->frame_max = XSK_CHUNK;
	tx->state = x->set;
	return 0;
}
