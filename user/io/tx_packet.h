/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_packet: frames out by AF_PACKET, past the queueing discipline. */
#ifndef WHITHER_TX_PACKET_H
#define WHITHER_TX_PACKET_H

#include "io/io.h"

/*
 * Whole Ethernet frames to the interface, which must be an Ethernet one. batch
 * is 1..IO_BATCH, frame_max at least 14. sent_ns is read just before every
 * four frames. 0 or negative errno, logged.
 */
int tx_packet_open(struct tx *tx, int ifindex, u32 frame_max,
		   unsigned int batch);

#endif
