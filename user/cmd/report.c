/* SPDX-License-Identifier: BSD-2-Clause */
/* report: what a run tells of itself. */
#include "cmd/report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "out/told.h"

enum {
	COLUMNS = 79,
	DETAIL = 26, /* where the details of the summary begin */
};

/* 1234, 12k, 1.2M with two digits, at most four columns; with three 1.23M. */
static const char *short_count(double v, int digits, char text[16])
{
	static const char unit[] = "kMGTPE";
	double top = 10;
	int i = -1;

	if (v < 9999.5) {
		snprintf(text, 16, "%.0f", v);
		return text;
	}
	while (v >= 999.5) {
		v /= 1000;
		i++;
	}
	/* 9.96 has one decimal less: it is rounded to 10 */
	for (digits--; digits && v >= top - pow(10, -digits) / 2; digits--)
		top *= 10;
	snprintf(text, 16, "%.*f%c", digits, v, unit[i]);
	return text;
}

/* At most five columns: 0:07, 59:59, 99h59, 9999d, 9999y. */
static const char *short_time(double s, char text[16])
{
	double minutes = s / 60, hours = minutes / 60, days = hours / 24;

	if (hours < 1)
		snprintf(text, 16, "%u:%02u", (unsigned int)minutes,
			 (unsigned int)s % 60);
	else if (hours < 100)
		snprintf(text, 16, "%uh%02u", (unsigned int)hours,
			 (unsigned int)minutes % 60);
	else if (days < 10000)
		snprintf(text, 16, "%ud", (unsigned int)days);
	else
		snprintf(text, 16, "%.0fy", fmin(days / 365.25, 9999));
	return text;
}

static double seconds(u64 from, u64 to)
{
	return to > from ? (double)(to - from) / NS_PER_S : 0;
}

static double rate(u64 n, double s)
{
	return s > 0 ? (double)n / s : 0;
}

static u64 refused(const struct ledger *l)
{
	return l->tx.excluded + l->tx.over_rate + l->tx.failed;
}

/* Sent, and neither answered nor given up for a reason of its own. */
static u64 without_answer(const struct ledger *l)
{
	u64 known = l->strategy.answered + l->strategy.abandoned;

	return l->tx.sent > known ? l->tx.sent - known : 0;
}

static u64 dropped_here(const struct ledger *l)
{
	return l->tx.dropped + l->missed + l->rx.ring_full + l->rx.fill_empty +
	       l->rx.dropped + l->verdicts[STEER_STALE] +
	       l->verdicts[STEER_NO_SOCKET];
}

u64 report_lost_here(const struct ledger *l)
{
	u64 lost = dropped_here(l), without = without_answer(l);

	return lost < without ? lost : without;
}

u64 report_silent(const struct ledger *l)
{
	return without_answer(l) - report_lost_here(l);
}

/* Every number in it is short, so that all of them are always there. */
void report_status(FILE *to, bool terminal, const struct report *r,
		   const struct ledger *l, u64 now)
{
	double s = seconds(l->started_ns, now), left = 0;
	char elapsed[16], rest[16] = "?", sent[16], pps[16], heard[16],
			  fresh[16], lost[16], line[128];
	double percent = r->all ? (double)r->done * 100 / (double)r->all : 100;

	if (r->done && r->done < r->all)
		left = s / (double)r->done * (double)(r->all - r->done);
	if (r->done || !r->all)
		short_time(left, rest);
	snprintf(line, sizeof(line),
		 "%5s %3.0f%% (%s left); sent %s, %s/s; heard %s/s; new %s/s; "
		 "lost %s",
		 short_time(s, elapsed), floor(percent), rest,
		 short_count((double)l->tx.sent, 2, sent),
		 short_count(r->sent_rate, 2, pps),
		 short_count(r->heard_rate, 2, heard),
		 short_count(r->new_rate, 2, fresh),
		 short_count((double)dropped_here(l), 2, lost));
	fprintf(to, terminal ? "\r%-79s" : "%s\n", line);
	fflush(to);
}

