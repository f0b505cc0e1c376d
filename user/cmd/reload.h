/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reload: exclusions that are read again on SIGHUP, while probes leave.
 *
 * A thread of its own builds the new set aside and puts it in the old one's
 * place; the packet threads neither wait nor lock. The old set is freed when
 * all of them have passed the change.
 */
#ifndef WHITHER_RELOAD_H
#define WHITHER_RELOAD_H

#include <pthread.h>

#include "cmd/run.h"

struct reload {
	struct exclude *exclude; /* the one that the run asks */
	int (*build)(struct exclude *x, const void *of); /* sealed; logs */
	const void *of;
	const struct run *run;
	pthread_t thread;
	bool running, ending;
};

/* Before any thread is started: SIGHUP waits until reload_start(). */
void reload_hold(void);
/* After run_open(); r's exclude, build, of and run are set. 0 or negative
 * errno, logged. */
int reload_start(struct reload *r);
/* After run_go(), when the packet threads have ended: back to the first set. A
 * zeroed struct is stopped. */
void reload_stop(struct reload *r);

#endif
