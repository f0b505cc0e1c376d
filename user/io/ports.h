/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ports: sockets that do nothing but hold our source ports, so that
 * nothing else on this host gets them while we probe from them.
 *
 * Those of UDP also make the host's stack stay silent about what reaches them.
 * Those of TCP are bound and never listen: the stack refuses what reaches it
 * there as at any closed port.
 * One thread.
 */
#ifndef WHITHER_PORTS_H
#define WHITHER_PORTS_H

#include "types.h"

enum { PORTS_MAX_BITS = 12 };

struct ports {
	u16 base; /* a multiple of 2^bits; ports_open_one: the port */
	u8 bits;  /* base .. base + 2^bits - 1 are held */
	bool tcp; /* else UDP */
	int *fd;  /* NULL: closed */
	unsigned int count;
};

/*
 * Holds 2^bits consecutive ports, the block aligned to its size: the highest
 * that is free at or above 61440 (above Linux's range of ephemeral ports), else
 * the highest below that, down to 8192. Raises the soft limit of open files as
 * needed; where the hard limit is too low it takes fewer bits, says so by a
 * warning, and p->bits tells. Both families, IPv4 alone where the host has no
 * IPv6. 0 or negative errno, logged (-EADDRINUSE: no free block).
 */
int ports_open(struct ports *p, bool tcp, unsigned int bits);

/* Holds that port alone: bits = 0. 0 or negative errno, logged. */
int ports_open_one(struct ports *p, bool tcp, u16 port);

void ports_close(struct ports *p);

#endif
