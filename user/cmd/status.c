/* SPDX-License-Identifier: BSD-2-Clause */
/* status: how a run is getting on, while it does. */
#include "cmd/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"

static void fail(struct status *s, int err)
{
	s->error = -err;
	log_err("%s: %s; no more status there", s->path, strerror(err));
}

int status_open(struct status *s, u64 line_ns, const char *path)
{
	*s = (struct status){ .line_ns = line_ns, .path = path };
	if (!path)
		return 0;
	s->file = fopen(path, "we");
	if (s->file)
		return 0;
	s->error = -errno;
	log_err("%s: %s", path, strerror(errno));
	return s->error;
}

void status_begin(struct status *s, u64 now)
{
	s->line_at = now + s->line_ns;
	s->second_at = now + NS_PER_S;
	s->before_ns = now;
}

static double per_second(u64 n, u64 before, u64 ns)
{
	return n > before && ns ? (double)(n - before) * NS_PER_S / (double)ns
				: 0;
}

static void read_rates(struct status *s, struct report *r,
		       const struct ledger *l, u64 now)
{
	u64 ns = now - s->before_ns;

	r->sent_rate = per_second(l->tx.sent, s->sent, ns);
	r->heard_rate = per_second(l->matched, s->matched, ns);
	r->new_rate = per_second(r->interfaces, s->interfaces, ns);
	s->before_ns = now;
	s->sent = l->tx.sent;
	s->matched = l->matched;
	s->interfaces = r->interfaces;
}

/* Of the whole run. */
static void read_all_rates(struct report *r, const struct ledger *l)
{
	u64 ns = l->last_sent_ns > l->started_ns
			 ? l->last_sent_ns - l->started_ns
			 : 0;

	r->sent_rate = per_second(l->tx.sent, 0, ns);
	r->heard_rate = per_second(l->matched, 0, ns);
	r->new_rate = per_second(r->interfaces, 0, ns);
}

static void put_line(struct status *s, const struct report *r,
		     const struct ledger *l, u64 now, bool ended)
{
	struct json j;

	if (!s->file || s->error)
		return;
	json_init(&j, s->file);
	json_object(&j, NULL);
	json_bool(&j, "ended", ended);
	json_u64(&j, "done", r->done);
	json_u64(&j, "all", r->all);
	json_u64(&j, "sent_per_second", (u64)r->sent_rate);
	json_u64(&j, "heard_per_second", (u64)r->heard_rate);
	json_u64(&j, "new_interfaces_per_second", (u64)r->new_rate);
	report_put(&j, r, l, now);
	json_end(&j);
	json_flush(&j);
	if (fflush(s->file))
		fail(s, errno);
}

void status_turn(struct status *s, struct report *r, const struct ledger *l,
		 u64 now)
{
	bool second = now >= s->second_at;

	if (second) {
		s->second_at = now + NS_PER_S;
		read_rates(s, r, l, now);
		put_line(s, r, l, now, false);
	}
	if (s->line_ns && now >= s->line_at) {
		s->line_at = now + s->line_ns;
		if (!second && now < s->second_at && !s->sent)
			read_rates(s, r, l, now); /* the first second's part */
		report_status(stderr, isatty(STDERR_FILENO), r, l, now);
	}
}

void status_last_line(const struct status *s, struct report *r,
		      const struct ledger *l)
{
	read_all_rates(r, l);
	if (s->line_ns)
		report_status(stderr, isatty(STDERR_FILENO), r, l, l->ended_ns);
}

int status_close(struct status *s, struct report *r, const struct ledger *l)
{
	int err;

	if (!s->file)
		return s->error;
	read_all_rates(r, l);
	put_line(s, r, l, l->ended_ns, true);
	if (fclose(s->file) && !s->error)
		fail(s, errno);
	err = s->error;
	*s = (struct status){};
	return err;
}

void status_abandon(struct status *s)
{
	if (s->file)
		fclose(s->file);
	*s = (struct status){};
}
