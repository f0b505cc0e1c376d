/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run: one frame through a loaded XDP program, and the reasons for which a
 * test cannot do so here.
 */
#ifndef WHITHER_TESTS_BPF_RUN_H
#define WHITHER_TESTS_BPF_RUN_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The kernel takes no frame without an Ethernet header, none above a page. */
enum { RUN_MIN = 14, RUN_MAX = 3520 };

/* Skips the calling test if the host does not let it load programs; with
 * CI=true that is a failure. */
static inline void run_need_bpf(void)
{
	const char *ci = getenv("CI");

	if (geteuid() == 0)
		return;
	print_message("SKIP loading BPF programs needs root\n");
	if (ci && strcmp(ci, "true") == 0)
		fail_msg("skipped where nothing may be");
	skip();
}

/*
 * A namespace of our own with one interface, for frames to come in on: those
 * that come from loopback are live runs. Returns its index. The namespace
 * goes with the process.
 */
static inline unsigned int run_interface(void)
{
	if (unshare(CLONE_NEWNET))
		fail_msg("unshare: %s", strerror(errno));
	if (system("ip link add here type veth peer name there"))
		fail_msg("no veth pair");
	return if_nametoindex("here");
}

/* As run_frame(), but the frame comes in on interface `ifindex`, queue 0;
 * *meta receives how many octets of metadata stand in front of `out`. */
static inline unsigned int run_frame_on(int fd, unsigned int ifindex,
					const void *frame, unsigned int len,
					void *out, unsigned int *out_len,
					unsigned int *meta)
{
	struct xdp_md in = { .data_end = len, .ingress_ifindex = ifindex };
	struct xdp_md back = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = len, .data_out = out,
		    .data_size_out = *out_len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &back,
		    .ctx_size_out = sizeof(back), .repeat = 1);
	int err = bpf_prog_test_run_opts(fd, &opts);

	if (err)
		fail_msg("BPF_PROG_RUN: %s", strerror(-err));
	*out_len = opts.data_size_out;
	*meta = back.data;
	return opts.retval;
}

/* Returns the program's action. `out` receives what became of the frame, at
 * most *out_len octets, and *out_len its length; NULL: not wanted. */
static inline unsigned int run_frame(int fd, const void *frame,
				     unsigned int len, void *out,
				     unsigned int *out_len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = len, .data_out = out,
		    .data_size_out = out ? *out_len : 0, .repeat = 1);
	int err = bpf_prog_test_run_opts(fd, &opts);

	/* without room for the frame the kernel says ENOSPC, having run it */
	if (err && !(err == -ENOSPC && !out))
		fail_msg("BPF_PROG_RUN: %s", strerror(-err));
	if (out)
		*out_len = opts.data_size_out;
	return opts.retval;
}

#endif
