/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * burst: frames of a struct tx handed to a socket by sendmmsg(): what tx_packet
 * and tx_raw have in common. One thread.
 */
#ifndef WHITHER_BURST_H
#define WHITHER_BURST_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "io/io.h"

/* Those of the slots that go to one socket. */
struct burst {
	int fd;	   /* -1: none */
	bool said; /* the device refuses, and that has been logged */
	unsigned int n;
	u16 slot[IO_BATCH];
	struct iovec iov[IO_BATCH];
	struct mmsghdr msg[IO_BATCH];
};

/* Gives tx its slots and the memory that they point to. 0 or -ENOMEM. */
int burst_alloc_slots(struct tx *tx, u32 frame_max, unsigned int batch);
void burst_free_slots(struct tx *tx);

void burst_init(struct burst *b, int fd);
/* Closes the socket. */
void burst_fini(struct burst *b);

/* Adds slot i, without its first `skip` octets. `to` (NULL: none) must last
 * until burst_send(). */
void burst_add(struct burst *b, const struct tx *tx, unsigned int i, u32 skip,
	       void *to, socklen_t to_len);

/*
 * Sends what was added: sets sent_ns of those slots and counts into tx->stats.
 * A full queue is waited for, some milliseconds at the longest. 0, or negative
 * errno, logged, when the device is down or gone.
 */
int burst_send(struct burst *b, struct tx *tx);

#endif
