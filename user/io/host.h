/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host: what this host lets us do, found by trying.
 *
 * Nothing is attached, changed or sent, and nothing logged.
 */
#ifndef WHITHER_HOST_H
#define WHITHER_HOST_H

#include "types.h"

struct host {
	char kernel[65]; /* "6.1.0-13-amd64" */
	bool cap_net_raw, cap_net_admin, cap_bpf, cap_perfmon, cap_ipc_lock;
	u64 memlock, memlock_hard; /* octets; UINT64_MAX: no limit */
	u64 files, files_hard;
	int jit;	      /* net.core.bpf_jit_enable; -1: cannot be read */
	int unprivileged_bpf; /* kernel.unprivileged_bpf_disabled; or -1 */
	u16 ephemeral_first, ephemeral_last;
	/* 0 or the negative errno that trying gave */
	int err_xdp;	/* loading an XDP program */
	int err_live;	/* running one on live frames, which it drops */
	int err_xsk;	/* an AF_XDP socket */
	int err_packet; /* a packet socket */
	int err_raw4, err_raw6;
	int err_netlink;
};

void host_read(struct host *h);

#endif
