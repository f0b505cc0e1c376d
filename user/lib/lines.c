/* SPDX-License-Identifier: BSD-2-Clause */
/* lines: a text file with one item a line. */
#include "lib/lines.h"

#include <errno.h>

#include "lib/log.h"
#include "lib/unzst.h"

static int fail(const struct lines *l, int err)
{
	log_err("cannot read %s: %s", l->name, strerror(err));
	return -err;
}

static bool is_packed(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && !strcmp(path + n - 4, ".zst");
}

int lines_open(struct lines *l, const char *path)
{
	bool standard = !strcmp(path, "-");
	FILE *text;

	memset(l, 0, sizeof(*l));
	l->name = standard ? "standard input" : path;
	l->file = standard ? stdin : fopen(path, "re");
	if (!l->file)
		return fail(l, errno);
	if (standard || !is_packed(path))
		return 0;
	text = unzst_open(l->file);
	if (text) {
		l->file = text;
		return 0;
	}
	lines_close(l);
	return fail(l, ENOMEM);
}

/* What ends the line: '\n' or EOF. l->text is empty if there is no item. */
static int read_line(struct lines *l)
{
	static const char cut[] = "...";
	const size_t most = sizeof(l->text) - sizeof(cut);
	size_t n = 0, end = 0; /* end: behind the last that is not space */
	bool comment = false, overlong = false;
	int c;

	while ((c = getc_unlocked(l->file)) != EOF && c != '\n') {
		bool space = c == ' ' || c == '\t' || c == '\r';

		comment |= c == '#';
		if (comment || (space && !n))
			continue;
		if (n == most) {
			overlong |= !space;
			continue;
		}
		l->text[n++] = (char)(space		   ? ' '
				      : c < '!' || c > '~' ? '?'
							   : c);
		if (!space)
			end = n;
	}
	l->text[end] = '\0';
	if (overlong)
		memcpy(l->text + most, cut, sizeof(cut));
	return c;
}

int lines_next(struct lines *l)
{
	int c;

	do {
		c = read_line(l);
		l->number++;
	} while (c != EOF && !*l->text);
	if (ferror(l->file))
		return fail(l, errno ? errno : EIO);
	return *l->text ? 1 : 0;
}

void lines_close(struct lines *l)
{
	if (l->file && l->file != stdin)
		fclose(l->file);
	l->file = NULL;
}
