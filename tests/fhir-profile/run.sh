#!/usr/bin/env bash
# Validates Observations against FHIR R4 and its blood pressure profile, http://hl7.org/fhir/StructureDefinition/bp.
#
# usage: run.sh < OBSERVATIONS.ndjson
#
# Each line is validated against the profile, whether it names it or not, by HAPI FHIR's validator; no server is asked. Every
# error and warning counts but two recommendations, which ValidateBp.java names. Before that the validator proves that it
# accepts examples/sound.ndjson and refuses every line of examples/broken.ndjson.
#
# Exit: 0 all are valid, 1 one is not, or there is none, 2 the validator proves nothing. What is built lies in
# target/fhir-profile under the repository's root; only Maven as configured here is asked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$here/../../target/fhir-profile

. "$here/../lib.sh"
fail() { printf 'run.sh: %s\n' "$*" >&2; exit 2; }

# What was built, and from what: it is not built again from the same.
built_from() { cat "$here/pom.xml" "$here"/src/*.java | sha256sum; }

build() {
  need javac default-jdk-headless mvn maven
  rm -rf "$build"
  mkdir -p "$build"
  local log=$build/maven.log
  if ! mvn -B -f "$here/pom.xml" compile dependency:copy-dependencies >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    fail 'the validator cannot be built'
  fi
  built_from >"$build/.complete"
}

if [[ ! -f $build/.complete || $(built_from) != "$(<"$build/.complete")" ]]; then
  build
fi
exec java -Djava.awt.headless=true -cp "$build/classes:$build/lib/*" ValidateBp \
  "$here/examples/sound.ndjson" "$here/examples/broken.ndjson"
