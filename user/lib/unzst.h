/* SPDX-License-Identifier: BSD-2-Clause */
/* unzst: a zstd file, read as what it holds. */
#ifndef WHITHER_UNZST_H
#define WHITHER_UNZST_H

#include <stdio.h>

/*
 * A stream of what `packed` holds: any number of frames. fclose() of it
 * closes packed too. Reading fails with EBADMSG where the octets are not
 * zstd's or end in the middle of a frame. NULL, with errno set: no memory;
 * packed is left open then.
 */
FILE *unzst_open(FILE *packed);

#endif
