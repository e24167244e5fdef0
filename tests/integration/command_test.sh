#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: command_test.sh GYRUS
#
# Runs the gyrus command as a user does: learns, goes on, stops, and is given what it must refuse.
set -uo pipefail
gyrus=$1
# In memory: what takes time here is waiting for the disk.
folder=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'chmod -R u+w "$folder" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# ok COMMAND...: succeeds.
ok() { "$@" >out 2>err || fail "exit $? of: $*: $(cat err)"; }

# refuses CODE TEXT COMMAND...: exits with CODE and one line on stderr that contains TEXT.
refuses() {
  local code=$1 text=$2 got=0
  shift 2
  "$@" >out 2>err || got=$?
  [[ $got == "$code" ]] || fail "exit $got instead of $code of: $*"
  grep -qF -- "$text" err || fail "no \"$text\" in the message of $*: $(cat err)"
  [[ $code != 1 || $(wc -l <err) == 1 ]] || fail "more than one line from $*: $(cat err)"
}

# field FILE NAME: a value of the summary in a --json file.
field() { tail -1 "$1" | grep -o "\"$2\":[^,}]*" | head -1 | cut -d: -f2- | tr -d '"'; }

# same A B WHAT
same() { [[ $1 == "$2" ]] || fail "$3: $1 and $2"; }

text_brain() { ok "$gyrus" init "$1" --preset text --set heads.next.mixing.experts.memory.memory.rows_log2=10; }

for _ in {1..60}; do echo "The quick brown fox jumps over the lazy dog, and comes back. $RANDOM"; done >some.txt
for _ in {1..60}; do echo "The quick brown fox jumps over the lazy dog, and comes back."; done >book.txt
{
  echo "kind,size,weight,label"
  for i in {1..300}; do
    if ((i % 3)); then echo "a,$((i % 7)),$((i % 5)).5,yes"; else echo "b,$((i % 7 + 9)),,no"; fi
  done
} >rows.csv

# ---- Words and exit codes.
ok "$gyrus" version
ok "$gyrus" presets
grep -q '^text ' out || fail "presets does not list text"
ok "$gyrus" --help
grep -q 'gyrus learn' out || fail "help does not teach"
refuses 2 "subcommand" "$gyrus"
refuses 2 "--preset" "$gyrus" init brain
same "$(cat err)" "gyrus: --preset is required; see gyrus init --help" "wrong usage"
refuses 2 'did you mean "learn"' "$gyrus" lern brain x
refuses 2 "at least 0" "$gyrus" learn brain x --limit -1
refuses 2 "order" "$gyrus" learn brain x --order sideways
refuses 1 'preset "txt"' "$gyrus" init brain --preset txt
grep -q '"text"' err || fail "no nearest preset: $(cat err)"
refuses 1 'sed' "$gyrus" init brain --preset text --set sed=3
grep -q 'seed' err || fail "no nearest field: $(cat err)"
for set in 'areas[0].regions=1000000000' 'label_window=0' 'areas[0].woken=33'; do
  refuses 1 "got ${set#*=}" "$gyrus" init brain --preset table --set "$set"
done
refuses 1 'is too large: its blocks take' "$gyrus" init brain --preset series \
  --set 'areas[0].regions=1048576' --set 'areas[0].woken=1048576' --set 'areas[0].outputs=400'
[[ ! -e brain ]] || fail "a refused init made a directory"
refuses 1 "there is no brain in brain" "$gyrus" learn brain book.txt

# ---- Killed while it learns, a brain stands at its last durable commit.
text_brain killed
mkfifo endless
(while cat book.txt; do :; done >endless) 2>/dev/null &
feeder=$!
"$gyrus" learn killed endless --quiet --durability 0.001 2>err &
learner=$!
until "$gyrus" inspect killed 2>/dev/null | grep -q '^session main: [1-9]'; do
  kill -0 "$learner" || { fail "ended before it was killed: $(cat err)" && break; }
