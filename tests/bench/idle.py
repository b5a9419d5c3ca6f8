#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""idle.py [SECONDS]: what mailroamd costs while nothing happens.

In the lab, on a network where mail can leave: how often its threads were woken in that time (60 s by
default), how much processor time they took, and how much memory the daemon holds. A thread that was
never switched to has not been woken: the kernel counts that in /proc.
"""
import os
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import common  # noqa: E402

QUIET = 3  # seconds


def switches(pid):
    """How often its threads gave up the processor or lost it; the threads there are."""
    threads = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    return sum(int(number) for thread in threads
               for number in re.findall(r"ctxt_switches:\s+(\d+)", (thread / "status").read_text())), len(threads)


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory(pid):
    """kB, by the words of smaps_rollup."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {word: int(number) for word, number in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def settle(pid):
    """Returns when nothing has woken it for some seconds: a network just come has its aftermath, above
    all the kernel's search for duplicates of our IPv6 addresses."""
    last, since = switches(pid)[0], time.monotonic()

    def is_quiet():
        nonlocal last, since
        if (now := switches(pid)[0]) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > QUIET
    common.until(is_quiet, "the daemon sleeps")


def inside(seconds):
    with common.Daemon() as daemon:
        pid = daemon.process.pid
        common.travel("home")
        common.until(lambda: daemon.get("State") == "ready" and not children(pid), "a check ends")
        port = daemon.get("WorkingPort")
        settle(pid)
        (before, threads), busy = switches(pid), ticks(pid)
        time.sleep(seconds)
        woken, busy = switches(pid)[0] - before, ticks(pid) - busy
        held = memory(pid)
        print(f"mailroamd, port {port} published, {threads} thread(s), idle for {seconds} s\n({common.about_this_machine()}):\n")
        print(f"wake-ups     {woken:8}")
        print(f"processor    {busy * 1000 // os.sysconf('SC_CLK_TCK'):8} ms")
        print(f"RSS          {held['Rss']:8} kB")
        print(f"PSS          {held['Pss']:8} kB")
        print(f"its own      {held['Private_Clean'] + held['Private_Dirty']:8} kB, "
              f"{held['Private_Dirty']} kB of it written to", flush=True)


if sys.argv[1:2] == ["--inside"]:
    inside(int((sys.argv[2:] or ["60"])[0]))
else:
    common.run_in_lab(__file__)
