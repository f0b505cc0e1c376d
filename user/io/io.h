/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io: packets out and in, in batches, whatever carries them.
 *
 * A backend is a table of functions, each called once a batch. One thread
 * owns a struct tx and a struct rx; nothing here is shared.
 */
#ifndef WHITHER_IO_H
#define WHITHER_IO_H

#include "abi.h"

enum { IO_BATCH = 1024 }; /* most frames in one call, either way */

/* Where one frame is to be written, and what became of it. */
struct tx_slot {
	u8 *frame;   /* Ethernet header first; backend's memory */
	u32 len;     /* set by the caller; the gate sets 0 to refuse it */
	u64 sent_ns; /* set by tx_ops.send: departure, CLOCK_MONOTONIC; 0 if
			the frame did not leave */
};

/* sent + excluded + over_rate + failed = slots handed to gate_send().
 * Of those sent, `dropped` did not leave the interface after all. */
struct tx_stats {
	u64 dropped;   /* of sent: see above */
	u64 sent;      /* handed to the device */
	u64 excluded;  /* refused by the gate: destination is excluded */
	u64 over_rate; /* refused by the gate: more than the rate allows */
	u64 failed;    /* the backend or the device would not take it */
};

struct tx;

struct tx_ops {
	const char *name;
	/* Makes slot[0..n) writable, n <= want <= tx->batch. Returns n; 0 when
	 * nothing is free just now. Never blocks. */
	unsigned int (*reserve)(struct tx *tx, unsigned int want);
	/* Sends slot[0..n), skipping those of len 0, and stamps sent_ns.
	 * Counts into tx->stats. 0 or negative errno (device gone, down). */
	int (*send)(struct tx *tx, unsigned int n);
	void (*close)(struct tx *tx);
};

struct tx {
	const struct tx_ops *ops; /* NULL: closed */
	struct tx_slot *slot;
	unsigned int batch; /* most slots in one reserve, <= IO_BATCH */
	u32 frame_max;	    /* octets a slot holds */
	struct tx_stats stats;
	void *state; /* backend's own */
};

/* One frame that came in. */
struct rx_frame {
	const u8 *data; /* Ethernet header first; until rx_ops.release */
	u32 len;
	u64 arrived_ns; /* CLOCK_MONOTONIC; stamped by XDP or the kernel where
			   either can */
	struct cookie_proof proof; /* of the XDP program; result FOREIGN (0):
				      not verified yet */
};

struct rx_stats {
	u64 received;
	u64 ring_full;	/* taken for us, lost: we were too slow */
	u64 fill_empty; /* taken for us, lost: no buffer */
	u64 dropped;	/* lost for another reason */
};

struct rx;

struct rx_ops {
	const char *name;
	/* Fills frame[0..n), n <= max. Never blocks. */
	unsigned int (*receive)(struct rx *rx, struct rx_frame *frame,
				unsigned int max);
	/* Gives the frames of the last receive back. */
	void (*release)(struct rx *rx);
	/* Brings rx->stats up to date. Not for every batch. */
	void (*read_stats)(struct rx *rx);
	void (*close)(struct rx *rx);
};

struct rx {
	const struct rx_ops *ops; /* NULL: closed */
	int fd;			  /* becomes readable: for poll */
	struct rx_stats stats;
	void *state;
};

#endif
