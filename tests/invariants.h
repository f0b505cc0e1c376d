/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * invariants: what holds of a parsed reply, whatever the frame was. Whoever
 * reads a frame at these offsets relies on it.
 */
#ifndef WHITHER_TESTS_INVARIANTS_H
#define WHITHER_TESTS_INVARIANTS_H

#include "cookie.h"

#define MUST(expr)                                                             \
	do {                                                                   \
		if (!(expr))                                                   \
			return #expr;                                          \
	} while (0)

static inline const char *quote_broken(const struct reply *r, u32 len)
{
	u32 header = r->family == 4 ? 20 : 40;

	MUST(r->quote_off == r->l4_off + 8);
	MUST(r->quote_len >= header + 8);
	MUST(r->quote_off + r->quote_len <= len);
	MUST(r->qproto == PROTO_UDP || r->qproto == PROTO_TCP ||
	     r->qproto == PROTO_ICMP || r->qproto == PROTO_ICMP6);
	MUST(addr_is_v4(&r->qsrc) == addr_is_v4(&r->qdst) || r->family == 6);
	MUST(!r->has_mark || r->quote_len >= header + 16);
	MUST(r->kind == REPLY_TOOBIG || r->mtu == 0);
	if (!r->ext_off) {
		MUST(r->ext_len == 0);
		return NULL;
	}
	MUST(r->quote_len >= 128);
	MUST(r->ext_off == r->quote_off + r->quote_len);
	MUST(r->ext_len >= 4);
	MUST(r->ext_off + r->ext_len <= len);
	return NULL;
}

/* NULL, or what does not hold. */
static inline const char *reply_broken(const struct reply *r, u32 len)
{
	MUST(r->kind <= REPLY_UDP);
	MUST(r->family == 0 || r->family == 4 || r->family == 6);
	MUST(r->has_mark <= 1);
	MUST(r->has_mark || r->mark == 0);
	MUST(r->qflow <= 0xfffff);
	MUST(!r->qflow || r->family == 6);
	if (r->kind <= REPLY_FRAGMENT)
		return NULL;
	MUST(r->family != 0);
	MUST(r->family != 4 || (addr_is_v4(&r->from) && addr_is_v4(&r->to)));
	MUST(r->l4_off >= 14 + (r->family == 4 ? 20 : 40));
	MUST(r->l4_off + 8u <= len);
	if (r->kind <= REPLY_PARAM)
		return quote_broken(r, len);
	MUST(r->quote_off == 0 && r->quote_len == 0);
	MUST(r->ext_off == 0 && r->ext_len == 0);
	MUST(addr_is_none(&r->qsrc) && addr_is_none(&r->qdst));
	MUST(r->mtu == 0 && r->qflow == 0);
	MUST(r->kind == REPLY_TCP || (!r->seq && !r->ack && !r->tcp_flags));
	return NULL;
}

/* A proof that claims to be one is one; else it is zero. */
static inline const char *proof_broken(const struct cookie_proof *p,
				       const struct reply *r)
{
	MUST(p->result <= COOKIE_REWRITTEN);
	MUST(p->attempt <= COOKIE_MAX_ATTEMPT);
	if (p->result < COOKIE_EXACT) {
		MUST(!p->ttl && !p->attempt && !p->bits);
		return NULL;
	}
	MUST(r->kind >= REPLY_EXPIRED && r->kind <= REPLY_TCP);
	MUST(p->bits >= 19);
	MUST(p->result != COOKIE_REWRITTEN || r->kind < REPLY_ECHO);
	return NULL;
}

#undef MUST

#endif
