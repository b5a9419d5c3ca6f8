#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""storm.py [STORMS]: mailroamd while the kernel's tables change ten thousand times in a second.

In the lab, on a network where mail can leave: links are made, come up, get addresses and routes and are
destroyed again, a second at a time; then nothing but addresses and routes, in bursts that the kernel's
queue for the daemon cannot hold, and evenly, so that it can. None of it is on the way to the mail server:
a check would be needless. When the second is over, the router has another address; then there is another
storm, and it changes in its midst.

Held: no check in a storm, the processor's share averaged over it below 5 % of one core, no memory that
grows from storm to storm, the change found out within a second. The exit status says so.
"""
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import common  # noqa: E402

SHARE_MAX, SEEN_MAX_MS, GROWTH_MAX_KB, EVENTS_MIN = 0.05, 1000, 256, 10000
PAIRS, ROUNDS, SECOND = 100, 4, 1.0
NETLINK_ADD_MEMBERSHIP, NETLINK_NO_ENOBUFS, SOL_NETLINK, SO_RCVBUFFORCE = 1, 5, 270, 33
GROUPS = 1, 5, 7, 9, 11  # RTNLGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE


def veths():
    """The portions of one storm: lines for `ip -batch`, which remembers each name as the link it was."""
    portions = []
    for at in range(ROUNDS):
        names = [(f"n{at}x{i}", f"m{at}x{i}", i) for i in range(PAIRS)]
        lines = [f"link add {one} group 77 type veth peer name {two} group 77" for one, two, _ in names]
        for one, two, i in names:
            lines += [f"link set {one} up", f"link set {two} up", f"addr add 192.168.{i}.1/24 dev {one}",
                      f"route add 172.31.{i}.0/24 via 192.168.{i}.9"]
        portions.append(lines + ["link del group 77"])
    return portions


def addresses(portions):
    """Three events a line: an address has routes of its own."""
    lines = [line for i in range(1250) for line in (
        f"addr add 192.168.{i % 250}.1/24 dev lo", f"route add 172.31.{i % 250}.0/24 dev lo",
        f"route del 172.31.{i % 250}.0/24 dev lo", f"addr del 192.168.{i % 250}.1/24 dev lo")]
    size = len(lines) // portions
    return [lines[at:at + size] for at in range(0, len(lines), size)]


class Counter:
    """How many of these events the kernel has told to whoever listens."""

    def __init__(self):
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                                     socket.NETLINK_ROUTE)
        try:
            self.netlink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        except PermissionError:
            pass  # in a user namespace; then fewer are counted than were
        self.netlink.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        self.netlink.bind((0, 0))
        for group in GROUPS:
            self.netlink.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)

    def take(self):
        count = 0
        while True:
            try:
                data = self.netlink.recv(65536)
            except BlockingIOError:
                return count
            while len(data) >= 16:
                count += 1
                data = data[(struct.unpack_from("=I", data)[0] + 3) & ~3:]


def drops(pid):
    """How many messages the kernel could not give to the daemon's sockets."""
    inodes = {link.rpartition("[")[2].rstrip("]") for link in (
        str(fd.readlink()) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink())}
    lines = (line.split() for line in pathlib.Path("/proc/net/netlink").read_text().splitlines()[1:])
    return sum(int(fields[8]) for fields in lines if fields[9] in inodes)


