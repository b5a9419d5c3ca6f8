# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The Test Anything Protocol for test scripts in bash: source this, call check and skip, end with
# tap_done.

tap_count=0
tap_failed=0

# check NAME COMMAND [ARGUMENT...]: passes when the command does; its output is shown when it does not.
check() {
    local name=$1 output status=0

    shift
    output=$("$@" 2>&1) || status=$?
    tap_count=$((tap_count + 1))
    if [ "$status" = 0 ]; then
        echo "ok $tap_count - $name"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $name"
        printf '%s\n' "$output" "exit status $status" | tail -n 60 | sed 's/^/# /'
    fi
    return "$status"
}

# skip NAME REASON
skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

tap_done() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
}
