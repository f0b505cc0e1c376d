/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * meta: what a kept run is: meta.json of its directory, from the same tables
 * as the options. Every option that shapes the run is there by its name; the
 * files that it reads are there with a checksum.
 *
 * Read, it is anybody's: each value is checked as if it had been typed.
 */
#ifndef WHITHER_META_H
#define WHITHER_META_H

#include "lib/opt.h"
#include "out/rundir.h"

struct json_object;

enum { META_TABLES = 2 };

#define META_SUM "meta.crc32c" /* of meta.json, as text */

struct meta_plan {
	const char *command;
	const struct opt *table[META_TABLES]; /* of one config; or NULL */
	/* Options that shape nothing. NULL-terminated. */
	const char *const *free;
	/* Options that are lists of files. NULL-terminated. */
	const char *const *files;
	const char *const *mutable; /* those of them that may have changed */
};

/* Operands, and how many targets they and the files come to. */
struct meta_targets {
	struct opt_list operands;
	u64 count;
	u32 excluded; /* CRC of what was excluded at first */
};

/* Zeroed: closed. What was loaded points into it. */
struct meta {
	struct json_object *root;
};

/* Writes it for good, with d->run. Names of files are made absolute.
 * 0 or negative errno, logged. */
int meta_save(struct rundir *d, const struct meta_plan *plan,
	      const void *config, const struct meta_targets *targets,
	      const char *interface);
/* Sets d->run, fills *config (defaults, or zeroed) and *targets. -EBADMSG,
 * logged with the file and what is wrong, if it is of another command,
 * version, or makes no sense, or if one of the files has changed. */
int meta_load(struct meta *m, struct rundir *d, const struct meta_plan *plan,
	      void *config, struct meta_targets *targets);
void meta_close(struct meta *m);

/* Does `asked` differ from `kept` in what shapes the run? 0, or -EINVAL,
 * logged. Lists that are empty in `asked` do not. */
int meta_compare(const struct rundir *d, const struct meta_plan *plan,
		 const void *kept, const void *asked);

/* For meta.c and meta_read.c: is this option kept, is it a list of files, of
 * such that may change; CRC
 * and length of a file, 0 or negative errno, logged; one line, and -EBADMSG. */
bool meta_keeps(const struct meta_plan *plan, const struct opt *o);
bool meta_is_files(const struct meta_plan *plan, const struct opt *o);
bool meta_may_change(const struct meta_plan *plan, const struct opt *o);
int meta_sum(const char *path, u32 *crc, u64 *octets);
__attribute__((format(printf, 2, 3))) int meta_refuse(const struct rundir *d,
						      const char *format, ...);

#endif
