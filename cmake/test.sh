#!/usr/bin/env bash
# Installs what the tests need, builds everything and runs every test. The last line is the test runner's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/packages.sh test
cmake --preset dev
cmake --build --preset dev
exec ctest --preset dev --parallel "$(nproc)"
