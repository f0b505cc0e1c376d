/* SPDX-License-Identifier: BSD-2-Clause */
/* opt: command-line options from a table. */
#include "lib/opt.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/inet.h"
#include "lib/log.h"
#include "lib/number.h"

static u64 most(const struct opt *row)
{
	if (row->max)
		return row->max;
	return row->type == OPT_TYPE_U8	   ? UINT8_MAX
	       : row->type == OPT_TYPE_U16 ? UINT16_MAX
	       : row->type == OPT_TYPE_U32 ? UINT32_MAX
					   : UINT64_MAX;
}

static int reject_number(const struct opt *row, const char *option,
			 const char *text)
{
	bool seconds = row->type == OPT_TYPE_SECONDS;
	double scale = seconds ? 1e9 : 1;
	char limit[32] = "";

	if (most(row) != UINT64_MAX)
		snprintf(limit, sizeof(limit), "%.12g",
			 (double)most(row) / scale);
	log_err("%s: \"%s\" is not a %s (%.12g..%s)", option, text,
		seconds ? "time in seconds" : "number",
		(double)row->min / scale, limit);
	return -EINVAL;
}

static int take_number(const struct opt *row, void *field, const char *option,
		       const char *text)
{
	u64 v;
	int ret;

	if (row->type == OPT_TYPE_COUNT)
		ret = number_count(text, &v);
	else if (row->type == OPT_TYPE_SECONDS)
		ret = number_seconds(text, &v);
	else
		ret = number_plain(text, &v);
	if (ret || v < row->min || v > most(row))
		return reject_number(row, option, text);
	if (row->type == OPT_TYPE_U8)
		*(u8 *)field = (u8)v;
	else if (row->type == OPT_TYPE_U16)
		*(u16 *)field = (u16)v;
	else if (row->type == OPT_TYPE_U32)
		*(u32 *)field = (u32)v;
	else
		*(u64 *)field = v;
	return 0;
}

static int take_list(struct opt_list *list, const char *option,
		     const char *text)
{
	if (list->count == OPT_LIST_MAX) {
		log_err("%s: given more than %d times", option, OPT_LIST_MAX);
		return -EINVAL;
	}
	list->item[list->count++] = text;
	return 0;
}

static int take_addr(struct addr *a, const char *option, const char *text)
{
	if (!inet_parse(text, a))
		return 0;
	log_err("%s: \"%s\" is not an address", option, text);
	return -EINVAL;
}

/* Writes the choices, and `between` between them. */
static char *join(const char *const *choice, const char *between,
		  char text[static 256])
{
	size_t n = 0;

	for (int i = 0; choice[i] && n < 256; i++)
		n += (size_t)snprintf(text + n, 256 - n, "%s%s",
				      i ? between : "", choice[i]);
	return text;
}

static int take_choice(const struct opt *row, int *field, const char *option,
		       const char *text)
{
	char all[256];

	for (int i = 0; row->choice[i]; i++) {
		if (!strcmp(row->choice[i], text)) {
			*field = i;
			return 0;
		}
	}
	log_err("%s: \"%s\" is none of %s", option, text,
		join(row->choice, ", ", all));
	return -EINVAL;
}

static int take(const struct opt *row, void *config, const char *option,
		const char *text)
{
	void *field = (char *)config + row->offset;

	switch (row->type) {
	case OPT_TYPE_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_TYPE_U8:
	case OPT_TYPE_U16:
	case OPT_TYPE_U32:
	case OPT_TYPE_COUNT:
	case OPT_TYPE_SECONDS:
		return take_number(row, field, option, text);
	case OPT_TYPE_STRING:
		*(const char **)field = text;
		return 0;
	case OPT_TYPE_LIST:
		return take_list(field, option, text);
	case OPT_TYPE_ADDR:
		return take_addr(field, option, text);
	case OPT_TYPE_CHOICE:
		return take_choice(row, field, option, text);
	case OPT_TYPE_DO:
		return row->call(config, option, text);
	case OPT_TYPE_END:
	case OPT_TYPE_HEADING:
		break;
	}
	return -EINVAL;
}

