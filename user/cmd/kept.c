/* SPDX-License-Identifier: BSD-2-Clause */
/* kept: a run that is kept in a directory. */
#include "cmd/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cookie.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/inet.h"
#include "lib/log.h"
#include "trace/path.h"

struct key_file {
	struct siphash_key key;
	u32 zero, crc;
};

enum { COPY_MAX = 1 << 30 };

/* A process may have sent for so long since it wrote its last checkpoint. */
#define UNKNOWN_NS (3 * NS_PER_S)

int kept_create(struct kept *k, const char *path)
{
	struct key_file f = {};
	int err;

	memset(k, 0, sizeof(*k));
	err = rundir_create(&k->dir, path);
	if (err)
		return err;
	if (getrandom(&f.key, sizeof(f.key), 0) != sizeof(f.key) ||
	    getrandom(&k->dir.run, sizeof(k->dir.run), 0) < 0) {
		err = -errno;
		log_err("no random octets for the key: %s", strerror(-err));
	} else {
		f.crc = crc32c(0, &f, offsetof(struct key_file, crc));
		err = rundir_put(&k->dir, "key", &f, sizeof(f));
	}
	k->key = f.key;
	if (err)
		kept_discard(k);
	return err;
}

int kept_open(struct kept *k, const char *path)
{
	struct key_file f;
	char *octets;
	size_t n;
	int err;

	memset(k, 0, sizeof(*k));
	k->resumed = true;
	err = rundir_open(&k->dir, path);
	if (err)
		return err;
	err = rundir_get(&k->dir, "key", sizeof(f), &octets, &n);
	if (!err && n == sizeof(f)) {
		memcpy(&f, octets, sizeof(f));
		k->key = f.key;
	}
	if (!err && (n != sizeof(f) ||
		     f.crc != crc32c(0, &f, offsetof(struct key_file, crc)))) {
		log_err("%s/key: octet %zu: it is damaged", path, n);
		err = -EBADMSG;
	}
	free(octets);
	if (err)
		kept_close(k);
	return err;
}

static int append_file(FILE *to, const char *path)
{
	FILE *from = fopen(path, "re");
	char chunk[4096];
	int err = 0;
	size_t n;

	if (!from) {
		err = -errno;
		log_err("%s: %s", path, strerror(-err));
		return err;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), from)))
		fwrite(chunk, 1, n, to);
	if (ferror(from)) {
		err = -EIO;
		log_err("%s: cannot be read", path);
	}
	fclose(from);
	fputs("\n", to); /* its last line may not have ended */
	return err;
}

int kept_copy(struct kept *k, const char *name, const char *const *path,
	      u32 paths, u32 *crc)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);
	int err = to ? 0 : -ENOMEM;

	for (u32 i = 0; !err && i < paths; i++)
		err = append_file(to, path[i]);
	if (to)
		fclose(to);
	if (!err)
		err = rundir_put(&k->dir, name, text, n);
	*crc = err ? 0 : crc32c(0, text, n);
	free(text);
	return err;
}

int kept_check_copy(const struct kept *k, const char *name, u32 crc)
{
	char *text;
	size_t n;
	int err = rundir_get(&k->dir, name, COPY_MAX, &text, &n);

	if (!err && crc32c(0, text, n) != crc) {
		log_err("%s/%s: it is not what it was: its CRC is %08x, not "
			"%08x",
			k->dir.path, name, crc32c(0, text, n), crc);
		err = -EBADMSG;
	}
	free(text);
	return err;
}

void kept_discard(struct kept *k)
{
	rundir_discard(&k->dir);
	kept_close(k);
}

void kept_close(struct kept *k)
{
	for (u32 i = 0; i < RUNDIR_PARTS; i++)
		free(k->part[i].bits);
	rundir_close(&k->dir);
	memset(k, 0, sizeof(*k));
}

/* Room for bit n, zeroed. */
static int grow(struct kept *k, struct kept_part *p, u64 n)
{
	u64 words = n / 64 + 1;
	u64 *bits;

	if (words <= p->words)
		return 0;
	if (words < 2 * p->words)
		words = 2 * p->words;
	bits = reallocarray(p->bits, words, sizeof(*bits));
	if (!bits) {
		log_err("%s: no memory for %llu results", k->dir.path,
			(unsigned long long)n);
		return -ENOMEM;
	}
	memset(bits + p->words, 0, (words - p->words) * sizeof(*bits));
	p->bits = bits;
	p->words = words;
	return 0;
}

static bool find_index(const struct kept *k, const struct record *r, u64 *index)
{
	const struct exhaustive_config *c = k->plan->whole;
	enum kept_results results = k->plan->results;
	bool trace = r->flags & RECORD_TRACE;
	s64 number;

	if (trace != (results == KEPT_TRACES))
		return false;
	if (results == KEPT_PROBES)
		return exhaustive_index(c, &k->order, &r->dst, r->hop.ttl,
					r->hop.attempt, index);
	if (results == KEPT_REPLIES &&
	    (r->hop.ttl < c->first_ttl || r->hop.ttl > c->max_ttl ||
	     r->hop.attempt >= c->attempts + PATH_REFUSALS))
		return false;
	number = targets_find(c->targets, &r->dst);
	if (number >= 0)
		*index = permute_index(&k->order, (u64)number);
	return number >= 0;
}

