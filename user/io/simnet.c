/* SPDX-License-Identifier: BSD-2-Clause */
/* simnet: the simulated Internet as an XDP program. */
#include "io/simnet.h"

#include "io/topo.h"
#include "io/world.h"
#include "lib/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <unistd.h>

/* A skeleton is named after its file, which would be our own struct's name. */
#define simnet simnet_bpf
#include "simnet.skel.h"
#undef simnet

/* What stands at the start of a value of the map "cpus". */
static int read_cpus(const struct simnet *s, struct simnet_counters *c)
{
	u32 size = (bpf_map__value_size(s->skel->maps.cpus) + 7u) & ~7u;
	int zero = 0, err, cpus = libbpf_num_possible_cpus();
	const u64 *from;
	u64 *to = (u64 *)c;
	u8 *values;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, size);
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.cpus), &zero,
				  values);
	for (int i = 0; !err && i < cpus; i++) {
		from = (const u64 *)(values + (size_t)i * size);
		for (size_t j = 0; j < sizeof(*c) / sizeof(u64); j++)
			to[j] += from[j];
	}
	free(values);
	return err;
}

int simnet_counters(const struct simnet *s, struct simnet_counters *c)
{
	int err;

	memset(c, 0, sizeof(*c));
	err = read_cpus(s, c);
	if (err)
		log_err("simulated Internet: cannot read the counters: %s",
			strerror(-err));
	return err;
}

static int fill_topo(struct simnet *s, const struct topo *topo)
{
	u32 zero = 0;
	int err;

	err = bpf_map__update_elem(s->skel->maps.topo, &zero, sizeof(zero),
				   &topo->table, sizeof(topo->table), 0);
	for (u32 i = 0; !err && i < topo->nets; i++) {
		const struct prefix *p = &topo->net[i];
		struct simnet_net_key key = {
			.len = p->len + (p->family == 4 ? 96u : 0u),
		};

		memcpy(key.addr, &p->addr, sizeof(key.addr));
		err = bpf_map__update_elem(s->skel->maps.nets, &key,
					   sizeof(key), &i, sizeof(i), 0);
	}
	if (err)
		log_err("simulated Internet: cannot fill its maps: %s",
			strerror(-err));
	return err;
}

static int load(struct simnet *s, const struct simnet_config *cfg,
		const struct topo *topo)
{
	int err;

	s->skel = simnet__open();
	if (!s->skel) {
		err = -errno;
		log_err("simulated Internet: cannot open: %s", strerror(-err));
		return err;
	}
	memcpy((void *)&s->skel->rodata->config, cfg, sizeof(*cfg));
	s->skel->rodata->config.topo = topo != NULL;
	if (world_has_limits(cfg, topo))
		bpf_map__set_max_entries(s->skel->maps.limiters,
					 SIMNET_LIMITERS);
	err = simnet__load(s->skel);
	if (err) {
		log_err("simulated Internet: the kernel refused the program: "
			"%s; root is needed",
			strerror(-err));
		return err;
	}
	return topo ? fill_topo(s, topo) : 0;
}

static int attach(struct simnet *s, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);

	s->link = bpf_link_create(bpf_program__fd(s->skel->progs.simnet_main),
				  ifindex, BPF_XDP, &opts);
	if (s->link >= 0)
		return 0;
	log_err("simulated Internet: cannot attach to interface %d: %s",
		ifindex, strerror(-s->link));
	return s->link;
}

int simnet_open_topo(struct simnet *s, const struct simnet_config *cfg,
		     const struct topo *topo, int ifindex)
{
	int err;

	s->skel = NULL;
	s->link = -1;
	err = world_check(cfg);
	if (!err)
		err = load(s, cfg, topo);
	if (!err && ifindex)
		err = attach(s, ifindex);
	if (err)
		simnet_close(s);
	return err;
}

int simnet_open(struct simnet *s, const struct simnet_config *cfg, int ifindex)
{
	return simnet_open_topo(s, cfg, NULL, ifindex);
}

int simnet_program_fd(const struct simnet *s)
{
	return bpf_program__fd(s->skel->progs.simnet_main);
}

void simnet_close(struct simnet *s)
{
	if (!s->skel)
		return;
	if (s->link >= 0)
		close(s->link);
	simnet__destroy(s->skel);
	memset(s, 0, sizeof(*s));
}
