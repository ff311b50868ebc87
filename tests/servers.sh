#!/bin/sh
# Installs the real servers and tools that the tests start: Chromium, Prometheus, Alertmanager, Podman, Java and Maven
# from Debian's packages; with Maven the Apache Kafka that tests/kafka/pom.xml names, into .servers/kafka; and Kustomize.
# Where that cannot be done it says so, and the tests that need them are skipped with the reason
# (except in CI, where a skipped test is a failure).
set -eu
cd "$(dirname "$0")/.."

missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
command -v amtool >/dev/null 2>&1 || missing="$missing prometheus-alertmanager"
command -v podman >/dev/null 2>&1 || missing="$missing podman"
command -v java >/dev/null 2>&1 || missing="$missing default-jre-headless"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"

if [ -z "$missing" ]; then
    :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    # The servers are started by the tests alone, never as services of the machine.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed:$missing. As root on Debian: apt-get install$missing"
fi

# kubectl has a Kustomize inside. Debian packs neither, so Go builds it; v5.8.1 is the newest that Go 1.26 can.
if ! command -v kustomize >/dev/null 2>&1 && ! command -v kubectl >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v go >/dev/null 2>&1; then
        echo "Installing for the tests: kustomize"
        CGO_ENABLED=0 GOBIN=/usr/local/bin GOFLAGS=-buildvcs=false go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
    else
        echo "Not installed: kustomize. With Go: go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"
    fi
fi

kafka=.servers/kafka
resolved="$kafka/.resolved"
[ ! -e "$resolved" ] || [ tests/kafka/pom.xml -nt "$resolved" ] || exit 0
command -v mvn >/dev/null 2>&1 || exit 0
echo "Fetching Apache Kafka for the tests"
rm -rf "$kafka"
if mvn --batch-mode --quiet --file tests/kafka/pom.xml dependency:copy-dependencies; then
    touch "$resolved"
else
    rm -rf "$kafka" # half of the jars would start and fail later
    echo "Apache Kafka was not fetched; the tests that need it are skipped"
fi
