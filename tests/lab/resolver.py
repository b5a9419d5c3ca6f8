#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""resolver.py ADDRESS: a name server for the scenarios, which also does what none should do.

The name says it all: sN.example.org is scenario N's server, fN its server at the end of the long way;
a word behind a hyphen says how the name is answered: see WORDS. It also knows the lab's names (hosts).
On UDP and TCP; prints "ready". It answers A and AAAA only, and looks at nothing but the first question.
"""
import ipaddress
import pathlib
import re
import socket
import struct
import sys
import threading

A, CNAME, AAAA = 1, 5, 28
ASKED = b"\xc0\x0c"  # the question's name, where it stands
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
DEAD = {A: "192.0.2.99", AAAA: "2001:db8::99"}  # r2 drops what goes there
NAT64 = ipaddress.ip_network("2001:db8:64::/96")  # r1 translates what goes there
WORDS = {
    "": "both addresses",
    "4": "only A",
    "6": "only AAAA",
    "dead4": "the A is dead",
    "dead6": "the AAAA is dead",
    "deadfirst": "a dead address before the right one, of both families",
    "hijacked": "both are r1's own, on the laptop's link",
    "nat64": "only AAAA, made from the A (RFC 6147)",
    "cname": "an alias",
    "tcp": "answered over TCP only",
    "silent": "never answered",
    "silent6": "the question for AAAA is never answered",
    "nodata": "exists, without an address",
    "nx": "does not exist",
    "servfail": "SERVFAIL",
    "refused": "REFUSED",
}
NAME = re.compile(rf"([sf])([0-9]+)(?:-({'|'.join(filter(None, WORDS))}))?\.example\.org")


def address_of(kind, number, record):
    """Of scenario `number`'s server, s near, f far, or hijacked, for the record type A or AAAA."""
    return {"s": {A: f"203.0.113.{number}", AAAA: f"2001:db8:0:1::{number}"},
            "hijacked": {A: f"10.10.0.{number}", AAAA: f"fd00:10::{number}"},
            "f": {A: f"198.19.1.{number}", AAAA: f"2001:db8:f::1:{number}"}}[kind][record]


def synthesized(address):
    """The IPv6 address for an IPv4 address, as DNS64 makes it."""
    return str(NAT64[int(ipaddress.IPv4Address(address))])


def addresses(kind, number, word, record):
    right = address_of(kind, number, record)
    if (word, record) in (("4", AAAA), ("6", A), ("nat64", A), ("nodata", A), ("nodata", AAAA)):
        return []
    if word == "nat64":
        return [synthesized(address_of(kind, number, A))]
    if (word, record) in (("dead4", A), ("dead6", AAAA)):
        return [DEAD[record]]
    if word == "hijacked":
        return [address_of(word, number, record)]
    return [DEAD[record], right] if word == "deadfirst" else [right]


def read_hosts():
    """name -> record type -> addresses"""
    found = {}
    for line in pathlib.Path(__file__).with_name("hosts").read_text().splitlines():
        for name in line.split("#")[0].split()[1:]:
            address = line.split()[0]
            found.setdefault(name, {}).setdefault(AAAA if ":" in address else A, []).append(address)
    return found


HOSTS = read_hosts()


def question(query):
    """(name, record type, where the question ends)"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def answer(query, tcp):
    """The reply's bytes; None: silence."""
    name, record, end = question(query)
    known = NAME.fullmatch(name)
    code, found, alias, cut = NXDOMAIN, [], b"", False
    if known:
        kind, number, word = known[1], int(known[2]), known[3] or ""
        code = {"nx": NXDOMAIN, "servfail": SERVFAIL, "refused": REFUSED}.get(word, NOERROR)
        cut = word == "tcp" and not tcp
        if word == "silent" or (word, record) == ("silent6", AAAA):
            return None
        if code == NOERROR and not cut and record in (A, AAAA):
            found = addresses(kind, number, word, record)
        alias = encode(f"{kind}{number}.example.org") if word == "cname" else b""
    elif name in HOSTS:
        code, found = NOERROR, HOSTS[name].get(record, [])
    owner = alias or ASKED
    answers = [ASKED + struct.pack("!HHIH", CNAME, 1, 1, len(alias)) + alias] if alias else []
    for address in found:
        data = ipaddress.ip_address(address).packed
        answers.append(owner + struct.pack("!HHIH", record, 1, 1, len(data)) + data)
    flags = 0x8480 | cut << 9 | code  # an authoritative answer; recursion is available
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0) + query[12:end] + b"".join(answers)


def serve_connection(connection):
    with connection:
        size = connection.recv(2, socket.MSG_WAITALL)
        while len(size) == 2:
            reply = answer(connection.recv(*struct.unpack("!H", size), socket.MSG_WAITALL), True)
            if reply:
                connection.sendall(struct.pack("!H", len(reply)) + reply)
            size = connection.recv(2, socket.MSG_WAITALL)


def serve_tcp(server):
    while True:
        threading.Thread(target=serve_connection, args=server.accept()[:1], daemon=True).start()


def main(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server((address, 53)) as tcp:
        udp.bind((address, 53))
        threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
        print("ready", flush=True)
        while True:
            query, client = udp.recvfrom(4096)
            reply = answer(query, False)
            if reply:
                udp.sendto(reply, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