/* A line of the summary. The format is of phrases with a comma and a space
 * between them; those for which there is no room go below. */
__attribute__((format(printf, 4, 5))) static void
say(FILE *to, const char *label, u64 value, const char *format, ...)
{
	int at =
		fprintf(to, "  %-10s %10llu", label, (unsigned long long)value);
	char text[512], *phrase, *next;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (phrase = text; *phrase; phrase = next) {
		size_t len = strcspn(phrase, ",");
		const char *gap = phrase == text ? "   " : " ";

		len += phrase[len] == ',';
		next = phrase + len + strspn(phrase + len, " ");
		if (at + (int)(strlen(gap) + len) > COLUMNS) {
			at = fprintf(to, "\n%*s", DETAIL, "") - 1;
			gap = "";
		}
		at += fprintf(to, "%s%.*s", gap, (int)len, phrase);
	}
	fputs("\n", to);
}

#define N(value) ((unsigned long long)(value))

static void say_chains(FILE *to, const struct report *r)
{
	const struct fill_stats *c = &r->fill;

	say(to, "chains", c->begun,
	    "beyond TTL %u, reached %llu, unreachable %llu, at the limit %llu, "
	    "silent %llu, lost here %llu, not sent %llu, cut short %llu",
	    r->fill_from, N(c->reached), N(c->unreachable), N(c->at_limit),
	    N(c->silent), N(c->lost_here), N(c->refused), N(c->open));
	if (c->not_begun)
		say(to, "no chain", c->not_begun,
		    "answers that asked for one, too many at once, or too "
		    "late");
}

static void say_sessions(FILE *to, const struct report *r)
{
	const u64 *n = r->sessions;

	say(to, "sessions", n[FATE_OPEN] + n[FATE_COUNTED] + n[FATE_RESET],
	    "opened, %llu without SACK, %llu reset, refused %llu, not "
	    "answered %llu, nothing taken behind a gap %llu, not begun %llu",
	    N(n[FATE_COUNTED]), N(n[FATE_RESET]), N(n[FATE_REFUSED]),
	    N(n[FATE_UNANSWERED]), N(n[FATE_UNPROVED]), N(n[FATE_NONE]));
}

static void say_losses(FILE *to, const struct report *r, const struct ledger *l)
{
	if (l->strategy.abandoned)
		say(to, "unanswered", report_silent(l),
		    "of %llu sent, %llu more beyond the end of a trace",
		    N(l->tx.sent), N(l->strategy.abandoned));
	else
		say(to, "unanswered", report_silent(l), "of %llu sent",
		    N(l->tx.sent));
	say(to, "lost here", dropped_here(l),
	    "device %llu, missed %llu, ring full %llu, no buffer %llu, other "
	    "%llu, not taken %llu",
	    N(l->tx.dropped), N(l->missed), N(l->rx.ring_full),
	    N(l->rx.fill_empty), N(l->rx.dropped),
	    N(l->verdicts[STEER_STALE] + l->verdicts[STEER_NO_SOCKET]));
	if (refused(l))
		say(to, "not sent", refused(l),
		    "excluded %llu, over rate %llu, refused by the "
		    "device %llu",
		    N(l->tx.excluded), N(l->tx.over_rate), N(l->tx.failed));
	if (r->skipped)
		say(to, "not asked", r->skipped,
		    "near TTLs, where no new router was heard");
	if (r->fill_from)
		say_chains(to, r);
	if (r->put_off)
		say(to, "put off", r->put_off,
		    "sent later: their prefix or router had been asked "
		    "often enough");
	if (r->output_lost)
		say(to, "unwritten", r->output_lost, "records");
}

