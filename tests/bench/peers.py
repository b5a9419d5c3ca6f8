#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""peers.py [--runs N] [RTT...]: mailroam-probe against the tools that people use in its place.

In the lab, for round trips of 2, 20, 100 and 300 ms (or the RTTs given) and four networks: how long until
the first port is known to work and until all three ports are answered for, and whether the answers are
right. A peer that checks one port a run has three runs side by side and three in turn, and of each time the
better one counts. Its answer counts from the moment it stands on its terminal. Peers that are not
installed are named and left out. It takes about fifteen minutes; medians of N runs (default 9), of fewer
where a run takes seconds.

The limit is what no program can go below: one round trip each for the name (to the first router), TCP,
TLS 1.3, the greeting and EHLO on port 465; for all three ports open, two more, EHLO in clear and STARTTLS.
Round trips are measured along with the programs, without the programs.

Answers: works; no-auth: reachable, but takes no logins (as port 25 here); open: SMTP answers, whether
it proves who it is and takes logins remains unsaid; connects: something answers; silent; unreachable
(by ICMP); filtered: one of these two. Judged: right; partly: nothing wrong, but open or connects is
all that was found out; wrong; none: at least one port has no answer within CAP seconds.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import pty
import re
import selectors
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import common

HOST, ADDRESS, NAME_SERVER = common.SERVER, "2001:db8::25", "10.10.0.1"
PORTS = 465, 587, 25
ROUND_TRIPS_MS = 2, 20, 100, 300
ROUND_TRIPS_FIRST, ROUND_TRIPS_ALL = 4, 6  # to the server; one more to the name server
ALLOWED_FACTOR, ALLOWED_START_MS = 1.10, 10
ALLOWED_DROP_MS = 600  # at a round trip of 20 ms
TIMEOUT, CAP = 5, 12  # seconds: what peers are told, where they take one; when a person has given up
TRIPS = 3  # measured for each run of the tools
ENOUGH = 3  # seconds spent on a tool in one place, after which it is not run again
R2 = "198.51.100.2", "2001:db8:1::2"  # the router that does it all

OPEN = {465: "works", 587: "works", 25: "no-auth"}
SCENARIOS = (
    ("all open", [], OPEN),
    ("25 dropped in silence", ["tcp dport 25 drop"], OPEN | {25: "silent"}),
    ("25 and 587 rejected by ICMP", ["tcp dport {25, 587} reject with icmpx admin-prohibited"],
     OPEN | {25: "unreachable", 587: "unreachable"}),
    ("465 only", ["iifname r1 tcp dport != 465 drop", "iifname r1 meta l4proto != tcp drop"],
     OPEN | {25: "silent", 587: "silent"}),
)

# What peers say where they cannot connect; the first that fits.
FAILURES = (
    (r"timed? ?out|timeout", "silent"),
    (r"No route to host|Permission denied|unreachable", "unreachable"),
    (r"refused", "refused"),
)


def failure(text):
    return next((word for pattern, word in FAILURES if re.search(pattern, text, re.IGNORECASE)), None)


def after_tls(text, reply, failed):
    """The answer of a tool that shows the server's reply to EHLO over verified TLS."""
    found = re.search(reply, text, re.DOTALL | re.MULTILINE)
    return ("works" if "AUTH" in found[0] else "no-auth") if found else failure(text) if failed else None


# Each takes what a run has printed so far, its ports, and whether it has ended; returns its answers.

def read_probe(text, _ports, _ended):
    said = {}
    for line in re.findall(r"^\{.*\}$", text, re.MULTILINE):
        finding = json.loads(line)
        evidence, verdict = finding["evidence"], finding["verdict"]
        if verdict == "blocked" and evidence.get("by") in R2 and evidence.get("hop") == 2:
            verdict = {"dropped": "silent", "admin-prohibited": "unreachable"}.get(evidence["how"], verdict)
        said[finding["port"]] = verdict
    return said


def read_nmap(word):
    def read(text, _ports, ended):
        states = {"open": word, "closed": "refused", "filtered": "filtered"}
        return {int(port): states[state] for port, state in
                re.findall(r"^(\d+)/tcp +(open|closed|filtered) ", text, re.MULTILINE)} if ended else {}
    return read


def read_one(judge):
    def read(text, ports, ended):
        word = judge(text, ports[0], ended)
        return {ports[0]: word} if word else {}
    return read


def judge_swaks(text, _port, ended):
    return after_tls(text, r"^<~  250-.*^<~  250 .*?\n", ended)


def judge_msmtp(text, _port, ended):
    if "AUTH:" in text:  # it shows nothing before TLS is verified
        return "works"
    return "no-auth" if ended and "Capabilities:" in text else failure(text) if ended else None


