#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make-fixtures.py [thunderbird|evolution|goa]...: has the real programs write the files that found.test reads, into
homes/ beside this script. Run by hand, with Debian's thunderbird, evolution-data-server, gnome-online-accounts and
python3 modules of GObject installed; what they write is committed. All names in there are made up, and what would
tell of the machine or the moment is taken out.

The homes of KMail, Geary, Claws Mail, aerc and Himalaya are not made by this: no program is known to
have written or read them, and what one of these writes otherwise found.test does not tell. Those of msmtp, Mutt, NeoMutt and git
are not, either, but peers.test has msmtp, NeoMutt and git read them."""

import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HOMES = f"{HERE}/homes"

# --- Thunderbird: accounts are created by its own account manager, through its remote control -----------------

CREATE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
function outgoing(hostname, port, socketType, username) {
    const server = MailServices.outgoingServer.createServer("smtp").QueryInterface(Ci.nsISmtpServer);
    server.hostname = hostname;
    server.port = port;
    server.socketType = socketType;
    server.username = username;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    return server;
}
function account(user, host, email, name, server) {
    const created = MailServices.accounts.createAccount();
    created.incomingServer = MailServices.accounts.createIncomingServer(user, host, "imap");
    const identity = MailServices.accounts.createIdentity();
    identity.email = email;
    identity.fullName = name;
    if (server) identity.smtpServerKey = server.key;
    created.addIdentity(identity);
    return created;
}
const type = Ci.nsMsgSocketType;
const first = outgoing("smtp.example.org", 465, type.SSL, "anna@example.org");
const second = outgoing("mail.example.com", 2587, type.alwaysSTARTTLS, "anna");
const third = outgoing("old.example.net", 25, type.plain, "");
const local = outgoing("localhost", 1025, type.plain, "anna@example.edu");
MailServices.outgoingServer.defaultServer = first;
account("anna", "imap.example.org", "anna@example.org", 'Anna "A" Example', null);
const work = account("anna", "imap.example.com", "anna@example.com", "Anna Example", second);
const alias = MailServices.accounts.createIdentity();
alias.email = "sales@example.com";
alias.smtpServerKey = second.key;
work.addIdentity(alias);
account("anna", "pop.example.net", "anna@example.net", "Anna", third);
account("anna", "imap.example.edu", "anna@example.edu", "Anna", local);
Services.prefs.savePrefFile(null);
return MailServices.accounts.accounts.length;
"""


class Marionette:
    def __init__(self, port):
        for _ in range(600):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                time.sleep(0.1)  # by hand, and there is nothing else to wait for
        self.number = 0
        self.receive()

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            length += self.socket.recv(1)
        data = b""
        while len(data) < int(length[:-1]):
            data += self.socket.recv(int(length[:-1]) - len(data))
        return json.loads(data)

    def call(self, command, arguments=None):
        self.number += 1
        message = json.dumps([0, self.number, command, arguments or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f"{command}: {error}")
        return result


def thunderbird():
    with tempfile.TemporaryDirectory() as home:
        program = subprocess.Popen(["thunderbird", "--headless", "--marionette", "--remote-allow-system-access"],
                                   env={**os.environ, "HOME": home, "MOZ_HEADLESS": "1"})
        marionette = Marionette(2828)
        marionette.call("WebDriver:NewSession", {"capabilities": {}})
        marionette.call("Marionette:SetContext", {"value": "chrome"})
        print("accounts:", marionette.call("WebDriver:ExecuteScript", {"script": CREATE, "args": []}))
        with contextlib.suppress(Exception):
            marionette.call("Marionette:Quit", {"flags": ["eAttemptQuit"]})
        program.wait(60)
        target = f"{HOMES}/thunderbird"
        shutil.rmtree(target, ignore_errors=True)
        for path in glob.glob(f"{home}/.thunderbird/*.ini") + glob.glob(f"{home}/.thunderbird/*/prefs.js"):
            copy = f"{target}/{os.path.relpath(path, home)}"
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if path.endswith(".js"):  # what has to do with mail; the rest is hundreds of lines of everything else
                text = "".join(line for line in text.splitlines(True)
                               if not line.startswith("user_pref(") or
                               re.match(r'user_pref\("mail\.(smtp|identity|account|server|root)', line))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy, "w", encoding="utf-8") as file:
                file.write(text.replace(home, "/home/anna"))


# --- Evolution-Data-Server: sources are created by its registry --------------------------------------------------

