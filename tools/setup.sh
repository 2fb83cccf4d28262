#!/usr/bin/env bash
# Installs the Debian 12 packages that octet builds with. Does nothing when all are there.
#   tools/setup.sh [--lint]     --lint: clang-format and clang-tidy as well
set -euo pipefail

packages=(
    g++ cmake ninja-build pkg-config
    libeigen3-dev      # CPU matrix products
    libhwy-dev         # SIMD with run-time dispatch
    libcli11-dev       # command line
    nlohmann-json3-dev # logs, safetensors headers
    libfmt-dev         # text
    libarchive-dev     # zip, gz, xz, tar input
    libcurl4-openssl-dev ca-certificates # octet data fetch
    nettle-dev         # SHA-256
    libutf8proc-dev    # Unicode
    doctest-dev        # tests
)
for argument in "$@"; do
    case "$argument" in
        --lint) packages+=(clang-format clang-tidy) ;;
        -h | --help)
            sed -n '2,3s/^# *//p' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *)
            echo "setup: unknown argument '$argument'; known: --lint" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
    echo "setup: this is not a Debian system; install the counterparts of: ${packages[*]}" >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "setup: all ${#packages[@]} packages are installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "setup: packages are missing; run this, then try again:" >&2
    echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
echo "setup: done"
