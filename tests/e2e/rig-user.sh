#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The rig: a user's session as systemd makes it, for the time of one command.
#
#     rig-user.sh [--boot|--lab] [--layer DIR]... [--show DIR]... COMMAND [ARGUMENT...]
#
# A real `systemd --user` with journald and the session's D-Bus, of a user who has nothing yet, on a
# copy-on-write view of this machine's root, with no network but the loopback. What the system's own
# process 1 is does not matter. COMMAND runs in there as root, with `as-user` (bin/) on its PATH and
# RIG_USER, RIG_UID, RIG_HOME, RIG_RUNTIME in its environment.
#
#   --boot        a whole system is booted: its own process 1, logind, and the user lingers
#   --layer DIR   what is below DIR (of a `make install DESTDIR=DIR`) lies over the root
#   --show DIR    DIR is the machine's own in there, not a copy, and can be written to: needed for
#                 what is not on the root's file system, or below /tmp
#   --lab         run by tests/lab/lab.sh as root: its laptop's network is the rig's, and the lab's
#                 tools are on the PATH of COMMAND
#
# What always holds: processes, mounts and network live in namespaces of their own, all files written
# on a tmpfs in there. Only the cgroups are the machine's; the guard below outlives the rig to remove
# them, and is told when its parent ends, however that came about.
#
# Exit status: COMMAND's; 77, with the reason on stderr, where this machine can have no rig; 2 usage.
set -Eeuo pipefail

libexec=/lib/systemd

# stop STATUS REASON...
stop() {
    echo "rig: ${*:2}" >&2
    exit "$1"
}

# until_true COMMAND...: polls, because neither sockets nor cgroups can be waited for from a shell
until_true() {
    local deadline=$((SECONDS + 20))

    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.02
    done
}

# --- outside: check, and enter -------------------------------------------------------------------

outside() {
    local tool directory rig
    local -a enter=()

    # Without a trap bash takes a SIGINT for that of the command it waits for, and goes on.
    trap 'exit 130' INT
    rig=$(realpath "$(dirname "$0")")
    RIG_BOOT='' RIG_LAB='' RIG_LAYERS='' RIG_SHOWN=$rig PATH=$rig/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
    RIG_USER=mailroam-rig RIG_UID=41234 RIG_HOME=/home/mailroam-rig RIG_RUNTIME=/run/user/41234
    if [ "${1-}" = --lab ]; then
        shift
        [ "${LAB_MODE-}" = root ] || stop 77 "there is no lab that root has made"
        RIG_SHOWN+=$'\n'$LAB_DIR$'\n'/run/netns
        RIG_LAB=yes enter=(nsenter --net=/run/netns/laptop)
    fi
    export PATH "${!RIG_@}"
    if [ "${1-}" = --boot ]; then
        RIG_BOOT=yes
        shift
    fi
    while [ $# -gt 2 ]; do
        case $1 in
        --layer) RIG_LAYERS+=$'\n'$(realpath "$2") ;;
        --show) RIG_SHOWN+=$'\n'$(realpath "$2") ;;
        *) break ;;
        esac
        shift 2
    done
    [[ $# -gt 0 && $1 != --* ]] ||
        stop 2 "usage: rig-user.sh [--boot|--lab] [--layer DIR]... [--show DIR]... COMMAND [ARGUMENT...]"
    [ "$(id -u)" = 0 ] || stop 77 "only root can make the rig's cgroups and mounts"
    for tool in dbus-daemon ip journalctl mountpoint setpriv systemctl unshare; do
        command -v $tool >/dev/null ||
            stop 77 "$tool is missing (Debian: dbus-user-session iproute2 systemd util-linux)"
    done
    [ -z "$RIG_BOOT" ] || command -v systemd-nspawn >/dev/null ||
        stop 77 "systemd-nspawn is missing (Debian: systemd-container libpam-systemd)"
    for tool in $libexec/systemd $libexec/systemd-journald /usr/lib/systemd/user/dbus.socket; do
        [ -e "$tool" ] || stop 77 "$tool is missing (Debian: dbus-user-session systemd)"
    done
    for directory in /usr /etc; do
        ! mountpoint -q $directory ||
            stop 77 "$directory is a file system of its own: a copy of / would lack it"
    done
    unshare --mount --pid --ipc --uts --cgroup --net --fork true ||
        stop 77 "namespaces are not allowed here"
    # The guard has mounts of its own already, for its view of the cgroups.
    exec "${enter[@]}" unshare --mount --propagation private \
        setpriv --pdeathsig TERM "$BASH" "$rig/rig-user.sh" --guard "$@"
}

# The names decide: journald learns from them whose service a line is from. The user's own part is
# delegated as logind does it: the manager's directory, and what it needs to move processes.
make_cgroups() {
    local manager=$cgroup/user.slice/user-$RIG_UID.slice/user@$RIG_UID.service directory

    mkdir -p "$manager/init.scope" "$cgroup/init.scope" \
        "$cgroup/system.slice/systemd-journald.service"
    for directory in "$manager" "$manager/init.scope"; do
        chown "$RIG_UID" "$directory" "$directory"/cgroup.{procs,threads,subtree_control}
    done
}

cgroup_is_empty() { grep -qx 'populated 0' "$cgroup/cgroup.events"; }

remove_cgroups() {
    [ -d "$cgroup" ] || return 0
    until_true cgroup_is_empty || :
    find "$cgroup" -depth -type d -exec rmdir {} +
}

kill_rig() { kill -KILL "$(jobs -p)" 2>/dev/null || :; } # it has one job at most

guard() {
    local status=0 signalled=0
    local -a network=(--net)

    [ -z "$RIG_LAB" ] || network=()
    # In a lab numbers of processes are the lab's own, and others may have the same.
    cgroup=/mnt/mailroam-rig-${RIG_ID:-$$}
    trap remove_cgroups EXIT
    trap 'signalled=130; kill_rig' INT
    trap 'signalled=143; kill_rig' TERM
    trap 'signalled=129; kill_rig' HUP
    mount -t cgroup2 cgroup2 /mnt || stop 77 "no cgroup2 may be mounted here"
    mkdir "$cgroup" || stop 77 "no cgroup may be made here"
    make_cgroups || stop 77 "cgroups cannot be delegated here"
    # The namespace's root is the cgroup one is in when making it. <&0: a process in the background
    # would get /dev/null.
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        exec setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --cgroup "${network[@]}" \
            --fork --kill-child --propagation private "$BASH" "$0" --inside "$@"
    ) <&0 &
    [ $signalled = 0 ] || kill_rig
    wait $! 2>/dev/null || status=$?
    if [ $signalled != 0 ]; then
        wait 2>/dev/null # a trap ends the first one early
        status=$signalled
    fi
    exit $status
}

