/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * responder: the simulated Internet as a thread with a packet socket at the
 * far end of a veth pair, for answers that take their time. It hears a frame
 * up to a millisecond late, so shorter delays than that come out longer.
 */
#ifndef WHITHER_IO_RESPONDER_H
#define WHITHER_IO_RESPONDER_H

#include <simnet.h> /* include/, not this folder */

struct topo;
struct responder;

struct responder_config {
	struct simnet_config net;
	const struct topo *topo;  /* NULL: procedural; else the caller's */
	u64 delay_min, delay_max; /* ns, of an answer; uniform, in addition to
				     what a topology says */
	int ifindex;
};

enum { RESPONDER_LATE = 1 << 17 }; /* answers under way at most */

/* Listens from then on. Needs CAP_NET_RAW. NULL: logged. */
struct responder *responder_new(const struct responder_config *cfg);
/* Ends the thread; answers under way are lost. */
void responder_stop(struct responder *r);
/* After responder_stop(). FAILED counts what it had no room for, and what
 * the socket dropped. */
const struct simnet_counters *responder_counters(const struct responder *r);
void responder_free(struct responder *r);

#endif
