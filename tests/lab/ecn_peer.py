#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ecn_peer: answers SYNs that ask for accurate ECN as RFC 9768 table 2 has it.

usage: ecn_peer.py INTERFACE PORT

Not every kernel's TCP does. IPv4; the SYN/ACK says in AE, CWR and ECE how the
SYN's ECN field arrived, and offers an MSS. The host itself must neither hear
the SYNs nor answer them.
"""
import socket
import struct
import sys

SYN, ACK, ECE, CWR, AE = 0x02, 0x10, 0x40, 0x80, 0x100
HEARD = {0: CWR, 1: CWR | ECE, 2: AE, 3: AE | CWR}  # by the ECN field


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(src, dst, ports, ack, flags):
    head = struct.pack("!HHIIHHHHBBH", *ports, 1, ack, 6 << 12 | flags, 64240,
                       0, 0, 2, 4, 1460)
    pseudo = src + dst + struct.pack("!HH", socket.IPPROTO_TCP, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def main():
    hear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                         socket.htons(0x0800))
    hear.bind((sys.argv[1], 0))
    say = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    while True:
        packet = hear.recv(2048)
        head = 4 * (packet[0] & 15)
        if packet[9] != socket.IPPROTO_TCP or len(packet) < head + 20:
            continue
        sport, dport, number, _, flags = struct.unpack_from("!HHIIH", packet,
                                                            head)
        if dport != int(sys.argv[2]) or not flags & SYN or flags & ACK:
            continue
        told = 0
        if flags & (AE | CWR | ECE) == AE | CWR | ECE:
            told = HEARD[packet[1] & 3]
        src, dst = packet[12:16], packet[16:20]
        say.sendto(segment(dst, src, (dport, sport), number + 1 & 0xFFFFFFFF,
                           SYN | ACK | told), (socket.inet_ntoa(src), 0))


main()