# --- inside: set up ------------------------------------------------------------------------------

# Becomes a copy-on-write view of /, the writing on a tmpfs.
new_root() {
    local directory root=/mnt/root

    mount -t tmpfs -o mode=755 rig /mnt
    mkdir /mnt/{upper,work,root}
    # Copied, because overlayfs takes no second lower directory from below the first.
    while read -r directory; do
        [ -z "$directory" ] || cp -a "$directory/." /mnt/upper
    done <<<"$RIG_LAYERS"
    mount -t overlay -o "lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work" rig $root ||
        stop 77 "no overlay may be mounted here"
    mount --rbind /dev $root/dev
    mount -t proc proc $root/proc || stop 77 "no /proc may be mounted here"
    mount -t sysfs sysfs $root/sys # a new one shows this network
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs $root/run
    mount -t tmpfs -o mode=1777 tmpfs $root/tmp
    while read -r directory; do
        mkdir -p "$root$directory"
        mount --rbind "$directory" "$root$directory"
    done <<<"$RIG_SHOWN"
    [ -z "$RIG_LAB" ] ||
        mount --bind "$LAB_DIR/resolv.conf" "$root/$(readlink -m /etc/resolv.conf)"
    cd $root
    pivot_root . mnt
    cd /
    umount --lazy /mnt
}

# A user of the rig's own: nobody else's files and units take part. The number is above those whose
# journal is the system's.
user() {
    echo "$RIG_USER:x:$RIG_UID:$RIG_UID::$RIG_HOME:/bin/sh" >>/etc/passwd
    echo "$RIG_USER:x:$RIG_UID:" >>/etc/group
    echo "$RIG_USER:*:20000::::::" >>/etc/shadow # PAM looks whether the account has expired
    mkdir -p "$RIG_HOME" "$RIG_RUNTIME"
    chown "$RIG_UID:$RIG_UID" "$RIG_HOME" "$RIG_RUNTIME"
    chmod 700 "$RIG_HOME" "$RIG_RUNTIME"
}

# in_cgroup PATH COMMAND...
in_cgroup() {
    echo "$BASHPID" >"/sys/fs/cgroup/$1/cgroup.procs"
    exec "${@:2}"
}

# Only a journal that is kept on disk is split by users, which `journalctl --user` needs.
new_journal() {
    local id=/etc/machine-id

    [ -s $id ] || tr -d - </proc/sys/kernel/random/uuid >$id
    rm -rf /var/log/journal
    mkdir -p "/var/log/journal/$(cat $id)"
}

