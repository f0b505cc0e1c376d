/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt: command-line options from a table.
 *
 * A row says how an option is written, what it takes, where in the command's
 * config struct the value goes, and its help. Defaults are a const literal
 * that the command copies before it parses. Main thread.
 *
 *	static const struct opt table[] = {
 *		OPT('r', "rate", COUNT, struct sweep, rate, "PPS",
 *		    "probes a second; 0: as fast as possible"),
 *		OPT('f', "first", U8, struct sweep, first_ttl, "TTL",
 *		    "first TTL", .min = 1),
 *		OPT('S', NULL, CHOICE, struct sweep, strategy, "NAME",
 *		    "order of probing", .choice = strategies),
 *		OPT_DO('V', "version", NULL, "print the version", version),
 *		OPT_END,
 *	};
 */
#ifndef WHITHER_OPT_H
#define WHITHER_OPT_H

#include <stdio.h>

#include "types.h"

enum opt_type {
	OPT_TYPE_END,
	OPT_TYPE_HEADING, /* help alone: a title between the rows */
	OPT_TYPE_FLAG,	  /* bool, set to true; takes nothing */
	OPT_TYPE_U8,	  /* u8, u16, u32: a whole number, .min .. .max */
	OPT_TYPE_U16,
	OPT_TYPE_U32,
	OPT_TYPE_COUNT,	  /* u64: 250, 10k, 1.5M, 1G; .min .. .max */
	OPT_TYPE_SECONDS, /* u64, ns: 5, 0.5, 5s, 200ms, 50us; .min, .max: ns */
	OPT_TYPE_STRING,  /* const char *, into argv */
	OPT_TYPE_LIST,	  /* struct opt_list; may be given again and again */
	OPT_TYPE_ADDR,	  /* struct addr */
	OPT_TYPE_CHOICE,  /* int: where in .choice the name stands */
	OPT_TYPE_DO,	  /* .call is called */
};

enum { OPT_LIST_MAX = 32 };

/* Zeroed at first. The strings are argv's. */
struct opt_list {
	const char *item[OPT_LIST_MAX];
	u32 count;
};

struct opt {
	char letter;	  /* 0: none */
	const char *name; /* without the dashes; NULL: none */
	enum opt_type type;
	size_t offset;	  /* of the value in the config struct */
	const char *arg;  /* its name in the help; NULL: takes nothing */
	const char *help; /* NULL: the row is not shown */
	u64 min, max;	  /* max 0: what the type can hold */
	const char *const *choice; /* NULL-terminated */
	/* text is NULL if .arg is; returns 0, or -EINVAL after logging one
	 * line that starts with `option` ("--rate" or "-r", as typed) */
	int (*call)(void *config, const char *option, const char *text);
};

/* The size of the field is checked when this is compiled. */
#define OPT(LETTER, NAME, TYPE, STRUCT, FIELD, ARG, HELP, ...)                 \
	{                                                                      \
		.letter = LETTER, .name = NAME, .type = OPT_TYPE_##TYPE,       \
		.offset = offsetof(STRUCT, FIELD) +                            \
			  OPT_CHECK(((STRUCT *)0)->FIELD, TYPE),               \
		.arg = ARG, .help = HELP, __VA_ARGS__                          \
	}
#define OPT_DO(LETTER, NAME, ARG, HELP, CALL)                                  \
	{                                                                      \
		.letter = LETTER, .name = NAME, .type = OPT_TYPE_DO,           \
		.arg = ARG, .help = HELP, .call = CALL                         \
	}
#define OPT_HEADING(TEXT)                                                      \
	{                                                                      \
		.type = OPT_TYPE_HEADING, .help = TEXT                         \
	}
#define OPT_END                                                                \
	{                                                                      \
		.type = OPT_TYPE_END                                           \
	}

#define OPT_CHECK(field, type)                                                 \
	(0 * sizeof(char[sizeof(field) == sizeof(OPT_FIELD_##type) ? 1 : -1]))
#define OPT_FIELD_FLAG bool
#define OPT_FIELD_U8 u8
#define OPT_FIELD_U16 u16
#define OPT_FIELD_U32 u32
#define OPT_FIELD_COUNT u64
#define OPT_FIELD_SECONDS u64
#define OPT_FIELD_STRING const char *
#define OPT_FIELD_LIST struct opt_list
#define OPT_FIELD_ADDR struct addr
#define OPT_FIELD_CHOICE int

/*
 * Fills config from argv[1..argc). Options and operands may be mixed; `--`
 * ends the options; `-q1`, `-q 1`, `--queries=1`, `--queries 1` and grouped
 * letters (`-nI`) are understood. argv is reordered: returns the index of
 * the first operand, all of which stand last and in order (argc: none).
 * argv[argc] is NULL, as main() gets it.
 *
 * -ECANCELED: --help was given (or -h, where no row has that letter): the
 * command prints opt_usage() on standard output and exits 0. -EINVAL: one
 * line was logged: the command exits 2. argv[0] is the command as the user
 * knows it ("whither sweep"), for "see whither sweep --help".
 */
int opt_parse(const struct opt *table, void *config, int argc, char **argv);

/* The help, at most 80 columns wide, from the same rows. */
void opt_usage(FILE *to, const char *synopsis, const char *summary,
	       const struct opt *table);
/* The same with the values that hold unless given, from a config struct that
 * was not parsed into: numbers other than 0, seconds, choices. */
void opt_usage_defaults(FILE *to, const char *synopsis, const char *summary,
			const struct opt *table, const void *defaults);

#endif
