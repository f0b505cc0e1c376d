/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine: the loop that joins a strategy to an uplink.
 *
 * A turn receives what came, matches it, lets the strategy expire what never
 * came and choose what the gate allows, crafts it and sends it. Protocols,
 * strategies and backends differ behind tables that are called once a batch;
 * the clock is read twice a turn. Between turns with nothing to do it sleeps
 * in poll(): on a machine where the interface's interrupts run on the same
 * core, spinning would steal the time in which replies are received.
 */
#include "trace/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "probe/match.h"
#include "trace/asides.h"

enum {
	RECEIVE = 128, /* frames at once: what stays in the cache */
	LOOK = IO_BATCH,
	AHEAD = 4, /* frames to fetch into the cache before they are read */
	ROUNDS = 2 * IO_BATCH / RECEIVE, /* of receiving before sending again */
};

#define TEND_NS (100 * NS_PER_MS)
#define HEAR_NS NS_PER_MS /* asking costs some microseconds */
#define CHOKED_NS NS_PER_MS
#define BLOCKED_NS (200 * NS_PER_US)
/* Nothing is heard for so long, though so much was sent: is anybody there? */
#define QUIET_NS (250 * NS_PER_MS)
enum { QUIET_PROBES = 8 };
/* ... which is not asked more often than this. */
#define ASK_AGAIN_NS (2 * NS_PER_S)
/* What was answered later than this after it left, is no sign of how it was
 * just before the answer. */
#define ANSWER_NS NS_PER_S
#define PART_NS (500 * NS_PER_MS) /* for SYN/ACKs beyond a trace's end */
#define NAP_NS (50 * NS_PER_US)	  /* shorter than this is not worth a sleep */

struct engine {
	const struct engine_config *cfg;
	struct ledger *ledger;
	struct uplink *u;
	struct strategy *s;
	u64 tend_ns, status_ns; /* when next */
	bool halted, paused, blocked, choked;
	u64 looked_sent, looked_failed, looked_ns;   /* see look_after() */
	u64 lost, heard_ns;			     /* see hear_losses() */
	u64 watched_ns, paused_ns, hold_ns;	     /* see watch() */
	u64 quiet_ns, quiet_sent, matched, asked_ns; /* see listen_for_life() */
	int err; /* of what was noticed under way */
	struct rx_frame frame[RECEIVE];
	struct answer answer[RECEIVE];
	struct probe probe[IO_BATCH];
	struct asides asides;
	struct mail mail[MAIL_TAKEN];
	bool done; /* told the others */
};

static unsigned int match_batch(struct engine *e, unsigned int n, u64 now)
{
	unsigned int matched = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct rx_frame *f = &e->frame[i];

		if (i + AHEAD < n) {
			__builtin_prefetch(e->frame[i + AHEAD].data);
			__builtin_prefetch(e->frame[i + AHEAD].data + 64);
		}
		matched += match(&e->u->key, f->data, f->len,
				 f->arrived_ns ? f->arrived_ns : now, &f->proof,
				 &e->answer[matched], e->u->counts);
	}
	return matched;
}

/* Hands on what belongs to other workers; the rest moves together. */
static unsigned int pass_on(struct engine *e, unsigned int n)
{
	const struct engine_config *c = e->cfg;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		u32 shard = e->s->ops->shard(e->s, &e->answer[i]), worker;

		worker = shard == UINT32_MAX || shard % c->outer_shards !=
							c->outer_shard
				 ? c->worker
				 : shard / c->outer_shards;
		if (worker == c->worker)
			e->answer[kept++] = e->answer[i];
		else
			mail_put(c->mail, c->worker, worker, &e->answer[i]);
	}
	return kept;
}

/* What others heard for us. */
static void read_mail(struct engine *e, u64 now)
{
	unsigned int n, room;

	do {
		room = e->s->emit.room(e->s->emit.to);
		n = mail_take(e->cfg->mail, e->cfg->worker, e->mail,
			      room < MAIL_TAKEN ? room : MAIL_TAKEN);
		for (unsigned int i = 0; i < n; i++)
			e->answer[i] = e->mail[i].answer;
		e->s->ops->settle(e->s, e->answer, n, now);
	} while (n == MAIL_TAKEN);
}

/* Of the writer, and of whoever else the answers may be for. */
static unsigned int room_for(const struct engine *e)
{
	unsigned int room = e->s->emit.room(e->s->emit.to), other;

	if (!e->cfg->mail)
		return room;
	other = mail_room(e->cfg->mail, e->cfg->worker);
	return other < room ? other : room;
}

