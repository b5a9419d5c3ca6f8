#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The demonstration: a laptop travels, mailroamd follows, and what it publishes is shown live.
#
#     lab.sh --server peer demo.sh     real networks with real filters, in the lab
#     demo.sh --loopback               where there can be no lab; says what it cannot show
#
# Everything runs on a session bus of its own with files of its own. The programs are those of
# $top_builddir.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top_builddir=${top_builddir:-$(cd "$here/../.." && pwd)/build}
pids=() server_pid=

heading() {
    printf '\n%s--- %s ---%s\n%s\n\n' "$bold" "$1" "$normal" "$2"
}

# await COMMAND...: until it succeeds; false after 25 s
await() {
    local deadline=$((SECONDS + 25))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# start COMMAND...: as the user, in the background, until the demonstration ends
start() {
    (exec "${as[@]}" "$@") &
    pids+=($!)
}

finish() {
    trap - EXIT
    for pid in "${pids[@]}" $server_pid; do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$dir"
}

# --- the session: a bus, the daemon, somebody who listens ----------------------------------------

session_bus() {
    local address pid
    { read -r address && read -r pid; } < <("${as[@]}" dbus-daemon --session --fork --nopidfile \
        --address="unix:path=$dir/bus" --print-address=1 --print-pid=1)
    [ -n "$address" ]
    pids+=("$pid")
}

# What `busctl --user monitor` (or dbus-monitor) prints of a signal, on one line.
condense() {
    local kind value rest wanted='' values=()
    while read -r kind value rest; do
        case "$wanted $kind $value $rest" in
        *[Mm]ember=WorkingPortChanged*) wanted=yes values=() ;;
        *[Mm]ember=*) wanted='' ;; # dbus-monitor also shows what the bus says to it
        yes\ STRING* | yes\ string* | yes\ UINT16* | yes\ uint16*)
            values+=("${value%;}")
            [ ${#values[@]} -lt 3 ] ||
                printf '%s  signal WorkingPortChanged: %s%s\n' "$bold" "${values[*]}" "$normal"
            ;;
        esac
    done
}

listen() {
    local manager=org.mailroam.Mailroam1.Manager
    local rule="type='signal',interface='$manager',member='WorkingPortChanged'"
    if command -v busctl >/dev/null; then
        listener="busctl --user monitor"
        (exec "${as[@]}" busctl --user monitor --match="$rule" 2>"$dir/listening") > >(condense) &
    else
        listener=dbus-monitor
        (exec "${as[@]}" dbus-monitor --session "$rule") > >(tee "$dir/listening" | condense) &
    fi
    pids+=($!)
    await test -s "$dir/listening" # it has said that it listens
}

# account ADDRESS SERVER LINE...: an account file
account() {
    # shellcheck disable=SC2016
    printf '%s\n' '[Account]' "Address=$1" "Server=$2" "${@:3}" | "${as[@]}" sh -c '
        mkdir -p "$XDG_CONFIG_HOME/mailroam/accounts" &&
        cat >"$XDG_CONFIG_HOME/mailroam/accounts/example.account"'
}

mailroam() {
    "${as[@]}" "$programs/mailroam" "$@"
}

answers() {
    mailroam status --json >"$dir/status" 2>/dev/null || [ $? = 1 ]
}

# The moment at which the last check ended; nothing while one is under way.
checked() {
    answers || return 1
    sed -n '/"state":"\(checking\|offline\)"/d; s/.*"checked_at":\([^,]*\),.*/\1/p' "$dir/status"
}

checked_anew() {
    local now
    now=$(checked) && [ -n "$now" ] && [ "$now" != "$before" ]
}

show() {
    mailroam status || [ $? = 1 ] # 1: no port works here, which is an answer too
}

# A person needs longer than the laptop; any key goes on at once.
time_to_read() {
    if [ -t 0 ] && [ -t 1 ]; then
        read -rsn 1 -t 4 _ || true
    fi
}

start_daemon() {
    start "$programs/mailroamd" 2>"$dir/mailroamd.log"
    await answers || {
        echo "mailroamd does not answer:" >&2
        cat "$dir/mailroamd.log" >&2
        exit 1
    }
}

# --- the journey ---------------------------------------------------------------------------------

# stop PLACE HEADING WORDS: goes there and shows what is published once the check has ended
stop() {
    heading "$2" "$3"
    before=$(checked) || true
    "$go" "$1"
    await checked_anew || echo "The check has not ended within 25 s."
    show
    time_to_read
}

journey() {
    stop home "At home" "Nothing is in the way: every port is open."
    stop hotel "In a hotel" "$1"
    stop office "At a customer's office" "$2"
    stop airport "At the airport" "$3"
    stop home "Home again" "Every port is open."
    stop filtered "At home, a little later" "$4"
}

go_in_lab() {
    if [ "$1" = filtered ]; then
        block "tcp dport 465 drop" 2>/dev/null
        mailroam check >/dev/null || true
    else
        travel "$1" 2>/dev/null
    fi
}

demo_in_lab() {
    dir=$LAB_DIR/demo
    trap finish EXIT
    programs=$LAB_DIR/demo/programs
    go=go_in_lab
    mkdir -p "$programs"
    # The user of the lab may have no way into the directory in which this was built.
    cp "$top_builddir"/{mailroamd,mailroam,mailroam-probe} "$programs/"
    as=(as-user env DBUS_SESSION_BUS_ADDRESS="unix:path=$dir/bus")
    install -d -m 1777 "$dir"
    session_bus
    listen
    account me@example.org mail.example.org "CAFile=$LAB_CA"
    cat <<END
A laptop, two routers and a mail server, each in a network namespace of its own. The account on the
laptop: me@example.org at mail.example.org, which takes mail on 465, 587 and 25. mailroamd is
running; nobody tells it anything. The signals are shown as "$listener" receives them.
END
    start_daemon
    journey \
        "Port 25 is dropped in silence, as in most hotels." \
        "The firewall rejects ports 25 and 587 (ICMP: administratively prohibited)." \
        "Everything but port 465 is dropped." \
        "The network begins to drop port 465. \"mailroam check\" looks again, and 587 takes over."
}

# server SCRIPT...: what the three ports do from now on, in place of before; "-": nobody listens
server() {
    local i script ready places=()
    if [ -n "$server_pid" ]; then
        kill "$server_pid"
        wait "$server_pid" 2>/dev/null || true
        server_pid=
    fi
    for i in 0 1 2; do
        script=${*:i+1:1}
        [ "$script" = - ] || places+=("127.0.0.1:${ports[i]}/$script")
    done
    [ ${#places[@]} -gt 0 ] || return 0
    "$top_builddir/smtp-peer" --die-with-parent --cert "$dir/ca/server.pem" \
        --key "$dir/ca/server.key" "${places[@]}" >"$dir/ready" &
    server_pid=$!
    read -r -a ready <"$dir/ready"
    if [ "${ports[0]}" = 0 ]; then
        ports=("${ready[@]##*:}")
        ports=("${ports[@]:1}")
    fi
}

go_on_loopback() {
    case $1 in
    home) server tls starttls starttls,no-auth ;;
    hotel) server tls starttls starttls,mute ;;
    office) server tls starttls,reset starttls,reset ;;
    airport) server tls - - ;;
    filtered) server tls,reset starttls starttls,no-auth ;;
    esac
    mailroam check >/dev/null || true
}

