#!/usr/bin/env bash
# What building and testing everything needs beside Rust and C: OpenSSL's headers for Kafka's client; libfaketime, with which a test
# lets the clock jump; Go, to build the Kubernetes that is tested on; shellcheck.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need pkg-config pkg-config faketime faketime shellcheck shellcheck
pkg-config --exists openssl || get_packages_of_debian libssl-dev
need_go
