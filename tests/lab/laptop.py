# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the daemon's checks share: the lab around them, mailroamd in it as a plain user on a
bus of its own, and a count of its checks by their reasons.

That a check does not start cannot be waited for. What can is that the daemon owes nothing any more
(`settle`): it has taken all that the kernel and the bus had for it, sleeps, and has no timer armed
that is about to go off. What follows then is a check that certainly starts, and is the only one.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).parent / "../..")).resolve()
BUILD = pathlib.Path(os.environ.get("top_builddir", TOP)).resolve()
NAME = "org.mailroam.Mailroam1"
MANAGER = "/org/mailroam/Mailroam1", NAME + ".Manager"
ACCOUNT = "/org/mailroam/Mailroam1/account/example", NAME + ".Account"
SERVER = "mail.example.org"
PATIENCE = 20  # seconds for anything that has to happen
SOON = 12  # seconds: a timer further off than that is no check that is owed
CONFIG = """<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""

count = failed = 0


def ok(good, name, detail=""):
    global count, failed
    count += 1
    print("ok" if good else "not ok", count, "-", name, flush=True)
    if not good:
        failed += 1
        if detail != "":
            print("#", str(detail).replace("\n", "\n# "), flush=True)
    return good


def same(name, got, expected):
    return ok(got == expected, name, f"got {got}, expected {expected}")


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}", flush=True)


def until(condition, seconds=PATIENCE):
    """Polls until the condition holds; what it came to."""
    deadline = time.monotonic() + seconds
    while not (good := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return good


def on(namespace, *words, **more):
    """A command in a namespace; what it printed."""
    return subprocess.run(["on", namespace, *words], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def ip(namespace, lines):
    """ip commands, one a line, as fast as the kernel takes them; those that begin with -6 after the others."""
    ipv6 = "".join(re.findall(r"(?m)^-6 (.*\n)", lines))
    on(namespace, "ip", "-batch", "-", input=re.sub(r"(?m)^-6 .*\n", "", lines))
    if ipv6:
        on(namespace, "ip", "-6", "-batch", "-", input=ipv6)


def sysctl(namespace, **values):
    """Settings below /proc/sys/net/ipv6/conf, as LINK__NAME=VALUE."""
    for key, value in values.items():
        path = "/proc/sys/net/ipv6/conf/" + key.replace("__", "/")
        on(namespace, "sh", "-c", f"echo {value} >{path}")


def travel(place):
    subprocess.run(["travel", place], check=True, stderr=subprocess.DEVNULL)


def block(*rules):
    subprocess.run(["block", *rules], check=True, stderr=subprocess.DEVNULL)


def write_resolv_conf(text):
    pathlib.Path(os.environ["LAB_DIR"], "resolv.conf").write_text(text)


def enter(namespace):
    """Takes the calling thread into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), 0) < 0:
            raise OSError(ctypes.get_errno(), "setns")


