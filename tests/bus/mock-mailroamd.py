#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishes org.mailroam.Mailroam1 as the introspection XML says, with a story instead of a network.

usage: mock-mailroamd.py XML STORY [RECORD]

STORY is a JSON file: {"manager": {property: value}, "accounts": {name: {property: value}},
"check": [step...], "on": {"Method": step}, "history": [trip...]}. A step is a dictionary of what it does, in this order:
{"wait": ms, "set": {name-or-"": {property: value}}, "add": name, "remove": name, "die": true,
"error": [name, text]}. "check" runs during a Check call, before it is answered; lines on standard
input are steps that run at once. Every call is written to RECORD, one JSON array a line.
Prints "ready" when the name is ours, and ends when standard input does.
"""
import json
import os
import sys

import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib

NAME, ROOT = "org.mailroam.Mailroam1", "/org/mailroam/Mailroam1"
PROPERTIES, OBJECTS = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
OBJECT_MANAGER_XML = """<node><interface name="%s"><method name="GetManagedObjects">
<arg type="a{oa{sa{sv}}}" direction="out"/></method></interface></node>""" % OBJECTS
EVIDENCE = {int: "u", str: "s", list: "as"}


def path_of(name):
    return ROOT + "/account/" + "".join(
        c if c.isascii() and c.isalnum() and not (i == 0 and c.isdigit())
        else "".join("_%02x" % b for b in c.encode()) for i, c in enumerate(name))


def dictionary(values):
    types = {"known": "b", "since": "t", "arrived": "t", "until": "t", "checked": "t", "port": "q",
             "endpoints": "a(sqssa{sv})"}
    return {k: variant(types.get(k, "s"), x) for k, x in values.items()}


def variant(signature, value):
    if signature == "a(sqssa{sv})":
        value = [(h, p, s, v, {k: GLib.Variant("t" if k == "expires" else EVIDENCE[type(x)], x)
                               for k, x in e.items()}) for h, p, s, v, e in value]
    elif signature == "a{sv}":
        value = dictionary(value)
    return GLib.Variant(signature, value)


class Mock:
    def __init__(self, xml, story, record):
        node = Gio.DBusNodeInfo.new_for_xml(xml)
        self.manager_info, self.account_info = (
            node.lookup_interface(NAME + ".Manager"), node.lookup_interface(NAME + ".Account"))
        self.story, self.record = story, record
        self.accounts, self.ids = {}, {}
        self.empty = {"s": "", "q": 0, "t": 0, "o": "/", "ao": [], "as": [], "a{sv}": {}, "a(sqssa{sv})": []}
        self.manager = self.filled(self.manager_info, story.get("manager", {}))
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.register(ROOT, self.manager_info)
        self.register(ROOT, Gio.DBusNodeInfo.new_for_xml(OBJECT_MANAGER_XML).interfaces[0])
        for name, values in story.get("accounts", {}).items():
            self.add(name, values)
        Gio.bus_own_name_on_connection(self.bus, NAME, Gio.BusNameOwnerFlags.NONE,
                                       lambda *_: print("ready", flush=True), lambda *_: sys.exit(1))

    def filled(self, info, values):
        # A value given as {"signature": ..., "value": ...} is published as it is, right or wrong.
        return {p.name: values.get(p.name, self.empty[p.signature]) for p in info.properties}

    def register(self, path, info):
        return self.bus.register_object(path, info, self.call, self.get, None)

    def properties_of(self, path):
        if path == ROOT:
            return self.manager_info, self.manager
        return self.account_info, self.accounts[path]

    def published(self, path, name):
        info, values = self.properties_of(path)
        value = values[name]
        if isinstance(value, dict) and "signature" in value:
            return GLib.Variant(value["signature"], value["value"])
        return variant(info.lookup_property(name).signature, value)

    def get(self, _bus, _sender, path, _interface, name):
        return self.published(path, name)

    def all_of(self, path):
        return {name: self.published(path, name) for name in self.properties_of(path)[1]}

    def add(self, name, values):
        path = path_of(name)
        self.accounts[path] = self.filled(self.account_info, {"Name": name, **values})
        self.ids[path] = self.register(path, self.account_info)
        self.manager["Accounts"] = sorted(self.accounts)
        if self.manager["DefaultAccount"] == "/":
            self.manager["DefaultAccount"] = path
        self.bus.emit_signal(None, ROOT, OBJECTS, "InterfacesAdded", GLib.Variant(
            "(oa{sa{sv}})", (path, {NAME + ".Account": self.all_of(path)})))
        return path

    def remove(self, path):
        self.bus.unregister_object(self.ids.pop(path))
        del self.accounts[path]
        self.manager["Accounts"] = sorted(self.accounts)
        self.bus.emit_signal(None, ROOT, OBJECTS, "InterfacesRemoved",
                             GLib.Variant("(oas)", (path, [NAME + ".Account"])))

    def change(self, path, values):
        info, target = self.properties_of(path)
        target.update(values)
        self.bus.emit_signal(None, path, PROPERTIES, "PropertiesChanged", GLib.Variant(
            "(sa{sv}as)", (info.name, {n: self.published(path, n) for n in values}, [])))

    def step(self, step, done):
        """Runs one step and then calls done(error)."""
        def now():
            if step.get("die"):
                os._exit(0)
            for name, values in step.get("set", {}).items():
                self.change(path_of(name) if name else ROOT, values)
            if "add" in step:
                self.add(step["add"], step.get("values", {}))
            if "remove" in step:
                self.remove(path_of(step["remove"]))
            done(step.get("error"))
            return False
        if step.get("wait"):
            GLib.timeout_add(step["wait"], now)
        else:
            now()

    def steps(self, steps, done):
        if not steps:
            done(None)
            return
        self.step(steps[0], lambda e: done(e) if e else self.steps(steps[1:], done))

    def call(self, _bus, _sender, path, interface, method, parameters, invocation):
        def note(arguments):
            if self.record:
                self.record.write(json.dumps([path, method, arguments]) + "\n")
                self.record.flush()

        if method == "GetManagedObjects":
            invocation.return_value(GLib.Variant("(a{oa{sa{sv}}})", (
                {p: {NAME + ".Account": self.all_of(p)} for p in self.accounts},)))
            return
        if method == "AddAccount":  # keeps the types, which unpack() would lose
            name, settings = parameters.get_child_value(0).unpack(), parameters.get_child_value(1)
            note([name, {entry.get_child_value(0).unpack(): [
                entry.get_child_value(1).get_variant().get_type_string(),
                entry.get_child_value(1).get_variant().unpack()]
                for entry in (settings.get_child_value(i) for i in range(settings.n_children()))}])
        else:
            note(parameters.unpack())

        def done(error):
            if error:
                invocation.return_dbus_error(error[0], error[1])
            elif method == "AddAccount":
                address = settings.unpack()["Address"]
                invocation.return_value(GLib.Variant(
                    "(o)", (self.add(name, {"Address": address, "State": "checking"}),)))
            elif method == "GetHistory":
                invocation.return_value(GLib.Variant(
                    "(aa{sv})", ([dictionary(trip) for trip in self.story.get("history", [])],)))
            elif method == "RemoveAccount":
                self.remove(parameters.unpack()[0])
                invocation.return_value(None)
            else:
                invocation.return_value(None)

        if method == "Check":
            self.steps(self.story.get("check", []), done)
        else:
            self.step(self.story.get("on", {}).get(method, {}), done)


def main():
    xml, story = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))
    record = open(sys.argv[3], "a") if len(sys.argv) > 3 else None
    loop = GLib.MainLoop()
    mock = Mock(xml, story, record)
    channel = GLib.IOChannel.unix_new(0)

    def read(_channel, _condition):
        line = sys.stdin.buffer.readline()
        if not line:
            loop.quit()
            return False
        mock.step(json.loads(line), lambda _error: print("done", flush=True))
        return True

    GLib.io_add_watch(channel, GLib.IOCondition.IN | GLib.IOCondition.HUP, read)
    loop.run()


main()
