/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * convert: results in one format to others.
 *
 * Traces go straight through. Replies that stand alone do too, unless traces
 * are wanted of them: then all are sorted by flow first.
 */
#include "cmd/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "cmd/stop.h"
#include "lib/log.h"
#include "lib/opt.h"
#include "out/group.h"
#include "out/outputs.h"
#include "out/reader.h"
#include "out/sort.h"
#include "wire.h"

enum { LOOK = 1024 }; /* results between two looks at signals and outputs */

struct convert_options {
	struct opt_list outputs;
	u64 memory;
	const char *monitor;
	bool traces, partial, verbose;
};

static const struct convert_options DEFAULTS = {
	.memory = 256000000,
};

#define ROW(letter, name, type, field, arg, ...)                               \
	OPT(letter, name, type, struct convert_options, field, arg, __VA_ARGS__)

static const struct opt OPTIONS[] = {
	ROW('o', "output", LIST, outputs, "FMT:FILE",
	    "results as jsonl, csv, warts, atlas or text to FILE, or to "
	    "standard output (-); .zst compresses; may be repeated"),
	ROW(0, "traces", FLAG, traces, NULL,
	    "make traces of single replies; warts, atlas and text want it "
	    "anyway"),
	ROW(0, "memory", COUNT, memory, "OCTETS",
	    "to sort replies in [256M]; the rest goes to temporary files",
	    .min = SORT_MEMORY_MIN),
	ROW(0, "partial", FLAG, partial, NULL,
	    "take what is whole of an input that ends early, as of a run that "
	    "was killed"),
	ROW(0, "monitor", STRING, monitor, "NAME",
	    "of the host that measured, for warts"),
	ROW('v', "verbose", FLAG, verbose, NULL, "tell what is being done"),
	OPT_END,
};

struct convert {
	const struct convert_options *options;
	struct out_run run; /* of the result that is written next */
	struct outputs outputs;
	struct reader reader;
	struct sort sort;
	char dir[4096]; /* for temporary files */
	bool group;
	const volatile bool *stop;
	u64 results; /* written */
	u64 traces, replies;

	struct record *flow; /* the replies to one flow */
	unsigned int n_flow, flow_room;
};

/* Now and then: does anything keep us from going on? */
static int look(const struct convert *c)
{
	return *c->stop ? -EINTR : outputs_error(&c->outputs);
}

static int put(struct convert *c, const struct record *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		outputs_record(&c->outputs, &r[i]);
	return c->results++ % LOOK ? 0 : look(c);
}

static const char *method_of(u8 proto)
{
	if (proto == PROTO_UDP)
		return "udp";
	return proto == PROTO_TCP ? "tcp" : "icmp";
}

/* What a single reply does not say, nobody knows. */
static void forget_run(struct convert *c, u8 proto)
{
	c->run.method = method_of(proto);
	c->run.trace_method = NULL;
	c->run.first_ttl = 1;
	c->run.max_ttl = c->run.attempts = 0;
	c->run.wait_ms = c->run.omitted = 0;
	c->run.udp_ttl = 0;
	c->run.syn = (struct tcp_shape){};
}

static int put_result(struct convert *c)
{
	struct reader *r = &c->reader;

	if (!r->trace && c->group) {
		int err = c->results++ % LOOK ? 0 : look(c);

		return err ? err : sort_add(&c->sort, r->record);
	}
	if (r->trace) {
		c->traces++;
		c->run.method = r->run.method;
		c->run.trace_method = r->run.trace_method;
		c->run.first_ttl = r->run.first_ttl;
		c->run.max_ttl = r->run.max_ttl;
		c->run.attempts = r->run.attempts;
		c->run.wait_ms = r->run.wait_ms;
		c->run.omitted = r->run.omitted;
		c->run.udp_ttl = r->run.udp_ttl;
		c->run.syn = r->run.syn;
	} else {
		c->replies++;
		forget_run(c, r->record->proto);
	}
	return put(c, r->record, r->n);
}

static int put_flow(struct convert *c)
{
	unsigned int n = c->n_flow;

	group_trace(c->flow, n);
	for (unsigned int i = 0; i < n; i++)
		if (c->flow[i].hop.attempt >= c->run.attempts &&
		    c->flow[i].hop.attempt < UINT8_MAX)
			c->run.attempts = c->flow[i].hop.attempt + 1;
	c->n_flow = 0;
	c->traces++;
	return put(c, c->flow, n);
}

