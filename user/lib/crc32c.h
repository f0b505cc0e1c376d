/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c: the checksum of what is kept in files (RFC 3720, appendix B.4). Any
 * thread. */
#ifndef WHITHER_CRC32C_H
#define WHITHER_CRC32C_H

#include "types.h"

/* Of n octets, n < 2^31, after those that `before` is of; 0: of none. */
u32 crc32c(u32 before, const void *octets, size_t n);

#endif
