#!/usr/bin/env bash
# Checks layout (clang-format) and sources (clang-tidy) against .clang-format and .clang-tidy; called by
# tools/test.sh --lint once the build is configured. Each file and tool is one check of the sum.
#   tools/lint.sh BUILD_FOLDER JOBS
set -euo pipefail
build=$1 jobs=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folders=(core autograd nn optim cuda datasets tools tests)
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Prints the findings of one check and leaves one line of the sum in $results.
one_check() {
    local tool=$1 file=$2 build=$3 results=$4 findings
    if case "$tool" in
        format) findings=$(clang-format --dry-run -Werror "$file" 2>&1) ;;
        tidy) findings=$(clang-tidy --quiet --warnings-as-errors='*' --header-filter="^$PWD/(core|autograd|nn|optim|cuda|datasets|tools|tests)/" -p "$build" "$file" 2> /dev/null) ;;
    esac then
        echo passed >> "$results/$BASHPID"
    else
        printf '%s: %s\n%s\n' "$tool" "$file" "$findings"
        echo failed >> "$results/$BASHPID"
    fi
}
export -f one_check

echo "lint: clang-format"
find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 | sort -z |
    xargs -0 -P "$jobs" -I FILE bash -c 'one_check format FILE "$@"' lint "$build" "$results"

# Sources of this configuration; generated ones live below the build folder and are not ours to judge.
echo "lint: clang-tidy"
sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | grep -F "$PWD/" | grep -vF "$PWD/build" |
    grep '\.cpp$' | sort -u |
    xargs -P "$jobs" -I FILE bash -c 'one_check tidy FILE "$@"' lint "$build" "$results"

passed=$(cat "$results"/* | grep -c passed || true)
failed=$(cat "$results"/* | grep -c failed || true)
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
