#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""slow_link: two network interfaces, joined by a wire that takes its time.

usage: slow_link.py NAME NAME MILLISECONDS

What is sent by one comes out of the other, in order. Either may be moved to
another network namespace. Not every kernel has netem.
"""
import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000


def interface(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF,
                struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def main():
    ends = [interface(name) for name in sys.argv[1:3]]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    delay = float(sys.argv[3]) / 1000
    waiting = collections.deque()  # in order of departure, so of arrival

    while True:
        wait = waiting[0][0] - time.monotonic() if waiting else None
        ready, _, _ = select.select(ends, [], [], wait and max(wait, 0))
        for fd in ready:
            try:
                packet = os.read(fd, 65536)
            except OSError:  # down, or there is none after all
                continue
            waiting.append((time.monotonic() + delay, other[fd], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, to, packet = waiting.popleft()
            try:
                os.write(to, packet)
            except OSError:
                pass


main()
