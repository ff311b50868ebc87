#!/bin/sh
# Installs the real servers that the tests start: Chromium and Prometheus, from Debian's packages.
# Where that cannot be done it says so, and the tests that need them are skipped with the reason
# (except in CI, where a skipped test is a failure).
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    # The server is started by the tests alone, never as a service of the machine.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed:$missing. As root on Debian: apt-get install$missing"
fi
