/* SPDX-License-Identifier: BSD-2-Clause */
/* clock: the only module that reads a clock. Any thread. */
#ifndef WHITHER_CLOCK_H
#define WHITHER_CLOCK_H

#include "types.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

/* CLOCK_MONOTONIC, as bpf_ktime_get_ns() reads it. */
u64 clock_now(void);
/* CLOCK_REALTIME minus CLOCK_MONOTONIC. */
u64 clock_wall_offset(void);
/* What the calling thread has used of a processor, kernel included. */
u64 clock_thread_cpu(void);
void clock_sleep(u64 ns);

#endif
