/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truth: what the simulated Internet would answer to a sweep, against what a
 * result file says that it answered.
 *
 * Theory of operation. Who answers a probe is a function of its destination,
 * TTL and flow. A result tells the flow of UDP and TCP probes; of echo
 * requests it does not tell the checksum, by which routers balance them, so
 * there every router of a diamond is a right answer. Hence two sets:
 * "possible" is whoever may answer some probe of the sweep, "certain" whoever
 * must answer one if nothing is lost. A row is right if its responder may
 * answer just its probe; an interface that is not possible is invented; one
 * that is certain and not in the file is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/topo.h"
#include "io/veth.h"
#include "io/world.h"
#include "lib/addrset.h"
#include "lib/log.h"
#include "lib/number.h"
#include "lib/opt.h"
#include "plan/targets.h"
#include "simnet_frame.h"

enum {
	DRAWS = 512,  /* packets and flows tried where there is no formula */
	MAYBE = 64,   /* interfaces that may answer one probe */
	COLUMNS = 17, /* of caracal's CSV */
	COMPLAINTS = 10,
};

struct options {
	struct simnet_config net;
	const char *topo, *compare;
	struct opt_list target_files;
	struct addr source4, source6;
	u64 seed;
	u8 per_v4, per_v6, first, last;
};

static int read_per_prefix(void *config, const char *option, const char *text)
{
	struct options *o = config;
	u64 n;

	if (number_plain(text, &n) || !n || n > 128) {
		log_err("%s %s: needs a prefix length", option, text);
		return -EINVAL;
	}
	o->per_v4 = n > 32 ? 24 : (u8)n;
	o->per_v6 = n > 32 ? (u8)n : 48;
	return 0;
}

