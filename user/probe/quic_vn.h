/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_vn: QUIC packets of a version that no server has. Each is answered by
 * the list of versions that there are (RFC 8999 section 6, RFC 9000 section
 * 6.1), statelessly, to the connection ID that the packet says is ours: the
 * mark of the probe.
 *
 *   form | version : 4 | 8 | server's ID : 8 | 8 | mark : 8 | 0 | balance : 2 |
 *   0 ...
 *
 * Pure.
 */
#ifndef WHITHER_QUIC_VN_H
#define WHITHER_QUIC_VN_H

#include "probe/probe.h"

/* What no probe changes, into a zeroed UDP payload of 27 octets or more. */
void quic_vn_template(u8 *payload);
/* The rest. sum: of the datagram without it; want: what its checksum is to
 * be. */
void quic_vn_write(u8 *payload, u64 cid, u64 mark, u64 sum, u16 want);
/* The first version of a list, in host order: an answer of REPLY_UDP with a
 * connection ID; 0: it is none, or is empty. */
u32 quic_vn_first(const struct answer *a);

#endif