done
kill -9 "$learner"
wait "$learner" 2>/dev/null
kill "$feeder" 2>/dev/null
wait "$feeder" 2>/dev/null
ok "$gyrus" report killed
stands=$("$gyrus" inspect killed | grep -o '^session main: [0-9]*' | grep -o '[0-9]*')
ok "$gyrus" learn killed book.txt --limit 10 --durability commit
grep -q "kept up to its example $stands: the brain stands at $stands examples in all" err ||
  fail "does not say where it stands ($stands): $(cat err)"
ok "$gyrus" inspect killed
same "$(grep -o '^session main: [0-9]*' out)" "session main: $((stands + 10))" "steps after a kill"
ok "$gyrus" learn killed book.txt --limit 10 --durability close
! grep -q "broke off" err || fail "says twice that a run broke off"
for durability in 0 -1 never; do
  refuses 2 "must be commit, close or seconds above 0" "$gyrus" learn killed x --durability $durability
done

# ---- The doctor says what is wrong, and keeps what is whole.
ok "$gyrus" doctor killed
grep -q "^nothing is wrong with killed" out || fail "the doctor finds something: $(cat out)"
printf 'DDDDDDDDDDDDDDDD' | dd of=killed/state.db bs=1 seek=$(($(stat -c %s killed/state.db) / 2)) \
  conv=notrunc status=none
refuses 1 "gyrus doctor killed --repair" "$gyrus" doctor killed
grep -q "^WRONG  killed/state.db: " out || fail "the doctor does not say what is wrong: $(cat out)"
refuses 1 "damaged" "$gyrus" learn killed book.txt --limit 10
ok "$gyrus" doctor killed --repair
[[ -e killed/state.db.damaged-1 ]] || fail "the damaged file is gone"
ok "$gyrus" doctor killed
ok "$gyrus" learn killed book.txt --limit 10
refuses 1 "not for --repair" "$gyrus" doctor nowhere

# ---- Snapshots: what a brain was, under names.
text_brain kept
refuses 1 "has not learned anything yet" "$gyrus" snapshot save kept one
ok "$gyrus" learn kept book.txt --limit 1000 --quiet
ok "$gyrus" snapshot list kept
grep -qF "gyrus snapshot save kept NAME" out || fail "does not say how to keep a snapshot: $(cat out)"
ok "$gyrus" snapshot save kept one
ok "$gyrus" run kept book.txt --json then.json --quiet
ok "$gyrus" snapshot tag kept one uno
ok "$gyrus" learn kept some.txt --limit 1000 --quiet
ok "$gyrus" run kept book.txt --json later.json --quiet
ok "$gyrus" snapshot diff kept one
grep -q "match.cursor: 1 of 1 (100 %): end 1000" out || fail "diff: $(cat out)"
ok "$gyrus" snapshot diff kept one --json
grep -q '"table":"match.cursor","blocks":1,"changed":1,"largest":{"end":1000}' out ||
  fail "diff in JSON: $(cat out)"
ok "$gyrus" snapshot rollback kept uno
grep -qF "to undo this: gyrus snapshot rollback kept before-rollback-1" out ||
  fail "does not say how to undo a rollback: $(cat out)"
ok "$gyrus" run kept book.txt --json again.json --quiet
same "$(field then.json loss)" "$(field again.json loss)" "after a rollback"
ok "$gyrus" snapshot rollback kept before-rollback-1
ok "$gyrus" run kept book.txt --json again.json --quiet
same "$(field later.json loss)" "$(field again.json loss)" "after a rollback that was undone"
ok "$gyrus" report kept
grep -q "unreadable" out err && fail "the report cannot read a rollback"
ok "$gyrus" snapshot list kept
same "$(awk '{print $1}' out | tr '\n' ' ')" "NAME one, before-rollback-1 before-rollback-2 all " list
ok "$gyrus" snapshot drop kept one
ok "$gyrus" snapshot drop kept uno
ok "$gyrus" snapshot list kept --json
same "$(grep -c '"bytes":' out)" 2 "snapshots after a drop"
refuses 1 "there are before-rollback-1, before-rollback-2" "$gyrus" snapshot drop kept uno
refuses 1 'begins with no' "$gyrus" snapshot save kept 'a b'
refuses 1 "choose another name, or drop it first" "$gyrus" snapshot save kept before-rollback-1
refuses 2 "NAME is required" "$gyrus" snapshot rollback kept
refuses 2 "like 90s, 10m or 1.5h" "$gyrus" learn kept book.txt --snapshot-every 10
ok "$gyrus" learn kept book.txt --quiet --snapshot-every 10m
ok "$gyrus" doctor kept

