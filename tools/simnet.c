/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simnet: runs a command in a network namespace of its own, where everything
 * beyond the gateway is the simulated Internet.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/responder.h"
#include "io/simnet.h"
#include "io/topo.h"
#include "io/veth.h"
#include "io/world.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/number.h"
#include "lib/opt.h"

struct options {
	struct simnet_config net;
	const char *topo;
	u32 queues;
	u64 delay_min, delay_max; /* ns */
	bool quiet;
};

static int read_delay(void *config, const char *option, const char *text)
{
	struct options *o = config;
	char least[32];
	const char *dash = strchr(text, '-');
	u64 min, max;

	snprintf(least, sizeof(least), "%.*s",
		 dash ? (int)(dash - text) : (int)strlen(text), text);
	if (number_plain(least, &min) ||
	    number_plain(dash ? dash + 1 : text, &max) || min > max ||
	    max > 60000) {
		log_err("%s %s: needs milliseconds, as in 20 or 5-80", option,
			text);
		return -EINVAL;
	}
	o->delay_min = min * NS_PER_MS;
	o->delay_max = max * NS_PER_MS;
	return 0;
}

static const struct opt table[] = {
	OPT_HEADING("the network"),
	OPT(0, "topo", STRING, struct options, topo, "FILE",
	    "a drawn network, in place of a procedural one"),
	OPT_DO(0, "delay", "MIN-MAX",
	       "milliseconds that an answer takes, at random, in "
	       "addition to a drawn delay",
	       read_delay),
	OPT(0, "net-seed", COUNT, struct options, net.seed, "N",
	    "another seed, another network [1]"),
#define X(field, option, least, most, preset, help)                            \
	OPT(0, option, U32, struct options, net.field, "N",                    \
	    help " [" #preset "]", .min = least, .max = most),
	SIMNET_PARAMS(X)
#undef X
		OPT(0, "public4", ADDR, struct options, net.public4, "ADDR",
		    "source that quotes show, as behind a translator"),
	OPT(0, "public6", ADDR, struct options, net.public6, "ADDR",
	    "... and those of IPv6"),
	OPT(0, "queues", U32, struct options, queues, "N",
	    "receive queues of the interface, told apart by the processor "
	    "that a frame comes from",
	    .min = 1, .max = 64),
	OPT_HEADING("the command"),
	OPT('q', "quiet", FLAG, struct options, quiet, NULL,
	    "do not print the counters at the end"),
	OPT_END,
};

static void print_counters(const struct simnet_counters *c)
{
	fprintf(stderr, "simnet: %-8s %12s %12s %12s\n", "", "IPv4", "IPv6",
		"other");
	for (int i = 0; i < SIMNET_OUTCOME_COUNT; i++) {
		const u64 *n = c->n[i];

		if (n[0] || n[1] || n[2])
			fprintf(stderr,
				"simnet: %-8s %12llu %12llu %12llu  %s\n",
				world_outcome_name(i), (unsigned long long)n[0],
				(unsigned long long)n[1],
				(unsigned long long)n[2],
				world_outcome_help(i));
	}
}

/* The child that runs the command, or negative errno. */
static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0) {
		log_err("fork: %s", strerror(errno));
		return -errno;
	}
	if (pid > 0)
		return pid;
	execvp(command[0], command);
	log_err("%s: %s", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int status_of(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus)
				  : 128 + WTERMSIG(wstatus);
}

/* Answers by XDP, which needs no time of this process. */
static int run_fast(const struct options *o, const struct topo *topo,
		    char **command)
{
	struct simnet_config cfg = o->net;
	struct simnet_counters counters;
	struct simnet net;
	int wstatus = 1 << 8;
	pid_t pid;

	/* the command may have no XDP program */
	cfg.redirect = 1;
	if (simnet_open_topo(&net, &cfg, topo,
			     (int)if_nametoindex(VETH_DEFAULT.far)))
		return 1;
	pid = start(command);
	while (pid > 0 && waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	if (!o->quiet && !simnet_counters(&net, &counters))
		print_counters(&counters);
	simnet_close(&net);
	return status_of(wstatus);
}

/* Answers late, from a thread of this process. */
static int run_late(const struct options *o, const struct topo *topo,
		    char **command)
{
	struct responder_config cfg = {
		.net = o->net,
		.topo = topo,
		.delay_min = o->delay_min,
		.delay_max = o->delay_max,
		.ifindex = (int)if_nametoindex(VETH_DEFAULT.far),
	};
	struct responder *r;
	int wstatus = 1 << 8;
	pid_t pid;

	r = responder_new(&cfg);
	if (!r)
		return 1;
	pid = start(command);
	while (pid > 0 && waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	responder_stop(r);
	if (!o->quiet)
		print_counters(responder_counters(r));
	responder_free(r);
	return status_of(wstatus);
}

/* XDP answers at once, so where anything takes time, the thread answers. */
static bool is_late(const struct options *o, const struct topo *topo)
{
	for (unsigned int i = 0; topo && i < 2 * topo->links; i++)
		if (topo->table.edge[i].delay_us)
			return true;
	return o->delay_max != 0;
}

static int usage(FILE *to)
{
	opt_usage(to, "simnet [options] -- COMMAND...",
		  "Runs COMMAND in a network namespace where everything "
		  "beyond the gateway is simulated. Exits as it does. Root.",
		  table);
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct options o = { .net = SIMNET_PRESET, .queues = 1 };
	struct veth_config veth = VETH_DEFAULT;
	struct topo *topo = NULL;
	int first = opt_parse(table, &o, argc, argv), status = 1;

	if (first < 0)
		return first == -ECANCELED ? usage(stdout) : 2;
	if (first == argc)
		return usage(stderr);
	if (o.topo) {
		topo = malloc(sizeof(*topo));
		if (!topo || topo_open(topo, o.topo))
			return 1;
	}
	veth.queues = o.queues;
	if (unshare(CLONE_NEWNET) < 0)
		log_err("cannot make a network namespace: %s (root is needed)",
			strerror(errno));
	else if (!veth_open(&veth))
		status = is_late(&o, topo) ? run_late(&o, topo, argv + first)
					   : run_fast(&o, topo, argv + first);
	free(topo);
	return status;
}
