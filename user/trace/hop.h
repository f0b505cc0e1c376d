/* SPDX-License-Identifier: BSD-2-Clause */
/* hop: what one answer says of one hop. Pure. */
#ifndef WHITHER_HOP_H
#define WHITHER_HOP_H

#include "probe/probe.h"
#include "trace/record.h"

/* HOP_REACHED, HOP_FINAL: what this reply alone says about the end. A time
 * exceeded never ends a trace, whoever sent it. */
u8 hop_end_flags(const struct reply *r, const struct addr *dst);
/* All but the RTT. */
void hop_from_answer(struct hop *h, const struct answer *a);

#endif
