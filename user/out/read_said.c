/* SPDX-License-Identifier: BSD-2-Clause */
/* read_said: what destinations said of TCP and QUIC. */
#include "out/read_said.h"

#include <errno.h>
#include <json-c/json.h>

#include "cookie.h"
#include "out/key.h"
#include "out/told.h"
#include "probe/probe.h"
#include "probe/tcp.h"
#include "wire.h"

int said_tcp(const struct reader *r, struct json_object *o, struct hop *h)
{
	static const struct {
		const char *key;
		u8 what;
	} said[] = {
		{ "tcp_ae", TCP_SAID_AE },
		{ "tcp_sack", TCP_SAID_SACK },
		{ "tcp_timestamps", TCP_SAID_TIMESTAMPS },
		{ "tcp_malformed", TCP_SAID_MALFORMED },
	};
	int err = key_u8(r, o, "tcp_flags", &h->tcp_flags);

	if (!err)
		err = key_u16(r, o, "tcp_mss", &h->tcp_mss);
	if (!err)
		err = key_u8(r, o, "tcp_wscale", &h->tcp_scale);
	if (json_object_object_get_ex(o, "tcp_mss", NULL))
		h->tcp_said |= TCP_SAID_MSS;
	if (json_object_object_get_ex(o, "tcp_wscale", NULL))
		h->tcp_said |= TCP_SAID_SCALE;
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (key_true(o, said[i].key))
			h->tcp_said |= said[i].what;
	return err;
}

int said_of_segment(const struct reader *r, struct json_object *o,
		    struct record *x)
{
	static const struct {
		const char *key;
		u8 what;
	} said[] = {
		{ "icmp_q_tcp_sack", TCP_SAID_SACK },
		{ "icmp_q_tcp_timestamps", TCP_SAID_TIMESTAMPS },
		{ "icmp_q_tcp_malformed", TCP_SAID_MALFORMED },
		{ "icmp_q_tcp_whole", TCP_SAID_WHOLE },
	};
	struct hop *h = &x->hop;
	int err = key_u16(r, o, "icmp_q_tcp_dport", &x->seen_dport);

	if (key_true(o, "icmp_q_tcp_seq_rewritten"))
		h->flags |= HOP_RENUMBERED;
	if (!err)
		err = key_u16(r, o, "icmp_q_tcp_mss", &h->tcp_mss);
	if (!err)
		err = key_u8(r, o, "icmp_q_tcp_wscale", &h->tcp_scale);
	if (json_object_object_get_ex(o, "icmp_q_tcp_mss", NULL))
		h->tcp_said |= TCP_SAID_MSS;
	if (json_object_object_get_ex(o, "icmp_q_tcp_wscale", NULL))
		h->tcp_said |= TCP_SAID_SCALE;
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (key_true(o, said[i].key))
			h->tcp_said |= said[i].what;
	return err;
}

/* "I", "R+I", "V", "U", and what ",close" adds to any. */
int said_quic(const struct reader *r, struct json_object *o, struct hop *h)
{
	static const struct {
		const char *what;
		u8 said;
	} words[] = {
		{ "I", HOP_QUIC_INITIAL },
		{ "V", HOP_QUIC_VERSIONS },
		{ "U", HOP_QUIC_UNKNOWN },
	};
	const char *text = key_text(o, "quic"), *at = text;

	if (!text)
		return 0;
	if (!strncmp(at, "R+", 2)) {
		h->tcp_said |= HOP_QUIC_RETRY;
		at += 2;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (*at != *words[i].what)
			continue;
		h->tcp_said |= words[i].said;
		if (!strcmp(at + 1, ",close"))
			h->tcp_said |= HOP_QUIC_CLOSE;
		else if (at[1])
			break;
		return 0;
	}
	return reader_fail(r, key_where(r, "quic"), "quic is %.30s", text);
}

static u8 fate_of(const char *text)
{
	u8 fate = FATES;

	while (--fate && (!text || strcmp(text, told_fates[fate])))
		;
	return fate;
}

static int get_session(struct reader *r, struct json_object *o,
		       const struct record *common, u8 flow)
{
	const char *fate = key_text(o, "fate");
	struct record *x = reader_add(r);
	struct hop *h = &x->hop;
	int err;

	*x = *common;
	x->flags |= RECORD_SESSION;
	x->session = fate_of(fate);
	h->attempt = flow;
	if (!x->session)
		return reader_fail(r, key_where(r, "fate"), "fate is %.30s",
				   fate ? fate : "not there");
	err = key_u16(r, o, "sport", &x->sport);
	if (err || !json_object_object_get_ex(o, "tcp_flags", NULL))
		return err;
	h->from = x->dst;
	h->state = HOP_ANSWERED;
	h->kind = REPLY_TCP;
	err = key_thousandths(r, o, "rtt", &h->rtt_us);
	return err ? err : said_tcp(r, o, h);
}

int said_of_sessions(struct reader *r, struct json_object *o,
		     const struct record *common)
{
	struct json_object *array;
	size_t n;
	int err = key_array(r, o, "sessions", &array, &n);

	if (!err && n > COOKIE_MAX_ATTEMPT + 1)
		return reader_fail(r, key_where(r, "sessions"),
				   "more than %d sessions",
				   COOKIE_MAX_ATTEMPT + 1);
	if (!err && n && common->proto != PROTO_TCP)
		return reader_fail(r, key_where(r, "sessions"),
				   "sessions are of TCP");
	for (size_t i = 0; !err && i < n; i++)
		err = get_session(r, json_object_array_get_idx(array, i),
				  common, (u8)i);
	return err;
}

static int get_u32(const struct reader *r, struct json_object *o,
		   const char *key, u32 *to)
{
	u64 v = *to;
	int err = key_u64(r, o, key, UINT32_MAX, &v);

	*to = (u32)v;
	return err;
}

int said_of_connection(struct reader *r, struct json_object *o,
		       const struct record *common)
{
	static const struct {
		const char *key;
		u8 said;
	} words[] = {
		{ "initial", HOP_QUIC_INITIAL },
		{ "retry", HOP_QUIC_RETRY },
		{ "versions", HOP_QUIC_VERSIONS },
	};
	struct json_object *quic;
	struct record *x;
	int err;

	if (!json_object_object_get_ex(o, "quic", &quic))
		return 0;
	if (!json_object_is_type(quic, json_type_object) ||
	    common->proto != PROTO_UDP)
		return reader_fail(r, key_where(r, "quic"),
				   "quic is no object of a trace by UDP");
	x = reader_add(r);
	*x = *common;
	x->flags |= RECORD_SESSION;
	err = key_u8(r, quic, "version", &x->quic_version);
	if (!err && x->quic_version != 1 && x->quic_version != 2)
		return reader_fail(r, key_where(r, "version"),
				   "version %u of QUIC is neither 1 nor 2",
				   x->quic_version);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (key_true(quic, words[i].key))
			x->hop.tcp_said |= words[i].said;
	if (json_object_object_get_ex(quic, "close", NULL))
		x->hop.tcp_said |= HOP_QUIC_CLOSE;
	if (json_object_object_get_ex(quic, "ect0", NULL))
		x->hop.tcp_said |= HOP_QUIC_COUNTED;
	if (!err)
		err = get_u32(r, quic, "close", &x->quic.close_code);
	if (!err)
		err = get_u32(r, quic, "ect0", &x->quic.ect0);
	if (!err)
		err = get_u32(r, quic, "ect1", &x->quic.ect1);
	return err ? err : get_u32(r, quic, "ce", &x->quic.ce);
}
