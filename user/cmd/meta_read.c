/* SPDX-License-Identifier: BSD-2-Clause */
/* meta: reading it back. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/meta.h"
#include "lib/crc32c.h"
#include "lib/inet.h"
#include "lib/log.h"
#include "lib/number.h"
#include "out/segment.h"

enum { META_MAX = 1 << 20 };

/* A whole number, as such or, where JSON cannot hold it, as text. */
static bool get_number(struct json_object *v, u64 *n)
{
	if (json_object_is_type(v, json_type_string))
		return !number_plain(json_object_get_string(v), n);
	*n = json_object_get_uint64(v);
	return json_object_is_type(v, json_type_int) &&
	       json_object_get_int64(v) >= 0;
}

/* Its path, if it is what it was. */
static const char *get_file(const struct rundir *d, struct json_object *v,
			    bool may_change)
{
	const char *path, *sum;
	char now[16];
	u64 octets, n;
	u32 crc;

	path = json_object_get_string(json_object_object_get(v, "path"));
	sum = json_object_get_string(json_object_object_get(v, "crc32c"));
	if (!path || !sum ||
	    !get_number(json_object_object_get(v, "octets"), &octets)) {
		meta_refuse(d, "a file has no path, crc32c or octets");
		return NULL;
	}
	if (may_change)
		return path;
	if (meta_sum(path, &crc, &n))
		return NULL;
	snprintf(now, sizeof(now), "%08x", crc);
	if (n == octets && !strcmp(now, sum))
		return path;
	meta_refuse(d,
		    "%s has changed: it had %llu octets of CRC %s, it has %llu "
		    "of CRC %s",
		    path, (unsigned long long)octets, sum,
		    (unsigned long long)n, now);
	return NULL;
}

static int get_list(const struct rundir *d, struct json_object *v,
		    const char *name, bool files, bool may_change,
		    struct opt_list *list)
{
	size_t n;

	if (!json_object_is_type(v, json_type_array))
		return meta_refuse(d, "%s is no list", name);
	n = json_object_array_length(v);
	if (n > OPT_LIST_MAX)
		return meta_refuse(d, "%s is too long", name);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(v, i);
		const char *text = NULL;

		if (files && json_object_is_type(e, json_type_object))
			text = get_file(d, e, may_change);
		else if (!files && json_object_is_type(e, json_type_string))
			text = json_object_get_string(e);
		else
			meta_refuse(d, "%s holds what it cannot", name);
		if (!text)
			return -EBADMSG;
		list->item[list->count++] = text;
	}
	return 0;
}

static int get_choice(const struct rundir *d, const struct opt *o,
		      struct json_object *v, void *to)
{
	const char *text = json_object_is_type(v, json_type_string)
				   ? json_object_get_string(v)
				   : "";

	for (int i = 0; o->choice[i]; i++) {
		if (strcmp(o->choice[i], text))
			continue;
		*(int *)to = i;
		return 0;
	}
	return meta_refuse(d, "%s cannot be \"%s\"", o->name, text);
}

static int get_integer(const struct rundir *d, const struct opt *o,
		       struct json_object *v, void *to)
{
	u64 n, most = o->max;

	if (!most)
		most = o->type == OPT_TYPE_U8	 ? UINT8_MAX
		       : o->type == OPT_TYPE_U16 ? UINT16_MAX
		       : o->type == OPT_TYPE_U32 ? UINT32_MAX
						 : UINT64_MAX;
	if (!get_number(v, &n) || n < o->min || n > most)
		return meta_refuse(d, "%s cannot be %s", o->name,
				   json_object_to_json_string(v));
	if (o->type == OPT_TYPE_U8)
		*(u8 *)to = (u8)n;
	else if (o->type == OPT_TYPE_U16)
		*(u16 *)to = (u16)n;
	else if (o->type == OPT_TYPE_U32)
		*(u32 *)to = (u32)n;
	else
		*(u64 *)to = n;
	return 0;
}

/* Text or null. */
static int get_text(const struct rundir *d, const struct opt *o,
		    struct json_object *v, void *to)
{
	const char *text = json_object_get_string(v);

	if (v && !json_object_is_type(v, json_type_string))
		return meta_refuse(d, "%s is no text", o->name);
	if (o->type == OPT_TYPE_STRING)
		*(const char **)to = text;
	else if (!text)
		memset(to, 0, sizeof(struct addr));
	else if (inet_parse(text, to))
		return meta_refuse(d, "%s is no address", o->name);
	return 0;
}