static int add_to_flow(struct convert *c, const struct record *r)
{
	struct record *more;

	if (!c->n_flow)
		forget_run(c, r->proto);
	if (c->n_flow == READER_RECORDS) { /* a flood */
		c->run.omitted++;
		return 0;
	}
	if (c->n_flow == c->flow_room) {
		c->flow_room = c->flow_room ? 2 * c->flow_room : 64;
		more = realloc(c->flow, c->flow_room * sizeof(*more));
		if (!more) {
			log_err("no memory for a trace");
			return -ENOMEM;
		}
		c->flow = more;
	}
	c->flow[c->n_flow++] = *r;
	return 0;
}

static int put_sorted(struct convert *c)
{
	struct record r;
	int err = sort_end(&c->sort), got = 1;

	while (!err && got > 0) {
		got = sort_next(&c->sort, &r);
		if (got < 0)
			return got;
		if (c->n_flow && (!got || !sort_same_flow(c->flow, &r)))
			err = put_flow(c);
		if (!err && got)
			err = add_to_flow(c, &r);
	}
	return err;
}

static int read_one(struct convert *c, const char *path)
{
	int err = reader_open(&c->reader, path, c->options->partial), got = 1;

	if (err)
		return err;
	while (!err && got > 0) {
		got = reader_next(&c->reader);
		if (got < 0)
			err = got;
		else if (got)
			err = put_result(c);
	}
	reader_close(&c->reader);
	return err;
}

/* TMPDIR, or beside the first output that is a file. */
static void find_dir(struct convert *c)
{
	const char *set = getenv("TMPDIR"), *file, *slash;

	snprintf(c->dir, sizeof(c->dir), "%s", set && *set ? set : "/tmp");
	for (u32 i = 0; !set && i < c->options->outputs.count; i++) {
		struct stat st;

		file = strchr(c->options->outputs.item[i], ':') + 1;
		slash = strrchr(file, '/');
		if (!strcmp(file, "-") ||
		    (!stat(file, &st) && !S_ISREG(st.st_mode)))
			continue;
		snprintf(c->dir, sizeof(c->dir), "%.*s",
			 slash ? (int)(slash - file) + 1 : 1,
			 slash ? file : ".");
		return;
	}
}

static bool wants_traces(const struct opt_list *outputs)
{
	for (u32 i = 0; i < outputs->count; i++)
		if (!strncmp(outputs->item[i], "warts:", 6) ||
		    !strncmp(outputs->item[i], "atlas:", 6) ||
		    !strncmp(outputs->item[i], "text:", 5))
			return true;
	return false;
}

static int convert(struct convert *c, char **input, int n)
{
	const struct convert_options *s = c->options;
	int err = outputs_open(&c->outputs, &c->run, s->outputs.item,
			       s->outputs.count, 0);

	if (err)
		return err;
	find_dir(c);
	sort_open(&c->sort, s->memory, c->dir);
	for (int i = 0; !err && i < n; i++)
		err = read_one(c, input[i]);
	if (!err && c->group)
		err = put_sorted(c);
	if (!err)
		err = look(c);
	if (err)
		outputs_abandon(&c->outputs);
	else
		err = outputs_close(&c->outputs);
	sort_close(&c->sort);
	free(c->flow);
	if (!err)
		log_info("%llu traces and %llu single replies written",
			 (unsigned long long)c->traces,
			 (unsigned long long)c->replies);
	return err;
}

static bool is_usable(const struct convert_options *s, char **input, int n)
{
	int standard = 0;

	for (int i = 0; i < n; i++)
		standard += !strcmp(input[i], "-");
	if (!n)
		log_err("no input: name files of results, or - for standard "
			"input");
	else if (standard > 1)
		log_err("standard input can be read once");
	else if (!s->outputs.count)
		log_err("no output: want -o FORMAT:FILE");
	else
		return true;
	return false;
}

int cmd_convert(int argc, char **argv)
{
	struct convert_options s = DEFAULTS;
	struct convert *c;
	int first, err;

	argv[0] = (char *)"whither convert";
	first = opt_parse(OPTIONS, &s, argc, argv);
	if (first == -ECANCELED) {
		opt_usage(
			stdout, "whither convert -o FMT:FILE [OPTION]... IN...",
			"Writes results (csv, jsonl, each also compressed) in "
			"other formats.",
			OPTIONS);
		return CMD_DONE;
	}
	if (first < 0 || !is_usable(&s, argv + first, argc - first))
		return CMD_USAGE;
	log_set_level(s.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	c = calloc(1, sizeof(*c));
	if (!c)
		return CMD_FAILED;
	c->options = &s;
	c->run = (struct out_run){ .command = "convert",
				   .method = "udp",
				   .strategy = "",
				   .monitor = s.monitor };
	c->group = s.traces || wants_traces(&s.outputs);
	c->stop = stop_on_signals();
	err = convert(c, argv + first, argc - first);
	free(c);
	return err == -EINTR ? CMD_INTERRUPTED : err ? CMD_FAILED : CMD_DONE;
}
