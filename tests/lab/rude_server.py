#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rude_server: accepts every connection at a port, says nothing for a moment,
and resets it while whoever opened it still speaks.

    rude_server.py PORT
"""
import socket
import struct
import sys
import threading
import time


def reset(connection):
    time.sleep(0.004)
    # no time to linger: close() sends an RST
    connection.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    connection.close()


def main():
    server = socket.create_server(("", int(sys.argv[1])), backlog=64)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=reset, args=(connection,), daemon=True).start()


main()
