/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_quic: what QUIC's cryptography costs on this host. */
#ifndef WHITHER_BENCH_QUIC_H
#define WHITHER_BENCH_QUIC_H

/* Prints how many Initials a second one processor seals, and how many
 * connections it begins. 0 or negative errno, logged. */
int bench_quic(void);

#endif
