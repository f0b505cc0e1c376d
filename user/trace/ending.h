/* SPDX-License-Identifier: BSD-2-Clause */
/* ending: how far away who ended a way is, by what was answered. Pure. */
#ifndef WHITHER_ENDING_H
#define WHITHER_ENDING_H

#include "trace/path.h"
#include "trace/record.h"

/* r: an answer, but that a probe expired. */
void ending_read(const struct record *r, struct path_end *end);

#endif
