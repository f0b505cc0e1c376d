/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simnet: the simulated Internet as an XDP program: attached to the far end
 * of a veth pair it answers every probe that arrives there.
 *
 * An answer by XDP_TX arrives at once only if the near end has an XDP program
 * of its own; else it waits for the next frame (Linux 6.18). With
 * simnet_config.redirect, veth_open()'s GRO is enough.
 */
#ifndef WHITHER_IO_SIMNET_H
#define WHITHER_IO_SIMNET_H

#include <simnet.h> /* include/, not this folder */

struct topo;
struct simnet_bpf;

struct simnet {
	struct simnet_bpf *skel; /* NULL: closed */
	int link;
};

static const struct simnet_config SIMNET_DEFAULT = SIMNET_PRESET;

/* Loads the program with this configuration and attaches it in native mode
 * by a link that dies with the process. Needs CAP_BPF and CAP_NET_ADMIN. 0
 * or negative errno. */
int simnet_open(struct simnet *s, const struct simnet_config *cfg, int ifindex);
/* The same for a drawn network, copied; cfg gives what it does not say: the
 * seed, how many TCP ports are open, the burst of a limit. */
int simnet_open_topo(struct simnet *s, const struct simnet_config *cfg,
		     const struct topo *topo, int ifindex);
/* Sums of all processors since the start. 0 or negative errno. */
int simnet_counters(const struct simnet *s, struct simnet_counters *c);
void simnet_close(struct simnet *s);

/* The program, for BPF_PROG_RUN. ifindex 0 in the calls above: not attached. */
int simnet_program_fd(const struct simnet *s);

#endif
