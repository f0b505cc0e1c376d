/* SPDX-License-Identifier: BSD-2-Clause */
/* fake: a network in memory and in virtual time. */
#include "fake.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "io/io.h"
#include "lib/clock.h"

enum {
	FAKE_IN_FLIGHT = 1 << 17, /* answers at most */
	FAKE_LIMITERS = 1 << 16,  /* token buckets of routers */
	FAKE_IDLE_ROW = 10000,	  /* turns without effect before giving up */
	FAKE_QUOTE = 28,	  /* IPv4 and UDP headers */
};

struct pending {
	struct heap_node due;
	struct answer answer;
	u8 frame[64]; /* ICMP header and extensions, if any */
};

u64 fake_random(struct fake *f)
{
	f->random += 0x9e3779b97f4a7c15ULL;
	return simnet_mix(f->random);
}

static bool chance(struct fake *f, u32 permille)
{
	return permille && fake_random(f) % 1000 < permille;
}

int fake_open(struct fake *f, const struct fake_config *c)
{
	static const struct simnet_config preset = SIMNET_PRESET;

	memset(f, 0, sizeof(*f));
	f->config = *c;
	f->simnet = c->simnet ? *c->simnet : preset;
	f->random = c->seed;
	f->start = f->now = f->sink_then = FAKE_START;
	if (!f->config.batch)
		f->config.batch = IO_BATCH;
	pace_init(&f->pace, c->pps, 0, f->now);
	f->limiter = calloc(FAKE_LIMITERS, sizeof(*f->limiter));
	if (!f->limiter || heap_init(&f->arrivals, FAKE_IN_FLIGHT)) {
		fake_close(f);
		return -ENOMEM;
	}
	return 0;
}

void fake_close(struct fake *f)
{
	struct heap_node *node;

	while ((node = heap_min(&f->arrivals))) {
		heap_remove(&f->arrivals, node);
		free(heap_of(node, struct pending, due));
	}
	heap_fini(&f->arrivals);
	free(f->limiter);
	free(f->record);
	free(f->put_ns);
	free(f->sent);
	memset(f, 0, sizeof(*f));
}

/* Room for one more of `size` octets; NULL: no memory. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 64;
	return reallocarray(array, *room, size);
}

static unsigned int sink_room(void *to)
{
	struct fake *f = to;
	u64 taken;

	if (!f->config.sink_room)
		return UINT_MAX;
	if (f->config.sink_ns) {
		taken = (f->now - f->sink_then) / f->config.sink_ns;
		f->sink_then += taken * f->config.sink_ns;
		f->sink_used -=
			taken < f->sink_used ? (u32)taken : f->sink_used;
	}
	return f->config.sink_room - f->sink_used;
}

static void sink_put(void *to, const struct record *record, unsigned int n)
{
	struct fake *f = to;

	if (n > sink_room(f))
		f->overflows++;
	for (unsigned int i = 0; i < n; i++) {
		f->record = grow(f->record, f->records, &f->record_room,
				 sizeof(*f->record));
		f->put_ns = grow(f->put_ns, f->records, &f->put_room,
				 sizeof(*f->put_ns));
		f->put_ns[f->records] = f->now;
		f->record[f->records++] = record[i];
	}
	if (f->config.sink_room)
		f->sink_used += n;
}

struct record_sink fake_sink(struct fake *f)
{
	return (struct record_sink){ sink_put, sink_room, f };
}

static u8 proto_of(const struct fake *f, bool v4)
{
	if (f->config.method == PROBE_UDP)
		return PROTO_UDP;
	return v4 ? PROTO_ICMP : PROTO_ICMP6;
}

static void fill_kind(const struct fake *f, const struct simnet_hop *hop,
		      struct reply *r)
{
	static const struct verdict {
		u8 kind, type4, code4, type6, code6;
	} verdicts[] = {
		[SIMNET_END_ROUTER] = { REPLY_EXPIRED, ICMP4_EXPIRED, 0,
					ICMP6_EXPIRED, 0 },
		[SIMNET_END_DESTINATION] = { REPLY_UNREACH, ICMP4_UNREACH,
					     ICMP4_UNREACH_PORT, ICMP6_UNREACH,
					     ICMP6_UNREACH_PORT },
		[SIMNET_END_TOO_BIG] = { REPLY_TOOBIG, ICMP4_UNREACH,
					 ICMP4_UNREACH_FRAG, ICMP6_TOOBIG, 0 },
		[SIMNET_END_NO_ROUTE] = { REPLY_UNREACH, ICMP4_UNREACH, 0,
					  ICMP6_UNREACH, 0 },
	};
	static const struct verdict echo = { REPLY_ECHO, ICMP4_ECHO_REPLY, 0,
					     ICMP6_ECHO_REPLY, 0 };
	const struct verdict *v = &verdicts[hop->end];

	if (hop->end == SIMNET_END_DESTINATION &&
	    f->config.method == PROBE_ICMP)
		v = &echo;
	r->kind = v->kind;
	r->icmp_type = r->family == 4 ? v->type4 : v->type6;
	r->icmp_code = r->family == 4 ? v->code4 : v->code6;
}

/* A translator put another address and port in our place, and made the
 * checksum that errors quote true again (RFC 1624). */
