/* SPDX-License-Identifier: BSD-2-Clause */
/* responder: the simulated Internet, late: a packet socket and a timer heap. */
#include "io/responder.h"

#include "io/world.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	/* A block is handed over when it is full, or after RETIRE_MS: so they
	 * must be many, for a thread that was not scheduled for a while. */
	BLOCK = 1 << 15,
	BLOCKS = 1024,
	RETIRE_MS = 1,
	BATCH = 64,
	LATE_FRAME = 1600,
	TRIES = 1000,
	TRY_AGAIN_NS = 20000,
};

/* An answer under way. */
struct late {
	struct heap_node due;
	u32 len;
	struct late *next; /* while it is free */
	u8 frame[LATE_FRAME];
};

struct responder {
	struct responder_config cfg;
	struct world world;
	struct heap heap;
	struct late *pool, *free;
	u32 fresh; /* of the pool, never used yet */
	u8 *ring;
	unsigned int block; /* to be read next */
	u64 random;
	pthread_t thread;
	int fd, stop; /* stop: an eventfd */
	bool running;
	struct world_frame frame;
};

static u64 next_random(struct responder *r)
{
	r->random += 0x9e3779b97f4a7c15ULL;
	return simnet_mix(r->random);
}

/* Untouched slots cost no memory, so fresh ones come last. */
static struct late *take(struct responder *r)
{
	struct late *l = r->free;

	if (l)
		r->free = l->next;
	else if (r->fresh < RESPONDER_LATE)
		l = &r->pool[r->fresh++];
	return l;
}

static void give(struct responder *r, struct late *l)
{
	l->next = r->free;
	r->free = l;
}

static void fail(struct responder *r, u64 n)
{
	r->world.counters.n[SIMNET_FAILED][SIMNET_NOT_IP] += n;
}

static void hear(struct responder *r, const void *data, u32 len, u64 now)
{
	u64 span = r->cfg.delay_max - r->cfg.delay_min + 1, delay;
	struct world_frame *f = &r->frame;
	enum simnet_outcome outcome;
	struct late *l;

	if (world_put(f, data, len))
		return;
	outcome = world_answer(&r->world, f, (u32)next_random(r), now);
	if (outcome < SIMNET_EXPIRED || outcome > SIMNET_RESET)
		return;
	l = f->len <= LATE_FRAME ? take(r) : NULL;
	if (!l) {
		fail(r, 1);
		return;
	}
	delay = r->cfg.delay_min + next_random(r) % span +
		f->delay_us * NS_PER_US;
	l->len = f->len;
	memcpy(l->frame, f->data, f->len);
	/* the heap has a place for every slot of the pool */
	heap_insert(&r->heap, &l->due, now + delay);
}

/* When the kernel took the frame; its stamps are CLOCK_REALTIME, which may
 * be set under way. */
static u64 arrival(const struct tpacket3_hdr *h, u64 wall, u64 now)
{
	u64 at = h->tp_sec * NS_PER_S + h->tp_nsec - wall;

	return at <= now && now - at < NS_PER_S ? at : now;
}

/* What the kernel has filled of the ring (TPACKET_V3). */
static void receive(struct responder *r, u64 now)
{
	u64 wall = clock_wall_offset();

	for (int i = 0; i < BLOCKS; i++) {
		struct tpacket_block_desc *b =
			(void *)(r->ring + (size_t)r->block * BLOCK);
		struct tpacket3_hdr *h;

		/* pairs with the kernel's release of the block */
		if (!(__atomic_load_n(&b->hdr.bh1.block_status,
				      __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER))
			return;
		h = (void *)((u8 *)b + b->hdr.bh1.offset_to_first_pkt);
		for (u32 n = b->hdr.bh1.num_pkts; n; n--) {
			hear(r, (u8 *)h + h->tp_mac, h->tp_snaplen,
			     arrival(h, wall, now));
			h = (void *)((u8 *)h + h->tp_next_offset);
		}
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL,
				 __ATOMIC_RELEASE);
		r->block = (r->block + 1) % BLOCKS;
	}
}

/* Sends all, waiting for room at the near end: a device that is full says
 * ENOBUFS, and drains as soon as its side is scheduled. */
static void send_batch(struct responder *r, struct mmsghdr *message, int n)
{
	int sent, tries = 0;

	while (n) {
		sent = sendmmsg(r->fd, message, (unsigned int)n, 0);
		if (sent <= 0 && tries++ < TRIES) {
			clock_sleep(TRY_AGAIN_NS);
			continue;
		}
		if (sent <= 0) {
			fail(r, 1); /* the first of the rest */
			sent = 1;
		}
		message += sent;
		n -= sent;
		tries = 0;
	}
}

