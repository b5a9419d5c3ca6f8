#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""footprint.py: what Mailroam takes of a machine, installed in the rig with a real `systemd --user`: exposure of
the units, size of the programs on the disk and in memory, and the time to READY, beside that of the smallest
service there can be. It needs root, and prints figures; a line that is not ok is a fault of the rig."""
import pathlib
import re
import statistics
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rig import *  # noqa: E402,F403  the user's manager, with the build installed

STARTS = 20
PEER = "peer.service"


def exposures():
    for name in UNIT, "mailroam-probe@1.service", "mailroam-notify.service":
        done = user("systemd-analyze", "security", "--user", "--no-pager", name)
        print(f"  {name:28} {done.stdout.strip().splitlines()[-1].split(': ')[1]}")


def sizes(folder):
    total = 0
    for path in sorted(pathlib.Path(folder, "root").rglob("*")):
        if path.is_file():
            total += path.stat().st_size
            if path.parent.name == "bin":
                done = run("strip", "-o", "/tmp/stripped", path)
                size = pathlib.Path("/tmp/stripped").stat().st_size if done.returncode == 0 else path.stat().st_size
                print(f"  {path.name:28} {size // 1024:6} kB, stripped")
    print(f"  {'all that is installed':28} {total // 1024:6} kB, not stripped")


def memory(pid, name):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE))
    print(f"  {name:28} RSS {kilobytes['Rss']:>6} kB, PSS {kilobytes['Pss']:>6} kB")


def processes(folder):
    with peer(folder) as (port, mute):
        write_account(folder, "test", f"{mute}/tls", f"{port}/tls")
        start_again()
        until(lambda: "(checking the other ports)" in unit("StatusText"))
        memory(unit("MainPID"), "mailroamd")
        memory(run("pidof", "mailroam-probe").stdout.split()[0], "mailroam-probe, in a check")
    systemctl("start", "--no-block", "mailroam-notify.service")
    if pid := until(lambda: run("pidof", "mailroam-notify").stdout.split()):
        memory(pid[0], "mailroam-notify")
    systemctl("stop", "mailroam-notify.service")
    (ACCOUNTS / "test.account").unlink()


def start_time(name):
    """ms that systemctl takes from asking to READY, at the median."""
    taken = []
    for _ in range(STARTS):
        systemctl("stop", name)
        systemctl("reset-failed", name)
        began = time.monotonic()
        systemctl("start", name)
        taken.append((time.monotonic() - began) * 1000)
    return statistics.median(taken)


def starts():
    write(HOME / f".config/systemd/user/{PEER}",
          "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep 1000'\n")
    systemctl("daemon-reload")
    ours, theirs = start_time(UNIT), start_time(PEER)
    with drop_in("PrivateUsers=no", "PrivateMounts=no", "ProtectSystem=no", "ProtectHome=no", "PrivateTmp=no",
                 "InaccessiblePaths=", "ReadWritePaths=", "PrivateDevices=no", "ProtectKernelTunables=no",
                 "ProtectKernelModules=no", "ProtectKernelLogs=no", "ProtectControlGroups=no", "ProtectClock=no",
                 "ProtectHostname=no", "CapabilityBoundingSet=~"):
        bare = start_time(UNIT)
    print(f"  mailroamd {ours:.0f} ms, without namespaces {bare:.0f} ms, a shell that says READY {theirs:.0f} ms: "
          f"{ours / theirs:.1f} times")


def inside(folder):
    for title, print_figures in (("Exposure:", exposures), ("On the disk:", lambda: sizes(folder)),
                                 ("In memory:", lambda: processes(folder)),
                                 (f"From start to READY, the median of {STARTS}:", starts)):
        print(title)
        print_figures()


main(inside)
