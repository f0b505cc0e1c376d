/* SPDX-License-Identifier: BSD-2-Clause */
/* mail: answers that came in on the queue of another worker. */
#include "trace/mail.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

CK_RING_PROTOTYPE(mail, mail)

/* Frames have a ring of their own, longer by what was taken last. */
enum { FRAMES = MAIL_RING + MAIL_TAKEN };

struct mailbox {
	struct ck_ring ring;
	struct mail *slot;
	u8 *frames;
	u32 next; /* of them; its writer's alone */
};

int mailroom_open(struct mailroom *m, u32 workers, u32 frame)
{
	memset(m, 0, sizeof(*m));
	m->workers = workers;
	m->frame = frame;
	m->box = calloc((size_t)workers * workers, sizeof(*m->box));
	for (u32 i = 0; m->box && i < workers * workers; i++) {
		struct mailbox *b = &m->box[i];

		if (i / workers == i % workers)
			continue; /* nobody writes to himself */
		ck_ring_init(&b->ring, MAIL_RING);
		b->slot = calloc(MAIL_RING, sizeof(*b->slot));
		b->frames = calloc(FRAMES, frame);
		if (b->slot && b->frames)
			continue;
		mailroom_close(m);
	}
	if (m->box)
		return 0;
	log_err("no memory for the mail between %u workers", workers);
	return -ENOMEM;
}

void mailroom_close(struct mailroom *m)
{
	for (u32 i = 0; m->box && i < m->workers * m->workers; i++) {
		free(m->box[i].slot);
		free(m->box[i].frames);
	}
	free(m->box);
	memset(m, 0, sizeof(*m));
}

unsigned int mail_room(const struct mailroom *m, u32 from)
{
	unsigned int room = MAIL_RING - 1;

	for (u32 to = 0; to < m->workers; to++) {
		const struct mailbox *b = &m->box[from * m->workers + to];
		unsigned int left;

		if (to == from)
			continue;
		left = MAIL_RING - 1 - ck_ring_size(&b->ring);
		room = left < room ? left : room;
	}
	return room;
}

void mail_put(struct mailroom *m, u32 from, u32 to, const struct answer *a)
{
	struct mailbox *b = &m->box[from * m->workers + to];
	u32 len = a->frame_len < m->frame ? a->frame_len : m->frame;
	struct mail mail = { .answer = *a, .at = b->next };

	b->next = (b->next + 1) % FRAMES;
	memcpy(b->frames + (size_t)mail.at * m->frame, a->frame, len);
	mail.answer.frame_len = len;
	if ((u32)a->reply.ext_off + a->reply.ext_len > len)
		mail.answer.reply.ext_len = 0;
	ck_ring_enqueue_spsc_mail(&b->ring, b->slot, &mail);
}

unsigned int mail_take(struct mailroom *m, u32 to, struct mail *mail,
		       unsigned int max)
{
	unsigned int n = 0;

	for (u32 from = 0; from < m->workers; from++) {
		struct mailbox *b = &m->box[from * m->workers + to];

		while (from != to && n < max &&
		       ck_ring_dequeue_spsc_mail(&b->ring, b->slot, &mail[n])) {
			mail[n].answer.frame =
				b->frames + (size_t)mail[n].at * m->frame;
			n++;
		}
	}
	return n;
}
