/* SPDX-License-Identifier: BSD-2-Clause */
/* finding: what the records of one trace say together. */
#include "out/finding.h"

#include "lib/ascii.h"
#include "out/held.h"
#include "probe/probe.h"
#include "probe/tcp.h"
#include "wire.h"

enum { REMOVED = 1 << 16 }; /* beyond any value */

enum { ECT_1 = 1, ECT_0, CE, ECN_FIELD = 3 }; /* RFC 3168 section 5 */

static const char *const ecn[] = { "Not-ECT", "ECT(1)", "ECT(0)", "CE" };

static const struct {
	u8 kind;   /* of a change */
	u8 option; /* of a SYN; 0: none of it */
} tracks[TRACKS] = {
	[TRACK_DSCP] = { FINDING_DSCP, 0 },
	[TRACK_ECN] = { FINDING_ECN, 0 },
	[TRACK_DPORT] = { FINDING_DPORT, 0 },
	[TRACK_MSS] = { FINDING_MSS, TCP_SAID_MSS },
	[TRACK_SACK] = { FINDING_REMOVED, TCP_SAID_SACK },
	[TRACK_TIMESTAMPS] = { FINDING_REMOVED, TCP_SAID_TIMESTAMPS },
	[TRACK_SCALE] = { FINDING_SCALE, TCP_SAID_SCALE },
	[TRACK_SEQUENCE] = { FINDING_SEQUENCE, 0 },
};

void findings_clear(struct findings *f)
{
	memset(f, 0, sizeof(*f));
}

static void add(struct findings *f, const struct finding *x)
{
	if (f->n < FINDINGS)
		f->f[f->n++] = *x;
}

/* Options that share a fate and its place share a finding. */
static void add_options(struct findings *f, const struct finding *x)
{
	for (unsigned int i = 0; i < f->n; i++) {
		struct finding *y = &f->f[i];

		if (y->kind != x->kind || y->last_ttl != x->last_ttl ||
		    y->first_ttl != x->first_ttl)
			continue;
		y->options |= x->options;
		return;
	}
	add(f, x);
}

/* A hop quotes it as `value`, which was sent as `sent`. What routers behind
 * one TTL do not agree on is told by the first of them. */
static void follow(struct findings *f, enum finding_track_name name, u32 sent,
		   u32 value, u8 ttl)
{
	struct finding_track *t = &f->track[name];
	u32 before = t->last ? t->now : sent;
	struct finding x = {
		.kind = tracks[name].kind,
		.options = tracks[name].option,
		.from = (u16)before,
		.to = (u16)value,
		.last_ttl = t->last,
		.first_ttl = ttl,
	};

	/* what was removed does not come back: another path */
	if (ttl <= t->last || (t->changed && t->now == REMOVED))
		return;
	if (value != before) {
		t->changed = true;
		t->first = 0;
		if (value == REMOVED && x.options) {
			x.kind = FINDING_REMOVED;
			x.from = x.to = 0;
			add_options(f, &x);
		} else {
			add(f, &x);
		}
	}
	if (!t->first)
		t->first = ttl;
	t->last = ttl;
	t->now = value;
}

/* An option that was sent: is it here, and if so, how? */
static void follow_option(struct findings *f, enum finding_track_name name,
			  u32 sent, u32 value, const struct hop *h)
{
	u8 option = tracks[name].option;

	if (!(f->options & option))
		return;
	if (h->tcp_said & option)
		follow(f, name, sent, value, h->ttl);
	else if (h->tcp_said & TCP_SAID_WHOLE)
		follow(f, name, sent, REMOVED, h->ttl);
}

static void note_segment(struct findings *f, const struct tcp_shape *syn,
			 const struct record *r)
{
	const struct hop *h = &r->hop;

	if (r->seen_dport)
		follow(f, TRACK_DPORT, r->dport, r->seen_dport, h->ttl);
	follow(f, TRACK_SEQUENCE, 0, h->flags & HOP_RENUMBERED ? REMOVED : 0,
	       h->ttl);
	follow_option(f, TRACK_MSS, tcp_shape_mss(syn, addr_is_v4(&r->dst)),
		      h->tcp_mss, h);
	follow_option(f, TRACK_SACK, 1, 1, h);
	follow_option(f, TRACK_TIMESTAMPS, 1, 1, h);
	follow_option(f, TRACK_SCALE, TCP_SHIFT, h->tcp_scale, h);
}

