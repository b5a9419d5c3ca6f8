# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests in a real `systemd --user` share: how one is run and counted, the rig around it with
the build installed, and in there the user's hands: systemctl, journalctl, busctl, files, a mail server.

A test says `main(inside)`. Run without arguments it installs the build below a temporary directory,
runs itself in the rig with that laid over the machine (--inside), where inside(folder) is called, and
looks for what may be left behind."""
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.realpath(os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.path.realpath(os.environ.get("top_builddir", os.path.join(TOP, "build")))
RIG = os.path.join(TOP, "tests/e2e/rig-user.sh")
LAB = os.path.join(TOP, "tests/lab/lab.sh")
NAME, PATH = "org.mailroam.Mailroam1", "/org/mailroam/Mailroam1"
UNIT = "mailroamd.service"
MAILROAMD = "/usr/bin/mailroamd"
PATIENCE = 30
ID = str(os.getpid())  # in the name of the rig's cgroup

count = failures = 0


def ok(good, name, *notes):
    global count, failures
    count += 1
    failures += not good
    print("ok" if good else "not ok", "-", name, flush=True)
    if not good:
        for note in notes:
            print("#", str(note).strip().replace("\n", "\n# "), flush=True)
    return good


def skip(name, reason):
    global count
    count += 1
    print("ok -", name, "# SKIP", reason, flush=True)


def same(got, expected, name):
    return ok(got == expected, name, f"got {got!r}, expected {expected!r}")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def until(condition, seconds=PATIENCE):
    """Polls until the condition holds; what it said last."""
    deadline = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return result


# --- inside: the user's hands --------------------------------------------------------------------

HOME = pathlib.Path(os.environ.get("RIG_HOME", "/nonexistent"))
RUNTIME = pathlib.Path(os.environ.get("RIG_RUNTIME", "/nonexistent"))
ACCOUNTS = HOME / ".config/mailroam/accounts"
WANTED = HOME / ".config/systemd/user/default.target.wants" / UNIT
STATE = HOME / ".local/state/mailroam/networks.json"
DROP_IN = HOME / f".config/systemd/user/{UNIT}.d/test.conf"


def user(*command):
    return run("as-user", *command)


def systemctl(*words):
    return user("systemctl", "--user", *words)


def unit(name, of=UNIT):
    return systemctl("show", "--property", name, "--value", of).stdout.strip()


def send(signal_name, of=UNIT):
    """Through systemd, which knows whose process it is, and when there is none."""
    return systemctl("kill", "--kill-whom=main", f"--signal={signal_name}", of)


def published(name):
    """A property of the manager, as busctl prints its value. Asking for it starts the service."""
    done = user("busctl", "--user", "get-property", NAME, PATH, f"{NAME}.Manager", name)
    return done.stdout.strip().partition(" ")[2]


def cursor():
    """Where the journal ends now."""
    for line in user("journalctl", "--user", "--lines=0", "--show-cursor").stdout.splitlines():
        if line.startswith("-- cursor: "):
            return line.removeprefix("-- cursor: ")
    return None


def entries(after, of=UNIT):
    """What the journal has of the unit, all fields, that of the manager about it too."""
    return [json.loads(line) for line in
            user("journalctl", "--user", f"--unit={of}", "--output=json",
                 *([f"--after-cursor={after}"] if after else [])).stdout.splitlines()]


def journal(after, of=UNIT):
    """(priority, message) of all lines of the unit."""
    return [(entry["PRIORITY"], entry["MESSAGE"]) for entry in entries(after, of)]


def said(text, after, priority=None):
    return any(text in message and priority in (None, level) for level, message in journal(after))


def complaints(after):
    """What is a warning or worse."""
    return [line for line in journal(after) if line[0] <= "4"]


def diagnosis():
    """What `mailroam doctor` finds of each subject, in the order of its lines; and its exit status."""
    done = user("mailroam", "doctor", "--json")
    return [(fact["subject"], fact["result"], fact["text"]) for fact in
            map(json.loads, done.stdout.splitlines())], done.returncode


def write(path, text):
    """As the user writes files: nothing of it is root's."""
    path = pathlib.Path(path)
    user("mkdir", "-p", str(path.parent))
    subprocess.run(["as-user", "tee", str(path)], input=text, text=True, check=True,
                   stdout=subprocess.DEVNULL)


def trust(path):
    """A copy of this CA where accounts can name it: not below /tmp, of which services have their own."""
    copy = HOME / ".config/mailroam/ca.pem"
    write(copy, pathlib.Path(path).read_text())
    return copy


def write_account(folder, name, *endpoints):
    write(ACCOUNTS / f"{name}.account",
          "[Account]\nAddress=me@example.org\nServer=localhost\n"
          f"Endpoints={' '.join(endpoints)}\nCAFile={trust(pathlib.Path(folder) / 'ca/ca.pem')}\n")


@contextlib.contextmanager
def drop_in(*lines):
    """The unit as the user has changed it. Starts so far are forgotten: they count for the limit."""
    systemctl("stop", UNIT)
    write(DROP_IN, "\n".join(("[Service]", *lines, "")))
    systemctl("daemon-reload")
    systemctl("reset-failed", UNIT)
    try:
        yield
    finally:
        systemctl("stop", UNIT)
        DROP_IN.unlink()
        systemctl("daemon-reload")
        systemctl("reset-failed", UNIT)


def start_again():
    systemctl("reset-failed", UNIT)
    systemctl("restart", UNIT)


