/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame: packets for tests, described by designated initialisers.
 *
 * What is left zero is what a sane sender would put there: version, header
 * lengths, total lengths and checksums are computed; a non-zero `lie` stands
 * in place of a true length.
 */
#ifndef WHITHER_TESTS_FRAME_H
#define WHITHER_TESTS_FRAME_H

#include "cookie.h"

enum { FRAME_MAX = 2048 };

struct frame_ext {
	u8 next; /* which header this is: PROTO_HOPOPTS .. */
	u8 len;	 /* its own length field, in its own units */
	u16 offset;
};

struct frame_ip {
	u8 family; /* 0: no such header */
	const char *src, *dst;
	u8 tos, ttl;
	u8 options; /* IPv4: octets of them, a multiple of four */
	u8 ihl;	    /* IPv4: lie about the header's length */
	u16 id, frag;
	u16 lie;
	u32 label; /* IPv6 */
	u8 ext_count;
	struct frame_ext ext[8];
};

/* ICMP: sport is the identifier, dport the checksum (0: the true one). */
struct frame_l4 {
	u8 proto; /* 0: nothing follows the IP header */
	u8 type, code;
	u8 flags;    /* TCP */
	u16 payload; /* octets behind the header, the mark first */
	u16 sport, dport;
	u16 field; /* UDP checksum, ICMP sequence number */
	u32 seq, ack;
	u64 mark;
};

struct frame {
	u16 vlan[2]; /* EtherTypes of the tags, outer first */
	struct frame_ip ip;
	struct frame_l4 l4;
	struct frame_ip quote; /* family 0: no quote */
	struct frame_l4 quoted;
	u16 quote_max;	/* the router quotes so much; 0: all of it */
	u16 quote_pad;	/* ... and pads with zeroes to so much */
	u16 extensions; /* octets of RFC 4884 extensions */
	u8 words;	/* RFC 4884: length field */
	u8 trailer;	/* Ethernet's padding behind the datagram */
	u32 mtu;
	u16 cut; /* capture only so much of the frame */
};

/* An address from text; the program ends if it is none. */
struct addr frame_addr(const char *text);

/* Writes the frame to at[0..FRAME_MAX) and returns its length. */
u32 frame_build(const struct frame *f, u8 *at);

/* Makes f->quote and f->quoted the probe that `key` makes for it. `f` must
 * have quote.family, quote.dst and quoted.proto. */
void frame_probe(struct frame *f, const struct cookie_key *key, u8 ttl,
		 u8 attempt);

/*
 * A valid frame of every kind that the parser knows, with true cookies of
 * `key`: sample(0) .. sample(frame_samples() - 1).
 */
unsigned int frame_samples(void);
u32 frame_sample(const struct cookie_key *key, unsigned int i, u8 *at);

/* The key of tests: 4096 ports from 32768, 192.0.2.1 and 2001:db8::1. */
struct cookie_key frame_key(void);

/* A small generator, so that a seed names a run: splitmix64. */
u64 frame_random(u64 *state);

/*
 * Damages a frame of `len` octets in at[0..FRAME_MAX): flips bits, sets
 * octets and words to values that break parsers, cuts. Returns the new
 * length, at least `least`.
 */
u32 frame_mutate(u8 *at, u32 len, u32 least, u64 *state);

#endif
