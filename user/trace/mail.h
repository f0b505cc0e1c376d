/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mail: answers that came in on the queue of one worker and belong to a
 * trace of another.
 *
 * A router's address decides on which receive queue its error lands, and an
 * AF_XDP socket hears its own queue alone: so what is heard is passed on,
 * parsed, over a single-producer single-consumer ring for each pair.
 */
#ifndef WHITHER_MAIL_H
#define WHITHER_MAIL_H

#include <ck_ring.h>

#include "probe/probe.h"

enum {
	MAIL_FRAME = 320, /* of the frame, for extensions and options in it */
	MAIL_DATAGRAM =
		2048, /* all of it: what servers of QUIC say is sealed */
	MAIL_RING = 4096,
	MAIL_TAKEN = 64, /* at most at once */
	MAIL_WORKERS = LAUNCH_LANES,
};

struct mail {
	struct answer answer;
	u32 at; /* among the frames of its box */
};

struct mailbox;

struct mailroom {
	u32 workers, frame;  /* octets of each that are kept */
	struct mailbox *box; /* from * workers + to */
	u32 done;	     /* workers whose strategy has come to its end */
	bool failed;	     /* one of them could not go on: all stop */
};

/* Zeroed: none. `frame`: MAIL_FRAME or MAIL_DATAGRAM. 0 or -ENOMEM, logged. */
int mailroom_open(struct mailroom *m, u32 workers, u32 frame);
void mailroom_close(struct mailroom *m);
/* Worker `from` alone. How many answers may be put now, whoever they are for:
 * who has no room leaves the frames in the receive ring, which is deeper. */
unsigned int mail_room(const struct mailroom *m, u32 from);
/* Worker `from` alone. The answer is copied. */
void mail_put(struct mailroom *m, u32 from, u32 to, const struct answer *a);
/* Worker `to` alone. Fills mail[0..n), n <= max <= MAIL_TAKEN; each answer's
 * frame is a copy, which stays until the next call. */
unsigned int mail_take(struct mailroom *m, u32 to, struct mail *mail,
		       unsigned int max);

#endif
