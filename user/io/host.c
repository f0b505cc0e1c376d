/* SPDX-License-Identifier: BSD-2-Clause */
/* host: what this host lets us do, found by trying. */
#include "io/host.h"

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "io/nl.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

/* Up to `most` numbers of a file under /proc/sys; returns how many. */
static int read_sysctl(const char *path, int *value, int most)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	if (!f)
		return 0;
	while (n < most && fscanf(f, "%d", &value[n]) == 1)
		n++;
	fclose(f);
	return n;
}

static void read_limit(int resource, u64 *soft, u64 *hard)
{
	struct rlimit limit = {};

	getrlimit(resource, &limit);
	*soft = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	*hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
}

static void read_capabilities(struct host *h)
{
	capng_get_caps_process();
	h->cap_net_raw = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
	h->cap_net_admin =
		capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
	h->cap_ipc_lock = capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK);
	/* before Linux 5.8 these were part of the last one */
	h->cap_bpf = capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) ||
		     capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
	h->cap_perfmon = capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON) ||
			 capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
}

static int try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The smallest program that drops what it sees. */
static int load_drop(void)
{
	static const struct bpf_insn drop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "drop", "GPL", drop, 2, NULL);
}

static void try_xdp(struct host *h)
{
	u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = 1,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int fd = load_drop();

	h->err_xdp = fd < 0 ? fd : 0;
	h->err_live = h->err_xdp;
	if (fd < 0)
		return;
	h->err_live = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
}

static int try_netlink(void)
{
	struct nl nl;
	int err = nl_open(&nl, NETLINK_ROUTE);

	nl_close(&nl);
	return err;
}

void host_read(struct host *h)
{
	struct utsname name;
	int range[2] = { 32768, 60999 };

	memset(h, 0, sizeof(*h));
	if (!uname(&name))
		memcpy(h->kernel, name.release, sizeof(h->kernel) - 1);
	read_capabilities(h);
	read_limit(RLIMIT_MEMLOCK, &h->memlock, &h->memlock_hard);
	read_limit(RLIMIT_NOFILE, &h->files, &h->files_hard);
	if (!read_sysctl("/proc/sys/net/core/bpf_jit_enable", &h->jit, 1))
		h->jit = -1;
	if (!read_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled",
			 &h->unprivileged_bpf, 1))
		h->unprivileged_bpf = -1;
	read_sysctl("/proc/sys/net/ipv4/ip_local_port_range", range, 2);
	h->ephemeral_first = (u16)range[0];
	h->ephemeral_last = (u16)range[1];
	try_xdp(h);
	h->err_xsk = try_socket(AF_XDP, SOCK_RAW, 0);
	h->err_packet = try_socket(AF_PACKET, SOCK_RAW, 0);
	h->err_raw4 = try_socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	h->err_raw6 = try_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	h->err_netlink = try_netlink();
}