static void note_source(struct findings *f, const struct record *r)
{
	u16 port = r->proto == PROTO_UDP ? r->seen_sport : 0;

	for (unsigned int i = 0; i < f->n; i++) {
		struct finding *x = &f->f[i];

		if (x->kind != FINDING_SOURCE || x->port != port ||
		    !addr_equal(&x->seen, &r->seen))
			continue;
		if (r->hop.ttl < x->first_ttl)
			x->first_ttl = r->hop.ttl;
		return;
	}
	add(f, &(struct finding){
		       .kind = FINDING_SOURCE,
		       .seen = r->seen,
		       .port = port,
		       .first_ttl = r->hop.ttl,
	       });
}

static void note_connection(struct findings *f, const struct record *r)
{
	f->acks |= (r->hop.tcp_said & HOP_QUIC_INITIAL) != 0;
	if (!(r->hop.tcp_said & HOP_QUIC_COUNTED))
		return;
	f->counts = true;
	f->counted[ECT_0] += r->quic.ect0;
	f->counted[ECT_1] += r->quic.ect1;
	f->counted[CE] += r->quic.ce;
}

void findings_note(struct findings *f, const struct out_run *run,
		   const struct record *r)
{
	const struct hop *h = &r->hop;

	if (r->flags & RECORD_SESSION) {
		if (r->proto == PROTO_UDP)
			note_connection(f, r);
		return;
	}
	f->mark = r->tos & ECN_FIELD;
	f->udp_ttl = run->udp_ttl;
	if (r->proto == PROTO_TCP)
		f->options = tcp_shape_said(&run->syn);
	if (h->state != HOP_ANSWERED)
		return;
	f->reached |= (h->flags & HOP_REACHED) != 0;
	if (h->ttl > f->farthest)
		f->farthest = h->ttl;
	if (h->flags & HOP_REWRITTEN)
		note_source(f, r);
	if (h->kind == REPLY_TCP && h->flags & HOP_REACHED &&
	    tcp_is_syn_ack(h->tcp_flags))
		f->syn_ack_mss = h->tcp_mss;
	if (!held_quotes(h) || (f->end && h->ttl > f->end))
		return;
	if (h->flags & HOP_FINAL)
		f->end = h->ttl;
	if (h->quoted_size) {
		follow(f, TRACK_DSCP, r->tos >> 2, h->quoted_tos >> 2, h->ttl);
		follow(f, TRACK_ECN, r->tos & 3, h->quoted_tos & 3, h->ttl);
	}
	if (r->proto == PROTO_TCP)
		note_segment(f, &run->syn, r);
}

/* The path beyond the last router that quotes the mark, and a mark that nobody
 * saw change. A server that counts nothing may not count at all. */
static void end_ecn(struct findings *f)
{
	const struct finding_track *t = &f->track[TRACK_ECN];
	u16 now = t->last ? (u16)t->now : f->mark;
	bool changed = t->changed;

	for (u16 field = ECT_1; field <= CE; field++) {
		if (!f->counted[field] || field == now)
			continue;
		changed = true;
		add(f, &(struct finding){
			       .kind = FINDING_ECN,
			       .from = now,
			       .to = field,
			       .last_ttl = t->last,
			       .at_server = true,
		       });
	}
	if (changed || !f->mark)
		return;
	add(f, &(struct finding){
		       .kind = t->last || f->counted[now]
				       ? FINDING_ECN_UNCHANGED
				       : FINDING_ECN_NOT_VISIBLE,
		       .to = now,
		       .last_ttl = t->last,
		       .first_ttl = t->first,
		       .at_server = f->counted[now] != 0,
	       });
}

void findings_end(struct findings *f)
{
	end_ecn(f);
	if (!f->reached && f->udp_ttl > f->farthest)
		add(f, &(struct finding){
			       .kind = FINDING_BLOCKED,
			       .to = f->udp_ttl,
			       .last_ttl = f->farthest,
		       });
	for (int i = 0; i < TRACKS; i++) {
		const struct finding_track *t = &f->track[i];

		if (!(f->options & tracks[i].option) || t->changed)
			continue;
		add_options(f, &(struct finding){
				       .kind = t->last ? FINDING_UNCHANGED
						       : FINDING_NOT_VISIBLE,
				       .options = tracks[i].option,
				       .first_ttl = t->first,
				       .last_ttl = t->last,
			       });
	}
}

const struct addr *findings_source(const struct findings *f)
{
	const struct addr *seen = NULL;

	for (unsigned int i = 0; i < f->n; i++)
		if (f->f[i].kind == FINDING_SOURCE)
			seen = &f->f[i].seen;
	return seen;
}

