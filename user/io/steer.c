/* SPDX-License-Identifier: BSD-2-Clause */
/* steer: the XDP program on the interface, seen from user space. */
#include "io/steer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/nic.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "whither.skel.h"

static const char *const verdict_names[] = {
#define X(name, taken, help) [STEER_##name] = #name,
	STEER_VERDICTS(X)
#undef X
};

const char *steer_verdict_name(enum steer_verdict v)
{
	return verdict_names[v];
}

static int libbpf_line(enum libbpf_print_level level, const char *format,
		       va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	return 0;
}

static int load(struct steer *s, const struct steer_open_config *cfg)
{
	int err;

	libbpf_set_print(libbpf_line);
	s->program = whither__open();
	if (!s->program) {
		err = -errno;
		log_err("the XDP program cannot be opened: %s", strerror(-err));
		return err;
	}
	s->frame_max =
		cfg->frame_max <= LAUNCH_SMALL ? LAUNCH_SMALL : LAUNCH_LARGE;
	s->slot_size = (u32)sizeof(struct launch_slot) + s->frame_max;
	s->program->rodata->launch_frame_max = s->frame_max;
	s->program->rodata->launch_ifindex = (u32)cfg->ifindex;
	s->lanes = cfg->lanes;
	bpf_map__set_value_size(s->program->maps.launch_slots, s->slot_size);
	bpf_map__set_max_entries(s->program->maps.launch_slots,
				 LAUNCH_SLOTS * s->lanes);
	err = whither__load(s->program);
	if (err)
		log_err("the kernel refuses the XDP program: %s%s",
			strerror(-err),
			err == -EPERM ? " (needs CAP_BPF, CAP_PERFMON and "
					"CAP_NET_ADMIN; run as root, or with "
					"--tx raw)"
				      : "");
	return err;
}

static void name_holder(const char *ifname)
{
	struct nic_info nic;

	if (nic_read(&nic, ifname))
		return;
	log_err("%s: the XDP program \"%s\" (id %u) is attached already; it "
		"is left alone. Detach it, or use --tx raw",
		ifname, nic.xdp_name, nic.xdp_id);
}

static int attach(struct steer *s, const struct steer_open_config *cfg)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int prog = bpf_program__fd(s->program->progs.whither);

	s->link = bpf_link_create(prog, cfg->ifindex, BPF_XDP, &opts);
	if (s->link < 0 && s->link != -EBUSY && s->link != -EEXIST) {
		log_info("%s: no native XDP (%s), so generic XDP: slower",
			 cfg->ifname, strerror(-s->link));
		opts.flags = XDP_FLAGS_SKB_MODE;
		s->link = bpf_link_create(prog, cfg->ifindex, BPF_XDP, &opts);
		s->generic = true;
	}
	if (s->link >= 0)
		return 0;
	if (s->link == -EBUSY || s->link == -EEXIST)
		name_holder(cfg->ifname);
	else
		log_err("%s: XDP cannot be attached: %s", cfg->ifname,
			strerror(-s->link));
	return s->link;
}

static size_t slots_octets(const struct steer *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((size_t)s->slot_size * LAUNCH_SLOTS * s->lanes + page - 1) /
	       page * page;
}

static int map_slots(struct steer *s)
{
	int fd = bpf_map__fd(s->program->maps.launch_slots);
	void *p = mmap(NULL, slots_octets(s), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		log_err("the launch slots cannot be mapped: %s",
			strerror(errno));
		return -errno;
	}
	s->slots = p;
	return 0;
}

int steer_open(struct steer *s, const struct steer_open_config *cfg)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->link = -1;
	err = load(s, cfg);
	if (err)
		goto undo;
	err = map_slots(s);
	if (err)
		goto undo;
	memcpy((void *)&s->program->bss->steer_config.key, &cfg->key,
	       sizeof(cfg->key));
	steer_beat(s, clock_now());
	err = attach(s, cfg);
	if (err)
		goto undo;
	return 0;
undo:
	steer_close(s);
	return err;
}

int steer_attach_again(struct steer *s, const char *ifname)
{
	struct steer_open_config cfg = {
		.ifname = ifname,
		.ifindex = (int)if_nametoindex(ifname),
	};

	close(s->link);
	return attach(s, &cfg);
}

int steer_add_socket(struct steer *s, u32 queue, int fd)
{
	int map = bpf_map__fd(s->program->maps.steer_sockets);

	return bpf_map_update_elem(map, &queue, &fd, BPF_ANY);
}

void steer_beat(struct steer *s, u64 now)
{
	__atomic_store_n(&s->program->bss->steer_config.heartbeat_ns, now,
			 __ATOMIC_RELAXED);
}

int steer_read_counts(const struct steer *s, u64 counts[STEER_VERDICT_COUNT])
{
	int map = bpf_map__fd(s->program->maps.steer_counts);
	int cpus = libbpf_num_possible_cpus(), err;
	u64 *each;

	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	for (u32 v = 0; v < STEER_VERDICT_COUNT; v++) {
		counts[v] = 0;
		err = bpf_map_lookup_elem(map, &v, each);
		for (int i = 0; !err && i < cpus; i++)
			counts[v] += each[i];
	}
	free(each);
	return 0;
}

void steer_set_lane(struct steer *s, unsigned int cpu, u32 lane)
{
	if (cpu < LAUNCH_CPUS)
		s->program->bss->launch_lane[cpu] = (u8)lane;
}

/*
 * A live run takes its frames' size from data_in; what it holds does not
 * matter, since every octet is written. A signal ends a run early with what
 * was taken so far sent: it is then run for the rest.
 */
int steer_launch(struct steer *s, u32 lane, u32 n)
{
	static u8 size[LAUNCH_LARGE];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = size,
		    .data_size_in = s->frame_max,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = LAUNCH_BATCH);
	int prog = bpf_program__fd(s->program->progs.whither), err;
	volatile u32 *next = &s->program->bss->launch_next[lane].slot;

	*next = 0;
	do {
		opts.repeat = (int)(n - *next);
		err = bpf_prog_test_run_opts(prog, &opts);
	} while (err == -EINTR && *next < n);
	return err == -EINTR ? 0 : err;
}

/* The order matters: nothing may be redirected to a socket that closes. */
void steer_close(struct steer *s)
{
	if (!s->program)
		return;
	if (s->link >= 0)
		close(s->link);
	if (s->slots)
		munmap(s->slots, slots_octets(s));
	whither__destroy(s->program);
	memset(s, 0, sizeof(*s));
	s->link = -1;
}
