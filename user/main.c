/* SPDX-License-Identifier: BSD-2-Clause */
/* main: the table of subcommands; a word that is none of them is a host. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/convert.h"
#include "cmd/doctor.h"
#include "cmd/probing_txt.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "trace", cmd_trace, "one trace, as traceroute(8); may be left out" },
	{ "sweep", cmd_sweep, "many traces, as fast as is asked for" },
	{ "bench", cmd_bench, "how many probes this host can send and hear" },
	{ "convert", cmd_convert, "results in one format to others" },
	{ "doctor", cmd_doctor, "what this host can do, and how to mend it" },
	{ "probing-txt", cmd_probing_txt, "a file that says who probes" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
	fputs("usage: whither HOST [LEN]\n"
	      "       whither COMMAND [OPTION]... [OPERAND]...\n\n",
	      to);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].help);
	fputs("\nwhither COMMAND --help tells the options.\n", to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("whither " WHITHER_VERSION);
		return CMD_DONE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return CMD_DONE;
	}
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return cmd_trace(argc, argv);
}
