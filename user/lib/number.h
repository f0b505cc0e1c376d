/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number: numbers as people write them. Any thread.
 *
 * Digits with at most one point among them, and a unit. 0; -EINVAL: it is no
 * such number, or no whole one; -ERANGE: beyond a u64. Nothing is logged.
 */
#ifndef WHITHER_NUMBER_H
#define WHITHER_NUMBER_H

#include "types.h"

/* 250 */
int number_plain(const char *text, u64 *value);
/* 250, 10k, 1.5M, 1G: powers of 1000; K is k */
int number_count(const char *text, u64 *value);
/* In ns: 5, 0.5, 5s, 200ms, 50us, 10ns */
int number_seconds(const char *text, u64 *value);

#endif
