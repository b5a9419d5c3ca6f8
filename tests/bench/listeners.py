#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""listeners.py [LISTENERS [CHECKS]]: what it costs that many listen.

mailroamd on a bus of its own, with a script for a probe that finds another port each time: the processor time of the
daemon and of the bus for so many checks (100 by default), and how long it takes from the call of Check() until the last
listener has all of it, with one listener and with many (500).
"""
import os
import pathlib
import resource
import selectors
import socket
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bus"))
from world import *  # the programs, a bus around them, and how it is told what is found

MARK = b"CheckedAt"  # is told of once in a check


class Listener:
    """Reads, and counts the checks it was told of; nothing else, so that it is not measured itself."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(address.partition("=")[2])
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        self.socket.recv(1000)
        self.socket.sendall(b"BEGIN\r\n")
        for serial, (member, body) in enumerate((("Hello", None), ("AddMatch", f"type='signal',sender='{NAME}'")), 1):
            call = Gio.DBusMessage.new_method_call(FREEDESKTOP, "/org/freedesktop/DBus", FREEDESKTOP, member)
            call.set_serial(serial)
            if body:
                call.set_body(GLib.Variant("(s)", (body,)))
            self.socket.sendall(call.to_blob(Gio.DBusCapabilityFlags.NONE))
        self.told, self.tail = 0, b""

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        got = self.tail + self.socket.recv(1 << 16)
        self.told += got.count(MARK)
        self.tail = got[1 - len(MARK):] if not got.endswith(MARK) else b""


def processor(pid):
    """Milliseconds so far."""
    return int(read(f"/proc/{pid}/schedstat").split()[0]) / 1e6


def measure(n, checks):
    """Milliseconds a check: the daemon's, the bus's, and until the last listener has heard."""
    probe = FakeProbe()
    probe.print(*three("works", "works", "works"))
    with World(probe=probe, accounts={"home": settings()}) as world, selectors.DefaultSelector() as selector:
        client = world.start()
        check(client)
        listeners = [Listener(world.address) for _ in range(n)]
        for each in listeners:
            selector.register(each, selectors.EVENT_READ)
        client.manager("State")  # the bus has read their matches by the time it has answered
        # The probe's own time is not in it: children are not counted before they are waited for.
        before, waited = (processor(world.daemon.pid), processor(world.bus.pid)), 0
        for i in range(checks):
            probe.print(*three(*(("works", "works", "works") if i % 2 else ("blocked", "works", "refused"))))
            started = time.monotonic()
            client.begin_check()
            while min(each.told for each in listeners) <= i:
                for key, _ in selector.select(PATIENCE):
                    key.fileobj.read()
            waited += time.monotonic() - started
        after = processor(world.daemon.pid), processor(world.bus.pid)
        for each in listeners:
            each.socket.close()
    return (after[0] - before[0]) / checks, (after[1] - before[1]) / checks, waited * 1000 / checks


def main():
    many, checks = (int(a) for a in (sys.argv[1:] + ["500", "100"][len(sys.argv) - 1:])[:2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    one, all_ = measure(1, checks), measure(many, checks)
    print(f"{checks} checks, milliseconds each ({os.cpu_count()} processors, {os.getloadavg()[0]:.1f} of them busy):\n")
    print(f"{'':24}{'1 listener':>12}{many:>8} listeners{'ratio':>8}")
    for name, a, b in zip(("processor of mailroamd", "processor of the bus", "until all have heard"), one, all_):
        print(f"{name:24}{a:12.2f}{b:18.2f}{b / a:8.1f}")


run(main, "dbus-daemon")