# ---- What came in within an interval is forgotten.
refuses 1 "gyrus learn --snapshot-every 10m" "$gyrus" forget killed --from 00:00 --to 23:59
text_brain forgetful
ok "$gyrus" learn forgetful book.txt --limit 1000 --quiet
ok "$gyrus" snapshot save forgetful begin
cp -r forgetful never
from=$(date '+%F %T.%3N')
ok "$gyrus" learn forgetful some.txt --limit 1000 --quiet
ok "$gyrus" forget forgetful --from "$from" --to "$(date -d '1 min' '+%F %T.%3N')"
grep -q '^forgot what came in from .* (snapshot "begin") to .* (now), ' out || fail "forget: $(cat out)"
grep -q "blocks are as they were before it, exactly" out || fail "forget: $(cat out)"
ok "$gyrus" learn forgetful book.txt --skip 1000 --json forgot.json --quiet
ok "$gyrus" learn never book.txt --skip 1000 --json never.json --quiet
same "$(field forgot.json loss)" "$(field never.json loss)" "after an interval was forgotten"
refuses 1 'the oldest, "begin", is from' "$gyrus" forget forgetful --from "1999-12-31 23:00" --to 00:00
refuses 1 "begins before it ends" "$gyrus" forget forgetful --from 00:10 --to 00:00
refuses 2 'like 14:00, "2026-11-22 14:00:05"' "$gyrus" forget forgetful --from noon --to 00:00
refuses 2 "--to is required" "$gyrus" forget forgetful --from 00:00
ok "$gyrus" doctor forgetful

# ---- A brain learns, goes on, and predicts without learning.
text_brain whole
text_brain parts
refuses 1 "exists already" "$gyrus" init whole --preset text
refuses 1 "has not learned anything yet" "$gyrus" run whole book.txt
ok "$gyrus" learn whole book.txt --json whole.json
ok "$gyrus" learn parts book.txt --limit 1000 --quiet
ok "$gyrus" learn parts book.txt --skip 1000 --quiet
ok "$gyrus" run whole book.txt --json frozen1.json --quiet
ok "$gyrus" run parts book.txt --json frozen2.json --quiet
same "$(field frozen1.json loss)" "$(field frozen2.json loss)" "learning in two parts"
same "$(field whole.json examples)" "$(wc -c <book.txt)" "examples"
LC_ALL=C awk "BEGIN { exit !($(field whole.json bits_per_symbol) < 0.7 * $(field whole.json baseline)) }" ||
  fail "it did not learn: $(tail -1 whole.json)"
for name in seconds loss accuracy mse step_us_p50 step_us_p99 learn_us_p50 learn_us_p99 \
  examples_per_second regions_total regions_woken_mean parameters parameters_woken_mean \
  peak_rss_bytes test_accuracy baseline_name; do
  [[ -n $(field whole.json "$name") ]] || fail "the summary lacks $name"
done
same "$(field whole.json accuracy)" null "accuracy of text"
[[ $(field whole.json learn_us_p50) != null ]] || fail "learning from the next byte is not timed"
ok "$gyrus" inspect whole
grep -q 'session main: ' out || fail "inspect shows no session"
ok "$gyrus" report whole --out page.html
grep -q '</html>' page.html || fail "no report"
head -c 500 book.txt | ok "$gyrus" learn whole - --quiet