@contextlib.contextmanager
def session(home):
    """A bus of its own for everything that is started, and for this process."""
    environment = {"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "XDG_DATA_HOME": f"{home}/.local/share",
                   "XDG_CACHE_HOME": f"{home}/.cache", "XDG_RUNTIME_DIR": home, "GSETTINGS_BACKEND": "memory"}
    os.environ.update(environment)
    bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE,
                           text=True)
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    try:
        yield
    finally:
        bus.kill()
        bus.wait()


def evolution():
    import gi
    gi.require_version("EDataServer", "1.2")
    from gi.repository import EDataServer
    target = f"{HOMES}/evolution"
    with tempfile.TemporaryDirectory() as home, session(home):
        registry = EDataServer.SourceRegistry.new_sync(None)

        def transport(uid, host, port, user, method, enabled=True, backend="smtp"):
            source = EDataServer.Source.new_with_uid(uid, None)
            source.set_display_name(uid)
            source.set_enabled(enabled)
            source.get_extension("Mail Transport").set_backend_name(backend)
            if host:
                authentication = source.get_extension("Authentication")
                authentication.set_host(host)
                authentication.set_port(port)
                authentication.set_user(user)
                source.get_extension("Security").set_method(method)
            return source

        def identity(uid, address, transport_uid):
            source = EDataServer.Source.new_with_uid(uid, None)
            source.set_display_name(uid)
            source.get_extension("Mail Identity").set_address(address)
            source.get_extension("Mail Submission").set_transport_uid(transport_uid)
            return source

        registry.create_sources_sync([
            transport("t1", "smtp.example.org", 587, "berta", "starttls-on-standard-port"),
            identity("i1", "berta@example.org", "t1"),
            transport("t2", "smtps.example.com", 465, "berta@example.com", "ssl-on-alternate-port"),
            identity("i2", "berta@example.com", "t2"),
            transport("t3", "plain.example.net", 25, "berta", "none"),
            identity("i3", "berta@example.net", "t3"),
            transport("t4", "off.example.net", 587, "berta", "starttls-on-standard-port", enabled=False),
            identity("i4", "berta@off.example.net", "t4"),
            transport("t5", None, 0, "", "", backend="sendmail"),
            identity("i5", "berta@sendmail.example.net", "t5"),
        ], None)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(f"{target}/.config/evolution/sources")
        for path in glob.glob(f"{home}/.config/evolution/sources/*.source"):
            shutil.copy(path, f"{target}/.config/evolution/sources/")


# --- GNOME Online Accounts: an account is added by its daemon ---------------------------------------------------

def goa():
    from gi.repository import Gio, GLib
    target = f"{HOMES}/gnome"
    with tempfile.TemporaryDirectory() as home, session(home):
        bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)

        def add(provider, identity, details):
            print(bus.call_sync("org.gnome.OnlineAccounts", "/org/gnome/OnlineAccounts/Manager",
                                "org.gnome.OnlineAccounts.Manager", "AddAccount",
                                GLib.Variant("(sssa{sv}a{ss})", (provider, identity, identity, {}, details)), None,
                                Gio.DBusCallFlags.NONE, 30000, None).unpack())

        mail = {"Enabled": "true", "MailEnabled": "true", "ImapHost": "imap.example.org", "ImapUserName": "carl",
                "ImapUseSsl": "true", "ImapUseTls": "false", "SmtpUseAuth": "true", "SmtpAuthPlain": "true"}
        add("imap_smtp", "carl@example.org",
            mail | {"EmailAddress": "carl@example.org", "Name": "Carl", "SmtpHost": "smtp.example.org",
                    "SmtpUserName": "carl", "SmtpUseSsl": "true", "SmtpUseTls": "false"})
        add("imap_smtp", "carl@example.com",
            mail | {"EmailAddress": "carl@example.com", "Name": "Carl", "SmtpHost": "smtp.example.com:2587",
                    "SmtpUserName": "carl@example.com", "SmtpUseSsl": "false", "SmtpUseTls": "true"})
        add("google", "carl@gmail.example", {"Enabled": "true", "MailEnabled": "true"})
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(f"{target}/.config/goa-1.0")
        with open(f"{home}/.config/goa-1.0/accounts.conf", encoding="utf-8") as file:
            text = re.sub(r"account_\d+_(\d+)", r"account_1700000000_\1", file.read())
        with open(f"{target}/.config/goa-1.0/accounts.conf", "w", encoding="utf-8") as file:
            file.write(re.sub(r"SessionId=.*\n", "", text))


if __name__ == "__main__":
    makers = {"thunderbird": thunderbird, "evolution": evolution, "goa": goa}
    for name in sys.argv[1:] or makers:
        makers[name]()
