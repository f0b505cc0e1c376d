/* SPDX-License-Identifier: BSD-2-Clause */
/* stop: SIGINT and SIGTERM end a run in good order; a second one at once. */
#ifndef WHITHER_STOP_H
#define WHITHER_STOP_H

#include "types.h"

/* The flag becomes true with the first signal. SIGPIPE and SIGXFSZ
 * are ignored: writing to a reader that is gone, or beyond the limit of a
 * file's size, is an error like any other. */
const volatile bool *stop_on_signals(void);

#endif
