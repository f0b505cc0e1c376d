/* SPDX-License-Identifier: BSD-2-Clause */
/* opt_usage: the help, from the table that is parsed by. */
#include "lib/opt.h"

/* Prints words from `column` on; further lines start at `indent`. */
static void wrap(FILE *to, const char *text, size_t column, size_t indent)
{
	const size_t width = 80;
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (!first && column + 1 + n > width) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, n, to);
		column += n;
		text += n + strspn(text + n, " ");
		first = false;
	}
	fputc('\n', to);
}

/* The value that holds unless the option is given; "" if nothing does. */
static void show_default(const struct opt *row, const void *defaults,
			 char text[32])
{
	const void *at = (const char *)defaults + row->offset;
	u64 v = 0;

	text[0] = '\0';
	if (row->type == OPT_TYPE_U8)
		v = *(const u8 *)at;
	else if (row->type == OPT_TYPE_U16)
		v = *(const u16 *)at;
	else if (row->type == OPT_TYPE_U32)
		v = *(const u32 *)at;
	else if (row->type == OPT_TYPE_COUNT || row->type == OPT_TYPE_SECONDS)
		v = *(const u64 *)at;
	if (row->type == OPT_TYPE_CHOICE)
		snprintf(text, 32, " [%s]", row->choice[*(const int *)at]);
	else if (v && row->type == OPT_TYPE_SECONDS)
		snprintf(text, 32, " [%g]", (double)v / 1e9);
	else if (v)
		snprintf(text, 32, " [%llu]", (unsigned long long)v);
}

static void print_row(FILE *to, const struct opt *row, const void *defaults)
{
	enum { HELP_COLUMN = 28 };
	char letter[3] = { '-', row->letter, '\0' }, label[128], held[32] = "";
	char help[512];
	const char *arg = row->arg;
	int n;

	n = snprintf(label, sizeof(label), "  %s%s%s%s%s%s",
		     row->letter ? letter : "  ",
		     row->letter && row->name ? ", "
		     : row->name	      ? "  "
					      : "",
		     row->name ? "--" : "", row->name ? row->name : "",
		     arg ? " " : "", arg ? arg : "");
	fputs(label, to);
	if (n > HELP_COLUMN - 2)
		fprintf(to, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(to, "%*s", HELP_COLUMN - n, "");
	if (defaults)
		show_default(row, defaults, held);
	snprintf(help, sizeof(help), "%s%s", row->help, held);
	wrap(to, help, HELP_COLUMN, HELP_COLUMN);
}

static bool has_letter(const struct opt *table, char letter)
{
	while (table->type != OPT_TYPE_END && table->letter != letter)
		table++;
	return table->type != OPT_TYPE_END;
}

void opt_usage(FILE *to, const char *synopsis, const char *summary,
	       const struct opt *table)
{
	opt_usage_defaults(to, synopsis, summary, table, NULL);
}

void opt_usage_defaults(FILE *to, const char *synopsis, const char *summary,
			const struct opt *table, const void *defaults)
{
	const struct opt help = {
		.letter = has_letter(table, 'h') ? '\0' : 'h',
		.name = "help",
		.help = "print this",
	};

	fputs("usage: ", to);
	wrap(to, synopsis, 7, 7);
	fputc('\n', to);
	wrap(to, summary, 0, 0);
	fputc('\n', to);
	for (; table->type != OPT_TYPE_END; table++) {
		if (table->type == OPT_TYPE_HEADING)
			fprintf(to, "\n%s\n", table->help);
		else if (table->help)
			print_row(to, table, defaults);
	}
	print_row(to, &help, NULL);
}
