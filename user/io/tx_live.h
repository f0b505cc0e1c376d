/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_live: frames out by BPF_PROG_RUN with live frames (Linux 5.18). */
#ifndef WHITHER_TX_LIVE_H
#define WHITHER_TX_LIVE_H

#include "io/io.h"
#include "io/steer.h"

/*
 * The steering program launches: it must stay open as long as tx. sent_ns is
 * stamped by the program as it takes each frame. A frame that the device
 * drops later still counts as sent: the self-test and the interface's own
 * counters tell. 0 or negative errno, logged.
 */
int tx_live_open(struct tx *tx, struct steer *steer, u32 lane);

#endif
