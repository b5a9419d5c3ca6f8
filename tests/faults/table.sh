#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# table.sh BUILD: the faults that the tests have made, as they stand in the tests' logs below BUILD: what
# went wrong, how often, how much was lost by it, and how all was well again. Whoever makes a fault
# prints a comment for it, `# fault | WHAT | TIMES | LOST | RECOVERED` (tests/bus/world.py, fault()).
# Status 1 where anything was lost. Nothing where there is no such log.
set -u

rows=$(find "${1:?}" -name '*.log' -path '*/tests/*' -exec sed -n 's/^# fault | //p' {} + | sort)
[ -n "$rows" ] || exit 0
awk -F ' [|] ' '
    { what[NR] = $1; times[NR] = $2; lost[NR] = $3; how[NR] = $4; all += $2; gone += $3
      if (length($1) > wide) wide = length($1) }
    END {
        for (i = 1; i <= NR; i++)
            printf "%-*s  %6d times  %2d lost  %s\n", wide, what[i], times[i], lost[i], how[i]
        printf "%d faults in %d rows, %d lost\n", all, NR, gone
        exit gone > 0
    }' <<<"$rows"