start_journald() {
    # /run/systemd/system says that systemd runs. The journal is split by users only after the flush,
    # which process 1 would ask for.
    # In unit-root (from systemd 254 on mount-rootfs) services get their view of the files: process 1
    # has made it for all.
    mkdir -p /run/systemd/{system,journal,unit-root,mount-rootfs}
    touch /run/systemd/journal/flushed
    in_cgroup system.slice/systemd-journald.service $libexec/systemd-journald >/dev/null 2>&1 &
    until_true test -S /run/systemd/journal/socket || stop 1 "journald did not start"
}

# The manager's own messages reach the journal only where its stderr is a stream of it and it is told
# so. It makes the address of the bus known by itself, through dbus.socket.
start_manager() {
    # shellcheck disable=SC2016
    in_cgroup "user.slice/user-$RIG_UID.slice/user@$RIG_UID.service/init.scope" \
        as-user env -u DBUS_SESSION_BUS_ADDRESS systemd-cat -t systemd sh -c \
        'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$1" --user' - $libexec/systemd &
    until_true test -S "$RIG_RUNTIME/systemd/private" || stop 1 "systemd --user did not start"
    as-user systemctl --user is-system-running --wait >/dev/null || {
        as-user systemctl --user --failed --no-pager >&2
        stop 1 "the user's manager is not well"
    }
}

# --- inside: boot --------------------------------------------------------------------------------

# The least that has logind and its users: nothing of what this machine starts when it boots.
boot_target() {
    cat >/etc/systemd/system/rig.target <<'END'
[Unit]
Requires=basic.target dbus.socket systemd-logind.service systemd-user-sessions.service
After=basic.target dbus.socket systemd-logind.service systemd-user-sessions.service
AllowIsolate=yes
END
    rm -rf /var/lib/systemd/linger
    mkdir -p /var/lib/systemd/linger
    touch "/var/lib/systemd/linger/$RIG_USER"
}

# Process 1 of the container: the one child of systemd-nspawn's that it boots. Then the user's session
# is there when its bus is.
is_booted() {
    local nspawn=$1 child
    local -a children=()

    read -ra children <"/proc/$nspawn/task/$nspawn/children" || :
    for child in "${children[@]}"; do
        [ "$(cat "/proc/$child/comm" 2>/dev/null)" != systemd ] || first=$child
    done
    [ -n "$first" ] && nsenter -t "$first" -m -p test -S "$RIG_RUNTIME/bus" \
        -a -S "$RIG_RUNTIME/systemd/private"
}

# boot COMMAND...: COMMAND runs as a service of the system that was booted, as its root
boot() {
    local status=0 first='' directory name
    local -a binds=() environment=()

    while read -r directory; do
        [ -z "$directory" ] || binds+=(--bind="$directory")
    done <<<"$RIG_SHOWN"
    for name in PATH top_srcdir top_builddir "${!RIG_@}"; do
        [ -z "${!name-}" ] || environment+=(--setenv="$name=${!name}")
    done
    # nspawn takes no directory that is the root; this one is the same without what is mounted on it.
    mount --bind / /mnt
    mkdir -p /run/systemd/system
    systemd-nspawn --quiet --boot --directory=/mnt --machine=rig --register=no --keep-unit \
        --link-journal=no --console=pipe --resolv-conf=off --timezone=off --private-network \
        "${binds[@]}" systemd.unit=rig.target </dev/null >/run/console.log 2>&1 &
    until_true is_booted $! || {
        cat /run/console.log >&2
        stop 1 "the system did not boot"
    }
    nsenter -t "$first" -m -u -i -n -p -C systemd-run --quiet --pipe --wait --collect \
        --service-type=exec "${environment[@]}" "$@" || status=$?
    return $status
}

# -------------------------------------------------------------------------------------------------

# The command's end is the end of all: the kernel kills the rest of the process namespace.
inside() {
    local status=0

    trap 'echo "rig: line $LINENO failed: $BASH_COMMAND" >&2' ERR
    new_root
    ip link set lo up
    echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs
    user
    new_journal
    if [ -n "$RIG_BOOT" ]; then
        boot_target
        trap - ERR
        boot "$@" || status=$?
        exit $status
    fi
    start_journald
    start_manager
    trap - ERR
    env --default-signal=INT,QUIT "$@" || status=$?
    exit $status
}

# -------------------------------------------------------------------------------------------------

case ${1-} in
--guard) guard "${@:2}" ;;
--inside) inside "${@:2}" ;;
*) outside "$@" ;;
esac
