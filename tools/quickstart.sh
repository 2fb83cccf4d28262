#!/usr/bin/env bash
# The main job with one command: sets up, builds, trains the SMS spam classifier with 32-bit and with 8-bit Adam
# from the same seed, and prints both runs side by side.
#   tools/quickstart.sh [FLAG...]     flags go to both `octet train sms` calls, e.g. --epochs 10
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

echo "quickstart: 1/4 packages"
"$root/tools/setup.sh"

echo "quickstart: 2/4 building build/octet"
cd "$root"
launcher=()
if command -v ccache > /dev/null; then launcher=(-DCMAKE_{CXX,CUDA}_COMPILER_LAUNCHER=ccache); fi
cmake --preset release --no-warn-unused-cli "${launcher[@]}" > /dev/null
cmake --build build --target octet_program --parallel "$(nproc)"

echo "quickstart: 3/4 training twice"
rm -rf build/quickstart  # its own folder: a second quickstart starts afresh
for state in fp32 blockwise8; do
    build/octet train sms --state "$state" --seed 2021 --out "build/quickstart/$state" "$@"
done

echo "quickstart: 4/4 report"
build/octet report build/quickstart/fp32 build/quickstart/blockwise8
