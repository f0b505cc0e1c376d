/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd: the subcommands. Each takes the words from its own name on and
 * returns the exit status.
 */
#ifndef WHITHER_CMD_H
#define WHITHER_CMD_H

#define WHITHER_VERSION "0.1"

enum cmd_status {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_NOT_REACHED = 3, /* one trace: the destination */
	CMD_INTERRUPTED = 130,
};

int cmd_trace(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif
