/* SPDX-License-Identifier: BSD-2-Clause */
/* mpls: the label stack that a router appended (RFC 4884, RFC 4950). */
#include "probe/mpls.h"

/* RFC 4884 section 7 */
struct WIRE ext_header {
	u8 version;
	u8 reserved;
	be16 check;
};

struct WIRE ext_object {
	be16 len; /* with this header */
	u8 class, ctype;
};

enum {
	EXT_VERSION = 2,
	/* RFC 4950 section 3 */
	CLASS_MPLS = 1,
	CTYPE_INCOMING = 1,
	ENTRY = 4,
};

/* Did the error say where its quote ends? Else the place is a custom. */
static bool is_place_told(const struct answer *a)
{
	const struct reply *r = &a->reply;
	const struct wire_icmp *h = (const void *)(a->frame + r->l4_off);

	return (r->family == 4 ? h->quote_words : h->quote_words6) != 0;
}

static bool is_sound(const struct answer *a, const u8 *ext, u32 len)
{
	const struct ext_header *h = (const void *)ext;

	if (len < sizeof(*h) || h->version >> 4 != EXT_VERSION)
		return false;
	if (!be16_get(h->check))
		return is_place_told(a);
	return csum_fold(csum_octets(0, ext, len)) == 0xffff;
}

/* The entries of one object; `seen` came before. Returns seen by now. */
static unsigned int take_entries(const u8 *entry, u32 len, be32 *label,
				 unsigned int max, unsigned int seen)
{
	for (; len >= ENTRY && seen < 255; len -= ENTRY, entry += ENTRY) {
		if (seen < max)
			memcpy(&label[seen], entry, ENTRY);
		seen++;
	}
	return seen;
}

unsigned int mpls_labels(const struct answer *a, be32 *label, unsigned int max)
{
	const struct reply *r = &a->reply;
	const struct ext_object *object;
	const u8 *ext = a->frame + r->ext_off;
	u32 left = r->ext_len, len;
	unsigned int seen = 0;

	if (!left || (u32)r->ext_off + left > a->frame_len ||
	    r->l4_off + sizeof(struct wire_icmp) > r->ext_off ||
	    !is_sound(a, ext, left))
		return 0;
	ext += sizeof(struct ext_header);
	left -= sizeof(struct ext_header);
	while (left) {
		object = (const void *)ext;
		if (left < sizeof(*object))
			return 0;
		len = be16_get(object->len);
		if (len < sizeof(*object) || len > left || len % 4)
			return 0;
		if (object->class == CLASS_MPLS &&
		    object->ctype == CTYPE_INCOMING)
			seen = take_entries(ext + sizeof(*object),
					    len - sizeof(*object), label, max,
					    seen);
		ext += len;
		left -= len;
	}
	return seen;
}
