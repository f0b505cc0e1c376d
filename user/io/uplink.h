/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uplink: everything between the engine and the interface, opened together:
 * route, next hop, held ports, key, XDP program, receive and transmit
 * backends, and the gate in front of them.
 *
 * Opened by one thread and handed to the packet thread. Where several work
 * side by side, each has an uplink: the first owns what they share, the
 * others have sockets, a transmitter and a gate of their own.
 */
#ifndef WHITHER_UPLINK_H
#define WHITHER_UPLINK_H

#include "io/delivered.h"
#include "io/gate.h"
#include "io/io.h"
#include "io/ports.h"
#include "io/route.h"
#include "io/steer.h"
#include "io/xsk.h"

enum uplink_tx {
	UPLINK_AUTO,
	UPLINK_XSK,
	UPLINK_LIVE,
	UPLINK_PACKET,
	UPLINK_RAW
};

extern const char *const uplink_tx_names[]; /* NULL-terminated, by the enum */

struct uplink_config {
	const char *ifname;	/* NULL: where the routes lead */
	struct addr dst4, dst6; /* an example target of each family; none: no
				   probes of that family */
	struct addr src4, src6; /* none: the kernel's choice */
	enum uplink_tx tx;
	bool hold_ports; /* UDP, TCP */
	enum cookie_mode
		mode; /* what the probes are; TCP: not by raw sockets */
	u8 attempts;  /* of a TTL, in TCP sessions */
	bool flows;   /* TCP: each attempt has a port of its own */
	bool lone;    /* one destination: its one port suffices */
	u32 batch; /* most frames sent at once; 0: the backend's own. 1 for true
		      departure times where they are stamped once a batch */
	u32 frame_max;		       /* octets, Ethernet header included */
	const struct exclude *exclude; /* NULL: none */
	u64 pps;		       /* 0: as fast as possible */
	u32 burst;		       /* at once; 0: a millisecond's worth */
	u32 lanes;		       /* uplinks side by side; 0 counts as 1 */
	const struct siphash_key *hash; /* of the cookies; NULL: a fresh one */
};

struct uplink {
	struct route route4, route6; /* ifindex 0: not used */
	struct route_watch watch;
	char ifname[IFNAMSIZ];
	char driver[32]; /* "": not known */
	bool ethernet;
	struct cookie_key key;
	struct ports ports;
	struct steer steer; /* program NULL: raw sockets, no XDP; or not ours */
	struct steer *steered; /* the one that all share; NULL: no XDP */
	u32 lane, lanes;
	u32 queues, queues_max; /* of the interface: in use, and at most */
	u64 queues_ns;		/* when they were last counted */
	struct uplink *first;	/* whom this one stands beside, or NULL */
	u32 changes;		/* counts what uplink_tend() noticed */
	bool shut;   /* what is sent now is sent in vain: as in struct route */
	bool asking; /* a next hop is being asked whether it is there */
	struct xsk xsk;
	struct rx rx;
	struct tx tx;
	struct gate gate;
	struct delivered delivered;	 /* closed where it cannot tell */
	struct delivered_all handed;	 /* if others stand beside */
	u64 counts[STEER_VERDICT_COUNT]; /* of frames judged in user space */
};

/*
 * Finds what works: UPLINK_AUTO tries zero-copy, live, copy, packet, raw and
 * takes the first whose frames are seen to leave; what was not had is said
 * once. 0 or negative errno, logged.
 */
int uplink_open(struct uplink *u, const struct uplink_config *cfg);
/* A further one, lane 1 and on, beside the first, which closes last. Not by
 * raw sockets. Runs on processor `cpu` alone. 0 or negative errno, logged. */
int uplink_open_beside(struct uplink *u, struct uplink *first,
		       const struct uplink_config *cfg, u32 lane,
		       unsigned int cpu);
/* Would a packet to dst leave by the same interface and next hop? 0, or -EXDEV,
 * logged; not asked where the kernel routes each packet (raw sockets). */
int uplink_check_way(const struct uplink *u, const struct addr *dst);
#define UPLINK_QUEUES_NS 1000000000ULL

/* Heartbeat, exclusions, and queues that the interface did not have before;
 * some ten times a second. 1: there were such queues, since UPLINK_QUEUES_NS
 * ago at most, and what came by them was not heard until now; else 0, or
 * negative errno, logged. */
int uplink_tend(struct uplink *u, u64 now);
/*
 * Link, source address and next hop: a set of enum route_change, and u->shut.
 * Those beside the first learn from it. Negative errno, logged, when the
 * interface is gone, or cannot be heard by any more. Cheap enough for a
 * thousand calls a second.
 */
int uplink_watch(struct uplink *u, u64 now);
/* Nobody answers: u->asking, until uplink_watch() has found out whether the
 * next hops do. */
void uplink_ask(struct uplink *u, u64 now);
/* Verdicts so far, of the XDP program or of user space in its place. */
int uplink_read_counts(const struct uplink *u, u64 counts[STEER_VERDICT_COUNT]);
void uplink_close(struct uplink *u);

#endif
