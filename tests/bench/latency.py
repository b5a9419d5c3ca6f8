#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""latency.py [RUNS]: how long from a network's first default route to the published port, confirmed by a
check (for what is remembered of an earlier visit see recall.py).

In the lab, with the round trips to the server made 20 ms long, twice: behind the router, which answers
for names (as at home), and before it, so that names take that long too (as over a mobile phone). The
limit is what no program can go below for port 465: one round trip each for the name, TCP, TLS 1.3, the
greeting and EHLO. The kernel has to find the router first, by ARP for the name and by neighbour
discovery for the server's IPv6 address; those two round trips are named beside the limit.
"""
import socket
import statistics
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import common  # noqa: E402

ALLOWED_MS = 50  # above the limit
ROUND_TRIP_MS = 20
# What it is called; delay each way in µs on laptop-r1 and r1-r2 (r2-server keeps its 500); round trip
# to the router, which is the name server, in ms.
PLACES = (("behind the router", 500, 9000, 1), ("before the router", 9000, 500, 18))
RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE = 0x40, 0x400
RTM_NEWROUTE, RT_TABLE_MAIN, RTN_UNICAST = 24, 254, 1


class Routes(threading.Thread):
    """When the first default route has come since `clear()`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.netlink.bind((0, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE))
        self.came = None
        self.start()

    def run(self):
        while True:
            data, now = self.netlink.recv(65536), time.monotonic()
            while len(data) >= 28:
                length, kind = struct.unpack_from("=IH", data)
                destination, table, of = data[17], data[20], data[23]
                if (kind, destination, table, of) == (RTM_NEWROUTE, 0, RT_TABLE_MAIN, RTN_UNICAST):
                    self.came = self.came or now
                data = data[(length + 3) & ~3:]


def measure(daemon, place, routes, published):
    """ms from the route to the first published port; and that port."""
    common.travel("nowhere")
    common.until(lambda: daemon.get("State") == "offline" and daemon.get("WorkingPort") == 0, "offline")
    published.clear()
    routes.came = None
    common.travel(place)
    common.until(lambda: published, "a port is published")
    when, port = published[0]
    common.until(lambda: daemon.get("State") != "checking", "the check ends")
    return (when - routes.came) * 1000, port


def measure_all(runs, routes):
    """All of them, after one for each place, in which the routers find each other: they always have, in
    the world."""
    published, results, port = [], [], 0

    def heard(when, path, member, body):
        nonlocal port
        if member == "PropertiesChanged" and path != common.PATH:
            port = body[1].get("WorkingPort", port)
            if body[1].get("Provenance") == "confirmed":
                published.append((when, port))
    while len(results) < runs + len(common.PLACES):
        common.travel("nowhere")
        with common.Daemon() as daemon:
            daemon.on_signal(heard)
            for i in range(min(common.TRAVELS, runs + len(common.PLACES) - len(results))):
                results.append(measure(daemon, common.PLACES[i % 2], routes, published))
    return results[len(common.PLACES):]


def inside(runs):
    routes = Routes()
    print(f"From the default route to the published port, {runs} runs each, round trip to the server "
          f"{ROUND_TRIP_MS} ms\n({common.about_this_machine()}):\n")
    print(f"{'the distance lies':20} {'port':>4} {'median':>8} {'worst':>8} {'limit':>8} {'ratio':>6} "
          f"{'neighbours':>10} {'above both':>10}")
    for place, first, second, router_ms in PLACES:
        common.wire_delay("laptop-r1", first)
        common.wire_delay("r1-r2", second)
        times, ports = zip(*measure_all(runs, routes))
        median, limit, neighbours = statistics.median(times), router_ms + 4 * ROUND_TRIP_MS, 2 * router_ms
        above = median - limit - neighbours
        print(f"{place:20} {'/'.join(map(str, sorted(set(ports)))):>4} {median:5.0f} ms {max(times):5.0f} ms "
              f"{limit:5.0f} ms {median / limit:6.2f} {neighbours:7.0f} ms {above:7.0f} ms"
              f"{'' if above <= ALLOWED_MS else f'  (more than {ALLOWED_MS} ms)'}", flush=True)


if sys.argv[1:2] == ["--inside"]:
    inside(int((sys.argv[2:] or ["10"])[0]))
else:
    common.run_in_lab(__file__)
