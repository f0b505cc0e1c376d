/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: what this host can do for us, and how to mend what it cannot. */
#ifndef WHITHER_DOCTOR_H
#define WHITHER_DOCTOR_H

/* The subcommand; argv[0] is its name. Returns the exit status: 0 if all that
 * a sweep needs works, perhaps by a fallback; 1 if not; 2 wrong usage. */
int cmd_doctor(int argc, char **argv);

#endif
