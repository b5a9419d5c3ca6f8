# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of mailroamd on a real bus share: a bus of its own, the daemon on it, a client, a script in place of
mailroam-probe, networks to travel to; and how a test is run and counted."""

import concurrent.futures
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ElementTree

try:
    from gi.repository import Gio, GLib
except ImportError:
    print("1..0 # SKIP python3-gi is not installed")
    sys.exit(0)
# Made at their first use, which must not be that of two threads at once: each would get classes of its own, and those
# of the one are refused by the other.
GLib.Variant("(s)", ("",)).unpack()

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("top_srcdir", os.path.join(HERE, "../.."))
BUILD = os.path.abspath(os.environ.get("top_builddir", os.path.join(TOP, "build")))
DAEMON = os.path.join(BUILD, "mailroamd")
PEER = os.path.join(BUILD, "smtp-peer")
XML = os.path.join(TOP, "dbus/org.mailroam.Mailroam1.xml")

NAME = "org.mailroam.Mailroam1"
ROOT = "/org/mailroam/Mailroam1"
MANAGER = NAME + ".Manager"
ACCOUNT = NAME + ".Account"
ERROR = NAME + ".Error."
FREEDESKTOP = "org.freedesktop.DBus"
PROPERTIES = FREEDESKTOP + ".Properties"
STANDARD = {PROPERTIES, FREEDESKTOP + ".Introspectable", FREEDESKTOP + ".Peer"}
PATIENCE = 40  # seconds for anything that has to happen
CHECK_LIMIT = 20  # seconds in which Check() promises to return
SECRET = "cat-secret-xyzzy"  # stands in every PasswordCommand, and must stand in no log
THREE = (465, "tls"), (587, "starttls"), (25, "starttls")

count = failed = 0
worlds = []
FOLDER = tempfile.mkdtemp(prefix="mailroamd-")
pool = concurrent.futures.ThreadPoolExecutor(16)


def ok(good, name, *details):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    for detail in details if not good else ():
        print("# " + str(detail).rstrip("\n").replace("\n", "\n# "))
    sys.stdout.flush()
    return good


def equal(got, expected, name, *details):
    return ok(got == expected, name, f"     got: {got!r}", f"expected: {expected!r}", *details)


def fault(what, times, lost, recovered):
    """A row of the table of faults that is shown behind all tests (tests/faults/table.sh): what went wrong, how often,
    how much was lost by it, which is nothing, and how all was well again."""
    good = ok(times > 0 and lost == 0, f"{what}: {times} times, {lost} lost; {recovered}")
    print(f"# fault | {what} | {times} | {lost} | {recovered}", flush=True)
    return good


def is_sanitized(program):
    """Whether it is built with AddressSanitizer, which maps terabytes and lives in no cell."""
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def memory_of(pid):
    """What the process has in its memory; but for a sanitizer's shadow, which is larger than any machine."""
    data = bytearray()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            bounds, rights = line.split()[:2]
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            if "r" in rights and "[v" not in line and end - start < 1 << 30:
                with contextlib.suppress(OSError):
                    memory.seek(start)
                    data += memory.read(end - start)
    return bytes(data)