# ---- A table, labels late, a test.
ok "$gyrus" init table --preset table
refuses 1 "--target COLUMN (columns: kind, size, weight, label)" "$gyrus" learn table rows.csv
refuses 1 'target column "lable"' "$gyrus" learn table rows.csv --target lable
ok "$gyrus" learn table rows.csv --target label --delay 5 --test rows.csv --json table.json
grep -qF 'columns: 2 numbers (size, weight), 1 category (kind: "a" at line 2 is no number), target label (classes)' err ||
  fail "learn does not say how the columns were taken: $(cat err)"
ok "$gyrus" inspect table
grep -qF 'columns: 2 numbers (size, weight), 1 category (kind), target label (classes)' out ||
  fail "inspect does not show the columns: $(cat out)"
grep -qF 'classes: 2 of 64 (yes, no)' out || fail "inspect does not show the classes: $(cat out)"
LC_ALL=C awk "BEGIN { exit !($(field table.json test_accuracy) > 0.95) }" ||
  fail "test accuracy: $(field table.json test_accuracy)"
refuses 1 "label_window" "$gyrus" learn table rows.csv --delay 6
refuses 1 "began with seed" "$gyrus" learn table rows.csv --seed 77
ok "$gyrus" learn table rows.csv --order class --quiet
ok "$gyrus" run table rows.csv --quiet

# ---- A number that wanders: without learning, too, what came last is known.
awk 'BEGIN { srand(3); print "noise,walk"
  for (i = 0; i < 600; ++i) { walk += rand() < 0.5 ? -1 : 1; print rand() "," 1000 + walk } }' >walk.csv
ok "$gyrus" init series --preset series
ok "$gyrus" learn series walk.csv --target walk --limit 400 --quiet
ok "$gyrus" run series walk.csv --skip 400 --json walk.json --quiet
# Numbers as classes, and classes as numbers: the other preset.
ok "$gyrus" init mistaken --preset table
refuses 1 "a number is predicted by a brain of --preset series" \
  "$gyrus" learn mistaken walk.csv --target noise --quiet
{ head -1 walk.csv; for i in {1..1001}; do echo "$((i % 3)),4"; done; tail -n +2 walk.csv; } >late.csv
refuses 1 "a number is predicted by a brain of --preset series" \
  "$gyrus" learn mistaken late.csv --target noise --quiet
ok "$gyrus" init other_way --preset series
refuses 1 "a class is predicted by a brain of --preset table" \
  "$gyrus" learn other_way rows.csv --target label --quiet
ok "$gyrus" init free --preset series
ok "$gyrus" learn free walk.csv --quiet
refuses 1 "takes no --target" "$gyrus" learn free walk.csv --target walk --quiet
for few in "--limit 0" "--skip 100000"; do
  ok "$gyrus" run free walk.csv $few
  grep -q "no example came$" out || fail "$few: $(cat out)"
done
LC_ALL=C awk "BEGIN { exit !($(field walk.json mse) < 2) }" ||
  fail "a frozen brain does not follow a walk: mse $(field walk.json mse)"

# ---- A brain is watched while it learns; killed, it is found as it is.
text_brain watched
text_brain unbegun
refuses 1 "has not learned anything yet" "$gyrus" top watched
refuses 1 "there is no brain in nowhere" "$gyrus" top nowhere
mkfifo pipe3
(cat book.txt; sleep 30) >pipe3 &
writer=$!
"$gyrus" learn watched - --background --metrics 0 --durability 0.001 <pipe3 2>serving &
learner=$!
for _ in {1..200}; do
  "$gyrus" top watched 2>/dev/null | grep -q "learned $(($(wc -c <book.txt) / 1000))" && break
  sleep 0.05
