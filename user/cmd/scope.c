/* SPDX-License-Identifier: BSD-2-Clause */
/* scope: what a sweep may probe: the targets, and the exclusions. */
#include "cmd/scope.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "plan/caracal.h"

const char *const scope_formats[] = { "auto", "list", "caracal", NULL };

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool is_caracal(const struct scope *s, const char *path)
{
	return s->format == SCOPE_CARACAL ||
	       (s->format == SCOPE_AUTO &&
		(ends_in(path, ".csv") || ends_in(path, ".csv.zst")));
}

/* Whoever notices so many probes wants to know whom to ask. */
static int check_contact(const struct scope *s, const struct targets *t)
{
	if (targets_count(t) <= SCOPE_WITHOUT_CONTACT || s->contact)
		return 0;
	log_err("%llu targets, more than a million: say who answers for it "
		"with --contact TEXT, or give --no-contact",
		(unsigned long long)targets_count(t));
	return -EINVAL;
}

int scope_targets(const struct scope *s, struct targets *t,
		  const char *const *operand, u32 operands)
{
	bool probes = false; /* of which a target has many */
	int err = 0;

	targets_init(t, &s->config);
	for (u32 i = 0; !err && i < operands; i++)
		err = targets_add(t, operand[i]);
	for (u32 i = 0; !err && i < s->targets->count; i++) {
		const char *path = s->targets->item[i];

		probes |= is_caracal(s, path);
		err = is_caracal(s, path) ? caracal_read(t, path)
					  : targets_read(t, path);
	}
	if (!err)
		err = targets_seal(t);
	if (!err && !targets_count(t)) {
		log_err("no targets: name some, or a file of them with -t");
		err = -EINVAL;
	}
	if (!err && !probes && targets_duplicates(t))
		log_info("%llu targets were given more than once",
			 (unsigned long long)targets_duplicates(t));
	return err ? err : check_contact(s, t);
}

int scope_excluded(const struct scope *s, struct exclude *x)
{
	int err = 0;

	exclude_init(x);
	if (!s->include_special)
		err = exclude_add_special(x);
	for (u32 i = 0; !err && i < s->excluded->count; i++)
		err = exclude_read(x, s->excluded->item[i]);
	return err ? err : exclude_seal(x);
}

int scope_reread(struct exclude *x, const void *scope)
{
	const struct scope *s = scope;

	for (u32 i = 0; i < s->excluded->count; i++)
		if (!strcmp(s->excluded->item[i], "-")) {
			log_err("-x -: standard input cannot be read again");
			return -EINVAL;
		}
	return scope_excluded(s, x);
}

/* Looks at no more than a million: a longer list of nothing but exclusions
 * is told by the summary. */
int scope_check(const struct targets *t, const struct exclude *x)
{
	u64 n = targets_count(t);
	struct addr a;

	for (u64 i = 0; i < n; i++) {
		targets_at(t, i, &a);
		if (i == 1 << 20 || !exclude_has(x, &a))
			return 0;
	}
	log_err("all %llu targets are excluded: by -x, or as special-purpose "
		"addresses (see --include-special)",
		(unsigned long long)n);
	return -EINVAL;
}

int scope_per_prefix(const char *option, const char *text, u8 *v4, u8 *v6)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*v4 = 24;
	*v6 = 48;
	if (n > 32)
		*v6 = (u8)(n <= 128 ? n : 0);
	else
		*v4 = (u8)n;
	if (end != text && *end == ',' && n <= 32) {
		text = end + 1;
		n = strtoul(text, &end, 10);
		*v6 = (u8)(n <= 128 ? n : 0);
	}
	if (end == text || *end || !*v4 || !*v6) {
		log_err("%s: wants a prefix length, as 24 (IPv4), 48 (IPv6) "
			"or 24,48",
			option);
		return -EINVAL;
	}
	return 0;
}
