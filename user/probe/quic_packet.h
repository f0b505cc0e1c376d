/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_packet: the packets that a client sends before it has heard anything.
 *
 * A packet fills all of the size that is asked for. What stands behind it in
 * its datagram a server takes for another packet that it cannot read, and
 * ignores (RFC 9000 section 12.2).
 *
 * Pure.
 */
#ifndef WHITHER_QUIC_PACKET_H
#define WHITHER_QUIC_PACKET_H

#include "probe/quic_hello.h"
#include "probe/quic_keys.h"

/*
 * What is added behind a packet, to balance a checksum that a sealed packet
 * does not allow to be chosen, is best QUIC_TRAILER octets, the first of them
 * 0: without the fixed bit no server may look further, or answer by a reset;
 * and there is room for the connection ID that Wireshark looks for, which
 * calls shorter ones malformed.
 */
enum { QUIC_TRAILER = 22 };

struct quic_initial {
	const struct quic_hello *hello; /* NULL: CONNECTION_CLOSE in its place,
					 * with NO_ERROR */
	u32 version;			/* one that is spoken */
	u32 number; /* of the packet, from 0; none twice in a connection */
	struct quic_cid dcid, scid;
	const u8 *token; /* of a Retry; read while it is written */
	u32 token_len;	 /* below 2^14 */
};

/* Writes an Initial of `size` octets, 2^14 at most, to at[], sealed with the
 * client's keys. False: it does not fit, or has no such hello. */
bool quic_initial_write(struct quic_crypto *c, const struct quic_keys *k,
			const struct quic_initial *i, u8 *at, u32 size);

/* Writes a packet of a reserved version, which asks a server for the versions
 * that it speaks (RFC 9000 section 6), of `size` octets. False: too few. */
bool quic_ask_versions(u32 reserved, const struct quic_cid *dcid,
		       const struct quic_cid *scid, u8 *at, u32 size);

#endif
