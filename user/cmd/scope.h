/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scope: what a sweep may probe: the targets, and the exclusions. Errors are
 * logged. Main thread, but for scope_reread().
 */
#ifndef WHITHER_SCOPE_H
#define WHITHER_SCOPE_H

#include "lib/opt.h"
#include "plan/exclude.h"
#include "plan/targets.h"

/* Of a file of targets; as in scope_formats. */
enum scope_format { SCOPE_AUTO, SCOPE_LIST, SCOPE_CARACAL };

extern const char *const scope_formats[];

/* A sweep of more targets asks for somebody who answers for it. */
enum { SCOPE_WITHOUT_CONTACT = 1000000 };

struct scope {
	const struct opt_list *targets, *excluded; /* files */
	enum scope_format format;
	struct targets_config config;
	bool include_special;
	bool contact; /* was given, or refused */
};

/* Those of the operands and the files; sealed, and some. 0 or negative
 * errno. */
int scope_targets(const struct scope *s, struct targets *t,
		  const char *const *operand, u32 operands);
/* Sealed. 0 or negative errno. */
int scope_excluded(const struct scope *s, struct exclude *x);
/* The same once more, for struct reload. Any thread. */
int scope_reread(struct exclude *x, const void *scope);
/* Is a target left? 0 or -EINVAL. */
int scope_check(const struct targets *t, const struct exclude *x);

/* An option's "24", "48" or "24,48": what is at most 32 is for IPv4. 0 or
 * -EINVAL, logged. */
int scope_per_prefix(const char *option, const char *text, u8 *v4, u8 *v6);

#endif
