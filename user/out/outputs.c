/* SPDX-License-Identifier: BSD-2-Clause */
/* outputs: several formats, each with its file. */
#include "out/outputs.h"

#include <errno.h>

#include "lib/log.h"

const struct out_format *outputs_format(const char *name, size_t len)
{
	for (unsigned int i = 0; out_formats[i]; i++)
		if (strlen(out_formats[i]->name) == len &&
		    !memcmp(out_formats[i]->name, name, len))
			return out_formats[i];
	return NULL;
}

static void list_formats(char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; out_formats[i] && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "",
				      out_formats[i]->name);
}

static int open_one(struct outputs *o, const struct out_run *run,
		    const char *spec, u64 now)
{
	struct output *x = &o->output[o->n];
	const char *colon = strchr(spec, ':');
	char formats[128];
	int err;

	list_formats(formats, sizeof(formats));
	if (!colon || !colon[1]) {
		log_err("output %s: want FORMAT:FILE or FORMAT:-, with FORMAT "
			"one of %s",
			spec, formats);
		return -EINVAL;
	}
	x->out.format = outputs_format(spec, (size_t)(colon - spec));
	if (!x->out.format) {
		log_err("output %s: no such format; there are %s", spec,
			formats);
		return -EINVAL;
	}
	err = dest_open(&x->dest, colon + 1, !x->out.format->binary);
	if (err)
		return err;
	o->n++;
	x->out.run = run;
	x->out.to = x->dest.to;
	x->out.now = now;
	err = x->out.format->begin(&x->out);
	x->begun = !err;
	return err;
}

static int check_specs(const char *const *specs, unsigned int n)
{
	unsigned int standard = 0;
	const char *colon;

	if (n > OUTPUTS_MAX) {
		log_err("outputs: %u asked for, %d are possible", n,
			OUTPUTS_MAX);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		colon = strchr(specs[i], ':');
		standard += colon && !strcmp(colon, ":-");
		for (unsigned int j = 0; j < i && colon; j++) {
			const char *other = strchr(specs[j], ':');

			if (!other || strcmp(colon, other))
				continue;
			log_err("output %s: %s is an output already", specs[i],
				colon[1] == '-' && !colon[2] ? "standard output"
							     : colon + 1);
			return -EINVAL;
		}
	}
	return 0;
}

int outputs_open(struct outputs *o, const struct out_run *run,
		 const char *const *specs, unsigned int n, u64 now)
{
	int err = check_specs(specs, n);

	memset(o, 0, sizeof(*o));
	for (unsigned int i = 0; i < n && !err; i++)
		err = open_one(o, run, specs[i], now);
	if (err)
		outputs_abandon(o);
	return err;
}

void outputs_record(struct outputs *o, const struct record *r)
{
	for (unsigned int i = 0; i < o->n; i++) {
		struct output *x = &o->output[i];

		if (x->dest.error)
			continue;
		x->out.format->record(&x->out, r);
		/* whoever tells how far it is reads it meanwhile */
		__atomic_store_n(&x->out.written, x->out.written + 1,
				 __ATOMIC_RELAXED);
	}
}

void outputs_time(struct outputs *o, u64 now, bool closing)
{
	for (unsigned int i = 0; i < o->n; i++) {
		o->output[i].out.now = now;
		o->output[i].out.closing = closing;
	}
}

bool outputs_idle(struct outputs *o)
{
	bool more = false;

	for (unsigned int i = 0; i < o->n; i++) {
		struct output *x = &o->output[i];

		if (x->out.format->idle && !x->dest.error)
			more |= x->out.format->idle(&x->out);
	}
	return more;
}

int outputs_error(const struct outputs *o)
{
	for (unsigned int i = 0; i < o->n; i++)
		if (o->output[i].dest.error)
			return o->output[i].dest.error;
	return 0;
}

int outputs_flush(struct outputs *o)
{
	for (unsigned int i = 0; i < o->n; i++)
		dest_flush(&o->output[i].dest);
	return outputs_error(o);
}

static void end_format(struct output *x)
{
	if (x->begun)
		x->out.format->end(&x->out);
	x->begun = false;
}

int outputs_close(struct outputs *o)
{
	int err = outputs_error(o), e;

	for (unsigned int i = 0; i < o->n; i++) {
		end_format(&o->output[i]);
		e = dest_close(&o->output[i].dest);
		err = err ? err : e;
	}
	o->n = 0;
	return err;
}

void outputs_abandon(struct outputs *o)
{
	for (unsigned int i = 0; i < o->n; i++) {
		end_format(&o->output[i]);
		dest_abandon(&o->output[i].dest);
	}
	o->n = 0;
}
