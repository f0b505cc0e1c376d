/* SPDX-License-Identifier: BSD-2-Clause */
/* key: the values of a JSON object by their keys. */
#include "out/key.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>

#include "lib/clock.h"
#include "lib/inet.h"

const char *key_where(const struct reader *r, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(r->line, quoted);
	return at ? at : r->line;
}

int key_u64(const struct reader *r, struct json_object *o, const char *key,
	    u64 most, u64 *v)
{
	struct json_object *x;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &x))
		return 0;
	n = json_object_get_int64(x);
	if (!json_object_is_type(x, json_type_int) || n < 0 || (u64)n > most)
		return reader_fail(r, key_where(r, key),
				   "%s is %.30s, not a whole number up to %llu",
				   key, json_object_to_json_string(x),
				   (unsigned long long)most);
	*v = (u64)n;
	return 0;
}

int key_u8(const struct reader *r, struct json_object *o, const char *key,
	   u8 *to)
{
	u64 v = *to;
	int err = key_u64(r, o, key, UINT8_MAX, &v);

	*to = (u8)v;
	return err;
}

int key_u16(const struct reader *r, struct json_object *o, const char *key,
	    u16 *to)
{
	u64 v = *to;
	int err = key_u64(r, o, key, UINT16_MAX, &v);

	*to = (u16)v;
	return err;
}

const char *key_text(struct json_object *o, const char *key)
{
	struct json_object *x;

	if (!json_object_object_get_ex(o, key, &x) ||
	    !json_object_is_type(x, json_type_string))
		return NULL;
	return json_object_get_string(x);
}

int key_addr(const struct reader *r, struct json_object *o, const char *key,
	     struct addr *a)
{
	const char *text = key_text(o, key);

	if (text && !inet_parse(text, a))
		return 0;
	return reader_fail(r, key_where(r, key), "%s is %.50s, no address", key,
			   text ? text : "not there");
}

bool key_true(struct json_object *o, const char *key)
{
	struct json_object *x;

	return json_object_object_get_ex(o, key, &x) &&
	       json_object_get_boolean(x);
}

int key_time(const struct reader *r, struct json_object *o, const char *key,
	     u64 *ns)
{
	struct json_object *x;
	u64 sec = 0, usec = 0;
	int err;

	if (!json_object_object_get_ex(o, key, &x) || !x)
		return 0;
	if (!json_object_is_type(x, json_type_object))
		return reader_fail(r, key_where(r, key), "%s is no time", key);
	err = key_u64(r, x, "sec", READER_SECONDS_MAX, &sec);
	if (!err)
		err = key_u64(r, x, "usec", 999999, &usec);
	*ns = sec * NS_PER_S + usec * NS_PER_US;
	return err;
}

int key_thousandths(const struct reader *r, struct json_object *o,
		    const char *key, u32 *to)
{
	struct json_object *x;
	double v;

	if (!json_object_object_get_ex(o, key, &x) || !x)
		return 0;
	v = json_object_get_double(x) * 1000;
	if ((!json_object_is_type(x, json_type_double) &&
	     !json_object_is_type(x, json_type_int)) ||
	    !(v >= 0) || v >= UINT32_MAX)
		return reader_fail(r, key_where(r, key),
				   "%s is %.30s: not right", key,
				   json_object_to_json_string(x));
	*to = (u32)llround(v);
	return 0;
}

int key_array(const struct reader *r, struct json_object *o, const char *key,
	      struct json_object **array, size_t *n)
{
	*n = 0;
	if (!json_object_object_get_ex(o, key, array) || !*array)
		return 0;
	if (!json_object_is_type(*array, json_type_array))
		return reader_fail(r, key_where(r, key), "%s is no array", key);
	*n = json_object_array_length(*array);
	for (size_t i = 0; i < *n; i++)
		if (!json_object_is_type(json_object_array_get_idx(*array, i),
					 json_type_object))
			return reader_fail(r, key_where(r, key),
					   "%s has what is no object", key);
	return 0;
}