static u16 adjusted(const struct reply *r, u16 port)
{
	u64 sum = csum_neg(r->field) + csum_neg(csum_add_addr(port, &r->to));

	return csum_neg(csum_add_addr(sum + r->sport, &r->qsrc));
}

static void fill_quote(const struct fake *f, const struct probe *p,
		       const struct simnet_hop *hop,
		       const struct cookie *cookie, struct reply *r)
{
	u16 port = r->sport;

	r->qsrc = addr_is_none(&hop->qsrc) ? r->to : hop->qsrc;
	r->qdst = addr_is_none(&hop->qdst) ? p->dst : hop->qdst;
	r->qsize = f->config.probe_size;
	r->qid = r->family == 4 ? cookie->id : 0;
	r->qproto = proto_of(f, r->family == 4);
	r->qttl = 1;
	r->qtos = hop->tos_set;
	r->quote_len = FAKE_QUOTE;
	if (hop->qsport)
		r->sport = hop->qsport;
	if (f->config.method != PROBE_UDP)
		return;
	r->dport = p->dport;
	if (hop->adjust)
		r->field = adjusted(r, port);
}

/* RFC 4884 and RFC 4950: as much of the frame as their reader needs. */
static void fill_labels(const struct simnet_hop *hop, struct pending *pending)
{
	struct reply *r = &pending->answer.reply;
	u8 *ext = pending->frame + sizeof(struct wire_icmp);
	struct wire_icmp *icmp = (void *)pending->frame;
	u16 len = (u16)(4 + 4 * hop->labels), check;

	if (!hop->labels || r->kind != REPLY_EXPIRED)
		return;
	icmp->type = r->icmp_type;
	if (r->family == 4)
		icmp->quote_words = 32;
	else
		icmp->quote_words6 = 16;
	ext[0] = 2 << 4;
	ext[5] = (u8)len;
	ext[6] = 1; /* class: label stack, incoming */
	ext[7] = 1;
	memcpy(ext + 8, hop->label, 4U * hop->labels);
	check = (u16)~csum_fold(csum_octets(0, ext, 4U + len));
	ext[2] = (u8)(check >> 8);
	ext[3] = (u8)check;
	r->ext_off = sizeof(struct wire_icmp);
	r->ext_len = (u16)(4 + len);
	pending->answer.frame = pending->frame;
	pending->answer.frame_len = r->ext_off + r->ext_len;
}

static void fill_answer(const struct fake *f, const struct probe *p,
			const struct simnet_hop *hop, struct pending *pending)
{
	struct answer *a = &pending->answer;
	struct reply *r = &a->reply;
	bool v4 = addr_is_v4(&p->dst);
	struct cookie cookie;

	cookie_make(f->config.key, &p->dst, proto_of(f, v4), p->ttl, p->attempt,
		    &cookie);
	a->dst = p->dst;
	r->from = hop->from;
	r->to = v4 ? f->config.key->src4 : f->config.key->src6;
	r->family = v4 ? 4 : 6;
	r->ttl = hop->reply_ttl;
	r->proto = v4 ? PROTO_ICMP : PROTO_ICMP6;
	r->mtu = hop->mtu;
	r->mark = cookie.mark;
	r->has_mark = 1;
	r->field = cookie.field;
	r->sport = f->config.method == PROBE_UDP ? cookie.port : cookie.echo_id;
	fill_kind(f, hop, r);
	r->size = f->config.probe_size;
	if (r->kind != REPLY_ECHO) {
		r->size = (u16)((v4 ? 28 : 48) + FAKE_QUOTE);
		fill_quote(f, p, hop, &cookie, r);
	}
	fill_labels(hop, pending);
}