static bool takes_value(const struct opt *row)
{
	return row->type != OPT_TYPE_FLAG &&
	       (row->type != OPT_TYPE_DO || row->arg);
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table->type != OPT_TYPE_END; table++)
		if (table->letter && table->letter == letter)
			return table;
	return NULL;
}

static const struct opt *find_name(const struct opt *table, const char *name,
				   size_t len)
{
	for (; table->type != OPT_TYPE_END; table++)
		if (table->name && !strncmp(table->name, name, len) &&
		    !table->name[len])
			return table;
	return NULL;
}

static int unknown(const char *command, const char *option)
{
	const char *slash = strrchr(command, '/');

	log_err("unknown option %s; see %s --help", option,
		slash ? slash + 1 : command);
	return -EINVAL;
}

static int no_value(const struct opt *row, const char *option)
{
	log_err("%s needs a value%s%s", option, row->arg ? ": " : "",
		row->arg ? row->arg : "");
	return -EINVAL;
}

/*
 * The option in argv[0], its value there too or in argv[1] (NULL: no more).
 * How many of the two it took, or as opt_parse.
 */
static int parse_long(const struct opt *table, void *config,
		      const char *command, char **argv)
{
	size_t len = strcspn(argv[0], "=");
	const char *text = argv[0][len] ? argv[0] + len + 1 : NULL;
	const struct opt *row = find_name(table, argv[0] + 2, len - 2);
	int ret, used = 1;
	char option[64];

	snprintf(option, sizeof(option), "%.*s", (int)len, argv[0]);
	if (!row && !strcmp(option, "--help"))
		return -ECANCELED;
	if (!row)
		return unknown(command, option);
	if (!takes_value(row) && text) {
		log_err("%s takes no value", option);
		return -EINVAL;
	}
	if (takes_value(row) && !text) {
		text = argv[1];
		used = 2;
	}
	if (takes_value(row) && !text)
		return no_value(row, option);
	ret = take(row, config, option, text);
	return ret ? ret : used;
}

/* The same for one letter or several behind a dash. */
static int parse_letters(const struct opt *table, void *config,
			 const char *command, char **argv)
{
	for (const char *at = argv[0] + 1; *at; at++) {
		const char option[] = { '-', *at, '\0' }, *text = NULL;
		const struct opt *row = find_letter(table, *at);
		int ret, used = 0;

		if (!row && *at == 'h')
			return -ECANCELED;
		if (!row)
			return unknown(command, option);
		if (takes_value(row)) {
			used = at[1] ? 1 : 2;
			text = at[1] ? at + 1 : argv[1];
			if (!text)
				return no_value(row, option);
		}
		ret = take(row, config, option, text);
		if (ret || used)
			return ret ? ret : used;
	}
	return 1;
}

/* Moves argv[0..n) in front of the `operands` that stand before them. */
static void move_up(char **argv, int operands, int n)
{
	char *moved[2] = { argv[0], n > 1 ? argv[1] : NULL };

	memmove(argv - operands + n, argv - operands,
		(size_t)operands * sizeof(*argv));
	memcpy(argv - operands, moved, (size_t)n * sizeof(*argv));
}

int opt_parse(const struct opt *table, void *config, int argc, char **argv)
{
	int operands = 0, used, i = 1;
	bool end = false;

	while (i < argc && !end) {
		const char *arg = argv[i];

		if (arg[0] != '-' || !arg[1]) {
			operands++;
			i++;
			continue;
		}
		end = !strcmp(arg, "--");
		if (end)
			used = 1;
		else if (arg[1] == '-')
			used = parse_long(table, config, argv[0], argv + i);
		else
			used = parse_letters(table, config, argv[0], argv + i);
		if (used < 0)
			return used;
		move_up(argv + i, operands, used);
		i += used;
	}
	return i - operands;
}