static void put_options(u8 options, FILE *to)
{
	static const char *const name[] = { "MSS", "SACK", "timestamps",
					    "window scale" };
	const char *comma = "";

	for (int i = 0; i < 4; i++) {
		if (!(options >> i & 1))
			continue;
		fprintf(to, "%s%s", comma, name[i]);
		comma = ", ";
	}
}

static void put_place(const struct finding *x, FILE *to)
{
	if (!x->first_ttl && x->last_ttl)
		fprintf(to, "between hop %u and the server", x->last_ttl);
	else if (!x->first_ttl)
		fputs("before the server", to);
	else if (x->last_ttl)
		fprintf(to, "between hops %u and %u", x->last_ttl,
			x->first_ttl);
	else
		fprintf(to, "before hop %u", x->first_ttl);
}

static void put_source(const struct finding *x, FILE *to)
{
	char text[ASCII_ADDR + 1];

	*ascii_addr(text, &x->seen) = '\0';
	fprintf(to, "Our address is seen as %s", text);
	if (x->port)
		fprintf(to, " (port %u)", x->port);
	fprintf(to, " from hop %u on: a translator on the path.", x->first_ttl);
}

static void put_change(const struct findings *f, const struct finding *x,
		       FILE *to)
{
	static const char *const name[] = {
		[FINDING_DSCP] = "DSCP",
		[FINDING_DPORT] = "Destination port",
		[FINDING_MSS] = "MSS",
		[FINDING_SCALE] = "Window scale",
	};

	if (x->kind == FINDING_ECN)
		fprintf(to, "ECN %s became %s ", ecn[x->from & ECN_FIELD],
			ecn[x->to & ECN_FIELD]);
	else
		fprintf(to, "%s %u became %u ", name[x->kind], x->from, x->to);
	put_place(x, to);
	if (x->kind == FINDING_MSS && f->syn_ack_mss)
		fprintf(to, "; the SYN/ACK says %u", f->syn_ack_mss);
	fputc('.', to);
}

static void put_hops(const struct finding *x, FILE *to)
{
	fprintf(to, "hop%s %u", x->first_ttl < x->last_ttl ? "s" : "",
		x->first_ttl);
	if (x->first_ttl < x->last_ttl)
		fprintf(to, " to %u", x->last_ttl);
}

static void put_mark(const struct finding *x, FILE *to)
{
	fprintf(to, "ECN %s is ", ecn[x->to & ECN_FIELD]);
	if (x->kind == FINDING_ECN_NOT_VISIBLE) {
		fputs("not visible in any quote.", to);
		return;
	}
	fputs("unchanged at ", to);
	if (x->last_ttl)
		put_hops(x, to);
	if (x->at_server)
		fputs(x->last_ttl ? ", and at the server" : "the server", to);
	fputc('.', to);
}

void findings_counts(const struct findings *f, FILE *to)
{
	if (f->counts)
		fprintf(to,
			"The server counted %llu ECT(0), %llu ECT(1), "
			"%llu CE.\n",
			(unsigned long long)f->counted[ECT_0],
			(unsigned long long)f->counted[ECT_1],
			(unsigned long long)f->counted[CE]);
	else if (f->mark && f->acks)
		fputs("The server counts no ECN marks.\n", to);
}

void finding_text(const struct findings *f, const struct finding *x, FILE *to)
{
	switch ((enum finding_kind)x->kind) {
	case FINDING_SOURCE:
		put_source(x, to);
		return;
	case FINDING_DSCP:
	case FINDING_ECN:
	case FINDING_DPORT:
	case FINDING_MSS:
	case FINDING_SCALE:
		put_change(f, x, to);
		return;
	case FINDING_SEQUENCE:
		fputs("The TCP sequence number is rewritten ", to);
		put_place(x, to);
		fputc('.', to);
		return;
	case FINDING_REMOVED:
		fputs("Removed ", to);
		put_place(x, to);
		break;
	case FINDING_UNCHANGED:
		fputs("Unchanged at ", to);
		put_hops(x, to);
		break;
	case FINDING_NOT_VISIBLE:
		fputs("Not visible in any quote", to);
		break;
	case FINDING_ECN_UNCHANGED:
	case FINDING_ECN_NOT_VISIBLE:
		put_mark(x, to);
		return;
	case FINDING_BLOCKED:
		if (x->last_ttl)
			fprintf(to, "QUIC blocked after hop %u", x->last_ttl);
		else
			fputs("QUIC blocked before any hop", to);
		fprintf(to, "; hop %u answers UDP to that port.", x->to);
		return;
	}
	fputs(": ", to);
	put_options(x->options, to);
	fputc('.', to);
}