static void send_due(struct responder *r, u64 now)
{
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	struct late *late[BATCH];
	struct heap_node *node;
	int n;

	do {
		for (n = 0; n < BATCH; n++) {
			node = heap_due(&r->heap, now);
			if (!node)
				break;
			heap_remove(&r->heap, node);
			late[n] = heap_of(node, struct late, due);
			iov[n].iov_base = late[n]->frame;
			iov[n].iov_len = late[n]->len;
			memset(&message[n], 0, sizeof(message[n]));
			message[n].msg_hdr.msg_iov = &iov[n];
			message[n].msg_hdr.msg_iovlen = 1;
		}
		send_batch(r, message, n);
		for (int i = 0; i < n; i++)
			give(r, late[i]);
	} while (n == BATCH);
}

static void *serve(void *arg)
{
	struct responder *r = arg;
	struct pollfd fds[2] = {
		{ .fd = r->stop, .events = POLLIN },
		{ .fd = r->fd, .events = POLLIN },
	};

	while (!(fds[0].revents & POLLIN)) {
		u64 now = clock_now(), due = heap_min_key(&r->heap), wait = 0;
		struct timespec ts;

		if (due > now)
			wait = due - now < NS_PER_S ? due - now : NS_PER_S;
		ts.tv_sec = (time_t)(wait / NS_PER_S);
		ts.tv_nsec = (long)(wait % NS_PER_S);
		ppoll(fds, 2, &ts, NULL);
		now = clock_now();
		send_due(r, now);
		receive(r, now);
	}
	return NULL;
}

static int open_ring(struct responder *r)
{
	struct tpacket_req3 req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = BLOCK / 2048 * BLOCKS,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	int version = TPACKET_V3;

	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version,
		       sizeof(version)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		return -errno;
	r->ring = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE,
		       MAP_SHARED, r->fd, 0);
	if (r->ring == MAP_FAILED) {
		r->ring = NULL;
		return -errno;
	}
	return 0;
}

static int open_socket(struct responder *r)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = r->cfg.ifindex,
	};
	int one = 1, room = 16 << 20, err;

	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return -errno;
	/* not what we send ourselves; past the queueing discipline */
	setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		   sizeof(one));
	setsockopt(r->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(r->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	err = open_ring(r);
	if (!err && bind(r->fd, (struct sockaddr *)&at, sizeof(at)))
		err = -errno;
	return err;
}

static int open_responder(struct responder *r)
{
	int err;

	r->fd = r->stop = -1;
	r->random = r->cfg.net.seed;
	err = world_open(&r->world, &r->cfg.net, r->cfg.topo);
	if (!err)
		err = heap_init(&r->heap, RESPONDER_LATE);
	if (err)
		return err;
	r->pool = mmap(NULL, sizeof(*r->pool) * RESPONDER_LATE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->pool == MAP_FAILED)
		r->pool = NULL;
	r->stop = eventfd(0, EFD_CLOEXEC);
	if (!r->pool || r->stop < 0)
		err = -ENOMEM;
	if (!err)
		err = open_socket(r);
	if (!err)
		err = -pthread_create(&r->thread, NULL, serve, r);
	if (err)
		log_err("responder: interface %d: %s", r->cfg.ifindex,
			strerror(-err));
	r->running = !err;
	return err;
}

struct responder *responder_new(const struct responder_config *cfg)
{
	struct responder *r = calloc(1, sizeof(*r));

	if (!r) {
		log_err("responder: out of memory");
		return NULL;
	}
	r->cfg = *cfg;
	if (open_responder(r)) {
		responder_free(r);
		return NULL;
	}
	return r;
}

void responder_stop(struct responder *r)
{
	struct tpacket_stats_v3 stats;
	socklen_t len = sizeof(stats);
	u64 one = 1;

	if (!r->running)
		return;
	while (write(r->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(r->thread, NULL);
	r->running = false;
	if (!getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		fail(r, stats.tp_drops);
}

const struct simnet_counters *responder_counters(const struct responder *r)
{
	return &r->world.counters;
}

void responder_free(struct responder *r)
{
	if (!r)
		return;
	responder_stop(r);
	if (r->ring)
		munmap(r->ring, (size_t)BLOCK * BLOCKS);
	if (r->pool)
		munmap(r->pool, sizeof(*r->pool) * RESPONDER_LATE);
	if (r->fd >= 0)
		close(r->fd);
	if (r->stop >= 0)
		close(r->stop);
	heap_fini(&r->heap);
	world_close(&r->world);
	free(r);
}