class Bus:
    """A bus for the time of the lab, which root may listen to; a context manager."""

    def __init__(self, name="bus", runner=("as-user",)):
        from gi.repository import Gio, GLib
        self.gio, self.glib, self.runner = Gio, GLib, runner
        self.path = pathlib.Path(os.environ["LAB_DIR"], "user-runtime", name)
        self.address = f"unix:path={self.path}"

    def __enter__(self):
        config = pathlib.Path(os.environ["LAB_DIR"], f"{self.path.name}.conf")
        config.write_text(CONFIG.format(self.path))
        self.process = subprocess.Popen(
            [*self.runner, "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # it listens
        self.connection = self.gio.DBusConnection.new_for_address_sync(
            self.address, self.gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            self.gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        return self

    def __exit__(self, *unused):
        self.connection.close_sync(None)
        self.process.terminate()
        self.process.wait()

    def call(self, name, path, interface, method, arguments=None):
        """The values it returned; None where there was no answer."""
        with contextlib.suppress(self.glib.Error):
            return self.connection.call_sync(name, path, interface, method, arguments, None,
                                             self.gio.DBusCallFlags.NO_AUTO_START, PATIENCE * 1000, None).unpack()
        return None

    def listen(self, heard):
        """heard(time, path, member, body) for each signal of the daemon, from another thread."""
        def on_message(_connection, message, incoming):
            if incoming and (message.get_path() or "").startswith(MANAGER[0]) and message.get_member():
                body = message.get_body()
                heard(time.monotonic(), message.get_path(), message.get_member(), body.unpack() if body else ())
            return message
        self.connection.add_filter(on_message)
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
                  self.glib.Variant("(s)", (f"type='signal',path_namespace='{MANAGER[0]}'",)))


class Mock:
    """A service with one object; says of its properties what it is told to."""

    def __init__(self, bus, name, path, interface, **properties):
        gio = bus.gio
        self.bus, self.path, self.interface, self.properties = bus, path, interface, properties
        self.connection = gio.DBusConnection.new_for_address_sync(
            bus.address, gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.asked = 0
        self.connection.add_filter(self.on_message)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "RequestName", bus.glib.Variant("(su)", (name, 0)), None,
                                  gio.DBusCallFlags.NONE, -1, None)

    def on_message(self, connection, message, incoming):
        if not incoming or message.get_message_type() != self.bus.gio.DBusMessageType.METHOD_CALL:
            return message
        mine = message.get_path() == self.path and message.get_member() == "GetAll"
        reply = message.new_method_reply()
        reply.set_body(self.bus.glib.Variant("(a{sv})", (self.properties if mine else {},)))
        connection.send_message(reply, self.bus.gio.DBusSendMessageFlags.NONE)
        self.asked += mine
        return None

    def emit(self, member, signature, *values, interface=None):
        self.connection.emit_signal(None, self.path, interface or self.interface, member,
                                    self.bus.glib.Variant(signature, values))
        self.connection.flush_sync()

    def change(self, **properties):
        """Returns when somebody has asked what they are now."""
        asked = self.asked
        self.properties.update(properties)
        self.emit("PropertiesChanged", "(sa{sv}as)", self.interface, {}, list(properties),
                  interface="org.freedesktop.DBus.Properties")
        until(lambda: self.asked > asked)


class Daemon:
    """mailroamd with one account, on the laptop as it is; a context manager. Names its checks on failure."""

    number = 0

    def __init__(self, bus, title, keep_state=False, settings="", environment=None):
        self.bus, self.title, self.seen = bus, title, 0
        Daemon.number += 1
        self.log = pathlib.Path(os.environ["LAB_DIR"], f"mailroamd-{Daemon.number}.log")
        self.keep_state, self.settings, self.environment = keep_state, settings, environment or {}

    def __enter__(self):
        self.failed_before, self.killed = failed, False
        account = f"[Account]\nAddress=me@example.org\nServer={SERVER}\nCAFile={os.environ['LAB_CA']}\n"
        subprocess.run(["as-user", "sh", "-ec", """
            [ -n "$1" ] || rm -rf "$XDG_STATE_HOME"
            mkdir -p "$XDG_CONFIG_HOME/mailroam/accounts"
            printf %s "$2" >"$XDG_CONFIG_HOME/mailroam/accounts/example.account"
            printf %s "$3" >"$XDG_CONFIG_HOME/mailroam/mailroam.conf" """,
                        "-", "yes" if self.keep_state else "", account, self.settings], check=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SSL_CERT_")}
        environment |= {"DBUS_SESSION_BUS_ADDRESS": self.bus.address,
                        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={os.environ['LAB_DIR']}/no-system-bus",
                        **self.environment}
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(["as-user", self.program()], env=environment, stdout=out, stderr=out)
        until(lambda: self.get("State"))
        return self

    @staticmethod
    def program():
        """Where the user can read it, wherever the build is."""
        directory = pathlib.Path(os.environ["LAB_DIR"], "programs")
        if not directory.exists():
            directory.mkdir()
            for program in "mailroamd", "mailroam-probe":
                shutil.copy(BUILD / program, directory)
        return directory / "mailroamd"

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()
        same(f"{self.title}: mailroamd ends as it was told to", self.process.returncode,
             -signal.SIGKILL if self.killed else 0)
        if failed > self.failed_before:
            print("# mailroamd said:\n#   " + self.log.read_text().replace("\n", "\n#   "), flush=True)

    def get(self, name, where=MANAGER):
        """A property; None while there is no answer."""
        values = self.bus.call(NAME, where[0], "org.freedesktop.DBus.Properties", "Get",
                               self.bus.glib.Variant("(ss)", (where[1], name)))
        return values and values[0]

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def all_reasons(self):
        """Why each check so far was started."""
        return re.findall(r"account example: checking: (.*)", self.log.read_text())

    def reasons(self):
        """Of the checks since the last look."""
        reasons = self.all_reasons()
        self.seen, new = len(reasons), reasons[self.seen:]
        return new

    def owes_nothing(self):
        pid = self.process.pid
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return state == "S" and not children.strip() and all(left > SOON for left in armed(pid)) \
            and not has_unread_news()

    def settle(self, seconds=2 * PATIENCE):
        """Returns when nothing more comes of what has happened."""
        quiet = 0

        def is_settled():
            nonlocal quiet
            # The answer comes after all that was there for the daemon when it was asked.
            busy = self.get("State") in (None, "checking") or not self.owes_nothing()
            quiet = 0 if busy else quiet + 1
            return quiet == 3
        good = until(is_settled, seconds)
        if not good:
            ok(False, f"{self.title}: mailroamd comes to rest", (self.get("State"), armed(self.process.pid)))
        return good

    def expect(self, name, *reasons):
        """These and no other checks since the last look; the last one is what the bus says, too."""
        self.settle()
        same(f"{self.title}: {name}", self.reasons(), list(reasons))
        if reasons:
            same(f"{self.title}: {name}: LastReason", self.get("LastReason"), reasons[-1])

    def expect_first(self):
        """The check at its start, which later ones are told from."""
        self.expect("it begins with a check", "mailroamd has started")
        same(f"{self.title}: and finds the port", (self.get("State"), self.get("WorkingPort")), ("ready", 465))

    def network(self):
        return self.get("Network") or {}

    def id(self):
        """Of the network, once it has one."""
        until(lambda: self.network().get("id"))
        return self.network().get("id")

    @contextlib.contextmanager
    def held(self):
        """What is done meanwhile, the daemon sees at once: as where it had no processor for a moment."""
        self.process.send_signal(signal.SIGSTOP)
        until(lambda: "T" == pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0])
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def untouched(self, name):
        """What is done meanwhile starts no check and sends no packet; a change of the name servers, which
        follows, starts the only one."""
        self.settle()
        packets = packets_of_user()
        self.reasons()
        yield
        self.settle()
        same(f"{self.title}: {name}: no packet", packets_of_user() - packets, 0)
        change_name_servers()
        self.expect(f"{name}: no check but the one for the name servers", "name servers changed")


def armed(pid):
    """Seconds until each of the timers goes off that a process has armed."""
    left = []
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            match = re.search(r"it_value: \((\d+), (\d+)\)", entry.read_text())
            if match and match.groups() != ("0", "0"):
                left.append(int(match[1]) + int(match[2]) / 1e9)
    return left


def socket_in(namespace, *kind):
    """A socket of another network namespace; only the thread that makes it goes there."""
    made = []

    def make():
        enter(namespace)
        made.append(socket.socket(*kind))
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def has_unread_news():
    """Whether a listener to the kernel's routes on the laptop has not read all; only the daemon is one."""
    lines = on("laptop", "cat", "/proc/net/netlink").splitlines()[1:]
    return any(int(rmem) > 0 for _, protocol, _, groups, rmem, *_ in map(str.split, lines)
               if protocol in ("0", "16") and int(groups, 16))


def change_name_servers():
    """One more, which nobody has to ask, or that one less."""
    path, more = pathlib.Path(os.environ["LAB_DIR"], "resolv.conf"), "nameserver 192.0.2.53\n"
    text = path.read_text()
    path.write_text(text.replace(more, "") if more in text else text + more)


def packets_of_user(which="user"):
    """How many packets the daemon, its probes and whatever else runs as the plain user have sent; "mail":
    to name servers and mail servers. In a lab without root all programs are one user's, and of the user
    the ports that the daemon speaks to are counted."""
    return int(re.search(r"packets (\d+)", on("laptop", "nft", "list", "counter", "inet", "lab", which))[1])


def count_packets():
    whose = "th dport { 9, 25, 53, 465, 587 }"
    if os.environ["LAB_MODE"] == "root":
        whose = "meta skuid " + on("laptop", "id", "-u", os.environ["LAB_USER"]).strip()
    on("laptop", "nft", "-f", "-", input=f"""
table inet lab {{
    counter user {{ }}
    counter mail {{ }}
    chain output {{
        type filter hook output priority 0;
        {whose} counter name user
        th dport {{ 25, 53, 465, 587 }} counter name mail
    }}
}}
""")


class Tunnel:
    """A point-to-point link of the laptop's to r2, as a VPN makes one: a tun device at each end, here
    vpn0 with 10.8.0.2 and fd00:8::2. Up, with addresses, without routes."""

    def __init__(self):
        code = ("import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); "
                "import laptop; laptop.carry()")
        self.process = subprocess.Popen([sys.executable, "-c", code, str(pathlib.Path(__file__).parent)],
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("no tunnel")
        ip("r2", "addr add 10.8.0.1/24 dev vpn0\naddr add fd00:8::1/64 dev vpn0 nodad\nlink set vpn0 up\n")
        ip("laptop", "addr add 10.8.0.2/24 dev vpn0\naddr add fd00:8::2/64 dev vpn0 nodad\nlink set vpn0 up\n")

    def down(self):
        self.process.terminate()
        self.process.wait()


def no_tunnel():
    """Why there can be none; "" where there can."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"/dev/net/tun: {error.strerror}"
    return ""


def open_tun(namespace):
    import fcntl
    import struct
    IFF_TUN, IFF_NO_PI, TUNSETIFF = 1, 0x1000, 0x400454ca
    enter(namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"vpn0", IFF_TUN | IFF_NO_PI))
    return fd


def carry():
    """Packets from one end to the other; the devices end with this process."""
    import select
    ends = open_tun("laptop"), open_tun("r2")
    print("ready", flush=True)
    while True:
        for fd in select.select(ends, [], [])[0]:
            with contextlib.suppress(OSError):  # while an end is down
                os.write(ends[fd == ends[0]], os.read(fd, 65536))


def main(script, run, tools=()):
    """Runs `run(bus)` in the lab, with the daemon's bus; ends with TAP's last word."""
    if sys.argv[1:2] == ["--inside"]:
        count_packets()
        with Bus() as bus:
            run(bus)
        print(f"1..{count}")
        sys.exit(failed > 0)
    for tool in ("dbus-daemon", "nft", *tools):
        if not shutil.which(tool):
            print(f"1..0 # SKIP {tool} is missing (Debian: dbus, nftables, busybox)")
            sys.exit(0)
    try:
        import gi  # noqa: F401
    except ImportError:
        print("1..0 # SKIP python3-gi is missing")
        sys.exit(0)
    lab = subprocess.run([TOP / "tests/lab/lab.sh", "--server", "peer", sys.executable, script, "--inside",
                          *sys.argv[1:]])
    if lab.returncode == 77:
        print("1..0 # SKIP this machine can have no lab; the reason stands above")
        sys.exit(0)
    sys.exit(lab.returncode)
