#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""rtt_compare: whither's round-trip times against a capture of the first
router's side of the link, in nanoseconds and of both directions.

    rtt_compare.py CAPTURE RESULTS.jsonl FEWEST

A probe and its answer are paired by destination, TTL and attempt; the last
two stand in the first two octets of the payload, which come back in the quote
or in the echo; of QUIC over IPv4 in the identification. Prints, for each TTL, how much longer whither's time is than
the capture's: it includes the first link twice and the way into this host, so
it may be small but not negative. Exit status 1 if it is, or if fewer than
FEWEST answers could be judged.
"""
import ipaddress
import json
import struct
import sys

UDP, ICMP, ICMP6 = 17, 1, 58
QUIC = 443  # the port of its probes
ROUNDING_US = 1.0  # results are in whole microseconds


def frames(path):
    """(nanoseconds, frame) of each packet."""
    with open(path, "rb") as file:
        head = file.read(24)
        order = "<" if head[:4] == b"\x4d\x3c\xb2\xa1" else ">"
        if struct.unpack(order + "I", head[:4])[0] != 0xA1B23C4D:
            sys.exit(f"{path}: not a capture in nanoseconds")
        while len(record := file.read(16)) == 16:
            sec, nsec, held, _ = struct.unpack(order + "4I", record)
            frame = file.read(held)
            if len(frame) == held:
                yield sec * 1_000_000_000 + nsec, frame


def ip(octets):
    """(source, destination, protocol, what follows, id), or None."""
    if len(octets) >= 20 and octets[0] >> 4 == 4:
        return (ipaddress.ip_address(octets[12:16]),
                ipaddress.ip_address(octets[16:20]),
                octets[9], octets[(octets[0] & 15) * 4:],
                octets[4:6])
    if len(octets) >= 40 and octets[0] >> 4 == 6:
        return (ipaddress.ip_address(octets[8:24]),
                ipaddress.ip_address(octets[24:40]),
                octets[6], octets[40:], None)
    return None


def name(dst, transport, ident):
    """What a probe is called: destination, TTL, attempt (from 1)."""
    if len(transport) < 16:
        return None
    two = transport[8:10]
    if ident and struct.unpack(">H", transport[2:4])[0] == QUIC:
        two = ident
    return str(dst), two[0], (two[1] >> 4) + 1


def read_capture(path):
    """Round-trip time in microseconds of each probe, as r2 saw it."""
    probes, times = {}, {}
    for when, frame in frames(path):
        outer = ip(frame[14:])
        if not outer:
            continue
        src, dst, proto, rest, ident = outer
        kind = rest[0] if proto in (ICMP, ICMP6) and rest else None
        quote = None
        if proto == UDP or (proto, kind) in ((ICMP, 8), (ICMP6, 128)):
            probes.setdefault(name(dst, rest, ident), when)
        elif (proto, kind) in ((ICMP, 0), (ICMP6, 129)):
            quote = name(src, rest, None)
        elif (proto, kind) in ((ICMP, 11), (ICMP, 3), (ICMP6, 1), (ICMP6, 3)):
            inner = ip(rest[8:])
            quote = inner and name(inner[1], inner[3], inner[4])
        if quote in probes and quote not in times:
            times[quote] = (when - probes[quote]) / 1000
    return times


def read_results(path):
    """(name, microseconds) of each answer that has a time."""
    with open(path, encoding="ascii") as file:
        for line in file:
            entry = json.loads(line)
            dst = entry.get("dst")
            for hop in entry.get("hops", [entry]):
                if hop.get("rtt") is None:
                    continue
                ttl = hop.get("probe_ttl", hop.get("ttl"))
                attempt = hop.get("probe_id", hop.get("attempt"))
                yield (dst, ttl, attempt), hop["rtt"] * 1000


def main():
    times = read_capture(sys.argv[1])
    errors, answers, negative = {}, 0, 0
    for key, rtt in read_results(sys.argv[2]):
        answers += 1
        if key in times:
            error = rtt - times[key]
            errors.setdefault(key[1], []).append(error)
            negative += error < -ROUNDING_US
    judged = 0
    for ttl, values in sorted(errors.items()):
        values.sort()
        judged += len(values)
        print(f"TTL {ttl}: {len(values)} judged; too long by",
              f"{values[0]:.1f} us at least, median",
              f"{values[len(values) // 2]:.1f}, 99 % within",
              f"{values[len(values) * 99 // 100]:.1f},",
              f"at most {values[-1]:.1f}")
    print(f"{judged} of {answers} answers judged, {negative} impossible")
    sys.exit(negative > 0 or judged < int(sys.argv[3]))


main()
