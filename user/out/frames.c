/* SPDX-License-Identifier: BSD-2-Clause */
/* frames: probes and replies on their way to a capture. */
#include "out/frames.h"

#include <ck_ring.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/log.h"

CK_RING_PROTOTYPE(frame, frame)

_Static_assert(sizeof(struct frame) == 256, "four cache lines");

struct frames_lane {
	struct ck_ring ring;
	struct frame *slot;
	_Atomic u64 lost;
};

int frames_open(struct frames *f)
{
	size_t size = FRAMES_RING * sizeof(struct frame);

	if (f->lane)
		return -EBUSY;
	f->lane = aligned_alloc(
		64, f->lanes * ((sizeof(*f->lane) + 63) & ~(size_t)63));
	if (f->lane)
		memset(f->lane, 0, f->lanes * sizeof(*f->lane));
	for (u32 i = 0; f->lane && i < f->lanes; i++) {
		ck_ring_init(&f->lane[i].ring, FRAMES_RING);
		f->lane[i].slot = aligned_alloc(64, size);
		if (!f->lane[i].slot) {
			frames_close(f);
			break;
		}
		/* no page faults in the packet thread */
		memset(f->lane[i].slot, 0, size);
	}
	if (f->lane)
		return 0;
	log_err("pcap: out of memory");
	return -ENOMEM;
}

void frames_close(struct frames *f)
{
	for (u32 i = 0; f->lane && i < f->lanes; i++)
		free(f->lane[i].slot);
	free(f->lane);
	f->lane = NULL;
}

void *frames_lane(const struct frames *f, u32 i)
{
	return f->lane ? &f->lane[i] : NULL;
}

static void put(struct frames_lane *l, const u8 *octets, u32 len, u64 at_ns)
{
	struct frame *f = ck_ring_enqueue_reserve_spsc_frame(&l->ring, l->slot);

	if (!f) {
		atomic_fetch_add_explicit(&l->lost, 1, memory_order_relaxed);
		return;
	}
	f->at_ns = at_ns;
	f->len = len;
	f->kept = len < FRAME_SNAP ? len : FRAME_SNAP;
	memcpy(f->octets, octets, f->kept);
	ck_ring_enqueue_commit_spsc(&l->ring);
}

void frames_sent(void *lane, const struct tx_slot *slot, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (slot[i].sent_ns)
			put(lane, slot[i].frame, slot[i].len, slot[i].sent_ns);
}

void frames_received(void *lane, const struct rx_frame *frame, unsigned int n,
		     u64 now)
{
	for (unsigned int i = 0; i < n; i++)
		put(lane, frame[i].data, frame[i].len,
		    frame[i].arrived_ns ? frame[i].arrived_ns : now);
}

bool frames_take(struct frames *f, u32 i, struct frame *frame)
{
	return ck_ring_dequeue_spsc_frame(&f->lane[i].ring, f->lane[i].slot,
					  frame);
}

u64 frames_lost(const struct frames *f)
{
	u64 lost = 0;

	for (u32 i = 0; f->lane && i < f->lanes; i++)
		lost += atomic_load_explicit(&f->lane[i].lost,
					     memory_order_relaxed);
	return lost;
}
