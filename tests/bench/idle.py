#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""idle.py [SECONDS]: what mailroamd costs while nothing happens.

In the lab, on a network where mail can leave: how often its threads were woken in that time (60 s by
default), how much processor time they took, how many packets it sent, and how much memory it holds. A
thread that was never switched to has not been woken: the kernel counts that in /proc. /etc is this
machine's own: a file that somebody makes there meanwhile (a package is installed, say) wakes the daemon,
which has an eye on resolv.conf.

What an hour costs need not be waited for: who has not been woken has armed no timer either, so that
while nothing happens the next to wake it is the earliest of those that /proc shows armed. Their list has
to be the same at the end as it was at the beginning.
"""
import os
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import common  # noqa: E402

HOUR = 3600
CLOCKS = {0: "the time of day", 1: "the time awake since boot", 7: "the time since boot",
          8: "the time of day, waking the machine", 9: "the time since boot, waking the machine"}


def armed(pid):
    """The timers that are: {(descriptor, clock): seconds until it goes off}."""
    timers = {}
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        text = entry.read_text()
        left = re.search(r"it_value: \((\d+), (\d+)\)", text)
        if left and left.groups() != ("0", "0"):
            timers[entry.name, int(re.search(r"clockid: (\d+)", text)[1])] = int(left[1])
    return timers


def nft(*words, **more):
    return subprocess.run(["nft", *words], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def packets():
    """That programs have sent from the laptop; the kernel's own neither come from one nor count here."""
    return int(re.search(r"packets (\d+)", nft("list", "counter", "inet", "idle", "sent"))[1])


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def inside(seconds):
    nft("-f", "-", input="""
table inet idle {
    counter sent { }
    chain output {
        type filter hook output priority 0;
        meta skuid 0-4294967294 counter name sent
    }
}
""")
    with common.Daemon() as daemon:
        pid = daemon.process.pid
        common.travel("home")
        common.until(lambda: daemon.get("State") == "ready" and not common.children(pid), "a check ends")
        port = daemon.get("WorkingPort")
        common.settle(pid)
        if not packets():
            sys.exit("the check was not counted")
        (before, threads), busy, timers, sent = common.switches(pid), ticks(pid), armed(pid), packets()
        time.sleep(seconds)  # what is measured: nothing happens
        woken, busy, sent = common.switches(pid)[0] - before, ticks(pid) - busy, packets() - sent
        later = armed(pid)
        same = timers.keys() == later.keys() and \
            all(abs(left - seconds - later[timer]) <= 1 for timer, left in timers.items())
        held = common.memory(pid)
        print(f"mailroamd, port {port} published, {threads} thread(s), idle for {seconds} s\n"
              f"({common.about_this_machine()}):\n")
        print(f"wake-ups     {woken:8}")
        print(f"packets      {sent:8}")
        print(f"processor    {busy * 1000 // os.sysconf('SC_CLK_TCK'):8} ms")
        print(f"RSS          {held['Rss']:8} kB")
        print(f"PSS          {held['Pss']:8} kB")
        print(f"its own      {held['Private_Clean'] + held['Private_Dirty']:8} kB, "
              f"{held['Private_Dirty']} kB of it written to")
        for (_, clock), left in sorted(timers.items(), key=lambda timer: timer[1]):
            print(f"timer        {left // 60:8} min from the beginning, by {CLOCKS.get(clock, clock)}")
        due = sum(left <= HOUR for left in timers.values())
        if same and not woken and not due:
            print("in an hour          0 wake-ups, 0 packets", flush=True)
        else:
            print(f"in an hour   {woken * HOUR // seconds + due:8} wake-ups, {sent * HOUR // seconds} packets and more",
                  flush=True)


if sys.argv[1:2] == ["--inside"]:
    inside(int((sys.argv[2:] or ["60"])[0]))
else:
    common.run_in_lab(__file__)
