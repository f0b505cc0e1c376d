/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xsk: AF_XDP sockets, one on every receive queue of an interface, and the
 * rx and tx backends on top of them.
 *
 * An ICMP error lands on the queue that its router's address hashes to, and
 * an AF_XDP socket hears only its own queue: so all queues are listened to.
 * Each socket has a UMEM of its own: chunks that circulate between fill ring
 * and rx ring, and for the socket that transmits, the first, XSK_TX_FRAMES
 * that a stack of free indices hands out. Where there are several workers,
 * each has a set of its own, on every n-th queue of n workers.
 *
 * One thread a set.
 */
#ifndef WHITHER_XSK_H
#define WHITHER_XSK_H

#include "io/io.h"
#include "io/steer.h"

enum {
	XSK_CHUNK = 2048,
	XSK_RX_FRAMES = 16384, /* of an interface, shared by its queues; ... */
	XSK_QUEUE_MAX = 8192,  /* ... a queue's share is at most this, ... */
	XSK_QUEUE_MIN = 1024,  /* ... and at least this */
	XSK_TX_FRAMES = 2048,
};

struct xsk_config {
	const char *ifname;
	unsigned int queues;	  /* that the interface has, */
	unsigned int queues_max;  /* and may come to have: at least as many */
	unsigned int first, step; /* these are ours: first, first + step .. */
	struct steer *steer;
};

struct xsk_socket_set;

struct xsk {
	struct xsk_socket_set *set; /* NULL: closed */
	unsigned int queues;	    /* in the set */
	bool zerocopy;		    /* in all of them */
};

/*
 * Binds to the queues and tells steer. Zero-copy where
 * every queue has it, else copy mode. A queue still held by a socket that
 * was just closed is tried again for two seconds. 0 or negative errno,
 * logged.
 */
int xsk_open(struct xsk *x, const struct xsk_config *cfg);
/* The interface has more queues now, cfg->queues, at most cfg->queues_max:
 * binds to those of them that are ours, in the same mode. 0 or negative errno,
 * logged; what was open stays so. */
int xsk_grow(struct xsk *x, const struct xsk_config *cfg);
void xsk_close(struct xsk *x);

/* Both use x, which must stay open as long as they. 0 or negative errno. */
int xsk_rx_open(struct rx *rx, struct xsk *x);
int xsk_tx_open(struct tx *tx, struct xsk *x);

#endif
