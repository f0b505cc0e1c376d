/* SPDX-License-Identifier: BSD-2-Clause */
/* group: replies that stand alone, made into a trace. */
#ifndef WHITHER_GROUP_H
#define WHITHER_GROUP_H

#include "trace/record.h"

/*
 * All replies to one flow, in order of TTL and attempt: sets their flags, and
 * in the last why the trace ended. The destination ends it where it first
 * answered; an unreachable does unless a time exceeded came from as far or
 * farther. What was answered beyond the end stays, and formats know it as
 * such by its TTL.
 */
void group_trace(struct record *r, unsigned int n);

#endif
