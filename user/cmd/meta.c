/* SPDX-License-Identifier: BSD-2-Clause */
/* meta: what a kept run is. */
#include "cmd/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/crc32c.h"
#include "lib/json.h"
#include "lib/log.h"
#include "out/segment.h"

enum { CHUNK = 1 << 16 };

static bool is_in(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

bool meta_keeps(const struct meta_plan *plan, const struct opt *o)
{
	return o->name && o->type != OPT_TYPE_HEADING &&
	       o->type != OPT_TYPE_DO && !is_in(plan->free, o->name);
}

bool meta_is_files(const struct meta_plan *plan, const struct opt *o)
{
	return is_in(plan->files, o->name);
}

static const void *value_of(const struct opt *o, const void *config)
{
	return (const char *)config + o->offset;
}

static u64 number_of(const struct opt *o, const void *config)
{
	const void *p = value_of(o, config);

	switch (o->type) {
	case OPT_TYPE_FLAG:
		return *(const bool *)p;
	case OPT_TYPE_U8:
		return *(const u8 *)p;
	case OPT_TYPE_U16:
		return *(const u16 *)p;
	case OPT_TYPE_U32:
		return *(const u32 *)p;
	case OPT_TYPE_COUNT:
	case OPT_TYPE_SECONDS:
		return *(const u64 *)p;
	case OPT_TYPE_CHOICE:
		return (u64) * (const int *)p;
	case OPT_TYPE_END:
	case OPT_TYPE_HEADING:
	case OPT_TYPE_STRING:
	case OPT_TYPE_LIST:
	case OPT_TYPE_ADDR:
	case OPT_TYPE_DO:
		break;
	}
	return 0;
}

bool meta_may_change(const struct meta_plan *plan, const struct opt *o)
{
	return is_in(plan->mutable, o->name);
}

int meta_sum(const char *path, u32 *crc, u64 *octets)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *chunk = malloc(CHUNK);
	ssize_t n = -1;

	*crc = 0;
	*octets = 0;
	while (fd >= 0 && chunk && (n = read(fd, chunk, CHUNK)) > 0) {
		*crc = crc32c(*crc, chunk, (size_t)n);
		*octets += (u64)n;
	}
	if (n < 0)
		n = -errno;
	if (fd >= 0)
		close(fd);
	free(chunk);
	if (n < 0)
		log_err("%s: %s", path, strerror((int)-n));
	return (int)n;
}

static int put_file(struct json *j, const char *path)
{
	char *whole = realpath(path, NULL), sum[16];
	u64 octets;
	int err;
	u32 crc;

	if (!strcmp(path, "-")) {
		log_err("standard input cannot be read again by --resume: put "
			"it into a file");
		err = -EINVAL;
	} else if (!whole) {
		err = -errno;
		log_err("%s: %s", path, strerror(-err));
	} else {
		err = meta_sum(whole, &crc, &octets);
	}
	if (!err) {
		snprintf(sum, sizeof(sum), "%08x", crc);
		json_object(j, NULL);
		json_string(j, "path", whole);
		json_string(j, "crc32c", sum);
		json_u64(j, "octets", octets);
		json_end(j);
	}
	free(whole);
	return err;
}

static int put_list(struct json *j, const char *name,
		    const struct opt_list *list, bool files)
{
	int err = 0;

	json_array(j, name);
	for (u32 i = 0; !err && i < list->count; i++) {
		if (files)
			err = put_file(j, list->item[i]);
		else
			json_string(j, NULL, list->item[i]);
	}
	json_end(j);
	return err;
}

static int put_value(struct json *j, const struct meta_plan *plan,
		     const struct opt *o, const void *config)
{
	const void *p = value_of(o, config);

	switch (o->type) {
	case OPT_TYPE_FLAG:
		json_bool(j, o->name, *(const bool *)p);
		break;
	case OPT_TYPE_U8:
	case OPT_TYPE_U16:
	case OPT_TYPE_U32:
	case OPT_TYPE_COUNT:
	case OPT_TYPE_SECONDS:
		json_u64(j, o->name, number_of(o, config));
		break;
	case OPT_TYPE_STRING:
		if (*(const char *const *)p)
			json_string(j, o->name, *(const char *const *)p);
		else
			json_null(j, o->name);
		break;
	case OPT_TYPE_LIST:
		return put_list(j, o->name, p, meta_is_files(plan, o));
	case OPT_TYPE_ADDR:
		if (addr_is_none(p))
			json_null(j, o->name);
		else
			json_addr(j, o->name, p);
		break;
	case OPT_TYPE_CHOICE:
		json_string(j, o->name, o->choice[*(const int *)p]);
		break;
	case OPT_TYPE_END:
	case OPT_TYPE_HEADING:
	case OPT_TYPE_DO:
		break;
	}
	return 0;
}