void report_summary(FILE *to, const struct report *r, const struct ledger *l)
{
	double sending = seconds(l->started_ns, l->last_sent_ns);
	char pps[16];

	fputs("\n", to);
	say(to, "targets", r->targets, "%s", "");
	if (sending >= 0.001) /* less says nothing of a rate */
		say(to, "probes", l->tx.sent, "in %.2f s: %spps, sent by %s",
		    sending, short_count(rate(l->tx.sent, sending), 3, pps),
		    r->tx);
	else
		say(to, "probes", l->tx.sent, "sent by %s", r->tx);
	say(to, "replies", l->matched,
	    "heard by %s, %llu exact, %llu rewritten", r->rx,
	    N(l->verdicts[STEER_EXACT]), N(l->verdicts[STEER_REWRITTEN]));
	if (l->tcp.syn_acks || l->tcp.resets)
		say(to, "TCP", l->tcp.syn_acks,
		    "SYN/ACKs, %llu closed by us, %llu resets, %llu "
		    "malformed",
		    N(l->tcp.sent), N(l->tcp.resets), N(l->tcp.malformed));
	if (r->has_sessions)
		say_sessions(to, r);
	say(to, "interfaces", r->interfaces, "and %llu destinations reached",
	    N(r->destinations));
	if (r->limited)
		say(to, "limited", r->limited,
		    "routers limit their errors, some silence is theirs");
	say_losses(to, r, l);
	say(to, "put aside",
	    l->strategy.duplicate + l->strategy.late + l->strategy.unknown +
		    l->verdicts[STEER_FORGED],
	    "duplicate %llu, late %llu, not asked for %llu, forged %llu",
	    N(l->strategy.duplicate), N(l->strategy.late),
	    N(l->strategy.unknown), N(l->verdicts[STEER_FORGED]));
}

static void put_verdicts(struct json *j, const struct ledger *l)
{
	json_object(j, "verdicts");
	for (int v = 0; v < STEER_VERDICT_COUNT; v++) {
		char key[32];
		const char *name = steer_verdict_name((enum steer_verdict)v);
		size_t i;

		for (i = 0; name[i] && i < sizeof(key) - 1; i++)
			key[i] = name[i] == '_' ? '_' : (char)(name[i] | 32);
		key[i] = '\0';
		json_u64(j, key, l->verdicts[v]);
	}
	json_end(j);
}

static void put_chains(struct json *j, const struct fill_stats *c)
{
	json_object(j, "fill");
	json_u64(j, "begun", c->begun);
	json_u64(j, "reached", c->reached);
	json_u64(j, "unreachable", c->unreachable);
	json_u64(j, "at_limit", c->at_limit);
	json_u64(j, "silent", c->silent);
	json_u64(j, "lost_here", c->lost_here);
	json_u64(j, "refused", c->refused);
	json_u64(j, "open", c->open);
	json_u64(j, "not_begun", c->not_begun);
	json_u64(j, "probes", c->probes);
	json_u64(j, "again", c->again);
	json_end(j);
}

/* RSTs of ours are no probes: they are in none of the counts of those. */
static void put_tcp(struct json *j, const struct parting_stats *p)
{
	json_object(j, "tcp");
	json_u64(j, "syn_acks", p->syn_acks);
	json_u64(j, "resets", p->resets);
	json_u64(j, "bare_acks", p->bare);
	json_u64(j, "malformed", p->malformed);
	json_u64(j, "closed", p->sent);
	json_u64(j, "not_closed", p->refused);
	json_u64(j, "session_sent", p->segments);
	json_u64(j, "session_heard", p->heard);
	json_end(j);
}

static void put_sessions(struct json *j, const struct report *r)
{
	json_object(j, "sessions");
	for (int f = 0; f < FATES; f++)
		json_u64(j, told_fates[f], r->sessions[f]);
	json_end(j);
}

