#!/bin/sh
# Predicted against measured memory, all tasks and models of the experiments x codecs, as a Markdown table.
#   tests/bench/memory_prediction.sh [cpu|cuda] [DATA FOLDER]
# The measured side is a whole epoch of octet train (IMDB: real reviews; DATA FOLDER as --data takes it).
# STATES names fewer codecs. Ends with 1 where a tag is off by more than 2 % and 64 KiB, or a peak by more than 2 %; with 2 where a run fails.
set -eu
device=${1:-cpu}
data=${2:-}
octet=${OCTET:-$(dirname "$0")/../../build/octet}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
wrong=0
echo "| run, $device | predicted peak, B | measured peak, B | difference | largest of a tag |"
echo "|---|---|---|---|---|"
for state in ${STATES:-fp32 bf16 blockwise8 linear8 tensorwise8 blockwise4 blockwise8-v0.36}; do
  for run in "sms" "sms --model lstm" "sms --model bag" "imdb --layers 2" "imdb --layers 4" "imdb --layers 6"; do
    set -- $run --state "$state" --device "$device" --epochs 1 --json
    [ -z "$data" ] || set -- "$@" --data "$data"
    rm -rf "$folder/run"
    "$octet" memory "$@" > "$folder/predicted"
    "$octet" train "$@" --out "$folder/run" > "$folder/events" 2> "$folder/errors" || {
      cat "$folder/errors" >&2
      exit 2
    }
    tail -n 1 "$folder/events" > "$folder/measured"
    python3 - "$run, $state" "$folder/predicted" "$folder/measured" <<'PYTHON' || wrong=1
import json, sys
name, told, seen = sys.argv[1], *(json.load(open(path)) for path in sys.argv[2:])
off = {tag: bytes - seen["peak_by_tag"][tag] for tag, bytes in told["predicted_by_tag"].items()}
tag = max(off, key=lambda t: abs(off[t]))
peak, measured = told["predicted_peak"], seen["peak_bytes"]
print(f"| {name} | {peak:,} | {measured:,} | {100 * (peak - measured) / measured:+.2f} % | {tag} {off[tag]:+,} |",
      flush=True)
good = abs(peak - measured) <= 0.02 * measured and all(
    abs(d) <= max(0.02 * seen["peak_by_tag"][t], 65536) for t, d in off.items())
sys.exit(not good)
PYTHON
  done
done
exit $wrong