done
ok "$gyrus" top watched --once
grep -q '^brain     text, up .*, main background$' out || fail "top shows no brain: $(cat out)"
grep -q '^loss      .* bits/symbol' out || fail "top shows no loss: $(cat out)"
url=$(grep -o '^metrics: http://127.0.0.1:[0-9]*/metrics$' serving) || fail "no address: $(cat serving)"
port=${url##*:}
exec 3<>"/dev/tcp/127.0.0.1/${port%/metrics}"
printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
timeout 10 cat <&3 >metrics
exec 3<&-
grep -q '^gyrus_steps_total{session="main"} [1-9]' metrics || fail "no metrics: $(cat metrics)"
refuses 1 "cannot serve metrics on \"${port%/metrics}\": Address already in use" \
  "$gyrus" learn unbegun book.txt --metrics "${port%/metrics}"
refuses 2 'got "here"' "$gyrus" learn watched book.txt --metrics here
kill -9 "$learner"
kill "$writer" 2>/dev/null
wait "$learner" "$writer" 2>/dev/null
[[ -S watched/status.sock ]] || fail "a killed process leaves no socket"
refuses 1 "no process learns in watched now" "$gyrus" top watched
grep -q 'steps are durable$' out || fail "top shows nothing durable: $(cat out)"
ok "$gyrus" learn watched book.txt --quiet
[[ ! -e watched/status.sock ]] || fail "the socket stays"

# ---- Ctrl-C keeps what was learned.
text_brain stopped
mkfifo pipe
(cat book.txt; sleep 30) >pipe &
writer=$!
"$gyrus" learn stopped - --json stopped.json --quiet <pipe 2>err &
learner=$!
# It sleeps once it has read all there is.
for _ in {1..200}; do
  [[ -e stopped/state.db ]] && grep -q '^State:.S' "/proc/$learner/status" && break
  sleep 0.05
done
# As timeout does it, to the process and to its group: twice at once.
kill -INT "$learner"
kill -INT "$learner"
got=0
wait "$learner" || got=$?
[[ $got == 130 ]] || fail "exit $got instead of 130 after Ctrl-C: $(cat err)"
kill "$writer" 2>/dev/null
wait "$writer" 2>/dev/null
kept=$(field stopped.json examples)
((kept > 0)) || fail "nothing was learned before Ctrl-C"
same "$(field stopped.json interrupted)" true "interrupted"
grep -q "To go on" err || fail "Ctrl-C does not say how to go on"
ok "$gyrus" run stopped book.txt --json after.json --quiet
text_brain twin
ok "$gyrus" learn twin book.txt --limit "$kept" --quiet
ok "$gyrus" run twin book.txt --json twin.json --quiet
same "$(field after.json loss)" "$(field twin.json loss)" "what Ctrl-C kept"

# ---- Bad input: one clear line, and nothing is lost.
: >empty.txt
refuses 1 "empty" "$gyrus" learn whole empty.txt
refuses 1 "nowhere.txt" "$gyrus" learn whole nowhere.txt
refuses 1 "is a directory" "$gyrus" learn table .
printf 'kind,size,weight,label\na,1,2,yes\na,1,2\n' >ragged.csv
refuses 1 "ragged.csv:3" "$gyrus" learn table ragged.csv --quiet
printf 'kind,size,weight,label\na,1,2,yes\na,inf,2,no\n' >infinite.csv
refuses 1 "infinite.csv" "$gyrus" learn table infinite.csv --quiet
printf 'kind,size,weight,label\na,1,2,yes\na,tall,2,no\n' >words.csv
refuses 1 'words.csv:3: column "size": expected a number, found "tall"' \
  "$gyrus" learn table words.csv --quiet
printf 'kind,size,label\na,1,yes\n' >fewer.csv
refuses 1 'column "weight"' "$gyrus" learn table fewer.csv --quiet
printf '\0\0\x08\x03\0\0\0\x09\0\0\0\x02\0\0\0\x02abcd' >images.idx
refuses 1 "images.idx" "$gyrus" learn table images.idx
refuses 1 'book.txt: brain "table" learns from a table' "$gyrus" learn table book.txt
refuses 1 "no table" "$gyrus" learn whole rows.csv --target label
printf 'kind,size,weight,label\n' >numbers.csv
for i in {1..9}; do echo "$i,1,2,yes"; done >>numbers.csv
ok "$gyrus" learn table numbers.csv --quiet
ok "$gyrus" init crowd --preset table
{ echo "x,class"; for i in {1..70}; do echo "$i,c$i"; done; } >crowd.csv
refuses 1 "at least 70 classes, and there is room for 64" "$gyrus" learn crowd crowd.csv --target class
[[ ! -e crowd/state.db ]] || fail "a refused binding left a state"
# The first 1,000 rows are looked at before any is learned.
{ cat rows.csv; for _ in {1..4}; do tail -n +2 rows.csv; done; echo 'a,1'; } >tail.csv
refuses 1 "1500 examples before are learned and kept" "$gyrus" learn table tail.csv --quiet
ok "$gyrus" run table rows.csv --quiet

# ---- What is written goes where it was meant to, and over nothing that is needed.
cp book.txt kept.txt
ln -s kept.txt link.txt
mkdir texts
cp book.txt texts/one.txt
for file in kept.txt link.txt ./kept.txt; do
  refuses 1 "is read as the input kept.txt" "$gyrus" run whole kept.txt --quiet --json "$file"
done
refuses 1 "is read as the input kept.txt" \
  "$gyrus" run whole book.txt --test kept.txt --quiet --json kept.txt
refuses 1 "is read as the input texts" "$gyrus" run whole texts --quiet --json texts/one.txt
refuses 1 "is a directory" "$gyrus" run whole book.txt --quiet --json texts
refuses 1 "nowhere" "$gyrus" learn whole book.txt --quiet --json nowhere/x.json
for file in whole/brain.textproto whole/state.db whole/new.json; do
  refuses 1 "lies in the brain's directory whole" \
    "$gyrus" learn whole book.txt --quiet --json "$file"
  refuses 1 "lies in the brain's directory whole" "$gyrus" report whole --out "$file"
done
cmp -s kept.txt book.txt || fail "an input was written over"
ok "$gyrus" report whole
ok "$gyrus" report whole --out whole/report.html
: >behind.json
ln -s behind.json before.json
ln -s absent.json dangling.json
ok "$gyrus" run whole book.txt --quiet --json before.json
ok "$gyrus" run whole book.txt --quiet --json dangling.json
[[ -L before.json && -s behind.json ]] || fail "a link was replaced by what it leads to"
[[ -L dangling.json && -s absent.json ]] || fail "a link to nothing yet was replaced"
mkfifo told
timeout 20 cat told >heard &
listener=$!
ok "$gyrus" run whole book.txt --quiet --json told
[[ -p told ]] || fail "a pipe was replaced"
wait "$listener"
[[ -n $(field heard loss) ]] || fail "nothing came through a pipe"
text_brain untested
refuses 1 "nowhere.txt" "$gyrus" learn untested book.txt --quiet --test nowhere.txt
ok "$gyrus" init unbound --preset table
refuses 1 'fewer.csv: column "weight"' \
  "$gyrus" learn unbound rows.csv --target label --quiet --test fewer.csv
[[ ! -e unbound/state.db ]] || fail "it learned before it looked at the columns of the test"
ok "$gyrus" learn unbound rows.csv --target label --quiet --test rows.csv
mkdir mixed
cp book.txt mixed/one.txt
printf 'a\0b' >mixed/two.bin
ok "$gyrus" run whole mixed
grep -qx "mixed: skips 1 of 2 files, which hold binary data: mixed/two.bin" err ||
  fail "a mixed folder: $(cat err)"
[[ ! -e untested/state.db ]] || fail "it learned before it looked for what to test"
refuses 1 "has not learned anything yet" "$gyrus" report untested

# ---- A brain in a bad state.
cp -r whole textless
rm textless/brain.textproto
refuses 1 "put that back, or remove textless" "$gyrus" learn textless book.txt
refuses 1 "put that back, or remove textless" "$gyrus" init textless --preset text
cp -r whole other
sed -i 's/^seed: 1$//; $a seed: 5' other/brain.textproto
refuses 1 "other" "$gyrus" run other book.txt
grep -q "undo what was changed" err || fail "no way out of a changed brain: $(cat err)"
cp -r whole broken
printf 'modalities { nam: "x" }\n' >broken/brain.textproto
refuses 1 "brain.textproto:1:" "$gyrus" learn broken book.txt
cp -r whole wrong
sed -i 's/rows_log2: 10/rows_log2: 1/' wrong/brain.textproto
line=$(grep -n 'rows_log2: 1$' wrong/brain.textproto | cut -d: -f1)
refuses 1 "wrong/brain.textproto:$line:" "$gyrus" learn wrong book.txt
cp -r whole damaged
rm -f damaged/state.db-*
head -c 5000 whole/state.db >damaged/state.db
refuses 1 "damaged" "$gyrus" learn damaged book.txt
grep -q "gyrus doctor damaged says what is wrong" err ||
  fail "no way out of a damaged state: $(cat err)"
rm damaged/state.db
ok "$gyrus" learn damaged book.txt --quiet
mkfifo pipe2
sleep 30 >pipe2 &
writer=$!
"$gyrus" learn parts - --quiet <pipe2 2>/dev/null &
learner=$!
echo something >pipe2
for _ in {1..100}; do
  [[ -n $(find "/proc/$learner/fd" -lname '*state.db.lock' 2>/dev/null) ]] && break
  sleep 0.05
done
refuses 1 "$learner" "$gyrus" learn parts book.txt
kill "$writer" "$learner" 2>/dev/null
wait "$writer" "$learner" 2>/dev/null
if ((EUID != 0)); then
  cp -r whole readonly
  chmod -R a-w readonly
  refuses 1 "readonly" "$gyrus" learn readonly book.txt
fi

cp -r whole empty
: >empty/brain.textproto
refuses 1 "empty/brain.textproto:1:1: " "$gyrus" learn empty book.txt
refuses 1 "there is no brain in nowhere" "$gyrus" report nowhere

# ---- Users: each learns alone, and the brain stays as it is.
common=$(sum whole/state.db)
refuses 1 "gyrus user create whole anna" "$gyrus" learn whole some.txt --user anna
ok "$gyrus" user create whole anna
refuses 1 "already" "$gyrus" user create whole anna
ok "$gyrus" user create whole ben
ok "$gyrus" learn whole some.txt --user anna --quiet
ok "$gyrus" run whole some.txt --user anna --json anna.json --quiet
ok "$gyrus" run whole some.txt --user ben --json ben.json --quiet
awk "BEGIN { exit !($(field anna.json loss) < $(field ben.json loss)) }" || fail "anna has learned nothing of her own"
same "$(sum whole/state.db)" "$common" "the common brain beside users"
refuses 1 "--background is not for a user" "$gyrus" learn whole some.txt --user anna --background
ok "$gyrus" user list whole
grep -q " anna$" out || fail "no anna in the list: $(cat out)"
ok "$gyrus" user export whole anna anna.safetensors
ok "$gyrus" user drop whole anna
! grep -aq anna whole/users.db whole/users.db-wal 2>/dev/null || fail "anna is left in users.db"
refuses 1 "gyrus user list whole names them all" "$gyrus" user drop whole anna

# ---- A full disk: the last durable commit stands.
if [[ -e /dev/full ]]; then
  refuses 1 "standard output" bash -c "exec $gyrus presets >/dev/full"
  refuses 1 "standard output" bash -c "exec $gyrus run whole book.txt --quiet --json - >/dev/full"
fi
before=$(field after.json loss)
cp -r stopped full
refuses 1 "the last durable commit stands" bash -c "ulimit -f 100; exec $gyrus learn full some.txt --quiet"
ok "$gyrus" run full book.txt --json full.json --quiet
same "$(field full.json loss)" "$before" "after a full disk"

((failures == 0)) && echo "all as expected"
exit $((failures > 0))
