#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The lab: a laptop that travels, two routers and a mail server, for the time of one command.
#
#     lab.sh [--server postfix|peer|none] [--long] COMMAND [ARGUMENT...]
#
#     laptop eth0 ------- r1 ---------------- r2 ------- server
#       10.N.0.2          10.N.0.1            filters    192.0.2.25  2001:db8::25  mail.example.org
#       fd00:N::2         fd00:N::1           here       192.0.2.26  2001:db8::26  old.example.org
#                         names: dnsmasq
#
# N is the network that `travel` has gone to: 10 home, 20 hotel and inn, 30 office, 40 airport, 60 cafe.
# The lab begins nowhere, with the laptop's link down. Every line is a lab-wire of 0.5 ms each way. The server is by
# default the scripted one of tests/peer; none leaves its addresses without any port.
#
# With --long the way goes on behind r2, to a host without any service:
#
#     r2 - r3 - r4 - r5 - r6 - far     198.18.N.2 and 2001:db8:1N::2 are rN's addresses towards us
#                                      198.19.0.25  2001:db8:f::25 is far
#
# COMMAND runs with these on its PATH (bin/, each says what it does): on, as-user, travel, wire-set,
# block; and with LAB_DIR (a directory that ends with the lab), LAB_CA (trust anchor of the server's
# certificates), LAB_SERVER_KIND (the server that it became), LAB_MODE (root or user) and LAB_USER
# (who `as-user` is when the mode is root, default nobody).
#
# What always holds: the lab lives in a mount, network and process namespace of its own (and a user
# namespace where it is not started as root). Its files lie on a tmpfs in there. So all of it is gone
# when its first process is, and that one dies with COMMAND, with a SIGINT, SIGTERM or SIGHUP to this
# script, and with this script's parent, however that came to its end.
#
# Exit status: COMMAND's; 77, with the reason on stderr, where this machine can have no lab; 2 usage.
set -Eeuo pipefail

say() { echo "lab: $*" >&2; }

# stop STATUS REASON...
stop() {
    say "${@:2}"
    exit "$1"
}

# --- outside: check, and enter -------------------------------------------------------------------

outside() {
    local tool
    local -a enter=(unshare --mount --net --pid --propagation private)

    export LAB_MODE=root LAB_SERVER_KIND=peer LAB_USER="${LAB_USER:-nobody}"
    export LAB_LONG=
    if [ "${1-}" = --server ]; then
        LAB_SERVER_KIND=${2-}
        shift 2 || :
    fi
    if [ "${1-}" = --long ]; then
        LAB_LONG=yes
        shift
    fi
    case $LAB_SERVER_KIND:${1--} in
    *:-*) stop 2 "usage: lab.sh [--server postfix|peer|none] [--long] COMMAND [ARGUMENT...]" ;;
    postfix:* | peer:* | none:*) ;;
    *) stop 2 "--server is postfix, peer or none, not '$LAB_SERVER_KIND'" ;;
    esac

    lab=$(realpath "$(dirname "$0")")
    top_srcdir=$(realpath "$lab/../..")
    top_builddir=$(realpath "${top_builddir:-$top_srcdir}")
    # A plain user's PATH has no sbin.
    PATH=$lab/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
    export lab top_srcdir top_builddir PATH
    for tool in dnsmasq ip mount nft nsenter openssl setpriv unshare; do
        command -v "$tool" >/dev/null ||
            stop 77 "$tool is missing (Debian: dnsmasq-base iproute2 mount nftables openssl util-linux)"
    done
    [ -x "$top_builddir/lab-wire" ] || stop 77 "$top_builddir/lab-wire is missing: make check builds it"

    if [ "$(id -u)" != 0 ] || ! "${enter[@]}" true 2>/dev/null; then
        enter+=(--map-root-user)
        LAB_MODE=user
        "${enter[@]}" true || stop 77 "namespaces are not allowed here"
    fi
    # The parent's death is subscribed to after unshare: a change of credentials forgets it.
    exec "${enter[@]}" setpriv --pdeathsig KILL "$BASH" "$lab/lab.sh" --guard "$@"
}

# Waits for the first process of the lab, and ends it when told to. The first child made here is that
# process, so nothing else may be forked: no $(...), no pipe.
guard() {
    local first status=0 signalled=0

    # <&0: a process in the background would get /dev/null.
    setpriv --pdeathsig KILL "$BASH" "$lab/lab.sh" --inside "$@" <&0 &
    first=$!
    trap 'signalled=130; kill -KILL $first' INT
    trap 'signalled=143; kill -KILL $first' TERM
    trap 'signalled=129; kill -KILL $first' HUP
    wait $first || status=$?
    if [ $signalled != 0 ]; then
        wait $first 2>/dev/null || : # returns when every process of the lab is gone
        status=$signalled
    fi
    exit $status
}

# --- inside: set up ------------------------------------------------------------------------------

