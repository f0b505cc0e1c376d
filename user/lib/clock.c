/* SPDX-License-Identifier: BSD-2-Clause */
/* clock: the only module that reads a clock. */
#include "lib/clock.h"

#include <time.h>

static u64 read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

u64 clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

u64 clock_wall_offset(void)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

u64 clock_thread_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void clock_sleep(u64 ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};

	nanosleep(&ts, NULL);
}
