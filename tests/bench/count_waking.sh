#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Instructions of a step, and the bytes that it brings into a first-level cache of 32 KiB, against
# the number of regions, 8 of them woken. Needs valgrind; about a minute for the largest.
#
#   count_waking.sh WAKING_BENCH [MAX [OUTPUTS]]
#
# A region has 64 inputs and OUTPUTS (4) outputs: small ones show what does not scale with them.
set -eu
bench=$1
max=${2:-65536}
outputs=${3:-4}
steps=2000
out=$(mktemp)
trap 'rm -f "$out" "$out.log"' EXIT
for router in hash anchor; do
  first=
  n=64
  while [ "$n" -le "$max" ]; do
    # An instruction set that valgrind knows.
    GYRUS_ISA=avx2 valgrind --quiet --tool=callgrind --callgrind-out-file="$out" --cache-sim=yes \
      --D1=32768,8,64 '--toggle-collect=gyrus::Plan::Forward(*' \
      "$bench" steps "$router" "$n" "$steps" "$outputs" 2>"$out.log" ||
      { cat "$out.log"; exit 1; }
    # Ir Dr Dw I1mr D1mr D1mw ..., without zeros at the end.
    totals=$(sed -n 's/^totals: //p' "$out")
    first=${first:-$totals}
    awk -v router="$router" -v n="$n" -v steps="$steps" -v a="$first" -v b="$totals" 'BEGIN {
      split(a, first); split(b, now); misses = now[5] + now[6]
      printf "%-7s %6d %10d instructions (%.2f) %9d bytes (%.2f)\n", router, n, now[1] / steps,
             now[1] / first[1], 64 * misses / steps, misses / (first[5] + first[6]) }'
    n=$((n * 4))
  done
done
