# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches share: the lab around them, and in it mailroamd on a bus of its own.

They need root or user namespaces, as tests/lab/lab.sh does, and print figures; storm.py also says whether what is
asked of the daemon was held.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

TOP = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).parent / "../..")).resolve()
BUILD = pathlib.Path(os.environ.get("top_builddir", TOP)).resolve()
SERVER = "mail.example.org"
NAME = "org.mailroam.Mailroam1"
PATH = "/org/mailroam/Mailroam1"
MANAGER = NAME + ".Manager"
# Two networks to travel to and fro between; and how often one daemon does not take it for flapping.
PLACES, TRAVELS = ("home", "cafe"), 16
PATIENCE = 30  # seconds for anything that has to happen
QUIET = 3  # seconds without a wake-up: it sleeps
CONFIG = """<busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"""


def run_in_lab(script):
    """Runs the script again in the lab, in the laptop's network namespace; ends with its status."""
    for tool in "dbus-daemon", "nsenter":
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing")
    lab = subprocess.run([TOP / "tests/lab/lab.sh", "--server", "peer", "on", "laptop",
                          sys.executable, script, "--inside", *sys.argv[1:]])
    sys.exit(lab.returncode)


def until(condition, what):
    """Some of what is waited for (processes, queues of the kernel) tells nobody, so that it has to be looked
    at: a time that ends here is up to five milliseconds too long."""
    end = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > end:
            sys.exit(f"{what}: it did not happen within {PATIENCE} s")
        time.sleep(0.005)
    return result


def travel(place):
    subprocess.run(["travel", place], check=True, stderr=subprocess.DEVNULL)


def about_this_machine():
    """What the figures depend on, beside the program."""
    return f"{os.cpu_count()} processors, {os.getloadavg()[0]:.1f} of them busy in the last minute"


def wire_delay(link, microseconds):
    subprocess.run(["wire-set", link, "delay", str(microseconds)], check=True, stderr=subprocess.DEVNULL)


def switches(pid):
    """How often its threads gave up the processor or lost it; the threads there are."""
    threads = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    return sum(int(number) for thread in threads
               for number in re.findall(r"ctxt_switches:\s+(\d+)", (thread / "status").read_text())), len(threads)


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
    until(is_quiet, "the daemon sleeps")


class Daemon:
    """mailroamd with one account at SERVER, on a bus of its own; a context manager."""

    def __enter__(self):
        from gi.repository import Gio, GLib
        self.gio, self.glib = Gio, GLib
        folder = pathlib.Path(os.environ["LAB_DIR"], "bench")
        accounts = folder / "config/mailroam/accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        (accounts / "bench.account").write_text(
            f"[Account]\nAddress=me@example.org\nServer={SERVER}\nCAFile={os.environ['LAB_CA']}\n")
        address = f"unix:path={folder}/bus"
        (folder / "bus.conf").write_text(CONFIG.format(address))
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork",
                                     "--print-address"], stdout=subprocess.PIPE, text=True)
        self.bus.stdout.readline()
        # Where SSL_CERT_FILE names a bundle, the probe reads all of it: a user's session names none.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SSL_CERT_")}
        environment |= {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_CONFIG_HOME": f"{folder}/config",
                        "XDG_STATE_HOME": f"{folder}/state"}
        self.log = folder / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([BUILD / "mailroamd"], env=environment, stdout=log, stderr=log)
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        until(lambda: self.get("State"), "mailroamd comes to the bus")
        return self

    def __exit__(self, *unused):
        for process in self.process, self.bus:
            process.terminate()
            process.wait()

    def get(self, name):
        """A property of the manager; None while there is no answer."""
        try:
            return self.connection.call_sync(
                NAME, PATH, "org.freedesktop.DBus.Properties", "Get", self.glib.Variant("(ss)", (MANAGER, name)),
                None, self.gio.DBusCallFlags.NO_AUTO_START, PATIENCE * 1000, None).unpack()[0]
        except self.glib.Error:
            return None

    def on_signal(self, heard):
        """Calls heard(time, path, member, body) for each signal, from another thread, as it comes in."""
        def on_message(_connection, message, incoming):
            if incoming and message.get_message_type() == self.gio.DBusMessageType.SIGNAL:
                now, body = time.monotonic(), message.get_body()
                heard(now, message.get_path(), message.get_member(), body.unpack() if body else ())
            return message
        self.connection.add_filter(on_message)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "AddMatch", self.glib.Variant("(s)", (f"type='signal',sender='{NAME}'",)),
                                  None, self.gio.DBusCallFlags.NONE, -1, None)
