#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/demo.sh GYRUS [FOLDER]
#
# What `make demo` runs: the gyrus command GYRUS learns this machine's own documentation, then its
# live sensors, within two minutes; everything it makes lies in FOLDER (build/demo). GYRUS_DEMO_BYTES
# (4000000) is how much text, GYRUS_DEMO_SECONDS (44) how long the sensors.
set -euo pipefail
gyrus=$(realpath "$1")
folder=${2:-build/demo}
bytes=${GYRUS_DEMO_BYTES:-4000000}
seconds=${GYRUS_DEMO_SECONDS:-44}
load=
squeeze=

cleanup() { kill ${load:+"$load"} ${squeeze:+"$squeeze"} 2>/dev/null || true; }
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$@"; }

# field FILE NAME: a number or a word of the summary, which is the last line of a --json file. A
# baseline is {"name":...,"value":...}.
field() {
  tail -1 "$1" | sed -nE "s/.*\"$2\":(\\{[^}]*\"value\":)?\"?([^],}\"]*).*/\\2/p"
}

round() { LC_ALL=C awk -v value="$1" -v digits="$2" 'BEGIN { printf "%.*f", digits, value }'; }

# sample BYTES: text of about every n-th manual page and document, in the order of their names: the
# same text on the same machine, whatever its size.
sample() {
  find /usr/share/doc /usr/share/man /usr/share/common-licenses -type f \
    \( -name '*.gz' -o -name '*.txt' -o -name '*.md' -o -name '*.html' -o -name 'copyright' \
    -o -name 'README*' -o -path '*common-licenses*' \) -printf '%p\t%s\n' 2>/dev/null |
    LC_ALL=C sort |
    LC_ALL=C awk -F '\t' -v want="$1" '
      { guess = $2 * ($1 ~ /\.gz$/ ? 3 : 1) }
      guess < 65536 { path[++files] = $1; size[files] = guess; total += guess }
      END { every = total > want ? total / want : 1
            for (i = 1; i <= files; ++i) { sum += size[i]
              if (sum >= taken * every) { taken += size[i]; printf "%s%c", path[i], 0 } } }' |
    { xargs -0 -r zcat -f 2>/dev/null || true; } |
    head -c "$1"
}

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

say "" "Gyrus learns while it infers. Two brains will show it, in under two minutes. Ctrl-C ends it." \
  "" "1. A brain that knows nothing reads this machine's own documentation." \
  "   It guesses every byte before it sees it, then learns from it; nothing is read twice."
sample "$bytes" >documentation.txt || true
size=$(stat -c %s documentation.txt)
if ((size < 20000)); then
  say "   This machine has no documentation to speak of ($size bytes): the first part is left out."
else
  say "   $(numfmt --to=si "$size")B of manual pages and documents from /usr/share:"
  "$gyrus" init text --preset text >/dev/null
  "$gyrus" learn text documentation.txt --json text.json
  say "" "   A copy that stops learning after the first tenth reads the same text:"
  head -c $((size / 10)) documentation.txt >tenth.txt
  xz -9e -k -c documentation.txt >documentation.txt.xz &
  squeeze=$!
  "$gyrus" init frozen --preset text >/dev/null
  "$gyrus" learn frozen tenth.txt --quiet
  "$gyrus" run frozen documentation.txt --json frozen.json --quiet
  wait "$squeeze"
  squeeze=
  xz_bytes=$(stat -c %s documentation.txt.xz)
  say "" "   Bits it took to say each byte (8 is knowing nothing; fewer is better):"
  printf '     %-34s %s\n' \
    "this brain, learning as it reads" "$(round "$(field text.json bits_per_symbol)" 3)" \
    "its frozen copy" "$(round "$(field frozen.json bits_per_symbol)" 3)" \
    "xz -9e, which may look at it all" "$(round "$(LC_ALL=C awk "BEGIN { print 8 * $xz_bytes / $size }")" 3)" \
    "how often each byte came" "$(round "$(field text.json baseline)" 3)"
fi

say "" "2. Another brain watches this machine's live sensors (processor, memory, disks, network)" \
  "   and predicts all of them one second ahead, for $seconds seconds. Half-way, this script starts" \
  "   a load of its own, so that what the brain has learned stops being true."
# timeout leads a group of its own: ending it ends the load with it.
timeout "$seconds" bash -c "sleep $((seconds / 2)); exec sha256sum /dev/zero" >/dev/null 2>&1 &
load=$!
"$gyrus" init sensors --preset series >/dev/null
"$gyrus" learn sensors proc --limit "$seconds" --json sensors.json
cleanup
wait "$load" 2>/dev/null || true
load=
say "" "   Mean squared residual (fewer is better; 1 would be guessing each sensor's mean):"
printf '     %-34s %s\n' "this brain" "$(round "$(field sensors.json loss)" 3)" \
  "\"nothing will change\" (persistence)" "$(round "$(field sensors.json baseline)" 3)"

say "" "3. What they learned, drawn: open these in a browser."
for brain in text sensors; do
  [[ -d $brain ]] || continue
  "$gyrus" report "$brain" >/dev/null
  say "     $PWD/$brain/report.html"
done
say "" "   Go on from here: $gyrus learn $PWD/text YOUR_FILE"