files() {
    local resolv_conf

    mount -t proc proc /proc || stop 77 "no /proc may be mounted here"
    # Where it leads is asked before /run is covered: systemd-resolved's lies there.
    resolv_conf=$(readlink -m /etc/resolv.conf)
    mount -t tmpfs -o mode=755 tmpfs /run
    export LAB_DIR=/run/mailroam-lab
    mkdir -p /run/netns "$LAB_DIR"/{wire,home,user-runtime,system} "${resolv_conf%/*}"
    touch "$LAB_DIR/resolv.conf"
    [ -e "$resolv_conf" ] || touch "$resolv_conf"
    mount --bind "$LAB_DIR/resolv.conf" "$resolv_conf"
    chmod 700 "$LAB_DIR/home" "$LAB_DIR/user-runtime"
    if [ "$LAB_MODE" = root ]; then
        id -u "$LAB_USER" >/dev/null || stop 77 "there is no user $LAB_USER (LAB_USER)"
        chown "$LAB_USER:" "$LAB_DIR/home" "$LAB_DIR/user-runtime"
    fi
    # What stands on the session outside must not be reached from in here.
    unset DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY NOTIFY_SOCKET
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$LAB_DIR/system/bus # who wants one starts it there
}

# sysctls NAMESPACE PATH=VALUE...: settings below /proc/sys/net
sysctls() {
    # shellcheck disable=SC2016
    on "$1" sh -c 'for s; do echo "${s#*=}" >"/proc/sys/net/${s%%=*}" || exit; done' - "${@:2}" ||
        stop 77 "network settings may not be written here, or the kernel has no IPv6"
}

# start COMMAND...: puts COMMAND into the background and returns when it has said "ready"
start() {
    local line=

    mkfifo "$LAB_DIR/ready"
    "$@" <&0 >"$LAB_DIR/ready" &
    read -rt 10 line <"$LAB_DIR/ready" || :
    [[ $line = ready* ]] || stop 1 "it did not start: $*"
    rm "$LAB_DIR/ready"
}

# wire LINK NAMESPACE PORT MAC NAMESPACE PORT MAC: two Ethernet ports and the wire between them
wire() {
    local link=$1

    # An index of their own: where both ends of a veth have the same number the kernel takes them for
    # hardware, and tells of a carrier up to a second late.
    ip link add "$3" index $((++index)) address "$4" netns "$2" type veth peer name "$link.a" netns wires ||
        stop 77 "no veth may be made here"
    ip link add "$6" index $((++index)) address "$7" netns "$5" type veth peer name "$link.b" netns wires
    on wires ip link set "$link.a" up
    on wires ip link set "$link.b" up
    mkfifo "$LAB_DIR/wire/$link"
    start on wires "$top_builddir/lab-wire" "$link.a" "$link.b" delay=500 <>"$LAB_DIR/wire/$link"
}

# ip_batch NAMESPACE: runs the ip commands on stdin
ip_batch() { on "$1" ip -batch -; }

# long_way: the routers behind r2, and far. Each one's way back is where it was reached from.
long_way() {
    local name left=r2 n=3

    for name in r3 r4 r5 r6 far; do
        ip netns add $name
        on $name ip link set lo up
        sysctls $name "${router[@]}" ipv6/conf/default/accept_dad=0
        wire "$left-$name" "$left" "$name" "02:00:00:00:1$n:01" "$name" "$left" "02:00:00:00:1$n:02"
        ip_batch "$left" <<END
addr add 198.18.$n.1/24 dev $name
addr add 2001:db8:1$n::1/64 dev $name nodad
link set $name up
route add 198.19.0.0/16 via 198.18.$n.2
route add 2001:db8:f::/64 via 2001:db8:1$n::2
END
        ip_batch $name <<END
addr add 198.18.$n.2/24 dev $left
addr add 2001:db8:1$n::2/64 dev $left nodad
link set $left up
route add default via 198.18.$n.1
route add default via 2001:db8:1$n::1
END
        left=$name n=$((n + 1))
    done
    ip_batch far <<END
addr add 198.19.0.25/32 dev lo
addr add 2001:db8:f::25/128 dev lo
END
}