/* Whose turn a result is of. NULL: nobody's. */
static struct kept_part *find_part(struct kept *k, const struct record *r,
				   u64 *turn)
{
	const struct exhaustive_config *c = k->plan->whole;
	u64 shards = (u64)c->shards * k->plan->workers, shard;

	if (!find_index(k, r, turn))
		return NULL;
	shard = *turn % shards;
	if (shard % c->shards != c->shard)
		return NULL;
	*turn /= shards;
	return &k->part[shard / c->shards];
}

/* Of a chain beyond the order: it has no turn; kept_recall() tells of it. */
static bool is_chain(const struct kept *k, const struct record *r)
{
	const struct exhaustive_config *c = k->plan->whole;
	u64 index;

	return k->plan->results == KEPT_PROBES && !(r->flags & RECORD_TRACE) &&
	       r->hop.attempt <= COOKIE_MAX_ATTEMPT &&
	       exhaustive_chain(c, &k->order, &r->dst, r->hop.ttl,
				r->hop.attempt, &index) &&
	       index % c->shards == c->shard;
}

static int recall(void *to, const struct record *r, u64 wall_offset_ns)
{
	struct kept *k = to;
	struct kept_part *p;
	char text[INET_TEXT];
	u64 turn;
	int err;

	(void)wall_offset_ns;
	seen_record(k->plan->seen, r);
	if (r->flags & RECORD_TRACE && !(r->flags & RECORD_FIRST))
		return 0;
	if (is_chain(k, r))
		return 0;
	p = find_part(k, r, &turn);
	if (!p) {
		log_err("%s: it has a result of %s, TTL %u, which is no probe "
			"of this run",
			k->dir.path, inet_format(&r->dst, text), r->hop.ttl);
		return -EBADMSG;
	}
	if (k->plan->results == KEPT_REPLIES)
		return 0; /* until kept_recall() */
	if (k->plan->results == KEPT_TRACES) {
		p->bits[turn / 64] |= 1ULL << turn % 64;
		return 0;
	}
	p->settled = k->dir.last.settled[p - k->part];
	if (turn < p->settled)
		return 0;
	if (turn >= p->known)
		p->known = turn + 1;
	turn -= p->settled;
	err = grow(k, p, turn);
	if (!err)
		p->bits[turn / 64] |= 1ULL << turn % 64;
	return err;
}

static int begin_parts(struct kept *k, u64 limit[RUNDIR_PARTS])
{
	const struct kept_plan *plan = k->plan;
	struct exhaustive_config c = *plan->whole;
	u64 all = targets_count(c.targets);
	int err = 0;

	if (plan->results == KEPT_PROBES)
		exhaustive_order(&c, &k->order);
	else
		permute_init(&k->order, all, c.seed);
	c.shards *= plan->workers;
	for (u32 i = 0; !err && i < plan->workers; i++) {
		c.shard = plan->whole->shard + plan->whole->shards * i;
		limit[i] = 0;
		if (plan->results == KEPT_TRACES)
			err = grow(k, &k->part[i], all / c.shards);
		else if (plan->results == KEPT_PROBES)
			limit[i] = exhaustive_turns(&c);
	}
	return err;
}

int kept_recover(struct kept *k, const struct kept_plan *plan)
{
	const struct rundir_sink sink = { recall, k };
	u64 limit[RUNDIR_PARTS];
	int err;

	k->plan = plan;
	err = begin_parts(k, limit);
	if (!err)
		err = rundir_recover(&k->dir, limit, plan->workers, &sink);
	for (u32 i = 0; i < plan->workers; i++) {
		struct kept_part *p = &k->part[i];

		p->settled = k->dir.last.settled[i];
		if (p->known < p->settled)
			p->known = p->settled;
	}
	k->plan = NULL;
	k->found = k->dir;
	return err;
}

int kept_recall(const struct kept *k, const struct rundir_sink *sink)
{
	struct rundir found = k->found; /* k->dir is the writer's by now */

	return rundir_read(&found, sink);
}

bool kept_is_complete(const struct kept *k)
{
	return k->dir.last.state == RUNDIR_COMPLETE;
}

void kept_settle(const struct kept *k, u64 wait_ns, const volatile bool *stop)
{
	u64 now = clock_now(), end = now + wait_ns;
	u64 since = now + clock_wall_offset() - k->dir.last.wall_ns;

	if (!k->resumed ||
	    (k->dir.last.wall_ns && since > wait_ns + UNKNOWN_NS))
		return;
	for (; now < end && !*stop; now = clock_now())
		clock_sleep(end - now < NS_PER_S / 10 ? end - now
						      : NS_PER_S / 10);
}

struct export
{
	const struct record_sink *sink;
	s64 count;
};

static int export_one(void *to, const struct record *r, u64 wall_offset_ns)
{
	struct export *e = to;
	struct record timed = *r;

	if (timed.sent_ns)
		timed.sent_ns += wall_offset_ns;
	if (timed.arrived_ns)
		timed.arrived_ns += wall_offset_ns;
	while (!e->sink->room(e->sink->to))
		clock_sleep(NS_PER_MS);
	e->sink->put(e->sink->to, &timed, 1);
	e->count++;
	return 0;
}

s64 kept_export(struct kept *k, const struct record_sink *sink)
{
	struct export e = { .sink = sink };
	const struct rundir_sink to = { export_one, &e };
	int err = rundir_read(&k->dir, &to);

	return err ? err : e.count;
}
