#!/usr/bin/env bash
# Checks octet on a GPU: all GPU suites, compute-sanitizer over a short training run, and benchmarks beside PyTorch.
#   tools/gpu_check.sh [--build DIR] [--libs DIR] [--logs DIR] [--only suites|sanitizer|bench]
# --build  a build with the CUDA backend, perhaps made elsewhere; default build/, which is built if nothing is there
# --libs   a folder with libraries that this machine lacks, default DIR/libs of the build
# --logs   keeps what every part wrote
# Data is looked for in $OCTET_DATA and $OCTET_GOLDEN, else in ../shared and shared.
# Ends with a table, and with 0 if nothing failed; what could not be run is `skipped`, with the reason.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# Seconds for each part; all of it takes about nine minutes at most.
suites_limit=280 sanitizer_limit=150 bench_limit=120

build=build libs="" logs="" only=""
usage() {
    echo "gpu_check: $1" >&2
    sed -n '3s/^# *//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case "$1" in
        --build | --libs | --logs | --only)
            [ $# -ge 2 ] || usage "$1 needs a value"
            case "$1" in
                --build) build=$2 ;;
                --libs) libs=$2 ;;
                --logs) logs=$2 ;;
                --only) only=$2 ;;
            esac
            shift
            ;;
        -h | --help)
            sed -n '2,9s/^# *//p' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *) usage "unknown argument '$1'" ;;
    esac
    shift
done
case "$only" in "" | suites | sanitizer | bench) ;; *) usage "unknown part '$only'; known: suites sanitizer bench" ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logs=${logs:-$work/logs}
mkdir -p "$logs"
table=$work/table
failed=0

# row STATUS NAME SECONDS DETAIL
row() {
    printf '%-8s %-22s %6s s  %s\n' "$1" "$2" "$3" "$4" | tee -a "$table"
    if [ "$1" = FAILED ]; then failed=1; fi
}
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
# For what could not even begin.
die() {
    echo "gpu_check: $1" >&2
    exit 1
}

prepare_build() {
    if [ ! -x "$build/octet" ]; then
        [ "$build" = build ] || die "$build/octet is not there"
        echo "gpu_check: building preset cuda"
        { cmake --preset cuda && cmake --build build --parallel; } > "$logs/build.log" 2>&1 || {
            tail -n 30 "$logs/build.log"
            die "there is no build, and none could be made"
        }
    fi
    build=$(cd "$build" && pwd)
    [ -e "$build/liboctet_cuda.so" ] || die "$build has no CUDA backend (liboctet_cuda.so)"
}

missing_libraries() {
    ldd "$build/octet" "$build/liboctet_cuda.so" 2> /dev/null | awk '/not found/ { print $1 }' | sort -u
}

# cuDNN and cuBLAS may lie in the system, in the toolkit, or only among PyTorch's packages.
find_libraries() {
    local folder folders
    libs=${libs:-$build/libs}
    if [ -d "$libs" ]; then
        libs=$(cd "$libs" && pwd)
        export LD_LIBRARY_PATH="$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    fi
    [ -n "$(missing_libraries)" ] || return 0
    folders=$(python3 -c 'import glob, nvidia
print("\n".join(lib for path in nvidia.__path__ for lib in sorted(glob.glob(path + "/*/lib"))))' 2> /dev/null)
    for folder in "${CUDA_HOME:-/usr/local/cuda}"/{lib64,lib,targets/x86_64-linux/lib} $folders; do
        if [ -d "$folder" ]; then export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder"; fi
    done
    local missing
    missing=$(missing_libraries | tr '\n' ' ')
    [ -z "$missing" ] || die "libraries are missing: $missing"
}

find_data() {
    local folder
    for folder in "$root/../shared" "$root/shared"; do
        if [ -d "$folder/data" ]; then export OCTET_DATA=${OCTET_DATA:-$folder/data}; fi
        if [ -d "$folder/golden" ]; then export OCTET_GOLDEN=${OCTET_GOLDEN:-$folder/golden}; fi
    done
}

run_suites() {
    local program name start status counts deadline=$((SECONDS + suites_limit)) found=0
    export OCTET_EXPECT_GPU=1
    for program in "$build"/tests/test_cuda_*; do
        [ -x "$program" ] || continue
        found=1 name=$(basename "$program") start=$SECONDS
        if [ $((deadline - SECONDS)) -le 0 ]; then
            row FAILED "$name" 0 "no time was left"
            continue
        fi
        timeout -k 5 $((deadline - SECONDS)) "$program" > "$logs/$name.log" 2>&1
        status=$?
        counts=$(grep -E '^suite: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$logs/$name.log" | tail -n 1)
        if [ $status -eq 0 ] && [ -n "$counts" ]; then
            row ok "$name" $((SECONDS - start)) "${counts#suite: }"
        else
            grep -v '^=*$' "$logs/$name.log" | tail -n 60
            case $status in
                124 | 137) counts="its time was up" ;;
                *) counts="${counts:+${counts#suite: }, }exit code $status" ;;
            esac
            row FAILED "$name" $((SECONDS - start)) "$counts"
        fi
    done
    [ $found -eq 1 ] || row FAILED suites 0 "there are no GPU suites in $build/tests"
}

