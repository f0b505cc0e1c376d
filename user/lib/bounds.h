/* SPDX-License-Identifier: BSD-2-Clause */
/* bounds: the lesser and the greater of two. */
#ifndef WHITHER_BOUNDS_H
#define WHITHER_BOUNDS_H

#include "types.h"

static inline u64 least(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 most(u64 a, u64 b)
{
	return a > b ? a : b;
}

#endif
