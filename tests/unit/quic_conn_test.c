/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_conn_test: what a connection sends, and what becomes of it by what it
 * hears: of a server that opens and answers, and of datagrams that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "probe/quic_conn.h"
#include "quicframe.h"
#include "quicserver.h"

enum { FLOWS = 3, SIZE = 1252, GUARD = 16, PORT = 443 };

struct pair {
	struct cookie_key key;
	struct quic_conns x;
	struct quic_conn *c;
	struct addr dst;
	struct quicserver server;
	struct quicserver_habits habits;
	struct quicserver_out out;
	struct quic_reply reply;
	u8 flow;
};

static struct pair *pair_new(u8 flow)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->key = frame_key();
	p->key.mode = COOKIE_QUIC;
	p->key.flows = true;
	p->dst = frame_addr(flow ? "2001:db8:9::9" : "203.0.113.9");
	p->flow = flow;
	p->x = (struct quic_conns){ .key = &p->key,
				    .name = "example.net",
				    .dport = PORT,
				    .slots = 2,
				    .flows = FLOWS };
	assert_int_equal(quic_conns_open(&p->x), 0);
	p->c = quic_conns_at(&p->x, 1, flow);
	assert_true(quic_conn_begin(&p->x, p->c, &p->dst, flow));
	return p;
}

static void pair_free(struct pair *p)
{
	if (p->server.faults)
		fail_msg("%s", p->server.fault);
	quic_conns_close(&p->x);
	free(p);
}

static void write_packet(struct pair *p, bool closes, u8 *at, u32 size)
{
	assert_true(quic_conn_write(&p->x, p->c, &p->dst, p->flow, p->c->next++,
				    closes, at, size));
}

/* The next packet, heard by the server, whose answers are in p->out. */
static void send_packet(struct pair *p, bool closes)
{
	u8 at[SIZE];

	memset(at, 0xee, sizeof(at));
	write_packet(p, closes, at, SIZE);
	quicserver_hear(&p->server, &p->habits, &p->x.crypto, at, SIZE, 0,
			&p->out);
}

/* A datagram of the server's address and port, that claims a length; 0: its
 * own. */
static enum quic_event hear_lie(struct pair *p, const u8 *data, u32 len,
				u16 lie)
{
	bool v4 = addr_is_v4(&p->dst);
	struct frame f = {
		.ip = { v4 ? 4 : 6, v4 ? "203.0.113.9" : "2001:db8:9::9",
			v4 ? "192.0.2.1" : "2001:db8::1" },
		.l4 = { PROTO_UDP, .sport = PORT, .payload = (u16)len },
	};
	struct answer a = { .dst = p->dst };
	enum quic_event event;
	/* of its size, so that whoever reads on is seen */
	u8 at[FRAME_MAX], *exact;

	a.frame_len = frame_build(&f, at);
	memcpy(at + a.frame_len - len, data, len);
	reply_parse(at, a.frame_len, &a.reply);
	if (lie)
		((struct wire_udp *)(at + a.reply.l4_off))->len = be16_put(lie);
	exact = malloc(a.frame_len);
	assert_non_null(exact);
	memcpy(exact, at, a.frame_len);
	a.frame = exact;
	event = quic_conn_hear(&p->x, p->c, &a, p->flow, &p->reply);
	free(exact);
	return event;
}

static enum quic_event hear(struct pair *p, const u8 *data, u32 len)
{
	return hear_lie(p, data, len, 0);
}

static enum quic_event hear_server(struct pair *p)
{
	assert_int_equal(p->out.n, 1);
	return hear(p, p->out.data[0], p->out.len[0]);
}

/* A packet to our connection, of which all but the IDs is given. */
static enum quic_event hear_frame(struct pair *p, struct quicframe f)
{
	const u16 i = (u16)(p->flow << 4);
	const be64 ours = be64_put(
		cookie_mark(cookie_tag(&p->key, &p->dst, PROTO_UDP, i), i));
	struct quic_cid id = { .len = QUIC_CID };
	const struct quic_cid dcid = p->c->dcid;
	char to[64], from[64];
	u8 at[QUICFRAME_MAX];

