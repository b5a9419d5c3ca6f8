# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the tests of this folder share: builds of their own, in a directory that goes with them.
set -u
top_srcdir=$(realpath "${top_srcdir:-$(dirname "$0")/../..}")
# shellcheck source=tests/tap.sh
. "$top_srcdir/tests/tap.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mailroam-static.XXXXXX")
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
# A make that runs us has its own ideas of what is to be made and how.
unset MAKEFLAGS MFLAGS MAKELEVEL

have() { command -v "$1" >/dev/null; }

# configure DIRECTORY [ARGUMENT...]: makes the directory a build of this tree.
configure() {
    local directory=$1

    shift
    mkdir -p "$directory" && (cd "$directory" && "$top_srcdir/configure" -q --enable-werror "$@")
}

# build DIRECTORY [TARGET...]
build() {
    local directory=$1

    shift
    make -s -C "$directory" -j "$(nproc)" "$@"
}