@contextlib.contextmanager
def survived(what, times, recovered):
    """A row of that table for all that is looked at in here: what is not well is lost."""
    before = failed
    yield
    fault(what, times, failed - before, recovered)


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def poll(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text, mode=0o644):
    """A whole file at once: whoever reads it sees the old one or the new one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + "~", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(path + "~", mode)
    os.replace(path + "~", path)


def account_path(name):
    return f"{ROOT}/account/{name}"


# --- a bus, a daemon, a client -------------------------------------------------------------------

class Client:
    def __init__(self, address):
        self.heard = []  # every signal that came, in its order
        self.replies = {}  # by the number of the call
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        self.connection.add_filter(self.hear)
        self.send("/org/freedesktop/DBus", FREEDESKTOP, "AddMatch", "(s)", ("type='signal'",),
                  to=FREEDESKTOP)

    def hear(self, _connection, message, incoming):
        if incoming and message.get_message_type() == Gio.DBusMessageType.SIGNAL:
            self.heard.append(message)
        elif incoming:
            self.replies[message.get_reply_serial()] = message
        return message

    def send(self, path, interface, member, signature=None, values=None, to=NAME):
        """The reply, as a message."""
        message = Gio.DBusMessage.new_method_call(to, path, interface, member)
        if signature:
            message.set_body(GLib.Variant(signature, values))
        return self.connection.send_message_with_reply_sync(
            message, Gio.DBusSendMessageFlags.NONE, PATIENCE * 1000)[0]

    def call(self, path, interface, member, signature=None, values=None, to=NAME):
        """What was returned; or the name of the error, whose text is in `text` then."""
        reply = self.send(path, interface, member, signature, values, to)
        body = reply.get_body().unpack() if reply.get_body() else ()
        if reply.get_error_name():
            self.text = body[0] if body else ""
            return reply.get_error_name()
        return body

    def begin_check(self, path=ROOT):
        """Calls Check(). What is called later by this client is answered later, but for what has to wait."""
        message = Gio.DBusMessage.new_method_call(NAME, path, MANAGER if path == ROOT else ACCOUNT, "Check")
        return Waiting(self, self.connection.send_message(message, Gio.DBusSendMessageFlags.NONE)[1])

    def get(self, path, interface, name):
        """The property's value; None where there is none."""
        got = self.call(path, PROPERTIES, "Get", "(ss)", (interface, name))
        return got[0] if isinstance(got, tuple) else None

    def manager(self, *names):
        values = tuple(self.get(ROOT, MANAGER, name) for name in names)
        return values if len(names) > 1 else values[0]

    def account(self, name, *names):
        values = tuple(self.get(account_path(name), ACCOUNT, each) for each in names)
        return values if len(names) > 1 else values[0]

    def verdicts(self, name):
        return {port: verdict for _, port, _, verdict, _ in self.account(name, "Endpoints") or ()}

    def owner(self):
        answer = self.call("/org/freedesktop/DBus", FREEDESKTOP, "GetNameOwner", "(s)", (NAME,),
                           to=FREEDESKTOP)
        return answer[0] if isinstance(answer, tuple) else None

    def signals(self, path, member, since=0):
        return [m.get_body().unpack() for m in self.heard[since:]
                if m.get_path() == path and m.get_member() == member]

    def ports(self, path, since=0):
        """The ports of WorkingPortChanged."""
        return [body[-2] for body in self.signals(path, "WorkingPortChanged", since)]


class Waiting:
    """A call that was made."""

    def __init__(self, client, serial):
        self.client, self.serial = client, serial

    def done(self):
        return self.serial in self.client.replies

    def result(self):
        """As Client.call(); None where no answer came."""
        poll(self.done)
        reply = self.client.replies.get(self.serial)
        return reply and (reply.get_error_name() or ())