static void put_head(struct json *j, const struct rundir *d,
		     const char *command, const char *interface)
{
	char host[256] = "", run[24];

	gethostname(host, sizeof(host) - 1);
	snprintf(run, sizeof(run), "%016llx", (unsigned long long)d->run);
	json_string(j, "whither", WHITHER_VERSION);
	json_u64(j, "format", SEGMENT_FORMAT);
	json_string(j, "command", command);
	json_string(j, "run", run);
	json_string(j, "host", host);
	if (interface)
		json_string(j, "interface", interface);
	json_u64(j, "begun", (u64)time(NULL));
}

int meta_save(struct rundir *d, const struct meta_plan *plan,
	      const void *config, const struct meta_targets *targets,
	      const char *interface)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);
	struct json j;
	char sum[16];
	int err = 0;

	if (!to)
		return -ENOMEM;
	json_init(&j, to);
	json_object(&j, NULL);
	put_head(&j, d, plan->command, interface);
	json_u64(&j, "target_count", targets->count);
	json_u64(&j, "excluded_crc32c", targets->excluded);
	put_list(&j, "operands", &targets->operands, false);
	json_object(&j, "options");
	for (int t = 0; t < META_TABLES && plan->table[t]; t++)
		for (const struct opt *o = plan->table[t];
		     !err && o->type != OPT_TYPE_END; o++)
			if (meta_keeps(plan, o))
				err = put_value(&j, plan, o, config);
	json_end(&j);
	json_end(&j);
	json_flush(&j);
	fclose(to);
	/* first: with meta.json the run is there */
	if (!err)
		err = rundir_put(d, META_SUM, sum,
				 (size_t)snprintf(sum, sizeof(sum), "%08x\n",
						  crc32c(0, text, n)));
	if (!err)
		err = rundir_put(d, "meta.json", text, n);
	free(text);
	return err;
}

__attribute__((format(printf, 2, 3))) int meta_refuse(const struct rundir *d,
						      const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_err("%s/meta.json: %s", d->path, text);
	return -EBADMSG;
}

static bool same_path(const char *a, const char *b)
{
	char *whole = realpath(a, NULL);
	bool same = whole && !strcmp(whole, b);

	free(whole);
	return same || !strcmp(a, b);
}

static bool is_same(const struct opt *o, const void *kept, const void *asked)
{
	const struct opt_list *k = kept, *a = asked;
	const char *s, *t;

	switch (o->type) {
	case OPT_TYPE_LIST:
		if (a->count && a->count != k->count)
			return false;
		for (u32 i = 0; i < a->count; i++)
			if (!same_path(a->item[i], k->item[i]))
				return false;
		return true;
	case OPT_TYPE_STRING:
		s = *(const char *const *)kept;
		t = *(const char *const *)asked;
		return s == t || (s && t && !strcmp(s, t));
	case OPT_TYPE_ADDR:
		return addr_equal(kept, asked);
	case OPT_TYPE_FLAG:
	case OPT_TYPE_U8:
	case OPT_TYPE_U16:
	case OPT_TYPE_U32:
	case OPT_TYPE_COUNT:
	case OPT_TYPE_SECONDS:
	case OPT_TYPE_CHOICE:
	case OPT_TYPE_END:
	case OPT_TYPE_HEADING:
	case OPT_TYPE_DO:
		break;
	}
	return true;
}

int meta_compare(const struct rundir *d, const struct meta_plan *plan,
		 const void *kept, const void *asked)
{
	for (int t = 0; t < META_TABLES && plan->table[t]; t++)
		for (const struct opt *o = plan->table[t];
		     o->type != OPT_TYPE_END; o++)
			if (meta_keeps(plan, o) &&
			    (number_of(o, kept) != number_of(o, asked) ||
			     !is_same(o, value_of(o, kept),
				      value_of(o, asked)))) {
				meta_refuse(
					d,
					"the run has another --%s: leave it "
					"out, or begin a new run",
					o->name);
				return -EINVAL;
			}
	return 0;
}
