#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""idle.py [SECONDS]: what mailroamd costs while nothing happens.

In the lab, on a network where mail can leave: how often its threads were woken in that time (60 s by
default), how much processor time they took, and how much memory the daemon holds. A thread that was
never switched to has not been woken: the kernel counts that in /proc.
"""
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import common  # noqa: E402

def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def inside(seconds):
    with common.Daemon() as daemon:
        pid = daemon.process.pid
        common.travel("home")
        common.until(lambda: daemon.get("State") == "ready" and not common.children(pid), "a check ends")
        port = daemon.get("WorkingPort")
        common.settle(pid)
        (before, threads), busy = common.switches(pid), ticks(pid)
        time.sleep(seconds)
        woken, busy = common.switches(pid)[0] - before, ticks(pid) - busy
        held = common.memory(pid)
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
