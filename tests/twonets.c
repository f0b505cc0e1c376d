/* SPDX-License-Identifier: BSD-2-Clause */
/* twonets: two network namespaces joined by a veth pair. */
#include "twonets.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	int near, far;
	pid_t keeper; /* lives in the far one, so that it has a name: a pid */
	const char *why; /* there are none; NULL: there are */
} nets = { .near = -1, .far = -1 };

void twonets_skip(const char *why)
{
	const char *ci = getenv("CI");

	print_message("SKIP %s\n", why);
	if (ci && !strcmp(ci, "true"))
		fail();
	skip();
}

static void enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0) {
		perror("setns");
		abort();
	}
}

void twonets_enter_near(void)
{
	enter(nets.near);
}

void twonets_enter_far(void)
{
	enter(nets.far);
}

static void run(const char *format, va_list args)
{
	char command[512];

	vsnprintf(command, sizeof(command), format, args);
	if (system(command) != 0) {
		print_message("failed: %s\n", command);
		enter(nets.near);
		fail();
	}
}

void near_run(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run(format, args);
	va_end(args);
}

void far_run(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	twonets_enter_far();
	run(format, args);
	twonets_enter_near();
	va_end(args);
}

/* A process in a namespace of its own that waits to be killed. */
static pid_t keep_far(void)
{
	int ready[2];
	char octet;
	pid_t pid;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &octet, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static int open_net(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int set_up(void)
{
	nets.why = "needs root, for network namespaces";
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	nets.keeper = keep_far();
	if (nets.keeper < 0)
		return -1;
	nets.near = open_net(getpid());
	nets.far = open_net(nets.keeper);
	/* a link-local address is needed at once, to ask for neighbours from */
	near_run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
	far_run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
	nets.why = "needs ip and veth devices";
	if (system("ip link add v0 type veth peer name v1 2>/dev/null"))
		return -1;
	near_run("ip link set v1 netns %d", (int)nets.keeper);
	near_run("ip link set lo up && ip link set v0 up");
	near_run("ip addr add 10.99.0.1/24 dev v0");
	near_run("ip addr add fd99::1/64 dev v0 nodad");
	far_run("ip link set lo up && ip link set v1 up");
	far_run("ip addr add 10.99.0.2/24 dev v1");
	far_run("ip addr add fd99::2/64 dev v1 nodad");
	near_run("ip route add default via 10.99.0.2");
	near_run("ip route add default via fd99::2");
	/* neighbours that do not answer are given up sooner */
	near_run("for v in 4 6; do d=/proc/sys/net/ipv$v/neigh/v0; "
		 "echo 50 >$d/retrans_time_ms; echo 1 >$d/ucast_solicit; "
		 "done");
	nets.why = NULL;
	return 0;
}

int twonets_setup(void **state)
{
	(void)state;
	set_up();
	return 0;
}

void twonets_need(void)
{
	if (nets.why)
		twonets_skip(nets.why);
}

int twonets_teardown(void **state)
{
	(void)state;
	if (nets.keeper > 0) {
		kill(nets.keeper, SIGKILL);
		waitpid(nets.keeper, NULL, 0);
	}
	if (nets.near >= 0)
		close(nets.near);
	if (nets.far >= 0)
		close(nets.far);
	nets.near = nets.far = -1;
	nets.keeper = 0;
	return 0;
}
