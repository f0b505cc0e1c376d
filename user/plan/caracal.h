/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caracal: the list of probes that caracal reads, as a list of targets.
 *
 *	dst_addr,src_port,dst_port,ttl,protocol[,flow_label[,wait_us]]
 *
 * No header. Every column is checked; of a good line the destination alone
 * is kept.
 */
#ifndef WHITHER_CARACAL_H
#define WHITHER_CARACAL_H

#include "plan/targets.h"

/* Adds the destinations of the file; "-" is standard input, .zst is unpacked.
 * 0 or negative errno, logged with line and column. */
int caracal_read(struct targets *t, const char *path);

#endif