def judge_openssl(text, _port, ended):
    return after_tls(text, r"^250-.*?^250 .*?\n", ended)


def judge_check_smtp(text, _port, _ended):
    return "open" if "SMTP OK" in text else failure(text) if "CRITICAL" in text else None


def tls(port, implicit, starttls):
    return implicit if port == 465 else starttls


PLUGINS = "/usr/lib/nagios/plugins"


def check_smtp(ports):
    # check_smtp knows no implicit TLS before version 2.4; its sibling does.
    return [f"{PLUGINS}/{tls(ports[0], 'check_ssmtp', 'check_smtp')}", "-H", HOST, "-p", str(ports[0]), "-t",
            str(TIMEOUT), *tls(ports[0], [], ["-S"])]


@dataclasses.dataclass
class Tool:
    name: str
    program: str
    package: str
    command: callable  # of the ports of one run
    read: callable
    at_once: bool = False  # one run takes all ports
    talks: bool = False  # its standard input goes to the server

    def groups(self):
        return [PORTS] if self.at_once else [[port] for port in PORTS]


def tools(authority):
    nmap = ["nmap", "-n", "-Pn", "-p", ",".join(map(str, PORTS)), HOST]
    return (
        Tool("mailroam-probe", str(common.BUILD / "mailroam-probe"), "", lambda ports: [
            common.BUILD / "mailroam-probe", "--json", "--ca-file", authority, HOST], read_probe, at_once=True),
        Tool("nmap -sV", "nmap", "nmap", lambda ports: [*nmap, "-sV"], read_nmap("open"), at_once=True),
        Tool("nmap", "nmap", "nmap", lambda ports: nmap, read_nmap("connects"), at_once=True),
        Tool("swaks", "swaks", "swaks", lambda ports: [
            "swaks", "--server", HOST, "--port", str(ports[0]), tls(ports[0], "--tlsc", "--tls"), "--tls-verify",
            "--tls-ca-path", authority, "--quit-after", "HELO", "--timeout", str(TIMEOUT)], read_one(judge_swaks)),
        Tool("msmtp", "msmtp", "msmtp", lambda ports: [
            "msmtp", "--serverinfo", f"--host={HOST}", f"--port={ports[0]}", "--tls=on",
            f"--tls-starttls={tls(ports[0], 'off', 'on')}", f"--tls-trust-file={authority}", f"--timeout={TIMEOUT}"],
            read_one(judge_msmtp)),
        Tool("openssl s_client", "openssl", "openssl", lambda ports: [
            "openssl", "s_client", "-quiet", "-CAfile", authority, "-verify_return_error", "-verify_hostname", HOST,
            *tls(ports[0], [], ["-starttls", "smtp"]), "-connect", f"{HOST}:{ports[0]}"],
            read_one(judge_openssl), talks=True),
        Tool("check_smtp", f"{PLUGINS}/check_smtp", "monitoring-plugins-basic", check_smtp, read_one(judge_check_smtp)),
    )


class Run:
    """One process at a terminal of its own: so it shows at once what it knows."""

    def __init__(self, tool, ports):
        self.tool, self.ports, self.text = tool, ports, ""
        self.terminal, inner = pty.openpty()
        self.process = subprocess.Popen(tool.command(ports), stdout=inner, stderr=inner,
                                        stdin=subprocess.PIPE if tool.talks else subprocess.DEVNULL)
        os.close(inner)
        if tool.talks and ports != [465]:
            self.say("EHLO bench.example.org\r\n")  # sent when STARTTLS is through
            self.asked = True
        else:
            self.asked = not tool.talks

    def say(self, line):
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def listen(self):
        """What it has answered; and whether it has ended."""
        try:
            new = os.read(self.terminal, 65536)
        except OSError:  # all of the other end is closed
            new = b""
        self.text += new.decode(errors="replace").replace("\r", "")
        if not self.asked and re.search(r"^220 ", self.text, re.MULTILINE):
            self.asked = True
            self.say("EHLO bench.example.org\r\n")
        said = self.tool.read(self.text, self.ports, not new)
        if self.tool.talks and said and new:
            self.say("QUIT\r\n")
        return said, not new

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass


