/* SPDX-License-Identifier: BSD-2-Clause */
/* processor: those that this process may use, counted from 0. */
#include "lib/processor.h"

#include <pthread.h>
#include <sched.h>

int processor_nth(u32 i)
{
	cpu_set_t ours;

	if (sched_getaffinity(0, sizeof(ours), &ours))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &ours) && i-- == 0)
			return cpu;
	return -1;
}

void processor_pin(u32 i)
{
	cpu_set_t one;
	int cpu = processor_nth(i);

	CPU_ZERO(&one);
	if (cpu < 0)
		return;
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}