static void ask_route(struct fake *f, const struct probe *p,
		      struct simnet_hop *hop)
{
	struct simnet_walker w = {
		.random = (u32)fake_random(f),
		.size = f->config.probe_size,
		.ttl = p->ttl,
		.v4 = addr_is_v4(&p->dst),
	};
	const struct cookie_key *key = f->config.key;
	struct cookie cookie;

	if (f->config.route) {
		memset(hop, 0, sizeof(*hop));
		f->config.route(f->config.arg, p, w.random, hop);
		return;
	}
	cookie_make(key, &p->dst, proto_of(f, w.v4), p->ttl, p->attempt,
		    &cookie);
	w.flow = simnet_flow(&f->simnet, w.v4 ? &key->src4 : &key->src6,
			     &p->dst, proto_of(f, w.v4),
			     (u32)cookie.port << 16 | p->dport);
	if (f->config.topo)
		topo_hop(f->config.topo, &p->dst, &w, hop);
	else
		simnet_hop(&f->simnet, &p->dst, p->ttl, w.flow, w.random, hop);
}

/* There and back; what is the router's own is the same for every probe. */
static u64 delay_of(struct fake *f, const struct simnet_hop *hop)
{
	u64 span = f->config.delay_max_ns - f->config.delay_min_ns;
	u64 delay = hop->delay_us * NS_PER_US + f->config.delay_min_ns;

	if (span)
		delay +=
			simnet_mix(simnet_number(&hop->from) + f->config.seed) %
			span;
	if (f->config.jitter_ns)
		delay += fake_random(f) % f->config.jitter_ns;
	return delay;
}

static bool is_answered(struct fake *f, const struct simnet_hop *hop)
{
	if (hop->end == SIMNET_END_SILENT || hop->end == SIMNET_END_LOST)
		return false;
	if (chance(f, f->config.loss))
		return false;
	return simnet_allow(&f->simnet, hop->rate,
			    &f->limiter[hop->limiter & (FAKE_LIMITERS - 1)],
			    f->now);
}

/* Puts n copies on their way; the last is `pending` itself. */
static int launch(struct fake *f, struct pending *pending, u64 arrives, u32 n)
{
	struct pending *copy = pending;

	for (; n; n--) {
		if (n > 1) {
			copy = malloc(sizeof(*copy));
			if (!copy)
				return -ENOMEM;
			*copy = *pending;
			if (copy->answer.frame)
				copy->answer.frame = copy->frame;
		} else {
			copy = pending;
		}
		copy->answer.arrived_ns = arrives;
		if (heap_insert(&f->arrivals, &copy->due, arrives)) {
			free(copy);
			return -ENOMEM;
		}
		arrives += NS_PER_US;
	}
	return 0;
}

/* One probe: does it leave, and what comes of it? */
static int send_one(struct fake *f, struct probe *p, u64 sent_ns)
{
	struct pending *pending = calloc(1, sizeof(*pending));
	struct fake_fate fate = { .copies = 1 };
	struct simnet_hop hop;
	int err = 0;

	if (!pending)
		return -ENOMEM;
	ask_route(f, p, &hop);
	if (is_answered(f, &hop))
		fill_answer(f, p, &hop, pending);
	else
		fate.copies = 0;
	fate.delay_ns = delay_of(f, &hop);
	fate.copies += fate.copies && chance(f, f->config.duplicate);
	fate.refused = chance(f, f->config.refuse);
	if (!fate.refused && chance(f, f->config.drop)) {
		fate.copies = 0;
		f->dropped++;
	}
	fate.answer = pending->answer;
	if (f->config.edit)
		f->config.edit(f->config.arg, p, &fate);
	pending->answer = fate.answer;
	p->sent_ns = fate.refused ? 0 : sent_ns;
	f->probes++;
	f->refused += fate.refused;
	if (f->config.log) {
		f->sent = grow(f->sent, f->sents, &f->sent_room,
			       sizeof(*f->sent));
		f->sent[f->sents++] = *p;
	}
	if (fate.refused || !fate.copies)
		free(pending);
	else
		err = launch(f, pending, sent_ns + fate.delay_ns, fate.copies);
	return err;
}