	memcpy(id.id, &ours, sizeof(ours));
	f.to = quicserver_hex(id.id, id.len, to);
	if (!f.version)
		f.from = quicserver_hex(dcid.id, dcid.len, from);
	if (!f.keys)
		f.keys = &dcid;
	return hear(p, at, quicframe_add(&p->x.crypto, &f, at, 0));
}

static enum quic_event hear_packet(struct pair *p, enum quic_type type,
				   const char *frames)
{
	return hear_frame(p, (struct quicframe){ p->c->version, .type = type,
						 .frames = frames,
						 .padding = 40 });
}

static enum quic_event hear_retry(struct pair *p, const char *token)
{
	return hear_packet(p, QUIC_RETRY, token);
}

static enum quic_event hear_versions(struct pair *p, const char *list)
{
	return hear_frame(
		p, (struct quicframe){ QUIC_NEGOTIATION, .frames = list });
}

/* --- what is sent --- */

static void exactly_of_its_size(void **state)
{
	for (u32 size = QUIC_LEAST + 1; size < 1473; size++) {
		struct pair *p = pair_new(size % FLOWS);
		u8 at[1500 + GUARD];

		memset(at, 0xee, sizeof(at));
		write_packet(p, false, at, size);
		for (u32 i = 0; i < GUARD; i++)
			assert_int_equal(at[size + i], 0xee);
		for (u32 i = size - QUIC_TRAILER; i < size; i++)
			assert_int_equal(at[i], 0);
		/* which opens it, and looks at its trailer */
		p->habits.size = (u16)size;
		quicserver_hear(&p->server, &p->habits, &p->x.crypto, at, size,
				0, &p->out);
		assert_int_equal(p->server.faults, 0);
		assert_int_equal(p->server.initials, 1);
		assert_true(p->server.begun);
		pair_free(p);
	}
}

/* Copies of one packet, with numbers of their own; no two datagrams are the
 * same all the same. */
static void copies(void **state)
{
	for (u8 flow = 0; flow < FLOWS; flow++) {
		struct pair *p = pair_new(flow);
		u8 at[2][SIZE];

		for (u32 n = 0; n < 300; n++)
			send_packet(p, false);
		assert_int_equal(p->server.faults, 0);
		assert_int_equal(p->server.highest, 299);
		assert_int_equal(p->server.initials, 300);
		write_packet(p, false, at[0], SIZE);
		write_packet(p, false, at[1], SIZE);
		assert_memory_not_equal(at[0], at[1], SIZE);
		p->c->next--;
		write_packet(p, false, at[0], SIZE);
		assert_memory_equal(at[0], at[1], SIZE);
		pair_free(p);
	}
}

/* No two connections have their hello or an ID in common. */
static void strangers(void **state)
{
	struct pair *p[FLOWS + 2];
	u8 at[SIZE];

	for (u32 i = 0; i < FLOWS + 2; i++) {
		p[i] = pair_new(i % FLOWS);
		if (i == FLOWS)
			p[i]->dst = frame_addr("203.0.113.10");
		if (i == FLOWS + 1)
			p[i]->key.hash.k[0]++;
		assert_true(quic_conn_begin(&p[i]->x, p[i]->c, &p[i]->dst,
					    p[i]->flow));
		write_packet(p[i], false, at, SIZE);
		quicserver_hear(&p[i]->server, &p[i]->habits, &p[i]->x.crypto,
				at, SIZE, 0, &p[i]->out);
	}
	for (u32 i = 0; i < FLOWS + 2; i++)
		for (u32 j = 0; j < i; j++) {
			const struct quicserver *a = &p[i]->server,
						*b = &p[j]->server;

			assert_int_not_equal(a->hello, b->hello);
			assert_memory_not_equal(&a->first, &b->first,
						sizeof(a->first));
			assert_memory_not_equal(&a->client, &b->client,
						sizeof(a->client));
		}
	for (u32 i = 0; i < FLOWS + 2; i++)
		pair_free(p[i]);
}

static void slots(void **state)
{
	struct pair *p = pair_new(0);

	assert_int_equal(quic_conns_octets(&p->x),
			 2 * FLOWS * sizeof(struct quic_conn));
	assert_in_range(sizeof(struct quic_conn), QUIC_TOKEN_MAX, 424);
	for (u32 i = 0; i < 2 * FLOWS; i++)
		assert_ptr_equal(
			quic_conns_at(&p->x, i / FLOWS, (u8)(i % FLOWS)),
			&p->x.conn[i]);
	pair_free(p);
}

