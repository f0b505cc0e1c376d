/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * launch: live frames. Each run takes the next slot of a memory-mapped
 * array, copies its frame over a page of the kernel's pool and redirects it
 * to the wire.
 *
 * Pages come back with what they last held, so every octet is written. The
 * size of the page's frame is reset to that of the run's template each time;
 * a shorter frame is cut to length.
 */
#ifndef BPF_LAUNCH_H
#define BPF_LAUNCH_H

#include "abi.h"

const volatile u32 launch_ifindex;
const volatile u32 launch_frame_max = LAUNCH_SMALL;

u8 launch_lane[LAUNCH_CPUS]; /* of each processor */
/* Slot within the lane; user space sets it to 0 before a run. A cache line
 * each. */
struct {
	u32 slot;
	u32 zero[15];
} launch_next[LAUNCH_LANES];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LAUNCH_SLOTS *LAUNCH_LANES);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct launch_slot) + LAUNCH_SMALL);
} launch_slots SEC(".maps");

/* Unrolled, and always whole: what is beyond the frame is cut off after. */
static __always_inline void launch_copy_small(u64 *to, const u64 *from)
{
#pragma unroll
	for (int i = 0; i < LAUNCH_SMALL / 8; i++)
		to[i] = from[i];
}

static __always_inline int launch(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	u32 cpu = bpf_get_smp_processor_id(), lane, i, len;
	struct launch_slot *slot;

	lane = cpu < LAUNCH_CPUS ? launch_lane[cpu] % LAUNCH_LANES : 0;
	i = lane * LAUNCH_SLOTS + launch_next[lane].slot++;
	slot = bpf_map_lookup_elem(&launch_slots, &i);
	if (!slot)
		return XDP_DROP;
	len = slot->len;
	if (len < 14 || len > launch_frame_max)
		return XDP_DROP;
	if (launch_frame_max == LAUNCH_SMALL) {
		if (data + LAUNCH_SMALL > end)
			return XDP_DROP;
		launch_copy_small(data, (const u64 *)slot->frame);
	} else if (bpf_xdp_store_bytes(ctx, 0, slot->frame, len)) {
		return XDP_DROP;
	}
	if (bpf_xdp_adjust_tail(ctx, (int)(len - launch_frame_max)))
		return XDP_DROP;
	slot->departed_ns = bpf_ktime_get_ns();
	return (int)bpf_redirect(launch_ifindex, 0);
}

#endif