demo_on_loopback() {
    dir=$(mktemp -d)
    programs=$top_builddir
    go=go_on_loopback
    ports=(0 0 0)
    trap finish EXIT
    trap 'exit 130' INT TERM
    as=(env DBUS_SESSION_BUS_ADDRESS="unix:path=$dir/bus"
        DBUS_SYSTEM_BUS_ADDRESS="unix:path=$dir/system-bus" HOME="$dir" XDG_RUNTIME_DIR="$dir"
        XDG_CONFIG_HOME="$dir/config" XDG_STATE_HOME="$dir/state")
    "$here/../peer/make-ca.sh" "$dir/ca" localhost 127.0.0.1
    mkfifo "$dir/ready"
    server tls starttls starttls # picks the ports
    server - - -
    session_bus
    listen
    account me@example.org 127.0.0.1 "CAFile=$dir/ca/ca.pem" \
        "Endpoints=${ports[0]}/tls ${ports[1]}/starttls ${ports[2]}/starttls"
    cat <<END
There can be no lab on this machine, so nothing travels here: the journey is played on the loopback.
A scripted mail server on ports ${ports[*]}, which stand for 465, 587 and 25, acts at each
stop as the network there would, and "mailroam check" is called by hand. What this cannot show: that
mailroamd notices the change of network by itself, packets that vanish, and who on the way rejected
them.
The signals are shown as "$listener" receives them.
END
    start_daemon
    journey \
        "The port that stands for 25 takes connections and says nothing." \
        "Connections to the ports for 25 and 587 are reset." \
        "Nobody listens on any port but the one for 465." \
        "Connections to the port for 465 are reset now, and 587 takes over."
}

bold='' normal=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
    bold=$'\e[1m' normal=$'\e[0m'
fi
case ${1-}:${LAB_DIR:+lab} in
--loopback:*) demo_on_loopback ;;
:lab) demo_in_lab ;;
*)
    echo "usage: lab.sh --server peer demo.sh | demo.sh --loopback" >&2
    exit 2
    ;;
esac