def restarted(pid):
    """Another process runs as the service, and is ready."""
    return until(lambda: unit("ActiveState") == "active" and unit("MainPID") not in ("0", pid))


@contextlib.contextmanager
def peer(folder):
    """The account's server, on the loopback: its TLS port, and one that never says a word."""
    process = subprocess.Popen(
        [f"{BUILD}/smtp-peer", "--die-with-parent", "--cert", f"{folder}/ca/server.pem", "--key",
         f"{folder}/ca/server.key", "127.0.0.1:0/tls", "127.0.0.1:0/tls,mute"],
        stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield [place.rpartition(":")[2] for place in process.stdout.readline().split()[1:]]
        finally:
            process.kill()


@contextlib.contextmanager
def network():
    """A network with a way out, though nobody is there."""
    subprocess.run(["ip", "-batch", "-"], check=True, text=True, input="""
        link add eth0 type veth peer name far
        link set far up
        address add 10.1.2.3/24 dev eth0
        link set eth0 up
        route add default via 10.1.2.1
    """)
    try:
        yield
    finally:
        run("ip", "link", "delete", "eth0")


@contextlib.contextmanager
def inn():
    """A network with a router that is there: one that can be known again."""
    run("ip", "netns", "add", "inn").check_returncode()
    run("ip", "-batch", "-", input="""
        link add eth0 type veth peer name lan netns inn
        netns exec inn ip address add 10.1.2.1/24 dev lan
        netns exec inn ip link set lan up
        address add 10.1.2.3/24 dev eth0
        link set eth0 up
        route add default via 10.1.2.1
    """).check_returncode()
    try:
        yield
    finally:
        run("ip", "netns", "delete", "inn")


def visits():
    """Ids of the networks in the file of the memory."""
    try:
        return {network["id"] for network in json.loads(STATE.read_text())["networks"]}
    except FileNotFoundError:
        return set()


# --- outside -------------------------------------------------------------------------------------

def make(target, root, prefix="/usr"):
    """The build as it would be packaged: its prefix is given only now, which makes files in the build
    anew, so one at a time."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return run("flock", BUILD, "make", "-C", BUILD, target, f"DESTDIR={root}", f"prefix={prefix}",
               env=clean)


def files(root):
    return sorted(str(path.relative_to(root)) for path in pathlib.Path(root).rglob("*")
                  if not path.is_dir())


def leavings():
    return (glob.glob(f"/sys/fs/cgroup/**/mailroam-rig-{ID}", recursive=True)
            + [line for line in pathlib.Path("/proc/mounts").read_text().splitlines()
               if line.startswith("rig ")])


def rig(*words, lab=None):
    """(exit status, stdout, stderr) of the rig, in a lab with this kind of server if one is named. It
    is ended by SIGTERM, so that it can clean up."""
    command = [LAB, "--server", lab, RIG, "--lab"] if lab else [RIG]
    process = subprocess.Popen([*command, *words], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "RIG_ID": ID})
    try:
        output, errors = process.communicate()
    finally:
        process.terminate()
        process.wait()
    return process.returncode, output, errors


def run_inside(folder, options, lab):
    global count
    status, output, errors = rig(
        *options, "--show", TOP, "--show", BUILD, "--show", folder,
        "/usr/bin/python3", os.path.realpath(sys.argv[0]), "--inside", folder, lab=lab)
    if status == 77 and not output:  # there was a rig just now, so it is the lab
        count += 1
        print("ok - # SKIP", errors.strip().splitlines()[-1])
        return
    print(output, end="")
    count += sum(line.startswith(("ok ", "not ok ")) for line in output.splitlines())
    ok(status == 0, "all of it came to its end", status, errors)
    same(leavings(), [], "the rig leaves nothing behind")


def lay_installed(folder, installed):
    """`make install` below root/, to lie over the rig's root."""
    done = make("install", folder / "root")
    if not ok(done.returncode == 0, "make install", done.stdout, done.stderr):
        return None
    installed(folder / "root")
    return "--layer", folder / "root"


def outside(prepare, options, lab):
    status, _, errors = rig(*options, "true")
    if status == 77:
        print("1..0 # SKIP", errors.strip().splitlines()[-1])
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mailroam-e2e."))
    try:
        folder.chmod(0o755)  # the rig's user has to get at the trust anchor
        done = run(f"{TOP}/tests/peer/make-ca.sh", f"{folder}/ca", "localhost")
        done.check_returncode()
        more = prepare(folder)
        if more is not None:
            run_inside(folder, (*options, *more), lab)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{count}")


def main(inside, installed=lambda root: None, lab=None, prepare=None, options=(), seconds=300):
    """Runs the test, in five minutes at most: installed(root), outside, on what `make install` has
    brought below root, then inside(folder), in the rig. folder has the build's root/ and ca/. `lab`:
    the rig is the laptop in a lab with this kind of server.

    A test that brings something else into the rig says so with prepare(folder): outside, it returns
    further options of the rig, or None where there is nothing to run in it. options are those without
    which there is no rig for this test."""
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
        sys.exit(failures > 0)
    if os.getuid() != 0:
        print("1..0 # SKIP the rig needs root")
        sys.exit()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, lambda received, _: sys.exit(f"ended by signal {received}"))
    signal.alarm(seconds)
    outside(prepare or (lambda folder: lay_installed(folder, installed)), options, lab)
    sys.exit(failures > 0)
