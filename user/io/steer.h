/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steer: the XDP program on the interface, seen from user space: loaded,
 * attached by a link that dies with the process, told what is ours, and its
 * verdicts read. Its other role, launching live frames, is used by tx_live.
 *
 * One thread opens and closes; steer_beat() is the packet thread's.
 */
#ifndef WHITHER_STEER_H
#define WHITHER_STEER_H

#include "abi.h"

struct whither; /* the program's skeleton */

struct steer_open_config {
	const char *ifname;
	int ifindex;
	struct cookie_key key;
	u32 frame_max; /* largest frame to be launched */
	u32 lanes;     /* threads that launch, 1 .. LAUNCH_LANES */
};

struct steer {
	struct whither *program; /* NULL: closed */
	int link;
	bool generic;  /* the driver has no native XDP */
	u32 frame_max; /* LAUNCH_SMALL or LAUNCH_LARGE */
	u32 lanes;
	u8 *slots; /* LAUNCH_SLOTS of slot_size octets for each lane */
	u32 slot_size;
};

/*
 * 0 or negative errno, logged. -EBUSY: another program is on the interface;
 * it is named, and stays.
 */
int steer_open(struct steer *s, const struct steer_open_config *cfg);
/* Detaches and attaches the program, as some drivers need when they were given
 * queues. What comes meanwhile is the host's. 0 or negative errno, logged. */
int steer_attach_again(struct steer *s, const char *ifname);
/* From now on what is ours on that queue goes to the socket. */
int steer_add_socket(struct steer *s, u32 queue, int fd);
/* At least twice a second, or the program passes everything to the host. */
void steer_beat(struct steer *s, u64 now);
/* Sums over all CPUs. 0 or negative errno. */
int steer_read_counts(const struct steer *s, u64 counts[STEER_VERDICT_COUNT]);
const char *steer_verdict_name(enum steer_verdict v);
/* From now on what that processor launches is of that lane; 0 at first. */
void steer_set_lane(struct steer *s, unsigned int cpu, u32 lane);
/* Sends slots [0, n) of the lane: those of len 0 are left out; departed_ns
 * tells which left. 0 or negative errno. The lane's thread. */
int steer_launch(struct steer *s, u32 lane, u32 n);
void steer_close(struct steer *s);

#endif