# 200 short messages of 400 words, so that the table of embeddings has 8-bit state.
small_corpus() {
    awk 'BEGIN {
        srand(1)
        print "type,text"
        for (i = 0; i < 200; ++i) {
            text = ""
            for (j = 0; j < 3 + i % 9; ++j) text = text (j ? " " : "") "word" int(rand() * 400)
            printf "%s,\"%s\"\n", i % 5 ? "ham" : "spam", text
        }
    }'
}

run_sanitizer() {
    local sanitizer name start status said
    sanitizer=$(command -v compute-sanitizer || ls "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" 2> /dev/null)
    if [ -z "$sanitizer" ]; then
        row skipped sanitizer 0 "compute-sanitizer is not installed"
        return
    fi
    small_corpus > "$work/data.csv"
    local -A pids
    start=$SECONDS
    # sanitize TOOL NAME UNITS BLOCK_SIZE WEIGHT_TYPE [VARIABLE=VALUE...]
    sanitize() {
        local tool=$1 name=$2 units=$3 block=$4 weights=$5
        shift 5
        env OCTET_ALLOCATOR=plain "$@" timeout -k 5 $sanitizer_limit "$sanitizer" --tool "$tool" \
            --log-file "$logs/$name.log" "$build/octet" train sms --data "$work/data.csv" --out "$work/$name" \
            --device cuda --epochs 1 --batch-size 50 --embedding 16 --hidden "$units" --min-freq 1 --state blockwise8 \
            --block-size "$block" --weight-dtype "$weights" --clip-norm 1 --threads 2 > "$logs/$name.out" 2>&1
    }
    # All at once: each is mostly one busy core. Our LSTM keeps weights of up to 64 units in registers alone, cuDNN has
    # those of more than 128; steps of blocks of 256 and of other sizes are different kernels, and those of bf16 weights.
    sanitize memcheck memcheck 136 256 fp32 & pids[memcheck]=$!
    sanitize memcheck memcheck-bf16 100 256 bf16 & pids[memcheck-bf16]=$!
    sanitize racecheck racecheck 100 4096 fp32 & pids[racecheck]=$!
    sanitize racecheck racecheck-bf16 64 256 bf16 & pids[racecheck-bf16]=$!
    sanitize initcheck initcheck 64 256 fp32 & pids[initcheck]=$!
    sanitize initcheck initcheck-bf16 136 4096 bf16 & pids[initcheck-bf16]=$!
    sanitize synccheck synccheck 100 4096 fp32 & pids[synccheck]=$!
    # That the tool sees our kernels at all: a fault planted in one of the tests' must be found.
    # cuDNN, where it is planted, has the LSTMs of more than 128 units.
    sanitize memcheck planted 136 256 fp32 LD_PRELOAD="$build/tests/libfaulty_cudnn.so" OCTET_FAULT=crash OCTET_FAULT_AT=2
    if python3 tests/cuda/sanitizer_findings.py "$logs/planted.log" tests/cuda/sanitizer_exclusions.txt > "$work/said" 2>&1 ||
        ! grep -q "Invalid __global__ write" "$work/said" || ! grep -q write_at "$logs/planted.log"; then
        row FAILED "planted fault" $((SECONDS - start)) "memcheck did not find it: $(tail -n 1 "$work/said")"
    else
        row ok "planted fault" $((SECONDS - start)) "found: $(grep -m 1 "Invalid __global__ write" "$work/said")"
    fi
    for name in memcheck memcheck-bf16 racecheck racecheck-bf16 initcheck initcheck-bf16 synccheck; do
        wait "${pids[$name]}"
        status=$?
        if [ $status -eq 124 ] || [ $status -eq 137 ]; then
            row FAILED "$name" $((SECONDS - start)) "its time was up"
            continue
        fi
        touch "$logs/$name.log"
        if said=$(python3 tests/cuda/sanitizer_findings.py "$logs/$name.log" tests/cuda/sanitizer_exclusions.txt 2>&1) &&
            [ $status -eq 0 ]; then
            row ok "$name" $((SECONDS - start)) "$said"
        else
            printf '%s\n' "$said" | head -n 60
            tail -n 5 "$logs/$name.out"
            row FAILED "$name" $((SECONDS - start)) "$(printf '%s\n' "$said" | tail -n 1), exit code $status"
        fi
    done
}

