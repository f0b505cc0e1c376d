/* SPDX-License-Identifier: BSD-2-Clause */
/* stop: SIGINT and SIGTERM end a run in good order; a second one at once. */
#include "cmd/stop.h"

#include <signal.h>

static volatile bool stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = true;
}

const volatile bool *stop_on_signals(void)
{
	/* reset after the first: the second has its default effect */
	struct sigaction once = { .sa_handler = on_signal,
				  .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return &stopped;
}
