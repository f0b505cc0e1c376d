/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probing_txt: the file that says who probes from an address, and why
 * (RFC 9511 section 2.2, in the syntax of RFC 9116). To be served as
 * https://ADDRESS/.well-known/probing.txt.
 */
#ifndef WHITHER_PROBING_TXT_H
#define WHITHER_PROBING_TXT_H

#include <stdio.h>

#include "lib/opt.h"

struct probing_txt {
	struct opt_list contacts; /* URIs, or addresses of mail */
	const char *canonical;	  /* https URI, or NULL */
	const char *description;  /* one line, or NULL */
	u32 days;		  /* valid for */
};

/* 0, or -EINVAL if a field is not what it must be, logged. */
int probing_txt_check(const struct probing_txt *p);
/* Checked fields; now is CLOCK_REALTIME in ns. */
void probing_txt_print(FILE *to, const struct probing_txt *p, u64 now);

int cmd_probing_txt(int argc, char **argv);

#endif
