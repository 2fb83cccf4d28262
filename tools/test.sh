#!/usr/bin/env bash
# Sets up, configures, builds and runs the test suites; ends with one line: N passed, N failed, N skipped.
#   tools/test.sh [--preset release|debug|asan|tsan|cuda|cuda-release] [--suite NAME] [--jobs N]
#   tools/test.sh --lint        clang-format and clang-tidy instead of the suites
# The tsan preset builds and runs the suites labelled `threads` only.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

preset=release suite="" lint="" jobs=$(nproc)
usage() {
    echo "test: $1" >&2
    sed -n '3,4s/^# *//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case "$1" in
        --preset | --suite | --jobs)
            [ $# -ge 2 ] || usage "$1 needs a value"
            case "$1" in
                --preset) preset=$2 ;;
                --suite) suite=$2 ;;
                --jobs) jobs=$2 ;;
            esac
            shift
            ;;
        --lint) lint=yes ;;
        -h | --help)
            sed -n '2,5s/^# *//p' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *) usage "unknown argument '$1'" ;;
    esac
    shift
done
case "$preset" in
    release | cuda) build=build ;;
    debug | asan | tsan | cuda-release) build=build/$preset ;;
    *) usage "unknown preset '$preset'; known: release debug asan tsan cuda cuda-release" ;;
esac
[[ $jobs =~ ^[1-9][0-9]*$ ]] || usage "--jobs $jobs: must be a whole number above 0"

"$root/tools/setup.sh" ${lint:+--lint}
cd "$root"

echo "test: configuring preset $preset in $build"
launcher=()
if command -v ccache > /dev/null; then launcher=(-DCMAKE_{CXX,CUDA}_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" --no-warn-unused-cli "${launcher[@]}" > /dev/null

if [ -n "$lint" ]; then exec "$root/tools/lint.sh" "$build" "$jobs"; fi

target=all
if [ "$preset" = tsan ]; then target=threaded_suites; fi
echo "test: building $target with $jobs jobs"
cmake --build "$build" --target "$target" --parallel "$jobs"

# A finding of a sanitizer ends the suite at once with a failure.
export ASAN_OPTIONS="halt_on_error=1:detect_leaks=1:strict_string_checks=1:check_initialization_order=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"

select=()
if [ "$preset" = tsan ]; then select+=(-L '^threads$'); fi
if [ -n "$suite" ]; then select+=(-R "^$suite\$"); fi
echo "test: running the suites"
(ctest --test-dir "$build" --verbose --timeout 900 --parallel "$jobs" "${select[@]}" 2>&1 || true) |
    awk -f "$root/tools/sum_suites.awk"