class World:
    """A directory, a bus in it, at most one daemon on it, and a client. A context manager."""

    def __init__(self, *, probe=None, accounts=None, notify=False, variables=None):
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        worlds.append(self)
        self.bus = self.daemon = self.client = self.notify = None
        self.address = f"unix:path={self.folder}/bus"
        self.log_path = f"{self.folder}/log"
        self.accounts = f"{self.folder}/config/mailroam/accounts"
        self.variables = {k: v for k, v in os.environ.items() if k not in (
            "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
            "NOTIFY_SOCKET", "JOURNAL_STREAM", "MAILROAM_PROBE")}
        self.variables |= {"XDG_CONFIG_HOME": f"{self.folder}/config", "HOME": f"{self.folder}/home",
                           "DBUS_SESSION_BUS_ADDRESS": self.address,
                           # What this machine's own services say must not disturb.
                           "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/system-bus"}
        if probe:
            self.variables["MAILROAM_PROBE"] = probe.place
        if notify:
            self.variables["NOTIFY_SOCKET"] = f"{self.folder}/notify"
            self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify.bind(f"{self.folder}/notify")
            self.notify.settimeout(PATIENCE)
        for key, value in (variables or {}).items():
            self.variables.pop(key, None)
            if value is not None:
                self.variables[key] = value
        for name, text in (accounts or {}).items():
            self.write_account(name, text)

    def write_account(self, name, text):
        write(f"{self.accounts}/{name}.account", text)

    def start_bus(self):
        config = f"{self.folder}/bus.conf"
        write(config, "<busconfig><type>session</type>"
              f"<listen>{self.address}</listen><auth>EXTERNAL</auth><servicedir>{self.folder}/services</servicedir>"
              "<policy context='default'>"
              "<allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/></policy>"
              "<limit name='max_connections_per_user'>4096</limit><limit name='max_completed_connections'>4096</limit>"
              "</busconfig>")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.folder}/bus")
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.bus.stdout.readline()
        self.client = Client(self.address)

    def stop_bus(self):
        self.bus.kill()
        self.bus.wait()
        self.bus.stdout.close()

    def spawn(self, *arguments, before=()):
        with open(self.log_path, "a", encoding="utf-8") as log:
            return subprocess.Popen([*before, DAEMON, *arguments], env=self.variables, cwd=self.folder,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, **options):
        if not self.bus:
            self.start_bus()
        self.daemon = self.spawn(**options)
        if not poll(self.client.owner):
            raise AssertionError("mailroamd did not come to the bus:\n" + self.log())
        self.online = bool(self.client.manager("Network").get("interface"))
        return self.client

    def stop(self):
        """The exit status."""
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(PATIENCE)

    def log(self):
        return read(self.log_path) if os.path.exists(self.log_path) else ""

    def logged(self, text, times=1):
        return poll(lambda: self.log().count(text) >= times)

    def told(self):
        """One message to the service manager, as a dictionary."""
        lines = self.notify.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def close(self):
        for process in self.daemon, self.bus:
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if self.bus:
            self.bus.stdout.close()
        if self.notify:
            self.notify.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class FakeProbe:
    """Stands in for mailroam-probe: prints what the test says, when it says it. Notes what it is asked."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        self.path, self.fifo = f"{self.folder}/probe", f"{self.folder}/fifo"
        self.place = self.path  # what $MAILROAM_PROBE says
        self.runs_path = f"{self.folder}/runs"
        os.mkfifo(self.fifo)
        self.obey()

    def script(self, text):
        write(self.path, f"#!/bin/sh\ncat >>'{self.runs_path}'\n{text}\n", 0o755)

    def obey(self):
        self.script(f"exec cat '{self.fifo}'")

    def print(self, *lines):
        text = "\n".join(lines) + "\n"
        self.script(f"cat <<'END'\n{text}END")

    def runs(self):
        """The requests so far, as they came."""
        return read(self.runs_path).splitlines() if os.path.exists(self.runs_path) else []

    @contextlib.contextmanager
    def behind_socket(self):
        """As systemd has it: whoever connects to the socket is connected to a run of its own."""
        listening = f"{self.folder}/socket"
        self.place = f"unix:{listening}"
        with subprocess.Popen(["systemd-socket-activate", "--accept", "--inetd", f"--listen={listening}", self.path],
                              stderr=subprocess.DEVNULL) as process:
            try:
                poll(lambda: os.path.exists(listening))
                yield listening
            finally:
                process.terminate()

    @contextlib.contextmanager
    def running(self):
        """say(line...) for the run that is waiting; the end of the context is the end of the run."""
        def reader():
            with contextlib.suppress(OSError):
                return os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)

        if not (fd := poll(reader)):
            raise AssertionError("no probe is running")
        with open(fd, "w", encoding="ascii") as pipe:
            def say(*lines):
                pipe.write("\n".join(lines) + "\n")
                pipe.flush()
            yield say


def found(port, verdict, security=None, host="127.0.0.1", **evidence):
    return json.dumps({"host": host, "port": port, "security": security or dict(THREE)[port],
                       "verdict": verdict, "evidence": evidence})


def three(first, second, third):
    return [found(port, verdict) for (port, _), verdict in zip(THREE, (first, second, third))]


def settings(*lines, server="127.0.0.1"):
    return "\n".join(["[Account]", "Address=me@example.org", f"Server={server}",
                      f"PasswordCommand={SECRET}", *lines, ""])


def later(function, *arguments):
    return pool.submit(function, *arguments)


def timed(function, *arguments):
    started = time.monotonic()
    result = function(*arguments)
    return result, time.monotonic() - started


def check(client, path=ROOT):
    return client.call(path, MANAGER if path == ROOT else ACCOUNT, "Check")


def declared(node):
    """Everything that an introspected interface promises, without its documentation and hints for one toolkit."""
    def arguments(element):
        return [(a.get("name"), a.get("type"), a.get("direction", "out" if element.tag == "signal" else "in"))
                for a in element.findall("arg")]

    def annotations(element):
        return {a.get("name"): a.get("value") for a in element.findall("annotation")
                if a.get("name").startswith(FREEDESKTOP)}

    return {interface.get("name"): {
        "methods": {m.get("name"): (arguments(m), annotations(m)) for m in interface.findall("method")},
        "signals": {s.get("name"): arguments(s) for s in interface.findall("signal")},
        "properties": {p.get("name"): (p.get("type"), p.get("access"), annotations(p))
                       for p in interface.findall("property")},
    } for interface in node.findall("interface")}


def property_types(interface):
    return {name: of[0] for name, of in declared(ElementTree.parse(XML).getroot())[interface]["properties"].items()}


def served_types(client, path, interface):
    values = client.send(path, PROPERTIES, "GetAll", "(s)", (interface,)).get_body().get_child_value(0)
    return {name: values.lookup_value(name, None).get_type_string() for name in values.unpack()}


# --- networks ------------------------------------------------------------------------------------

class Travels:
    """A World in a network namespace with one link, which can be plugged in elsewhere."""

    ENTER = ["unshare", "--map-current-user", "--keep-caps", "--net", "sh", "-ec",
             "ip link add cable type veth peer name far; ip link set far up; ip link set cable up; exec \"$@\"", "sh"]

    def __init__(self, world):
        self.world = world

    def start(self, network):
        """The daemon, begun on the network of this number."""
        plug = f"ip address add 10.{network}.0.2/24 dev cable; ip route add default via 10.{network}.0.1; exec \"$@\""
        return self.world.start(before=[*self.ENTER, "sh", "-ec", plug, "sh"])

    def move(self, network):
        subprocess.run(["nsenter", "--preserve-credentials", "--user", "--net", f"--target={self.world.daemon.pid}",
                        "sh", "-ec", f"""ip address flush dev cable scope global
            ip address add 10.{network}.0.2/24 dev cable
            ip route add default via 10.{network}.0.1"""], check=True)

    @classmethod
    def allowed(cls):
        return subprocess.run([*cls.ENTER, "true"], capture_output=True).returncode == 0


def is_on(client, network):
    return poll(lambda: client.manager("Network")["gateway"] == f"10.{network}.0.1" and client.manager("Network")["id"])


# --- how a test runs -----------------------------------------------------------------------------

PR_SET_CHILD_SUBREAPER = 36  # the probes of a daemon that was killed become children of this process


def kill_children():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(read_bytes(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1]) == os.getpid():
                os.kill(int(pid), signal.SIGKILL)
                os.waitpid(int(pid), 0)


def run(main, *programs):
    """Runs the test, prints its plan, leaves nothing behind, and does not return."""
    for program in programs:
        if not shutil.which(program):
            print(f"1..0 # SKIP {program} is not installed")
            shutil.rmtree(FOLDER, ignore_errors=True)
            sys.exit(0)
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(number, lambda *_: sys.exit(1))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    status = 1
    try:
        main()
        if count:
            print(f"1..{count}")
        status = failed > 0
    except Exception:
        traceback.print_exc()
    finally:
        for each in worlds:
            each.close()
        kill_children()
        shutil.rmtree(FOLDER, ignore_errors=True)
        sys.stdout.flush()
        os._exit(status)  # where a signal ended this, threads may still be waiting