static u64 begin(const struct fake *f)
{
	return f->config.measure ? clock_now() : 0;
}

static void end(struct fake *f, u64 began)
{
	if (f->config.measure)
		f->spent_ns += clock_now() - began;
}

/* All that has arrived by now; how many. */
static unsigned int deliver(struct fake *f, struct strategy *s)
{
	static struct answer batch[IO_BATCH];
	struct pending *held[IO_BATCH];
	unsigned int total = 0, n, taken;
	struct heap_node *node;
	u64 began;

	do {
		for (taken = n = 0; taken < IO_BATCH; taken++) {
			node = heap_due(&f->arrivals, f->now);
			if (!node)
				break;
			heap_remove(&f->arrivals, node);
			held[taken] = heap_of(node, struct pending, due);
			batch[n] = held[taken]->answer;
			if (cookie_check(f->config.key, &batch[n].reply,
					 &batch[n].proof) >= COOKIE_EXACT)
				n++;
			else
				f->foreign++;
		}
		began = begin(f);
		if (n)
			s->ops->settle(s, batch, n, f->now);
		end(f, began);
		f->answers += n;
		total += taken;
		for (unsigned int i = 0; i < taken; i++)
			free(held[i]);
	} while (taken == IO_BATCH);
	return total;
}

/* How many were sent, or -ENOMEM. */
static int transmit(struct fake *f, struct strategy *s)
{
	static struct probe probe[IO_BATCH];
	unsigned int n = f->config.batch;
	u64 began;
	int err = 0;

	n = pace_allow(&f->pace, n < IO_BATCH ? n : IO_BATCH, f->now);
	if (!n)
		return 0;
	began = begin(f);
	n = s->ops->schedule(s, probe, n, f->now);
	end(f, began);
	pace_take(&f->pace, n);
	for (unsigned int i = 0; i < n && !err; i++)
		err = send_one(f, &probe[i], f->now + i);
	began = begin(f);
	if (n)
		s->ops->departed(s, probe, n);
	end(f, began);
	return err ? err : (int)n;
}

/* When the next turn is due, UINT64_MAX: the run is over and nothing is under
 * way. */
static u64 next_turn(struct fake *f, const struct strategy *s)
{
	u64 t = s->ops->next(s, f->now), paced, began = begin(f);

	end(f, began);
	if (t == UINT64_MAX && !f->over_ns)
		f->over_ns = f->now;
	paced = pace_when(&f->pace, f->now);
	/* who may send at once waits for the pace, who waits does not */
	if (!t)
		t = paced;
	if (heap_min_key(&f->arrivals) < t)
		t = heap_min_key(&f->arrivals);
	if (f->config.halt_ns && !f->halted && f->start + f->config.halt_ns < t)
		t = f->start + f->config.halt_ns;
	if (t != UINT64_MAX && t < f->now + f->config.tick_ns)
		t = f->now + f->config.tick_ns;
	return t > f->now ? t : f->now;
}

static void tell_losses(struct fake *f, struct strategy *s)
{
	if (f->dropped != f->told)
		s->ops->missed(s, f->told_ns, f->now);
	f->told = f->dropped;
	f->told_ns = f->now;
}

static bool is_halt_due(const struct fake *f)
{
	return f->config.halt_ns && !f->halted &&
	       f->now >= f->start + f->config.halt_ns;
}

int fake_run(struct fake *f, struct strategy *s)
{
	for (;;) {
		u64 silent = s->stats.silent, records = f->records, t, began;
		unsigned int n = deliver(f, s);
		int sent;

		tell_losses(f, s);
		began = begin(f);
		s->ops->expire(s, f->now);
		end(f, began);
		if (is_halt_due(f)) {
			f->halted = true;
			s->ops->halt(s, f->now);
		}
		sent = transmit(f, s);
		if (sent < 0)
			return sent;
		t = next_turn(f, s);
		if (t == UINT64_MAX)
			return 0;
		if (n || sent || silent != s->stats.silent ||
		    records != f->records) {
			f->idle_row = 0;
		} else {
			f->idle++;
			if (++f->idle_row > FAKE_IDLE_ROW)
				return -ELOOP;
		}
		f->now = t;
	}
}
