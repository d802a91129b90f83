#!/usr/bin/env bash
# The Debian packages that Tidelog is built, tested and checked with: the one list, for people, CI and packaging.
#
#   bash cmake/packages.sh [build|test|check]            install what is missing (silent when nothing is)
#   bash cmake/packages.sh --list [build|test|check]     print the names
#
# build: to build and use it. test: that, and to run the tests. check: that, and clang for analysis and fuzzing.
set -euo pipefail

build=(build-essential cmake ninja-build ccache pkg-config
  libasio-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev libexpected-dev nlohmann-json3-dev
  zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev libre2-dev libisal-dev libevent-dev libsystemd-dev libjemalloc-dev
  libbenchmark-dev kcat)
test=(lld libgtest-dev libgmock-dev librdkafka-dev python3)
check=(clang libclang-rt-14-dev clang-format clang-tidy git)

listing=no
if [ "${1:-}" = --list ]; then listing=yes; shift; fi
case "${1:-build}" in
  build) packages=("${build[@]}") ;;
  test) packages=("${build[@]}" "${test[@]}") ;;
  check) packages=("${build[@]}" "${test[@]}" "${check[@]}") ;;
  *) echo "packages.sh: build, test or check is wanted, not $1" >&2; exit 2 ;;
esac
if [ $listing = yes ]; then printf '%s\n' "${packages[@]}"; exit; fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages.sh: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
