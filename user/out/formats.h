/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * formats: what each format is like, for who reads it.
 *
 * csv: caracal's 17 columns, one row per answer (duplicates too), after a
 * header line. capture_timestamp is the arrival in Unix seconds; addresses
 * are IPv6 text, IPv4 as ::ffff:a.b.c.d; of an IPv6 reply, reply_size leaves
 * the 40 octets of its header out; quoted_ttl is 0 if nothing was quoted. rtt
 * is in tenths of a millisecond, and empty if it is unknown or above 6553.5 ms,
 * the most that the 16 bits of readers hold: no number there is ever wrong.
 * Probes without an answer have no row.
 *
 * jsonl: one object a line. A trace is one line, {"type":"trace"}, with the
 * keys of scamper's JSON; besides, per hop, auth_bits, and where they apply
 * seen_src and seen_sport, reached, dup, late (true, else not there), tcp_* of
 * the answer, icmp_q_tcp_* of the quote; per trace, findings, and syn: what
 * options they are about. What stands alone is one line per answer,
 * {"type":"reply"}. Times are UTC; "rtt" in ms, null if unknown; probe_id and
 * attempt count from 1.
 *
 * In it, hops and no_hops are those up to hop_count; what was probed beyond
 * the end of the trace is in extra_hops and extra_no_hops, where there is any.
 *
 * atlas: RIPE Atlas traceroute results, data format 5000, one a line. Ours is
 * no probe of the Atlas: msm_id and prb_id are 0. "from" is our address as
 * routers saw it. A probe that this host did not send, or whose reply it may
 * have lost, has "error"; an answer without a round-trip time has "late":1.
 *
 * pcap: probes that left and frames that were taken for replies, as they were
 * on the wire, the first 240 octets of each, with nanoseconds; not in the
 * order of their times. What could not be written in time is counted at the
 * end.
 *
 * text: for people; see text.h.
 *
 * warts: scamper's binary format, as its tools read it (warts(5)): a list, a
 * cycle, one record a trace, the answers up to hop_count. Whole traces alone.
 */
#ifndef WHITHER_FORMATS_H
#define WHITHER_FORMATS_H

#include "out/out.h"

extern const struct out_format csv_format, jsonl_format, text_format;
extern const struct out_format warts_format, atlas_format, pcap_format;

#endif