network() {
    local name index=100
    # No limit on ICMP errors: evidence must not go missing because a test was fast. Nor does the
    # other side look for duplicates of its link-local addresses: a router cannot ask for neighbours
    # before that is done, a second after its link came up; the laptop does all that a laptop does.
    local -a router=(ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv4/icmp_ratelimit=0
        ipv4/icmp_ratemask=0 ipv6/icmp/ratelimit=0)

    for name in laptop r1 r2 server wires; do
        ip netns add $name
        on $name ip link set lo up
    done
    sysctls wires ipv6/conf/default/disable_ipv6=1 # nobody is to speak there but the ends
    sysctls r1 "${router[@]}" ipv6/conf/default/accept_dad=0
    sysctls r2 "${router[@]}" ipv6/conf/default/accept_dad=0
    sysctls server ipv4/icmp_ratelimit=0 ipv4/icmp_ratemask=0 ipv6/icmp/ratelimit=0 \
        ipv6/conf/default/accept_dad=0
    wire laptop-r1 laptop eth0 02:00:00:00:00:02 r1 laptop 02:00:00:00:00:01
    wire r1-r2 r1 r2 02:00:00:00:01:01 r2 r1 02:00:00:00:01:02
    wire r2-server r2 server 02:00:00:00:02:01 server r2 02:00:00:00:02:25

    ip_batch r1 <<END
addr add 198.51.100.1/24 dev r2
addr add 2001:db8:1::1/64 dev r2 nodad
link set r2 up
route add default via 198.51.100.2
route add default via 2001:db8:1::2
END
    # 192.0.2.99 and 2001:db8::99 are dead, silently.
    ip_batch r2 <<END
addr add 198.51.100.2/24 dev r1
addr add 2001:db8:1::2/64 dev r1 nodad
link set r1 up
addr add 192.0.2.1/24 dev server
addr add 2001:db8::1/64 dev server nodad
link set server up
route add 10.0.0.0/8 via 198.51.100.1
route add fd00::/8 via 2001:db8:1::1
route add blackhole 192.0.2.99
route add blackhole 2001:db8::99
END
    ip_batch server <<END
addr add 192.0.2.25/24 dev r2
addr add 192.0.2.26/24 dev r2
addr add 2001:db8::25/64 dev r2 nodad
addr add 2001:db8::26/64 dev r2 nodad
link set r2 up
route add default via 192.0.2.1
route add default via 2001:db8::1
END
    on r2 nft -f - <<END || stop 77 "no nftables here"
table inet lab {
    chain block { }
    chain network { }
    chain forward { type filter hook forward priority 0; jump block; jump network; }
}
END
    [ -z "$LAB_LONG" ] || long_way
    # It goes to the background by itself, once it answers.
    on r1 dnsmasq --conf-file=/dev/null --user=root --group= --pid-file="$LAB_DIR/dnsmasq.pid" \
        --no-resolv --no-hosts --local=/#/ --addn-hosts="$lab/hosts" \
        --log-queries --log-facility="$LAB_DIR/dnsmasq.log"
}

# --- inside: the mail server ---------------------------------------------------------------------

# Why there can be no real Postfix in here; nothing where there can.
no_postfix() {
    if [ "$LAB_MODE" != root ]; then
        echo "it needs more users than one, which only root can give it"
    elif ! command -v postfix >/dev/null || ! command -v dovecot >/dev/null; then
        echo "it is not installed (Debian: postfix dovecot-core)"
    fi
}

server() {
    local reason address
    local -a places=()

    [ "$LAB_SERVER_KIND" != none ] || return 0
    export LAB_CA=$LAB_DIR/ca/ca.pem
    "$top_srcdir/tests/peer/make-ca.sh" "$LAB_DIR/ca" mail.example.org old.example.org \
        dead4.example.org dead6.example.org
    if [ "$LAB_SERVER_KIND" = postfix ]; then
        reason=$(no_postfix)
        if [ -z "$reason" ]; then
            on server "$lab/postfix.sh" || stop 1 "Postfix did not start"
            say "server: Postfix with Dovecot's SASL, on mail.example.org and old.example.org"
            return
        fi
        say "server: no Postfix: $reason; the scripted one instead"
        LAB_SERVER_KIND=peer
    fi
    [ -x "$top_builddir/smtp-peer" ] || stop 77 "$top_builddir/smtp-peer is missing: make check builds it"
    for address in 192.0.2.25 '[2001:db8::25]'; do
        places+=("$address:25/starttls,no-auth" "$address:465/tls" "$address:587/starttls")
    done
    for address in 192.0.2.26 '[2001:db8::26]'; do
        places+=("$address:25/starttls" "$address:587/starttls")
    done
    start on server "$top_builddir/smtp-peer" --die-with-parent --log "$LAB_DIR/smtp.log" \
        --cert "$LAB_DIR/ca/server.pem" --key "$LAB_DIR/ca/server.key" "${places[@]}" </dev/null
    say "server: the scripted one, on mail.example.org and old.example.org"
}

inside() {
    local status=0

    trap 'say "line $LINENO failed: $BASH_COMMAND"' ERR
    files
    network
    say "laptop - r1 - r2 - server: up, as $LAB_MODE"
    server
    travel nowhere
    trap - ERR
    # A shell's background process ignores SIGINT and SIGQUIT, and so would all its offspring.
    env --default-signal=INT,QUIT "$@" || status=$?
    exit $status
}

case ${1-} in
--guard) guard "${@:2}" ;;
--inside) inside "${@:2}" ;;
*) outside "$@" ;;
esac
