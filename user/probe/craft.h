/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * craft: probe -> frame. A template per family is made once; per probe only
 * what differs is patched: destination, TTL, cookie, checksums.
 *
 * Pure; one thread at a time may change the template (next hop's MAC).
 */
#ifndef WHITHER_CRAFT_H
#define WHITHER_CRAFT_H

#include "probe/quic_conn.h"
#include "probe/tcp.h"

enum {
	CRAFT_FRAME = 1514,
	CRAFT_PAYLOAD = 10, /* mark and balance: the least a probe carries */
	CRAFT_QUIC = 1200,  /* what a QUIC server answers, RFC 9000, 14.1 */
	CRAFT_MIN_V4 = 20 + 8 + CRAFT_PAYLOAD,
	CRAFT_MIN_V6 = 40 + 8 + CRAFT_PAYLOAD,
};

struct craft_config {
	const struct cookie_key *key; /* outlives struct craft */
	enum probe_method method;
	struct tcp_shape tcp;	 /* of TCP methods */
	struct quic_conns *quic; /* of PROBE_QUIC; outlives struct craft */
	u16 size4, size6;	 /* IP datagram, header included */
	/* Of whoever probes (RFC 9511 section 3), read by craft_init() alone;
	 * NULL: none. Carried behind the balance, between two octets of 0. */
	const char *uri;
	u8 tos;
	bool dont_fragment; /* IPv4 */
};

struct craft_template {
	u8 frame[CRAFT_FRAME] __attribute__((aligned(8)));
	u32 len;
	u32 ip_sum; /* of the constant fields of the IPv4 header */
	u32 l4_sum; /* of the constant part of what the transport sums */
};

struct craft {
	struct craft_config config;
	struct craft_template v4, v6;
};

/* How many octets more than CRAFT_MIN_V4 or _V6 a probe needs for that URI;
 * NULL: 0. */
u32 craft_uri_octets(const char *uri);
/* The least size of a probe without URI; of TCP, which has no payload, the
 * only one. */
u16 craft_least(enum probe_method method, const struct tcp_shape *tcp, bool v4);
/* -EINVAL: a size below craft_least() and the URI, or above what a frame
 * holds; with TCP any other one, and a URI. */
int craft_init(struct craft *c, const struct craft_config *config);
void craft_set_mac(struct craft *c, bool v4, const u8 src[6], const u8 dst[6]);
/* Writes the whole frame, Ethernet header first. Returns its length. */
u32 craft_probe(const struct craft *c, const struct probe *p, u8 *frame);
/* Writes what is no probe. Returns its length. */
u32 craft_aside(const struct craft *c, const struct aside *s, u8 *frame);
/* Writes the RST that refuses what the segment `r`, which acknowledges
 * something, belongs to. Returns its length. */
u32 craft_reset(const struct craft *c, const struct reply *r, u8 *frame);
/* IP protocol number of this method's probes to dst. */
u8 craft_proto(enum probe_method method, const struct addr *dst);

#endif
