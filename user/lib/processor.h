/* SPDX-License-Identifier: BSD-2-Clause */
/* processor: those that this process may use, counted from 0. */
#ifndef WHITHER_PROCESSOR_H
#define WHITHER_PROCESSOR_H

#include "types.h"

/* The kernel's number of the i-th; -1: there are fewer. */
int processor_nth(u32 i);
/* The calling thread stays on the i-th, if there are so many. */
void processor_pin(u32 i);

#endif
