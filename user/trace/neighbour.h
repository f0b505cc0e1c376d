/* SPDX-License-Identifier: BSD-2-Clause */
/* neighbour: how far away targets are whose addresses are near. Pure. */
#ifndef WHITHER_NEIGHBOUR_H
#define WHITHER_NEIGHBOUR_H

#include "trace/path.h"
#include "trace/turns.h"

enum { NEIGHBOUR_REACH = 8 }; /* numbers to either side */

/* The distance of the nearest that told it, of those whose turns come before
 * `begun`; 0: none did. path: by turn. */
u8 neighbour_distance(const struct turns *t, const struct path *path, u64 begun,
		      u64 number, const struct addr *dst);

#endif