/* --- what is heard --- */

static void acknowledged(void **state)
{
	for (u8 flow = 0; flow < FLOWS; flow++) {
		struct pair *p = pair_new(flow);

		p->habits.every = 3;
		p->habits.ecn = true;
		for (int i = 0; i < 2; i++) {
			send_packet(p, false);
			assert_int_equal(p->out.n, 0);
		}
		p->c->next += 2; /* lost */
		send_packet(p, false);
		assert_int_equal(hear_server(p), QUIC_ACKED);
		for (u32 n = 0; n < 8; n++)
			assert_int_equal(quic_reply_acknowledges(&p->reply, n),
					 n < 2 || n == 4);
		assert_true(p->c->begun && p->c->counted && !p->c->closed);
		assert_int_equal(p->c->told, HOP_QUIC_INITIAL);
		assert_int_equal(p->c->ect0, 3);
		assert_int_equal(p->c->ect1, 0);
		assert_int_equal(p->c->ce, 1);
		assert_int_equal(p->c->faults, 0);
		send_packet(p, true);
		assert_int_equal(p->server.closes, 1);
		assert_true(p->server.closed);
		assert_int_equal(p->out.n, 0);
		pair_free(p);
	}
}

/* A server that only acknowledges holds nothing yet. */
static void not_begun(void **state)
{
	struct pair *p = pair_new(0);

	send_packet(p, false);
	assert_int_equal(hear_packet(p, QUIC_INITIAL, "0200000000"),
			 QUIC_ACKED);
	assert_false(p->c->begun);
	/* of what was never sent: nothing is named */
	assert_int_equal(hear_packet(p, QUIC_INITIAL, "0205000000"),
			 QUIC_NOTHING);
	assert_int_equal(p->c->faults, 1);
	pair_free(p);
}

static void retry_is_followed_once(void **state)
{
	for (u8 flow = 0; flow < FLOWS; flow++) {
		struct pair *p = pair_new(flow);
		struct quic_conn before = *p->c;
		struct quicserver_out first;

		p->habits.retries = true;
		send_packet(p, false);
		first = p->out;
		send_packet(p, false);
		assert_int_equal(hear_server(p), QUIC_CHANGED);
		assert_int_equal(p->c->told, HOP_QUIC_RETRY);
		assert_int_equal(p->c->next, 2);
		assert_int_equal(p->c->token_len, p->c->dcid.len);
		assert_memory_equal(p->c->token, p->c->dcid.id,
				    p->c->token_len);
		assert_memory_not_equal(&p->c->keys, &before.keys,
					sizeof(before.keys));
		/* that to the other probe, and one that is true for the new
		 * connection */
		p->out = first;
		assert_int_equal(hear_server(p), QUIC_NOTHING);
		assert_int_equal(hear_retry(p, "aabbcc"), QUIC_NOTHING);
		/* numbers go on */
		send_packet(p, false);
		assert_int_equal(p->server.highest, 2);
		assert_int_equal(hear_server(p), QUIC_ACKED);
		assert_true(p->c->begun);
		assert_int_equal(p->c->told, HOP_QUIC_RETRY | HOP_QUIC_INITIAL);
		send_packet(p, true);
		assert_int_equal(p->server.closes, 1);
		pair_free(p);
	}
}

static void retry_token(u32 len, enum quic_event event)
{
	struct pair *p = pair_new(0);
	char token[2 * 512 + 1];
	u8 at[SIZE];

	for (u32 i = 0; i < len; i++)
		sprintf(token + 2 * i, "%02x", i & 255);
	p->c->next = 1;
	assert_int_equal(hear_retry(p, token), event);
	assert_int_equal(hear_retry(p, token), QUIC_NOTHING);
	assert_int_equal(p->c->token_len, event == QUIC_CHANGED ? len : 0);
	write_packet(p, false, at, QUIC_LEAST);
	if (event == QUIC_CHANGED) {
		u32 octets = len < 64 ? 1 : 2;
		const u8 *t = at + 5 + 1 + p->c->dcid.len + 1 + QUIC_CID;

		for (u32 i = 0; i < len; i++)
			assert_int_equal(t[octets + i], i & 255);
		assert_int_equal(octets == 1 ? t[0] : (t[0] & 0x3f) << 8 | t[1],
				 len);
	}
	pair_free(p);
}