def processor(pid):
    """Seconds, to the nanosecond, of its main thread, which is its only one."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class Checks:
    """How many checks have begun, by the state of the manager."""

    def __init__(self, daemon):
        self.count = 0

        def on_message(_connection, message, incoming):
            if incoming and message.get_path() == common.PATH and message.get_member() == "PropertiesChanged":
                self.count += message.get_body().unpack()[1].get("State") == "checking"
            return message
        daemon.connection.add_filter(on_message)
        daemon.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                    "AddMatch", daemon.glib.Variant("(s)", (f"sender='{common.NAME}'",)),
                                    None, daemon.gio.DBusCallFlags.NONE, -1, None)


def blow(portions):
    """Spreads them over a second, by the clock: the pace is the load. How long it took."""
    with subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as ip:
        begin = time.monotonic()
        for number, lines in enumerate(portions):
            time.sleep(max(0, begin + number * SECOND / len(portions) - time.monotonic()))
            ip.stdin.write("\n".join(lines) + "\n")
            ip.stdin.flush()
    time.sleep(max(0, begin + SECOND - time.monotonic()))
    return time.monotonic() - begin


def gateway(daemon):
    return daemon.get("Network").get("gateway")


def is_ready(daemon, at):
    return gateway(daemon) == at and daemon.get("State") == "ready" and not common.children(daemon.process.pid)


def change(daemon, to):
    """ms until the daemon has found out that the router has other addresses from now on."""
    _, network, _, host = to.split(".")
    begin = time.monotonic()
    subprocess.run(["ip", "-batch", "-"], check=True, text=True, input="".join(
        f"route replace default via {router} dev eth0 metric 600\n" for router in (f"fd00:{network}::{host}", to)))
    common.until(lambda: gateway(daemon) == to, "the daemon finds out")
    return (time.monotonic() - begin) * 1000


def storm(daemon, checks, counter, portions):
    """Events, seconds, share of a core, messages lost, checks begun."""
    pid = daemon.process.pid
    counter.take()
    before, dropped, begun = processor(pid), drops(pid), checks.count
    seconds = blow(portions)
    share = (processor(pid) - before) / seconds
    return counter.take(), seconds, share, drops(pid) - dropped, checks.count - begun


def change_in_the_midst(daemon, to, portions):
    wind = threading.Thread(target=blow, args=(portions,))
    wind.start()
    time.sleep(SECOND / 2)  # by the clock, too: this is the midst
    seen = change(daemon, to)
    wind.join()
    return seen


def measure(daemon, checks, counter, portions, home):
    """Prints one storm and whether it held."""
    pid, other = daemon.process.pid, home.rpartition(".")[0] + ".9"
    common.settle(pid)
    events, seconds, share, lost, needless = storm(daemon, checks, counter, portions)
    count = checks.count
    seen = change(daemon, other)
    common.until(lambda: checks.count > count, "a check that is needed begins")
    midst = change_in_the_midst(daemon, home, portions)
    common.until(lambda: is_ready(daemon, home), "the check afterwards ends")
    size = common.memory(pid)["Rss"]
    held = share < SHARE_MAX and needless == 0 and max(seen, midst) <= SEEN_MAX_MS and events >= EVENTS_MIN
    print(f"{events:7} {seconds:4.1f} s {share:9.1%} {lost:6} {needless:7} {seen:6.0f} ms {midst:6.0f} ms "
          f"{size:5} kB{'' if held else '  missed'}", flush=True)
    return held, size


def inside(storms):
    held = True
    with common.Daemon() as daemon:
        checks, counter = Checks(daemon), Counter()
        common.travel("home")
        home = common.until(lambda: gateway(daemon), "a network")
        common.until(lambda: is_ready(daemon, home), "a check ends")
        print(f"mailroamd in {storms} storms of each kind ({common.about_this_machine()}):\n")
        print(f"{'':24} {'events':>7} {'in':>6} {'of a core':>9} {'lost':>6} {'checks':>7} {'change':>9} "
              f"{'in midst':>9} {'RSS':>8}")
        for name, portions in (("links and all", veths()), ("addresses and routes", addresses(10)),
                               ("... evenly", addresses(250))):
            sizes = []
            for _ in range(storms):
                print(f"{name:24} ", end="")
                good, size = measure(daemon, checks, counter, portions, home)
                held &= good
                sizes.append(size)
            held &= sizes[-1] - sizes[0] <= GROWTH_MAX_KB
    print("\nheld" if held else "\nmissed")
    return 0 if held else 1


if sys.argv[1:2] == ["--inside"]:
    sys.exit(inside(int((sys.argv[2:] or ["3"])[0])))
else:
    common.run_in_lab(__file__)