def side_by_side(tool, groups):
    """Port -> what the tool says of it, and after how many seconds."""
    begun, answers = time.monotonic(), {}
    with selectors.DefaultSelector() as selector:
        for ports in groups:
            run = Run(tool, ports)
            selector.register(run.terminal, selectors.EVENT_READ, run)
        while selector.get_map():
            ready = selector.select(max(0, begun + CAP - time.monotonic()))
            now = time.monotonic() - begun
            for key, _ in ready:
                said, ended = key.data.listen()
                for port, word in said.items():
                    answers.setdefault(port, (word, now))
                if ended:
                    selector.unregister(key.fileobj)
                    key.data.process.wait()
                    key.data.end()
            if not ready or now > CAP:
                for key in list(selector.get_map().values()):
                    selector.unregister(key.fileobj)
                    key.data.end()
    return answers


def in_turn(tool):
    begun, answers = time.monotonic(), {}
    for ports in tool.groups():
        before = time.monotonic() - begun
        answers |= {port: (word, before + after) for port, (word, after) in side_by_side(tool, [ports]).items()}
    return answers


def times(answers):
    """ms until the first working port, and until all answers; None where that is never."""
    working = [after for word, after in answers.values() if word in ("works", "open", "connects")]
    everything = [after for _, after in answers.values()] if len(answers) == len(PORTS) else []
    return min(working) * 1000 if working else None, max(everything) * 1000 if everything else None


def measure(tool):
    """The tool's words, and the two times."""
    answers = side_by_side(tool, tool.groups())
    first, everything = times(answers)
    if not tool.at_once and everything and everything < ENOUGH * 1000:  # else in turn is hopeless
        first_in_turn, everything_in_turn = times(in_turn(tool))
        first, everything = min(first, first_in_turn or first), min(everything, everything_in_turn or everything)
    return {port: word for port, (word, _) in answers.items()}, first, everything


def judged(words, expected):
    if len(words) < len(PORTS):
        return "none"
    partly = False
    for port, word in words.items():
        vague = word in ("open", "connects") and expected[port] in ("works", "no-auth")
        partly |= vague
        if not vague and word != expected[port] and \
                not (word == "filtered" and expected[port] in ("silent", "unreachable")):
            return "wrong"
    return "partly" if partly else "right"


