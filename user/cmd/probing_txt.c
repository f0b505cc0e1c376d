/* SPDX-License-Identifier: BSD-2-Clause */
/* probing_txt: the file that says who probes from an address, and why. */
#include "cmd/probing_txt.h"

#include <errno.h>
#include <time.h>

#include "cmd/cmd.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/uri.h"

#define ROW(letter, name, type, field, arg, ...)                               \
	OPT(letter, name, type, struct probing_txt, field, arg, __VA_ARGS__)

static const struct opt OPTIONS[] = {
	ROW(0, "contact", LIST, contacts, "MAIL|URI",
	    "whom to ask about the probes: an address of mail, or an https, "
	    "mailto or tel URI; may be repeated"),
	ROW(0, "canonical", STRING, canonical, "URI",
	    "where the file will be found: https"),
	ROW(0, "expires", U32, days, "DAYS", "how long it will be true",
	    .min = 1, .max = 3650),
	ROW(0, "description", STRING, description, "TEXT",
	    "what the probes are for, in one line"),
	OPT_END,
};

static bool is_mail(const char *text)
{
	const char *at = strchr(text, '@');
	char uri[512];

	if (!at || at == text || !at[1] || strchr(at + 1, '@') ||
	    strlen(text) > sizeof(uri) - sizeof("mailto:"))
		return false;
	snprintf(uri, sizeof(uri), "mailto:%s", text);
	return !strpbrk(text, ":/?#[]") && uri_valid(uri);
}

/* Nothing that could begin another line or hide on a terminal. */
static bool is_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

int probing_txt_check(const struct probing_txt *p)
{
	const char *bad = NULL, *why = NULL;

	if (!p->contacts.count) {
		log_err("--contact is missing: whom may the owners of what is "
			"probed ask?");
		return -EINVAL;
	}
	for (u32 i = 0; i < p->contacts.count; i++)
		if (!is_mail(p->contacts.item[i]) &&
		    !uri_describes(p->contacts.item[i])) {
			bad = p->contacts.item[i];
			why = "--contact: neither an address of mail nor an "
			      "https, mailto or tel URI";
		}
	if (p->canonical && (!uri_describes(p->canonical) ||
			     !uri_has_scheme(p->canonical, "https"))) {
		bad = p->canonical;
		why = "--canonical: not an https URI";
	}
	if (p->description && (!*p->description || !is_line(p->description))) {
		bad = "";
		why = "--description: not one line of text";
	}
	if (!bad)
		return 0;
	log_err("%s%s%s", why, *bad ? ": " : "", is_line(bad) ? bad : "");
	return -EINVAL;
}

void probing_txt_print(FILE *to, const struct probing_txt *p, u64 now)
{
	time_t ends = (time_t)(now / NS_PER_S) + (time_t)p->days * 86400;
	char date[32];
	struct tm tm;

	gmtime_r(&ends, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (p->canonical)
		fprintf(to, "Canonical: %s\n", p->canonical);
	for (u32 i = 0; i < p->contacts.count; i++)
		fprintf(to, "Contact: %s%s\n",
			is_mail(p->contacts.item[i]) ? "mailto:" : "",
			p->contacts.item[i]);
	fprintf(to, "Expires: %s\n", date);
	if (p->description)
		fprintf(to, "Description: %s\n", p->description);
}

int cmd_probing_txt(int argc, char **argv)
{
	const struct probing_txt defaults = { .days = 180 };
	struct probing_txt p = defaults;
	int first;

	argv[0] = (char *)"whither probing-txt";
	first = opt_parse(OPTIONS, &p, argc, argv);
	if (first == -ECANCELED) {
		opt_usage_defaults(stdout, "whither probing-txt [OPTION]...",
				   "Prints a probing.txt (RFC 9511), to be "
				   "served as "
				   "https://ADDRESS/.well-known/probing.txt.",
				   OPTIONS, &defaults);
		return CMD_DONE;
	}
	if (first < 0)
		return CMD_USAGE;
	if (first < argc) {
		log_err("\"%s\": takes no operand", argv[first]);
		return CMD_USAGE;
	}
	if (probing_txt_check(&p))
		return CMD_USAGE;
	probing_txt_print(stdout, &p, clock_now() + clock_wall_offset());
	return fflush(stdout) ? CMD_FAILED : CMD_DONE;
}
