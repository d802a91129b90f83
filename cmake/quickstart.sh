#!/usr/bin/env bash
# From a fresh Debian 12 to the first records: installs what is needed, builds the release, starts tidelogd on an empty
# directory without a configuration, sends a real file through an unmodified client (kcat), reads it back in three ways
# and compares the bytes, runs a short benchmark, and stops everything again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/tidelog-quickstart.XXXXXX")
daemon=
clean_up() {
  if [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null; then
    kill -TERM "$daemon"
    # A daemon that does not stop must not be left behind.
    for _ in $(seq 100); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }
fail() { echo "quickstart: $*" >&2; exit 1; }
same() { # WHAT WANTED GOT
  cmp "$2" "$3" || fail "$1: the bytes differ"
  echo "$1: $(wc -c <"$3") bytes, sha256 $(sha256sum <"$3" | cut -c1-16)…, the same"
}

step "Packages and release build"
bash cmake/packages.sh build
cmake --preset release
cmake --build --preset release
bin=$PWD/build/release/bin

step "tidelogd on an empty directory, without configuration"
"$bin/tidelogd" --data-dir "$work/data" --listen 127.0.0.1:0 2>"$work/log" &
daemon=$!
for _ in $(seq 100); do
  address=$(sed -n 's/.* ready on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/log")
  [ -z "$address" ] || break
  kill -0 "$daemon" 2>/dev/null || { cat "$work/log" >&2; fail "tidelogd did not start"; }
  sleep 0.1
done
[ -n "$address" ] || { cat "$work/log" >&2; fail "tidelogd did not become ready"; }
echo "ready on $address"

step "A topic"
"$bin/tidelog" -b "$address" topic create quickstart --partitions 1
"$bin/tidelog" -b "$address" topic describe quickstart

step "A real file: text that this machine already has"
# One line becomes one record, so lines must not be empty or longer than a record of a client's default may be.
find /usr/share/common-licenses /usr/share/perl /usr/include -type f \
  \( -path '*/common-licenses/*' -o -name '*.p[lm]' -o -name '*.h' -o -name '*.hpp' \) -print0 2>/dev/null |
  sort -z | xargs -0 cat 2>/dev/null | LC_ALL=C tr -d '\000\r' | LC_ALL=C awk 'length > 0 && length <= 1000' |
  head -c 8000000 >"$work/all" || true # find and sort end early when head has enough
sed '$d' "$work/all" >"$work/file" # the last line may be cut
lines=$(wc -l <"$work/file")
half=$((lines / 2))
head -n "$half" "$work/file" >"$work/first"
tail -n +$((half + 1)) "$work/file" >"$work/second"
echo "$(wc -c <"$work/file") bytes in $lines lines"
[ "$(wc -c <"$work/file")" -gt 2000000 ] || fail "less than 2 MB of text was found on this machine"

step "kcat sends it, one record a line, in two halves"
send() { kcat -P -b "$address" -t quickstart -p 0 -l "$1" 2>"$work/kcat" || { cat "$work/kcat" >&2; fail "kcat could not send"; }; }
read_from() { kcat -C -b "$address" -t quickstart -p 0 -o "$1" -e -q; }
send "$work/first"
between=$(($(date +%s%3N) + 1))
while [ "$(date +%s%3N)" -le "$between" ]; do sleep 0.01; done
send "$work/second"

step "kcat reads it back"
read_from beginning >"$work/got"
same "from the beginning" "$work/file" "$work/got"
read_from 12345 >"$work/got"
tail -n +12346 "$work/file" >"$work/wanted"
same "from offset 12345" "$work/wanted" "$work/got"
read_from "s@$between" >"$work/got"
same "from the time between the halves" "$work/second" "$work/got"

step "A short benchmark"
"$bin/tidelog-bench" produce -b "$address" --duration 3s

step "Stopping"
kill -TERM "$daemon"
wait "$daemon" || { cat "$work/log" >&2; fail "tidelogd did not stop cleanly"; }
daemon=
tail -n 1 "$work/log"
echo
echo "All well. Now start build/release/bin/tidelogd and point any Kafka client at localhost:9092."
