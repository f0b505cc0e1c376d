/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c: the checksum of what is kept in files. */
#include "lib/crc32c.h"

#include <isa-l/crc.h>

u32 crc32c(u32 before, const void *octets, size_t n)
{
	/* the library takes what it only reads for something to change */
	return ~crc32_iscsi((unsigned char *)octets, (int)n, ~before);
}
