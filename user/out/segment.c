/* SPDX-License-Identifier: BSD-2-Clause */
/* segment: records as octets that can be trusted, or are seen not to be. */
#include "out/segment.h"

#include <errno.h>

#include "lib/crc32c.h"
#include "probe/tcp.h"

enum {
	MASK = 5, /* octets */
	PLACE = RECORD_TRACE | RECORD_FIRST | RECORD_LAST,
};

_Static_assert(sizeof(struct record) == 4 * SEGMENT_WORDS, "all of a record");
_Static_assert(SEGMENT_WORDS <= 8 * MASK, "a bit for each word");

struct head {
	u32 length;
	u8 type;
	u8 zero[3];
	u64 sequence;
};

_Static_assert(sizeof(struct head) == SEGMENT_HEAD, "no padding");

size_t segment_seal(u8 *at, enum segment_type type, u64 sequence, size_t length)
{
	const struct head h = {
		.length = (u32)length,
		.type = (u8)type,
		.sequence = sequence,
	};
	u32 crc;

	memcpy(at, &h, sizeof(h));
	length += SEGMENT_HEAD;
	crc = crc32c(0, at, length);
	memcpy(at + length, &crc, sizeof(crc));
	return length + SEGMENT_TAIL;
}

size_t segment_put(u8 *at, struct record *before, const struct record *r)
{
	u8 *to = at + MASK;
	u64 mask = 0;

	for (unsigned int i = 0; i < SEGMENT_WORDS; i++) {
		u32 old, new;

		memcpy(&old, (const u8 *)before + 4 * i, 4);
		memcpy(&new, (const u8 *)r + 4 * i, 4);
		new ^= old;
		mask |= (u64)(new != 0) << i;
		memcpy(to, &new, 4); /* overwritten by the next, if 0 */
		to += new ? 4 : 0;
	}
	for (unsigned int i = 0; i < MASK; i++)
		at[i] = (u8)(mask >> 8 * i);
	*before = *r;
	return (size_t)(to - at);
}

ssize_t segment_check(const u8 *at, size_t left, struct segment_frame *f)
{
	struct head h;
	size_t whole;
	u32 crc;

	if (!left)
		return 0;
	if (left < SEGMENT_HEAD + SEGMENT_TAIL)
		return -EBADMSG;
	memcpy(&h, at, sizeof(h));
	whole = (size_t)h.length + SEGMENT_HEAD;
	if (h.length > SEGMENT_PAYLOAD_MAX || whole + SEGMENT_TAIL > left)
		return -EBADMSG;
	memcpy(&crc, at + whole, sizeof(crc));
	if (crc != crc32c(0, at, whole) || h.type < SEGMENT_BEGIN ||
	    h.type > SEGMENT_TRACE || h.zero[0] || h.zero[1] || h.zero[2])
		return -EBADMSG;
	f->type = (enum segment_type)h.type;
	f->sequence = h.sequence;
	f->payload = at + SEGMENT_HEAD;
	f->length = h.length;
	return (ssize_t)(whole + SEGMENT_TAIL);
}

/* What outputs take for granted. Flags that they do not know they pass over. */
bool segment_can(const struct record *r)
{
	const struct hop *h = &r->hop;

	return h->tcp_said < TCP_SAID_WHOLE << 1 && h->state <= HOP_LOST &&
	       h->kind <= REPLY_UDP && r->stop_reason <= STOP_HALTED &&
	       r->session <= FATE_RESET;
}

ssize_t segment_get(const u8 *at, size_t left, struct record *r)
{
	const u8 *from = at + MASK;
	u64 mask = 0;

	if (left < MASK)
		return -EBADMSG;
	for (unsigned int i = 0; i < MASK; i++)
		mask |= (u64)at[i] << 8 * i;
	if (mask >> SEGMENT_WORDS ||
	    (size_t)__builtin_popcountll(mask) * 4 > left - MASK)
		return -EBADMSG;
	for (; mask; mask &= mask - 1, from += 4) {
		u8 *to = (u8 *)r + 4 * __builtin_ctzll(mask);
		u32 old, new;

		memcpy(&old, to, 4);
		memcpy(&new, from, 4);
		new ^= old;
		memcpy(to, &new, 4);
	}
	return segment_can(r) ? from - at : -EBADMSG;
}

/* Whether it can be taken, and if so, takes it where there is somebody to. */
static int read_records(const struct segment_scan *s,
			const struct segment_frame *f, u64 wall_offset_ns,
			bool take)
{
	u8 wanted = f->type == SEGMENT_TRACE ? RECORD_TRACE : 0;
	struct record r = {};
	ssize_t n = 0;
	int err = 0;

	for (u32 at = 0; !err && at < f->length; at += (u32)n) {
		u8 flags = wanted;

		n = segment_get(f->payload + at, f->length - at, &r);
		if (n < 0)
			return -EBADMSG;
		if (wanted && !at)
			flags |= RECORD_FIRST;
		if (wanted && at + (u32)n == f->length)
			flags |= RECORD_LAST;
		if ((r.flags & PLACE) != flags)
			return -EBADMSG;
		if (take)
			err = s->take(s->to, &r, wall_offset_ns);
	}
	return err;
}

static const char *read_begin(const struct segment_scan *s,
			      const struct segment_frame *f, u64 *wall)
{
	struct segment_begin b;

	if (f->type != SEGMENT_BEGIN || f->length != sizeof(b))
		return "a segment does not begin so";
	memcpy(&b, f->payload, sizeof(b));
	*wall = b.wall_offset_ns;
	if (b.magic != SEGMENT_MAGIC)
		return "this is no segment of this kind of host";
	if (b.format != SEGMENT_FORMAT)
		return "this segment is of another version";
	if (b.run != s->run)
		return "this segment is another run's";
	return b.number == s->number ? NULL : "this segment has another number";
}

/* NULL: it is what must come next. */
static const char *judge(const struct segment_scan *s,
			 const struct segment_frame *f, u64 *wall)
{
	const char *why = s->good ? NULL : read_begin(s, f, wall);

	if (why)
		return why;
	if (f->sequence != s->sequence)
		return "a frame is out of order";
	if (s->good &&
	    (f->type == SEGMENT_BEGIN || read_records(s, f, *wall, false)))
		return "what is there makes no sense";
	return NULL;
}

int segment_scan(struct segment_scan *s, const u8 *octets, size_t n)
{
	struct segment_frame f;
	ssize_t whole;
	u64 wall = 0;
	int err;

	s->good = 0;
	s->why = NULL;
	s->foreign = false;
	while (s->good < n) {
		whole = segment_check(octets + s->good, n - s->good, &f);
		s->why = whole < 0 ? "damaged, or cut short"
				   : judge(s, &f, &wall);
		s->foreign = s->why && whole > 0;
		if (s->why)
			return 0;
		err = s->good ? read_records(s, &f, wall, true) : 0;
		if (err)
			return err;
		s->good += (size_t)whole;
		s->sequence++;
	}
	return 0;
}
