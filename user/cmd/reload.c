/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: exclusions that are read again on SIGHUP, while probes leave. */
#include "cmd/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"

static void hangup(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
}

void reload_hold(void)
{
	sigset_t set;

	hangup(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void free_set(struct exclude *x)
{
	exclude_fini(x);
	free(x);
}

static bool is_ending(const struct reload *r)
{
	return __atomic_load_n(&r->ending, __ATOMIC_ACQUIRE);
}

/* Every packet thread has passed the change, or they have all ended. */
static void wait_for_all(const struct reload *r)
{
	u32 n = exclude_replaced(r->exclude);

	for (u32 i = 0; i < r->run->workers && !is_ending(r);)
		if (gate_has_seen(&r->run->worker[i].uplink.gate, n))
			i++;
		else
			clock_sleep(10 * NS_PER_MS);
}

static void again(struct reload *r)
{
	struct exclude *x = malloc(sizeof(*x)), *before;

	if (!x) {
		log_err("SIGHUP: no memory; the exclusions stay as they are");
		return;
	}
	exclude_init(x);
	if (r->build(x, r->of)) { /* has said why */
		log_err("SIGHUP: the exclusions stay as they are");
		free_set(x);
		return;
	}
	before = (struct exclude *)exclude_replace(r->exclude, x);
	wait_for_all(r);
	log_warn("SIGHUP: exclusions read again, they hold from here on: %u "
		 "ranges",
		 x->count);
	if (before != r->exclude) /* the first set is its owner's */
		free_set(before);
}

static void *serve(void *to)
{
	struct reload *r = to;
	sigset_t set;
	int sig;

	hangup(&set);
	while (!sigwait(&set, &sig) && !is_ending(r))
		again(r);
	return NULL;
}

int reload_start(struct reload *r)
{
	int err = -pthread_create(&r->thread, NULL, serve, r);

	if (err)
		log_err("no thread to wait for SIGHUP: %s", strerror(-err));
	r->running = !err;
	return err;
}

void reload_stop(struct reload *r)
{
	struct exclude *last;

	if (!r->running)
		return;
	/* pairs with is_ending() */
	__atomic_store_n(&r->ending, true, __ATOMIC_RELEASE);
	pthread_kill(r->thread, SIGHUP);
	pthread_join(r->thread, NULL);
	r->running = false;
	last = (struct exclude *)exclude_replace(r->exclude, r->exclude);
	if (last != r->exclude)
		free_set(last);
}