def name_trip():
    """ms for a question to the name server and its answer."""
    question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + b"".join(
        bytes([len(label)]) + label.encode() for label in HOST.split(".")) + struct.pack(">BHH", 0, 28, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        query.settimeout(CAP)
        begun = time.monotonic()
        query.sendto(question, (NAME_SERVER, 53))
        query.recv(512)
        return (time.monotonic() - begun) * 1000


def server_trip():
    """ms for a SYN to the server and its answer."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as connection:
        connection.settimeout(CAP)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        begun = time.monotonic()
        connection.connect((ADDRESS, 465))
        return (time.monotonic() - begun) * 1000


class Targets:
    def __init__(self):
        self.held, self.missed = 0, []

    def check(self, held, what):
        self.held += held
        if not held:
            self.missed.append(what)
        return "" if held else "  missed"

    def show(self):
        print(f"\nTargets: {self.held} held, {len(self.missed)} missed")
        for what in self.missed:
            print(f"  missed: {what}")


def median(numbers):
    numbers = [number for number in numbers if number is not None]
    return statistics.median(numbers) if numbers else None


def in_ms(number):
    return f"{number:.0f} ms" if number else "-"


def ratio(number, to):
    return f"{number / to:.2f}" if number and to else ""


def scenario(present, runs, rtt, name, expected, targets):
    """Runs every tool in turn, again and again; prints the table."""
    results, spent, trips = {tool.name: [] for tool in present}, dict.fromkeys((tool.name for tool in present), 0), []
    measure(present[0])  # neighbours and routes are known from here on
    for _ in range(runs):
        trips += [(name_trip(), server_trip()) for _ in range(TRIPS)]
        for tool in present:
            if spent[tool.name] < ENOUGH:
                begun = time.monotonic()
                results[tool.name].append(measure(tool))
                spent[tool.name] += time.monotonic() - begun
    name_ms, server_ms = (statistics.median(each) for each in zip(*trips))
    limit = name_ms + ROUND_TRIPS_FIRST * server_ms
    print(f"\n{name}, RTT {rtt} ms (measured: server {server_ms:.1f} ms, name {name_ms:.1f} ms); limit: first port "
          f"{limit:.0f} ms" + (f", all {name_ms + ROUND_TRIPS_ALL * server_ms:.0f} ms" if expected == OPEN else ""))
    print(f"{'':17} {'first':>8} {'/limit':>6} {'/probe':>6}  {'all':>8} {'/probe':>6}  "
          f"{'465':11} {'587':11} {'25':11} judged")
    probe = None
    for tool in present:
        words, firsts, everythings = zip(*results[tool.name])
        first, everything = median(firsts), median(everythings)
        judgement = max((judged(each, expected) for each in words), key=("right", "partly", "wrong", "none").index)
        note, where = "", f"{name}, RTT {rtt} ms"
        if not probe:
            probe = first, everything
            allowed = ALLOWED_FACTOR * limit + ALLOWED_START_MS
            note += targets.check(judgement == "right", f"{where}: every verdict right")
            note += targets.check(first and first <= allowed,
                                  f"{where}: first working port after {in_ms(first)}, {in_ms(allowed)} are allowed")
            if name == SCENARIOS[1][0] and rtt == 20:
                note += targets.check(everything and everything <= ALLOWED_DROP_MS,
                                      f"{where}: the drop takes {in_ms(everything)}, not {ALLOWED_DROP_MS} ms")
        elif judgement == "right":
            note += targets.check(probe[1] and probe[1] <= everything,
                                  f"{where}: all answers after {in_ms(probe[1])}, {tool.name} {in_ms(everything)}")
        print(f"{tool.name:17} {in_ms(first):>8} {ratio(first, limit):>6} {ratio(first, probe[0]):>6}  "
              f"{in_ms(everything):>8} {ratio(everything, probe[1]):>6}  "
              + " ".join(f"{words[-1].get(port, '-'):11}" for port in PORTS) + f" {judgement}{note}", flush=True)


def process_start():
    print("Process start, median of 30:")
    for arguments, words in (["--version"], "--version"), (["127.0.0.1:1/tls"], "a closed port on the loopback"):
        taken = []
        for _ in range(30):
            begun = time.monotonic()
            subprocess.run([common.BUILD / "mailroam-probe", *arguments], stdout=subprocess.DEVNULL, check=False)
            taken.append((time.monotonic() - begun) * 1000)
        print(f"  mailroam-probe, {words:30} {statistics.median(taken):5.1f} ms, at best {min(taken):.1f} ms", flush=True)


def start_server(folder):
    """The scripted server, with a greeting that nmap knows: else it tries for 40 s to find out more."""
    subprocess.run([common.TOP / "tests/peer/make-ca.sh", folder, HOST], check=True, stdout=subprocess.DEVNULL)
    places = [f"{address}:{port}/{tls(port, 'tls', 'starttls')},greet=220 {HOST} ESMTP Postfix"
              f"{',no-auth' if port == 25 else ''}" for address in ("192.0.2.25", f"[{ADDRESS}]") for port in PORTS]
    server = subprocess.Popen(["on", "server", common.BUILD / "smtp-peer", "--die-with-parent", "--log", "/dev/null",
                               "--cert", f"{folder}/server.pem", "--key", f"{folder}/server.key", *places],
                              stdout=subprocess.PIPE, text=True)
    if not server.stdout.readline().startswith("ready"):
        sys.exit("the scripted server did not start")
    return server


def set_round_trip(rtt):
    outer = min(500, rtt * 1000 // 6)  # name server and laptop stay near
    for link, delay in ("laptop-r1", outer), ("r1-r2", rtt * 500 - 2 * outer), ("r2-server", outer):
        common.wire_delay(link, delay)


def inside(options):
    folder = pathlib.Path(os.environ["LAB_DIR"], "bench-ca")
    server = start_server(folder)
    known = tools(folder / "ca.pem")
    present = [tool for tool in known if shutil.which(tool.program)]
    missing = sorted({tool.package for tool in known if not shutil.which(tool.program)})
    if missing:
        print(f"Missing peers are left out; on Debian: apt-get install --no-install-recommends {' '.join(missing)}")
    load, processors = os.getloadavg()[0], os.cpu_count()
    print(f"Load: {load:.1f} on {processors} processors{': too busy for figures that mean much' * (load > processors / 2)}")
    common.travel("home")
    process_start()
    targets = Targets()
    for rtt in options.rtt or ROUND_TRIPS_MS:
        set_round_trip(rtt)
        for name, rules, expected in SCENARIOS:
            subprocess.run(["block", *rules], check=True, stderr=subprocess.DEVNULL)
            scenario(present, options.runs, rtt, name, expected, targets)
    targets.show()
    server.terminate()
    server.wait()


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the lab ends with this process, and all with the lab
    parser = argparse.ArgumentParser(usage="%(prog)s [--runs N] [RTT...]")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("rtt", type=int, nargs="*", metavar="RTT")
    options = parser.parse_args()
    if options.inside:
        inside(options)
        return
    # A lab without a server: the bench brings its own.
    lab = subprocess.run([common.TOP / "tests/lab/lab.sh", "--server", "none", "on", "laptop", sys.executable, __file__,
                          "--inside", *sys.argv[1:]], check=False)
    sys.exit(lab.returncode)


main()