static int get_value(const struct rundir *d, const struct meta_plan *plan,
		     const struct opt *o, struct json_object *options,
		     void *config)
{
	void *to = (char *)config + o->offset;
	struct json_object *v;

	if (!json_object_object_get_ex(options, o->name, &v))
		return meta_refuse(d, "%s is not there", o->name);
	switch (o->type) {
	case OPT_TYPE_FLAG:
		if (!json_object_is_type(v, json_type_boolean))
			return meta_refuse(d, "%s is not true or false",
					   o->name);
		*(bool *)to = json_object_get_boolean(v);
		return 0;
	case OPT_TYPE_LIST:
		return get_list(d, v, o->name, meta_is_files(plan, o),
				meta_may_change(plan, o), to);
	case OPT_TYPE_CHOICE:
		return get_choice(d, o, v, to);
	case OPT_TYPE_STRING:
	case OPT_TYPE_ADDR:
		return get_text(d, o, v, to);
	case OPT_TYPE_U8:
	case OPT_TYPE_U16:
	case OPT_TYPE_U32:
	case OPT_TYPE_COUNT:
	case OPT_TYPE_SECONDS:
		return get_integer(d, o, v, to);
	case OPT_TYPE_END:
	case OPT_TYPE_HEADING:
	case OPT_TYPE_DO:
		break;
	}
	return 0;
}

/* Against damage, and edits in good faith: who can write there can change
 * both. */
static int check_sum(const struct rundir *d, u32 crc)
{
	char *text, *end;
	size_t n;
	int err = rundir_get(d, META_SUM, 16, &text, &n);

	if (!err && (strtoul(text, &end, 16) != crc || n != 9 || *end != '\n'))
		err = meta_refuse(d,
				  "it is not what was written: its CRC is "
				  "%08x",
				  crc);
	free(text);
	return err;
}

static int parse(struct meta *m, const struct rundir *d, u32 *crc)
{
	struct json_tokener *t = json_tokener_new_ex(8);
	char *text = NULL;
	size_t n;
	int err = t ? rundir_get(d, "meta.json", META_MAX, &text, &n) : -ENOMEM;

	if (!err) {
		json_tokener_set_flags(t, JSON_TOKENER_STRICT);
		m->root = json_tokener_parse_ex(t, text, (int)n + 1);
		if (json_tokener_get_error(t) != json_tokener_success)
			err = meta_refuse(d, "octet %zu: %s",
					  json_tokener_get_parse_end(t),
					  json_tokener_error_desc(
						  json_tokener_get_error(t)));
		else if (!json_object_is_type(m->root, json_type_object))
			err = meta_refuse(d, "it is no object");
	}
	*crc = err ? 0 : crc32c(0, text, n);
	free(text);
	if (t)
		json_tokener_free(t);
	return err;
}

static const char *text_at(const struct meta *m, const char *name)
{
	struct json_object *v = json_object_object_get(m->root, name);

	return json_object_is_type(v, json_type_string)
		       ? json_object_get_string(v)
		       : "";
}

static int check_head(const struct meta *m, struct rundir *d,
		      const struct meta_plan *plan)
{
	const char *run = text_at(m, "run");
	char *end;
	u64 format;

	if (strcmp(text_at(m, "whither"), WHITHER_VERSION))
		return meta_refuse(d,
				   "the run is of version \"%s\", this is %s",
				   text_at(m, "whither"), WHITHER_VERSION);
	if (!get_number(json_object_object_get(m->root, "format"), &format) ||
	    format != SEGMENT_FORMAT)
		return meta_refuse(d, "the run's files are of another format");
	if (strcmp(text_at(m, "command"), plan->command))
		return meta_refuse(d,
				   "the run is of the command \"%s\", not %s",
				   text_at(m, "command"), plan->command);
	d->run = strtoull(run, &end, 16);
	if (strlen(run) != 16 || *end)
		return meta_refuse(d, "run is not 16 hexadecimal digits");
	return 0;
}

int meta_load(struct meta *m, struct rundir *d, const struct meta_plan *plan,
	      void *config, struct meta_targets *targets)
{
	struct json_object *options;
	u64 excluded;
	u32 crc;
	int err = parse(m, d, &crc);

	if (!err)
		err = check_head(m, d, plan);
	if (!err)
		err = check_sum(d, crc);
	if (err)
		return err;
	options = json_object_object_get(m->root, "options");
	if (!json_object_is_type(options, json_type_object) ||
	    !get_number(json_object_object_get(m->root, "target_count"),
			&targets->count) ||
	    !get_number(json_object_object_get(m->root, "excluded_crc32c"),
			&excluded))
		return meta_refuse(d, "options, target_count or "
				      "excluded_crc32c are not there");
	targets->excluded = (u32)excluded;
	err = get_list(d, json_object_object_get(m->root, "operands"),
		       "operands", false, false, &targets->operands);
	for (int t = 0; t < META_TABLES && plan->table[t]; t++)
		for (const struct opt *o = plan->table[t];
		     !err && o->type != OPT_TYPE_END; o++)
			if (meta_keeps(plan, o))
				err = get_value(d, plan, o, options, config);
	return err;
}

void meta_close(struct meta *m)
{
	json_object_put(m->root);
	m->root = NULL;
}