/* Everything that came, as far as there is room for it. */
static void receive(struct engine *e, u64 now)
{
	struct rx *rx = &e->u->rx;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned int n, room = room_for(e);

		n = rx->ops->receive(rx, e->frame,
				     room < RECEIVE ? room : RECEIVE);
		if (!n)
			return;
		if (e->cfg->tap.to)
			e->cfg->tap.received(e->cfg->tap.to, e->frame, n, now);
		n = match_batch(e, n, now);
		e->ledger->matched += n;
		if (e->cfg->parting)
			n = parting_note(e->cfg->parting, e->answer, n);
		if (e->cfg->mail)
			n = pass_on(e, n);
		e->s->ops->settle(e->s, e->answer, n, now);
		rx->ops->release(rx);
	}
}

static void craft_batch(struct engine *e, unsigned int n)
{
	struct tx_slot *slot = e->u->tx.slot;

	for (unsigned int i = 0; i < n; i++)
		slot[i].len =
			craft_probe(e->cfg->craft, &e->probe[i], slot[i].frame);
}

/* Frames handed to the device. */
static u64 handed(const struct engine *e)
{
	const struct parting *p = e->cfg->parting;

	return e->u->tx.stats.sent +
	       (p ? p->stats.sent + p->stats.segments : 0);
}

static void set_macs(struct engine *e)
{
	struct uplink *u = e->u;

	craft_set_mac(e->cfg->craft, true, u->route4.src_mac,
		      u->route4.next_mac);
	craft_set_mac(e->cfg->craft, false, u->route6.src_mac,
		      u->route6.next_mac);
}

/* Since when may frames have gone astray, now that this is known? */
static u64 astray_since(const struct engine *e, int changed, u64 now)
{
	u64 since = e->watched_ns;

	if (!(changed & (ROUTE_NEXT_MAC | ROUTE_NEXT_SILENT | ROUTE_MOVED)))
		return since;
	/* since it was last confirmed, or last proved itself by an answer */
	since = least(since, now - ROUTE_CONFIRM_NS);
	return least(since, e->quiet_ns - ANSWER_NS);
}

static void tell_outage(struct engine *e, u64 from, u64 to)
{
	if (e->s->ops->outage)
		e->s->ops->outage(e->s, from, to);
	else
		e->s->ops->missed(e->s, from, to);
}

static void pause_or_go_on(struct engine *e, u64 now)
{
	if (e->u->shut && !e->paused)
		e->paused_ns = now;
	if (!e->u->shut && e->paused)
		log_warn("%s: sending again, after a pause of %llu ms",
			 e->u->ifname,
			 (unsigned long long)(now - e->paused_ns) / NS_PER_MS);
	e->paused = e->u->shut;
}

/* Is the way open? While next hops are being asked whether they are there, it
 * is not known whether silence means anything. */
static int watch(struct engine *e, u64 now)
{
	int changed = uplink_watch(e->u, now);
	bool asking = e->u->asking;

	if (changed < 0) {
		e->err = changed;
		return changed;
	}
	if (changed & (ROUTE_NEXT_MAC | ROUTE_MOVED))
		set_macs(e);
	if (e->paused || e->u->shut ||
	    changed & (ROUTE_LINK_DOWN | ROUTE_LINK_FELL | ROUTE_NEXT_MAC |
		       ROUTE_NEXT_SILENT | ROUTE_MOVED))
		tell_outage(e, astray_since(e, changed, now), now);
	pause_or_go_on(e, now);
	if (!asking || e->paused)
		e->hold_ns = UINT64_MAX;
	else if (e->hold_ns == UINT64_MAX)
		e->hold_ns = e->watched_ns;
	e->watched_ns = now;
	return 0;
}

/* Answers prove that the way is open; where none come, it is looked into. */
static void listen_for_life(struct engine *e, u64 now)
{
	u64 sent = e->u->tx.stats.sent;

	if (e->ledger->matched != e->matched || e->paused) {
		e->matched = e->ledger->matched;
		e->quiet_ns = now;
		e->quiet_sent = sent;
	} else if (sent - e->quiet_sent >= QUIET_PROBES &&
		   now - e->quiet_ns >= QUIET_NS &&
		   now - e->asked_ns >= ASK_AGAIN_NS) {
		e->asked_ns = now;
		uplink_ask(e->u, now);
	}
}

/* Has what was handed over left? Asked for every LOOK frames, when some were
 * refused, and when there is tending to be done. A ring was full if not, most
 * often since whoever empties it waits for this processor: it gets a moment.
 * False: that is not known now. */
static bool look_after(struct engine *e)
{
	struct tx *tx = &e->u->tx;
	u64 missing, now = clock_now(), failed;
	bool known = delivered_missing(&e->u->delivered,
				       handed(e) - e->looked_sent, &missing);

	failed = tx->stats.failed - e->looked_failed;
	if (!known && !failed)
		return false; /* others are sending: the next time */
	if (!e->u->first)     /* one counts for all */
		tx->stats.dropped += missing;
	missing += failed;
	e->looked_sent = handed(e);
	e->looked_failed = tx->stats.failed;
	e->choked = missing != 0;
	/* the link may be to blame, which is then known first */
	if (missing)
		watch(e, now);
	e->s->ops->delivered(e->s, !missing, e->looked_ns, now);
	e->looked_ns = now;
	return known;
}

