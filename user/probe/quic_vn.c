/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_vn: QUIC packets of a version that no server has. */
#include "probe/quic_vn.h"

#include <stddef.h>

#include "probe/quic_packet.h"

enum {
	RESERVED = 0x1a2a3a4a, /* RFC 9000 section 15 */
	CID = REPLY_QUIC_CID,
};

struct WIRE packet {
	u8 form;
	be32 version;
	u8 theirs_length;
	be64 theirs;
	u8 ours_length;
	be64 ours;
	u8 zero;
	be16 balance;
};

struct WIRE list {
	u8 form;
	be32 version; /* 0 */
	u8 ours_length;
	be64 ours;
	u8 theirs_length;
	be64 theirs;
	be32 first;
};

void quic_vn_template(u8 *payload)
{
	const struct quic_cid cid = { .len = CID };

	quic_ask_versions(RESERVED, &cid, &cid, payload, sizeof(struct packet));
}

void quic_vn_write(u8 *payload, u64 cid, u64 mark, u64 sum, u16 want)
{
	struct packet *p = (void *)payload;

	p->theirs = be64_put(cid);
	p->ours = be64_put(mark);
	/* both; the length between them is in the template's sum already */
	sum = csum_octets(sum, (u8 *)&p->theirs, CID);
	sum += csum_neg((u64)CID << 8);
	sum = csum_octets(sum, &p->ours_length, 1 + CID + 1);
	p->balance = be16_put(csum_fold((u64)(u16)~want + csum_neg(sum)));
}

u32 quic_vn_first(const struct answer *a)
{
	u32 off = a->reply.l4_off + (u32)sizeof(struct wire_udp);
	const struct list *l = (const void *)(a->frame + off);

	/* which is an octet longer than what it describes */
	if (off + offsetof(struct list, first) + sizeof(l->first) >
		    a->frame_len ||
	    be32_get(l->version) || l->theirs_length != CID)
		return 0;
	return be32_get(l->first);
}