# bench NAME COMMAND...: shows what it prints.
bench() {
    local name=$1 start=$SECONDS status
    shift
    if [ $((bench_deadline - SECONDS)) -le 0 ]; then
        row FAILED "$name" 0 "no time was left"
        return
    fi
    echo "---- $name: $*"
    timeout -k 5 $((bench_deadline - SECONDS)) "$@" 2>&1 | tee "$logs/$name.log"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 0 ]; then
        row ok "$name" $((SECONDS - start)) "see above"
    else
        row FAILED "$name" $((SECONDS - start)) "exit code $status"
    fi
}

run_bench() {
    local torch sms=(tests/bench/sms_vs_torch.py --device cuda --epochs 6 --octet "$build/octet")
    bench_deadline=$((SECONDS + bench_limit))
    if torch=$(python3 -c 'import torch; torch.zeros(1, device="cuda")' 2>&1); then
        bench adam python3 tests/bench/optimizer_vs_torch.py --octet "$build/octet" --device cuda --rounds 2 \
            --states fp32,bf16,blockwise8,blockwise4 sms bert-base 1000000000
        bench imdb python3 tests/bench/imdb_vs_torch.py --build "$build" --states fp32
        if [ -e "${OCTET_GOLDEN:-}/sms_csv_spacy_tokens.jsonl.xz" ] && [ -e "${OCTET_DATA:-}/SMSSpamCollection" ]; then
            bench sms python3 "${sms[@]}" --data "$OCTET_DATA" --golden "$OCTET_GOLDEN"
        else
            row skipped sms 0 "SMSSpamCollection or sms_csv_spacy_tokens.jsonl.xz is not at hand"
        fi
    else
        row skipped "adam, imdb, sms" 0 "python3 has no PyTorch with CUDA: $(printf '%s' "$torch" | tail -n 1)"
    fi
    bench rules bash -c 'for rule in sgd momentum adamw lion rmsprop adagrad ademamix lamb lars adafactor muon; do
        "$0" bench optimizer --device cuda --optimizer $rule --state blockwise8 --params 1e8 --json; done' "$build/octet"
    bench ops "$build/octet" bench ops --device cuda
}

prepare_build
find_libraries
find_data
unset CI  # what is not at hand is skipped, and shows as such
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null || echo "nvidia-smi is not there"
"$build/octet" --version
echo
if wanted suites; then run_suites; fi
if wanted sanitizer; then run_sanitizer; fi
if wanted bench; then run_bench; fi
printf '\n%s\n' "---- gpu_check after $SECONDS s"
cat "$table"
exit $failed