static const struct opt table[] = {
	OPT_HEADING("the sweep"),
	OPT(0, "compare", STRING, struct options, compare, "FILE",
	    "its results as CSV, to be judged; -: standard input"),
	OPT('t', "targets", LIST, struct options, target_files, "FILE",
	    "more targets, one a line"),
	OPT_DO(0, "per-prefix", "N",
	       "one address in each /N of a prefix, as in the sweep",
	       read_per_prefix),
	OPT(0, "seed", COUNT, struct options, seed, "N",
	    "of --per-prefix, as in the sweep [0]"),
	OPT('f', "first", U8, struct options, first, "TTL", "first TTL [1]",
	    .min = 1),
	OPT('m', "max", U8, struct options, last, "TTL", "last TTL [32]",
	    .min = 1),
	OPT(0, "source4", ADDR, struct options, source4, "ADDR",
	    "that probes were sent from [192.0.2.1]"),
	OPT(0, "source6", ADDR, struct options, source6, "ADDR",
	    "... and those of IPv6 [2001:db8::1]"),
	OPT_HEADING("the network"),
	OPT(0, "topo", STRING, struct options, topo, "FILE",
	    "a drawn network, in place of a procedural one"),
	OPT(0, "net-seed", COUNT, struct options, net.seed, "N",
	    "another seed, another network [1]"),
#define X(field, option, least, most, preset, help)                            \
	OPT(0, option, U32, struct options, net.field, "N",                    \
	    help " [" #preset "]", .min = least, .max = most),
	SIMNET_PARAMS(X)
#undef X
		OPT(0, "public4", ADDR, struct options, net.public4, "ADDR",
		    "accepted as by simnet; changes nothing here"),
	OPT(0, "public6", ADDR, struct options, net.public6, "ADDR",
	    "accepted as by simnet; changes nothing here"),
	OPT_END,
};

/* How a target was probed, as the results tell; proto 0: not yet known. */
struct flow {
	u16 sport, dport;
	u8 proto;
};

struct sweep {
	const struct options *o;
	struct targets targets;
	struct world world;
	struct flow *flow; /* of each target */
	u32 *answered;	   /* of each target: bit TTL - first; by rows */
	struct addrset found, possible, certain;
	u64 rows, wrong, repeated;
	u64 interfaces[2]; /* certain: routers, destinations */
	u64 missing[2];
};

/* Whoever may answer a probe. */
struct maybe {
	struct addr from[MAYBE];
	unsigned int count;
	bool silence; /* perhaps nobody */
};

static void add_maybe(struct maybe *m, const struct simnet_hop *hop)
{
	if (hop->end == SIMNET_END_SILENT) {
		m->silence = true;
		return;
	}
	for (unsigned int i = 0; i < m->count; i++)
		if (addr_equal(&m->from[i], &hop->from))
			return;
	if (m->count < MAYBE)
		m->from[m->count++] = hop->from;
}

/* Whether routers stand side by side where the probe ends. */
static bool is_wide(const struct sweep *s, const struct simnet_probe *p)
{
	const struct simnet_config *c = &s->world.cfg;
	bool v4 = p->family == 4, by_packet;
	u32 bits;

	if (s->world.topo)
		return true;
	if (p->ttl >= simnet_length(c, &p->dst))
		return false;
	bits = simnet_shared_bits(c, v4, p->ttl);
	return simnet_width(c, v4, simnet_place(&p->dst, v4, p->ttl, bits),
			    bits, &by_packet) > 1;
}

/* All flows and packets that a probe may have: enough of them to meet every
 * router that stands side by side with others. */
static void ask_all(const struct sweep *s, const struct simnet_probe *p,
		    bool flow_known, struct maybe *m)
{
	struct simnet_probe probe = *p;
	u32 draws = is_wide(s, p) ? DRAWS : 1;
	struct simnet_hop hop;

	m->count = 0;
	m->silence = false;
	for (u32 i = 0; i < draws; i++) {
		/* the lower half decides on loss: none */
		u32 random = (u32)simnet_mix(i) << 16;

		if (!flow_known)
			probe.first4 = (u32)simnet_mix(~(u64)i);
		world_hop(&s->world, &probe, random, &hop);
		add_maybe(m, &hop);
	}
}

static void fill_probe(const struct sweep *s, u64 target,
		       const struct flow *flow, u8 ttl, struct simnet_probe *p)
{
	memset(p, 0, sizeof(*p));
	targets_at(&s->targets, target, &p->dst);
	p->family = addr_is_v4(&p->dst) ? 4 : 6;
	p->src = p->family == 4 ? s->o->source4 : s->o->source6;
	p->proto = flow->proto;
	p->first4 = (u32)flow->sport << 16 | flow->dport;
	p->ttl = ttl;
	p->may_fragment = true; /* its size is not known: it fits */
}

static bool tells_flow(const struct flow *flow)
{
	return flow->proto == PROTO_UDP || flow->proto == PROTO_TCP;
}

/* The next column of a line, unquoted; NULL at its end. */
static char *next_column(char **line)
{
	char *start = *line, *end;

	if (!start)
		return NULL;
	if (*start == '"') {
		start++;
		end = strchr(start, '"');
		if (end)
			*end++ = '\0';
		end = end ? strchr(end, ',') : NULL;
	} else {
		end = strchr(start, ',');
	}
	if (end)
		*end++ = '\0';
	*line = end;
	return start;
}

struct row {
	struct flow flow;
	struct addr dst, from;
	u8 ttl;
};

static int read_row(char *line, struct row *r)
{
	char *column[COLUMNS];
	u64 proto, sport, dport, ttl;
	int n = 0;

	while (n < COLUMNS && (column[n] = next_column(&line)))
		n++;
	if (n < COLUMNS || number_plain(column[1], &proto) || proto > 255 ||
	    inet_parse(column[3], &r->dst) || number_plain(column[4], &sport) ||
	    sport > 65535 || number_plain(column[5], &dport) || dport > 65535 ||
	    number_plain(column[6], &ttl) || ttl > 255 ||
	    inet_parse(column[8], &r->from))
		return -EINVAL;
	r->flow.proto = (u8)proto;
	r->flow.sport = (u16)sport;
	r->flow.dport = (u16)dport;
	r->ttl = (u8)ttl;
	return 0;
}

static void complain(struct sweep *s, const struct row *r, const char *why)
{
	char dst[INET_TEXT], from[INET_TEXT];

	if (s->wrong++ >= COMPLAINTS)
		return;
	fprintf(stderr, "truth: row %llu: %s TTL %u from %s: %s\n",
		(unsigned long long)s->rows, inet_format(&r->dst, dst), r->ttl,
		inet_format(&r->from, from), why);
}

static int judge(struct sweep *s, const struct row *r)
{
	struct simnet_probe p;
	struct maybe m;
	s64 target;
	u32 bit;

	s->rows++;
	if (addrset_add(&s->found, &r->from) < 0)
		return -ENOMEM;
	target = targets_find(&s->targets, &r->dst);
	if (target < 0 || r->ttl < s->o->first || r->ttl > s->o->last) {
		complain(s, r, target < 0 ? "not a target" : "no such TTL");
		return 0;
	}
	if (!s->flow[target].proto)
		s->flow[target] = r->flow;
	bit = 1u << (r->ttl - s->o->first);
	s->repeated += (s->answered[target] & bit) != 0;
	s->answered[target] |= bit;
	fill_probe(s, (u64)target, &r->flow, r->ttl, &p);
	ask_all(s, &p, tells_flow(&r->flow), &m);
	for (unsigned int i = 0; i < m.count; i++)
		if (addr_equal(&m.from[i], &r->from))
			return 0;
	complain(s, r,
		 m.count ? "another one answers there"
			 : "nobody answers there");
	return 0;
}

static int read_results(struct sweep *s, FILE *f, const char *name)
{
	char line[4096];
	u64 number = 0;
	struct row r;
	int err = 0;

	while (!err && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (++number == 1 && !strncmp(line, "capture_timestamp,", 18))
			continue;
		if (read_row(line, &r)) {
			log_err("%s:%llu: is no line of %d columns", name,
				(unsigned long long)number, COLUMNS);
			return -EINVAL;
		}
		err = judge(s, &r);
	}
	if (!err && ferror(f)) {
		err = -EIO;
		log_err("%s: %s", name, strerror(EIO));
	}
	return err;
}

/* What every probe of the sweep may and must find. */
static int expect(struct sweep *s)
{
	struct simnet_probe p;
	struct addr dst;
	struct maybe m;
	int is_new;

	for (u64 i = 0; i < targets_count(&s->targets); i++) {
		bool known = tells_flow(&s->flow[i]);

		targets_at(&s->targets, i, &dst);
		for (u32 ttl = s->o->first; ttl <= s->o->last; ttl++) {
			fill_probe(s, i, &s->flow[i], (u8)ttl, &p);
			ask_all(s, &p, known, &m);
			for (unsigned int j = 0; j < m.count; j++)
				if (addrset_add(&s->possible, &m.from[j]) < 0)
					return -ENOMEM;
			if (m.count == 1 && !m.silence) {
				bool end = addr_equal(&m.from[0], &dst);

				is_new = addrset_add(&s->certain, &m.from[0]);
				if (is_new < 0)
					return -ENOMEM;
				s->interfaces[end] += (u64)is_new;
				s->missing[end] +=
					is_new &&
					!addrset_has(&s->found, &m.from[0]);
			}
			/* every further TTL ends there as well */
			if (m.count == 1 && addr_equal(&m.from[0], &dst))
				break;
		}
	}
	return 0;
}

static u64 count_invented(const struct sweep *s)
{
	struct addr a;
	u64 n = 0;

	for (u64 at = 0; addrset_next(&s->found, &at, &a);)
		n += !addrset_has(&s->possible, &a);
	return n;
}

#define N(x) ((unsigned long long)(x))

/* 0: complete and nothing invented. */
static int report(const struct sweep *s)
{
	u64 invented = count_invented(s), answered = 0;
	u64 certain = s->certain.count, missing = s->missing[0] + s->missing[1];
	bool bad = s->wrong || invented || missing;

	for (u64 i = 0; i < targets_count(&s->targets); i++)
		answered += (u64)__builtin_popcount(s->answered[i]);
	printf("targets     %llu, TTL %u to %u\n",
	       N(targets_count(&s->targets)), s->o->first, s->o->last);
	printf("rows        %llu: %llu right, %llu wrong; %llu probes "
	       "answered, %llu repeated\n",
	       N(s->rows), N(s->rows - s->wrong), N(s->wrong), N(answered),
	       N(s->repeated));
	printf("interfaces  %llu found, %llu certain, %llu possible, "
	       "%llu invented, %llu missing\n",
	       N(s->found.count), N(certain), N(s->possible.count), N(invented),
	       N(missing));
	printf("routers     %llu certain, %llu missing\n", N(s->interfaces[0]),
	       N(s->missing[0]));
	printf("destinations %llu certain, %llu missing\n", N(s->interfaces[1]),
	       N(s->missing[1]));
	if (missing && (s->o->net.loss || s->o->net.rate || s->world.topo))
		printf("note        this network may lose or limit answers\n");
	printf("%s\n", bad ? "NOT THE TRUTH" : "the truth");
	return bad;
}

static int read_targets(struct sweep *s, int argc, char **argv, int first)
{
	const struct targets_config cfg = {
		.per_v4 = s->o->per_v4,
		.per_v6 = s->o->per_v6,
		.seed = s->o->seed,
	};
	int err = 0;
	u64 n;

	targets_init(&s->targets, &cfg);
	for (int i = first; !err && i < argc; i++)
		err = targets_add(&s->targets, argv[i]);
	for (u32 i = 0; !err && i < s->o->target_files.count; i++)
		err = targets_read(&s->targets, s->o->target_files.item[i]);
	if (!err)
		err = targets_seal(&s->targets);
	if (err)
		return err;
	n = targets_count(&s->targets);
	s->flow = calloc(n + 1, sizeof(*s->flow));
	s->answered = calloc(n + 1, sizeof(*s->answered));
	if (s->flow && s->answered)
		return 0;
	log_err("out of memory for %llu targets", N(n));
	return -ENOMEM;
}

static int run(struct sweep *s, const struct topo *topo, int argc, char **argv,
	       int first)
{
	const char *name = s->o->compare;
	struct simnet_config net = s->o->net;
	FILE *f = stdin;
	int err;

	net.loss = 0; /* the truth is what is not lost */
	err = world_open(&s->world, &net, topo);
	if (!err)
		err = read_targets(s, argc, argv, first);
	if (err)
		return err;
	if (strcmp(name, "-"))
		f = fopen(name, "re");
	if (!f) {
		err = -errno;
		log_err("%s: %s", name, strerror(-err));
		return err;
	}
	err = read_results(s, f, name);
	if (f != stdin)
		fclose(f);
	return err ? err : expect(s);
}

static int usage(FILE *to)
{
	opt_usage(to, "truth [options] --compare FILE TARGET...",
		  "Judges the results of a sweep of the simulated Internet. "
		  "Exits 0 if they are complete and right, else 1.",
		  table);
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct options o = {
		.net = SIMNET_PRESET,
		.first = 1,
		.last = 32,
	};
	struct sweep s = { .o = &o };
	struct topo *topo = NULL;
	int first, status = 1;

	inet_parse(VETH_DEFAULT.near4, &o.source4);
	inet_parse(VETH_DEFAULT.near6, &o.source6);
	first = opt_parse(table, &o, argc, argv);
	if (first < 0)
		return first == -ECANCELED ? usage(stdout) : 2;
	if (!o.compare || (first == argc && !o.target_files.count))
		return usage(stderr);
	if (o.first > o.last || o.last - o.first > 31) {
		log_err("-f %u -m %u: no range of at most 32 TTLs", o.first,
			o.last);
		return 2;
	}
	if (o.topo) {
		topo = malloc(sizeof(*topo));
		if (!topo || topo_open(topo, o.topo))
			return 1;
	}
	if (!run(&s, topo, argc, argv, first))
		status = report(&s);
	addrset_fini(&s.found);
	addrset_fini(&s.possible);
	addrset_fini(&s.certain);
	targets_fini(&s.targets);
	world_close(&s.world);
	free(s.flow);
	free(s.answered);
	free(topo);
	return status;
}
