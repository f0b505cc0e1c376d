/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk: one TCP connection of ours against a peer that says whatever a test
 * wants it to, in virtual time.
 *
 * All that goes wrong fails the cmocka test that is running.
 */
#ifndef WHITHER_TESTS_TALK_H
#define WHITHER_TESTS_TALK_H

#include "frame.h"
#include "lib/clock.h"
#include "trace/session.h"

enum {
	TALK_ATTEMPTS = 3,
	TALK_RTT_MS = 20,
	TALK_THEIRS = 0xfffffff0, /* their first number: a banner wraps */
};

struct talk {
	struct cookie_key key;
	struct session_rules rules;
	struct session s;
	struct sack sack;
	u64 now;
	u32 first; /* our number */
	/* since the last call of what hears or waits */
	struct aside said[4];
	unsigned int count;
	enum session_event event; /* of what left last, if that is one */
};

/* What the peer says; numbers count from theirs and from ours. */
struct talk_word {
	u8 flags;
	u32 seq, ack;
	u16 data;
	u8 options[40], size;
	u16 window; /* 0: large */
};

#define TALK_OUR "192.0.2.1"
#define TALK_DST "203.0.113.9"

#define TALK_SACK_OK 4, 2, 1, 1
#define TALK_STAMP(n) 1, 1, 8, 10, 0, 0, 0, (n), 0, 0, 0, 1

/* Plain words, and one that brings so many octets. */
struct talk_word talk_says(u8 flags, u32 seq, u32 ack);
struct talk_word talk_brings(u32 seq, u16 data);
/* They hold one octet at `left`. */
struct talk_word talk_sacked(const struct talk *t, u32 left);

/* The SYN leaves, of the only flow if that is 0. */
void talk_begin(struct talk *t, u8 flow);
/* Up to SESSION_OPEN. */
void talk_open(struct talk *t, u8 flow);
/* They accept it, an RTT later. */
enum session_event talk_accept(struct talk *t, bool sack, bool stamps);
/* They say that, and what we have to say to it leaves: no more than one
 * segment, but that a session begins with two. */
enum session_event talk_hear(struct talk *t, struct talk_word w);
/* What we have to say leaves. */
void talk_collect(struct talk *t);
/* Waits until something is due, in so many ms exactly. */
enum session_event talk_wait(struct talk *t, u64 ms);
/* From the SYN to the octet that proves it. */
u32 talk_proof(const struct talk *t);
/* Just this was said. */
void talk_said(const struct talk *t, u8 flags, u32 seq, u32 ack, u8 octets);

#endif
