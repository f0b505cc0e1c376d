/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * whither: the one XDP program on the interface. It steers what comes in
 * and, run by BPF_PROG_RUN, launches what goes out.
 *
 * Both live in one program because a live run is cheap only while its
 * program is attached to some interface (38 us a call of 64 frames; 25 ms
 * when not, since the kernel then waits for a grace period), and because
 * some drivers transmit redirected frames only while a program is attached.
 */
#include "launch.h"
#include "steer.h"

SEC("xdp")
int whither(struct xdp_md *ctx)
{
	if (ctx->ingress_ifindex == LAUNCH_IFINDEX)
		return launch(ctx);
	return steer(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