static int send_batch(struct engine *e, u64 now)
{
	struct tx *tx = &e->u->tx;
	unsigned int n =
		e->paused ? 0 : gate_allow(&e->u->gate, tx->batch, now);
	u64 sent = tx->stats.sent;
	int err;

	/* back-pressure: each probe may become a record */
	e->blocked = n && e->s->emit.room(e->s->emit.to) < 2 * IO_BATCH;
	if (e->blocked)
		return 0;
	if (n)
		n = tx->ops->reserve(tx, n);
	if (n)
		n = e->s->ops->schedule(e->s, e->probe, n, now);
	if (!n)
		return 0;
	craft_batch(e, n);
	delivered_begin(&e->u->delivered);
	err = gate_send(&e->u->gate, tx, n, now);
	delivered_end(&e->u->delivered, tx->stats.sent - sent);
	if (e->cfg->tap.to)
		e->cfg->tap.sent(e->cfg->tap.to, tx->slot, n);
	for (unsigned int i = 0; i < n; i++) {
		e->probe[i].sent_ns = tx->slot[i].sent_ns;
		if (e->probe[i].sent_ns)
			e->ledger->last_sent_ns = e->probe[i].sent_ns;
	}
	e->s->ops->departed(e->s, e->probe, n);
	e->ledger->made += n;
	if (handed(e) - e->looked_sent >= LOOK ||
	    tx->stats.failed != e->looked_failed)
		look_after(e);
	return err;
}

/* What was lost since this was last known, whichever way. */
static bool hear_losses(struct engine *e, u64 now)
{
	const struct rx_stats *r = &e->u->rx.stats;
	const u64 *verdicts = e->ledger->verdicts;
	bool known = true;
	u64 lost;

	e->u->rx.ops->read_stats(&e->u->rx);
	if (handed(e) != e->looked_sent || e->u->delivered.all)
		known = look_after(e);
	else
		delivered_look(&e->u->delivered);
	lost = e->u->delivered.missed + r->ring_full + r->fill_empty +
	       r->dropped + verdicts[STEER_STALE] + verdicts[STEER_NO_SOCKET];
	if (lost != e->lost)
		e->s->ops->missed(e->s, e->heard_ns, now);
	e->lost = lost;
	if (known)
		e->heard_ns = now;
	return known;
}

/* What never came is given up only when it is known what this host lost. */
static void expire(struct engine *e, u64 now)
{
	const struct strategy_ops *ops = e->s->ops;

	if (ops->deadline && ops->deadline(e->s, now) <= now) {
		if (now - e->heard_ns >= HEAR_NS) {
			watch(e, now);
			hear_losses(e, now);
		}
		now = least(e->heard_ns, e->watched_ns);
		now = least(now, e->hold_ns);
	}
	ops->expire(e->s, now);
}

static bool has_asides(const struct engine *e)
{
	return !e->paused && asides_waiting(e->cfg);
}

static int engine_turn(struct engine *e, u64 now)
{
	receive(e, now); /* receive, match, record */
	if (e->cfg->mail)
		read_mail(e, now);
	expire(e, now); /* what never came */
	if (has_asides(e)) {
		int err = asides_send(&e->asides, e->cfg, now);

		if (err)
			return err;
	}
	return send_batch(e, now); /* schedule, craft, transmit */
}

static void read_ledger(struct engine *e)
{
	struct ledger *l = e->ledger;

	e->u->rx.ops->read_stats(&e->u->rx);
	l->tx = e->u->tx.stats;
	l->rx = e->u->rx.stats;
	l->missed = e->u->first ? 0 : e->u->delivered.missed;
	l->strategy = e->s->stats;
	if (e->cfg->parting)
		l->tcp = e->cfg->parting->stats;
	uplink_read_counts(e->u, l->verdicts);
}

/* What must be seen to some ten times a second. */
static int tend(struct engine *e, u64 now)
{
	int err = uplink_tend(e->u, now);

	if (err > 0) /* there were queues that nobody heard by */
		tell_outage(e, now - UPLINK_QUEUES_NS, now);
	err = err < 0 ? err : 0;

	e->tend_ns = now + TEND_NS;
	read_ledger(e);
	watch(e, now);
	hear_losses(e, now);
	e->heard_ns = now; /* many senders may leave no moment to look */
	err = err ? err : e->err;
	if (err)
		return err;
	listen_for_life(e, now);
	if (e->cfg->status && now >= e->status_ns) {
		err = e->cfg->status(e->cfg->status_to, e->ledger, now);
		e->status_ns = now + e->cfg->status_ns;
	}
	if (!e->halted && (*e->cfg->stop || (e->cfg->deadline_ns &&
					     now >= e->cfg->deadline_ns))) {
		e->s->ops->halt(e->s, now);
		e->halted = true;
	}
	if (e->cfg->mail &&
	    __atomic_load_n(&e->cfg->mail->failed, __ATOMIC_RELAXED))
		return -ECANCELED;
	return err < 0 ? err : 0;
}

