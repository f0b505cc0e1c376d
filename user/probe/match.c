/* SPDX-License-Identifier: BSD-2-Clause */
/* match: reply -> probe. */
#include "probe/match.h"

bool match(const struct cookie_key *key, const u8 *frame, u32 len,
	   u64 arrived_ns, const struct cookie_proof *proof, struct answer *a,
	   u64 counts[STEER_VERDICT_COUNT])
{
	enum steer_verdict v;

	reply_parse(frame, len, &a->reply);
	if (proof->result == COOKIE_FOREIGN) {
		v = steer_judge(key, &a->reply, &a->proof);
		counts[v]++;
		if (v != STEER_EXACT && v != STEER_REWRITTEN)
			return false;
	} else {
		a->proof = *proof;
	}
	a->dst = a->reply.quote_len ? a->reply.qdst : a->reply.from;
	a->arrived_ns = arrived_ns;
	a->frame = frame;
	a->frame_len = len;
	return true;
}
