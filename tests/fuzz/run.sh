#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh [SECONDS]: runs each fuzzer for so long (60 by default), one on each processor, from the seeds in corpus/. Build them
# with: ./configure CC=clang --enable-sanitizers --enable-fuzzing && make fuzzers
# What a fuzzer finds is shown in Base64, to be decoded into a file and given to the fuzzer again. The
# corpus that a run has grown is kept where FUZZ_CORPUS names a directory, else it is thrown away.
top_srcdir=$(realpath "${top_srcdir:-$(dirname "$0")/../..}")
top_builddir=$(realpath "${top_builddir:-.}")
# shellcheck source=tests/tap.sh
. "$top_srcdir/tests/tap.sh"
seconds=${1:-60}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mailroam-fuzz.XXXXXX")
corpus=${FUZZ_CORPUS:-$scratch/corpus}
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

# fuzz NAME: one run; on a finding also the input that led to it.
fuzz() {
    local status=0 found

    mkdir -p "$corpus/$1"
    TMPDIR=$scratch "$top_builddir/tests/fuzz/fuzz-$1" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=1024 -max_len=20000 -print_final_stats=1 -artifact_prefix="$scratch/found-$1-" \
        "$corpus/$1" "$top_srcdir/tests/fuzz/corpus/$1" || status=$?
    for found in "$scratch/found-$1-"*; do
        if [ -e "$found" ]; then
            echo "${found##*/}:"
            base64 "$found"
        fi
    done
    return $status
}

names='account autoconfig certificate conversation dns errqueue finding found login memory nl80211 request resolver smtp text walk'
running=0
for name in $names; do
    [ -x "$top_builddir/tests/fuzz/fuzz-$name" ] || continue
    [ $((running++)) -lt "$(nproc)" ] || wait -n || true
    { fuzz "$name" >"$scratch/$name.log" 2>&1 && touch "$scratch/$name.well"; } &
done
wait
well() { cat "$scratch/$1.log" && [ -e "$scratch/$1.well" ]; }
for name in $names; do
    if [ -x "$top_builddir/tests/fuzz/fuzz-$name" ]; then
        check "fuzz-$name finds nothing in $seconds s" well "$name"
    else
        skip "fuzz-$name" "not built: it needs clang and --enable-fuzzing"
    fi
done
tap_done