static void retry_tokens(void **state)
{
	static const u32 followed[] = { 1, 2, 63, 64, 65, 255, QUIC_TOKEN_MAX };

	for (size_t i = 0; i < sizeof(followed) / sizeof(*followed); i++)
		retry_token(followed[i], QUIC_CHANGED);
	retry_token(QUIC_TOKEN_MAX + 1, QUIC_UNNAMED);
	retry_token(500, QUIC_UNNAMED);
}

/* The longest names, token and connection ID there are fit into the least
 * datagram, or nothing may leave. */
static void longest_packet(void **state)
{
	struct pair *p = pair_new(0);
	char name[QUIC_NAME_MAX + 1];
	u8 at[QUIC_LEAST];

	memset(name, 'a', sizeof(name) - 1);
	name[QUIC_NAME_MAX] = '\0';
	p->x.name = p->x.alpn = name;
	p->c->token_len = QUIC_TOKEN_MAX;
	p->c->dcid.len = QUIC_CID_MAX;
	write_packet(p, false, at, QUIC_LEAST);
	write_packet(p, true, at, QUIC_LEAST);
	pair_free(p);
}

/* RFC 9000 section 17.2.5.2: whoever was heard by an Initial cannot ask for
 * another beginning. */
static void retry_too_late(void **state)
{
	struct pair *p = pair_new(1);
	struct quic_conn before;

	send_packet(p, false);
	assert_int_equal(hear_server(p), QUIC_ACKED);
	before = *p->c;
	assert_int_equal(hear_retry(p, "aabb"), QUIC_NOTHING);
	assert_memory_equal(p->c, &before, sizeof(before));
	send_packet(p, true);
	assert_int_equal(p->server.closes, 1);
	pair_free(p);
}

static void versions_are_negotiated_once(void **state)
{
	for (u8 flow = 0; flow < FLOWS; flow++) {
		struct pair *p = pair_new(flow);
		struct quicserver_out first;

		p->habits.v2_only = true;
		send_packet(p, false);
		first = p->out;
		assert_int_equal(hear_server(p), QUIC_CHANGED);
		assert_int_equal(p->c->version, QUIC_V2);
		assert_int_equal(p->c->told, HOP_QUIC_VERSIONS);
		/* that to another probe of the first version */
		p->out = first;
		assert_int_equal(hear_server(p), QUIC_NOTHING);
		/* and back again */
		assert_int_equal(hear_versions(p, "00000001"), QUIC_UNNAMED);
		assert_int_equal(p->c->version, QUIC_V2);
		send_packet(p, false);
		assert_int_equal(p->server.version, QUIC_V2);
		assert_int_equal(hear_server(p), QUIC_ACKED);
		assert_true(p->c->begun);
		/* what was heard by an Initial speaks it */
		assert_int_equal(hear_versions(p, "00000001"), QUIC_NOTHING);
		send_packet(p, true);
		assert_int_equal(p->server.closes, 1);
		pair_free(p);
	}
}

/* Of versions that we do not speak, each list is an answer. */
static void no_version_in_common(void **state)
{
	struct pair *p = pair_new(0);

	p->c->next = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(hear_versions(p, "ff00001d"), QUIC_UNNAMED);
	assert_int_equal(p->c->version, QUIC_V1);
	assert_int_equal(p->c->told, HOP_QUIC_VERSIONS);
	pair_free(p);
}

/* RFC 9000 section 6.2: nor after a Retry, which is of this version. */
static void versions_too_late(void **state)
{
	struct pair *p = pair_new(0);

	p->habits.retries = true;
	send_packet(p, false);
	assert_int_equal(hear_server(p), QUIC_CHANGED);
	assert_int_equal(hear_versions(p, "6b3343cf"), QUIC_NOTHING);
	assert_int_equal(p->c->version, QUIC_V1);
	send_packet(p, false);
	assert_int_equal(hear_server(p), QUIC_ACKED);
	pair_free(p);
}