static void put_ledger(struct json *j, const struct report *r,
		       const struct ledger *l)
{
	json_u64(j, "put_off", r->put_off);
	json_u64(j, "skipped_near", r->skipped);
	if (r->fill_from)
		put_chains(j, &r->fill);
	json_u64(j, "made", l->made);
	json_u64(j, "sent", l->tx.sent);
	json_u64(j, "excluded", l->tx.excluded);
	json_u64(j, "over_rate", l->tx.over_rate);
	json_u64(j, "failed", l->tx.failed);
	json_u64(j, "tx_dropped", l->tx.dropped);
	json_u64(j, "rx_missed", l->missed);
	json_u64(j, "received", l->rx.received);
	json_u64(j, "ring_full", l->rx.ring_full);
	json_u64(j, "fill_empty", l->rx.fill_empty);
	json_u64(j, "dropped", l->rx.dropped);
	json_u64(j, "matched", l->matched);
	json_u64(j, "answered", l->strategy.answered);
	json_u64(j, "abandoned", l->strategy.abandoned);
	json_u64(j, "unanswered", report_silent(l));
	json_u64(j, "lost_here", report_lost_here(l));
	json_u64(j, "duplicate", l->strategy.duplicate);
	json_u64(j, "late", l->strategy.late);
	json_u64(j, "unknown", l->strategy.unknown);
	json_u64(j, "written", r->written);
	json_u64(j, "output_lost", r->output_lost);
	json_u64(j, "rate_limited", r->limited);
	json_array(j, "rate_limited_routers");
	for (u32 i = 0; i < r->limited && i < REPORT_LIMITED; i++) {
		json_object(j, NULL);
		json_addr(j, "addr", &r->limited_router[i].from);
		json_fixed(j, "per_second",
			   (u64)(r->limited_router[i].per_second * 1000 + 0.5),
			   3);
		json_end(j);
	}
	json_end(j);
	json_array(j, "outputs");
	for (u32 i = 0; i < r->outputs; i++) {
		json_object(j, NULL);
		json_string(j, "output", r->output[i].spec);
		json_u64(j, "written", r->output[i].written);
		json_end(j);
	}
	json_end(j);
}

void report_put(struct json *j, const struct report *r, const struct ledger *l,
		u64 now)
{
	u64 last = l->last_sent_ns ? l->last_sent_ns : l->started_ns;

	json_string(j, "tx", r->tx);
	json_string(j, "rx", r->rx);
	if (r->contact)
		json_string(j, "contact", r->contact);
	if (r->uri)
		json_string(j, "probe_uri", r->uri);
	json_u64(j, "targets", r->targets);
	json_u64(j, "interfaces", r->interfaces);
	json_u64(j, "destinations", r->destinations);
	json_u64(j, "sending_ns", last - l->started_ns);
	json_u64(j, "elapsed_ns", now - l->started_ns);
	put_ledger(j, r, l);
	put_tcp(j, &l->tcp);
	if (r->has_sessions)
		put_sessions(j, r);
	put_verdicts(j, l);
}

static void add_limited(void *to, const struct addr *from, double per_second)
{
	struct report *r = to;

	if (r->limited < REPORT_LIMITED)
		r->limited_router[r->limited] =
			(struct report_limited){ *from, per_second };
	r->limited++;
}

void report_limits(struct report *r, const struct limits *limits,
		   const struct ledger *l)
{
	limits_find(limits, l->tx.sent, add_limited, r);
}

int report_check(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int err;

	if (fd >= 0)
		unlink(path);
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		log_err("%s: %s", path, strerror(-err));
		return err;
	}
	close(fd);
	return 0;
}

int report_json(const char *path, const struct report *r,
		const struct ledger *l)
{
	FILE *to = fopen(path, "w");
	struct json j;

	if (!to) {
		log_err("%s: %s", path, strerror(errno));
		return -errno;
	}
	json_init(&j, to);
	json_object(&j, NULL);
	report_put(&j, r, l, l->ended_ns);
	json_end(&j);
	json_flush(&j);
	if (fclose(to)) {
		log_err("%s: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}