/* Until a frame comes, or what was next when the turn began is due. */
static void rest(struct engine *e, u64 now)
{
	struct pollfd in = { .fd = e->u->rx.fd, .events = POLLIN };
	u64 due = e->s->ops->next(e->s, now), gate, wait;
	struct timespec ts;

	if (has_asides(e))
		due = 0;
	if (due <= now && !e->paused) {
		gate = gate_when(&e->u->gate, now);
		due = gate > due ? gate : due;
	}
	if (e->choked)
		due = now + CHOKED_NS;
	e->choked = false;
	if (e->blocked) /* give the writer the time that it lacks */
		due = now + BLOCKED_NS;
	if (e->paused || due > e->tend_ns)
		due = e->tend_ns;
	now = clock_now();
	/* nothing is given up just now, however long it is due */
	if (e->hold_ns != UINT64_MAX && due < now + HEAR_NS)
		due = now + HEAR_NS;
	if (due < now + NAP_NS)
		return;
	wait = due - now;
	ts = (struct timespec){ .tv_sec = (time_t)(wait / NS_PER_S),
				.tv_nsec = (long)(wait % NS_PER_S) };
	/* nothing is read while the writer is behind: do not wait for it */
	ppoll(&in, e->blocked ? 0 : 1, &ts, NULL);
}

/* Whose own part is done goes on hearing for the others. */
static bool all_done(struct engine *e)
{
	struct mailroom *m = e->cfg->mail;

	if (!m)
		return true;
	if (!e->done)
		__atomic_add_fetch(&m->done, 1, __ATOMIC_RELAXED);
	e->done = true;
	return __atomic_load_n(&m->done, __ATOMIC_RELAXED) == m->workers;
}

/* By the time when the turn began: what had come was heard, however long this
 * host was held up since. What was lost last must not go unnoticed. Where a
 * destination accepts connections, a probe beyond the end of its trace may
 * still open one: the host's own stack must not hear of that. */
static bool is_over(struct engine *e, u64 now)
{
	const struct strategy_ops *ops = e->s->ops;
	const struct parting *p = e->cfg->parting;

	if (ops->next(e->s, now) != UINT64_MAX || has_asides(e))
		return false;
	if (!e->halted && e->heard_ns < now && !e->err) {
		watch(e, now);
		hear_losses(e, now);
		if (ops->next(e->s, now) != UINT64_MAX)
			return false;
	}
	if (p && p->stats.syn_acks && now < e->ledger->last_sent_ns + PART_NS)
		return false;
	return all_done(e);
}

static int loop(struct engine *e)
{
	int err;

	for (;;) {
		u64 now = clock_now();

		if (now >= e->tend_ns || *e->cfg->stop) {
			err = tend(e, now);
			if (err)
				return err;
		}
		err = engine_turn(e, now);
		/* down, or full: what failed is in doubt, and the next turn
		 * comes a moment later */
		if (err && err != -ENETDOWN && err != -ENOBUFS) {
			log_err("%s: sending failed: %s", e->u->ifname,
				strerror(-err));
			return err;
		}
		if (is_over(e, now))
			return e->halted && *e->cfg->stop ? -EINTR : e->err;
		if (e->err)
			return e->err;
		rest(e, now);
	}
}

int engine_run(const struct engine_config *cfg, struct ledger *ledger)
{
	struct engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e) {
		log_err("no memory for the packet loop");
		return -ENOMEM;
	}
	e->cfg = cfg;
	e->ledger = ledger;
	e->u = cfg->uplink;
	e->s = cfg->strategy;
	*ledger = (struct ledger){ .started_ns = clock_now() };
	e->looked_ns = e->heard_ns = ledger->started_ns;
	e->watched_ns = e->quiet_ns = ledger->started_ns;
	e->hold_ns = UINT64_MAX;
	e->status_ns = ledger->started_ns + cfg->status_ns;
	set_macs(e);
	err = loop(e);
	if (err && !e->halted) /* what is known of traces under way */
		e->s->ops->halt(e->s, clock_now());
	if (err && err != -EINTR && cfg->mail)
		__atomic_store_n(&cfg->mail->failed, true, __ATOMIC_RELAXED);
	ledger->ended_ns = clock_now();
	hear_losses(e, ledger->ended_ns);
	read_ledger(e);
	free(e);
	return err;
}