static void closed(void **state)
{
	struct pair *p = pair_new(2);

	p->habits.refuses = true;
	send_packet(p, false);
	assert_int_equal(hear_server(p), QUIC_ACKED);
	assert_true(p->c->closed && !p->c->begun);
	assert_int_equal(p->c->close_code, 0x178);
	assert_int_equal(p->c->told, HOP_QUIC_INITIAL | HOP_QUIC_CLOSE);
	pair_free(p);
	/* one that acknowledges nothing answers all the same */
	p = pair_new(0);
	p->c->next = 1;
	assert_int_equal(hear_packet(p, QUIC_INITIAL, "1c 02 00 00"),
			 QUIC_UNNAMED);
	assert_true(p->c->closed && p->c->close_code == 2);
	pair_free(p);
}

/* Behind an Initial that was lost: it names nothing, and the server holds
 * state all the same. */
static void handshake_first(void **state)
{
	struct pair *p = pair_new(0);

	send_packet(p, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hear_packet(p, QUIC_HANDSHAKE, ""),
				 QUIC_NOTHING);
	assert_true(p->c->begun);
	assert_int_equal(p->c->told, 0);
	assert_int_equal(hear_server(p), QUIC_ACKED);
	pair_free(p);
}

/* What UDP claims beyond the frame is not read, nor what it does not claim. */
static void lengths_lie(void **state)
{
	for (u16 lie = 0; lie < 3; lie++) {
		static const u16 claims[3] = { 0xffff, 2000, 8 };
		struct pair *p = pair_new(0);

		send_packet(p, false);
		assert_int_equal(
			hear_lie(p, p->out.data[0], p->out.len[0], claims[lie]),
			lie < 2 ? QUIC_ACKED : QUIC_UNNAMED);
		assert_int_equal(p->c->faults, lie == 2);
		pair_free(p);
	}
}

static void garbage_answers_once(void **state)
{
	u8 garbage[2048];
	u64 seed = 3;

	for (u32 i = 0; i < sizeof(garbage); i++)
		garbage[i] = (u8)frame_random(&seed);
	for (u32 len = 0; len < 300; len++) {
		struct pair *p = pair_new(len % FLOWS);

		p->c->next = 4;
		garbage[0] = (u8)frame_random(&seed);
		assert_int_equal(hear(p, garbage, len), QUIC_UNNAMED);
		assert_int_equal(p->c->told, HOP_QUIC_UNKNOWN);
		for (u32 i = 0; i < 4; i++)
			assert_int_equal(hear(p, garbage + i, len),
					 QUIC_NOTHING);
		/* the server is heard nevertheless */
		send_packet(p, false);
		assert_int_equal(hear_server(p), QUIC_ACKED);
		assert_int_equal(hear(p, garbage, len), QUIC_NOTHING);
		pair_free(p);
	}
}

/* Whatever comes, all that is under way is sent again twice at most. */
static void no_amplifier(void **state)
{
	u64 seed = 11;
	u32 all = 0;

	for (int round = 0; round < 60; round++) {
		struct pair *p = pair_new(round % FLOWS);
		u32 changed = 0;

		p->c->next = 8;
		for (int i = 0; i < 300; i++) {
			static const char *const list[] = { "00000001",
							    "6b3343cf" };
			u64 r = frame_random(&seed);
			enum quic_event e = QUIC_NOTHING;

			if (r & 2)
				e = hear_retry(p, "00112233");
			else if (r & 4)
				e = hear_versions(p, list[r >> 8 & 1]);
			else if (!(r >> 16 & 31))
				e = hear_packet(p, QUIC_INITIAL, "0200000000");
			changed += e == QUIC_CHANGED;
		}
		assert_in_range(changed, 0, 2);
		all += changed;
		pair_free(p);
	}
	assert_in_range(all, 40, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_of_its_size),
		cmocka_unit_test(copies),
		cmocka_unit_test(strangers),
		cmocka_unit_test(slots),
		cmocka_unit_test(acknowledged),
		cmocka_unit_test(not_begun),
		cmocka_unit_test(retry_is_followed_once),
		cmocka_unit_test(retry_tokens),
		cmocka_unit_test(longest_packet),
		cmocka_unit_test(retry_too_late),
		cmocka_unit_test(versions_are_negotiated_once),
		cmocka_unit_test(no_version_in_common),
		cmocka_unit_test(versions_too_late),
		cmocka_unit_test(closed),
		cmocka_unit_test(handshake_first),
		cmocka_unit_test(lengths_lie),
		cmocka_unit_test(garbage_answers_once),
		cmocka_unit_test(no_amplifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
