#!/usr/bin/env bash
# Real FHIR to test with: gets the official R4 examples, a Synthea population and HL7's own test cases.
#
# usage: get.sh [DIR]            (DIR: target/real-data under the repository's root)
#
#   DIR/r4-examples     npm hl7.fhir.r4.examples: the examples of the R4 specification, one resource or Bundle per file
#   DIR/synthea/bulk    Synthea, bulk export: one NDJSON file per resource type, living patients only
#   DIR/synthea/bundles Synthea, other patients: one pretty-printed transaction Bundle each, with urn:uuid references
#   DIR/hl7-testcases   Maven org.hl7.fhir.testcases:fhir-test-cases: every *.json, the broken ones too
#
# A set that is complete has a file `.complete` which names what it was made from; it is not made again. What is
# unfinished lies in DIR/.unfinished-* and never looks like a set. Only npm and Maven as configured here are asked.
set -euo pipefail

readonly R4_PACKAGE=hl7.fhir.r4.examples R4_VERSION=4.0.1
readonly R4_SHA256=dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682
readonly CASES_VERSION=1.7.0
readonly CASES_SHA256=cf06bc5dc03275940f301659b04d1a94cd5d5501b7e8c1291e765a6599fccccb
readonly SYNTHEA_VERSION=3.3.0
readonly MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly PATIENTS=64 BUNDLE_PATIENTS=10 YEARS=10 LAST_DAY=20240630 SEED=8480

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/lib.sh"
dir=${1:-$root/target/real-data}
unfinished=
cleanup() { if [[ -n $unfinished ]]; then rm -rf "$unfinished"; fi; }
trap cleanup EXIT

check_sum() { # FILE SHA256
  printf '%s  %s\n' "$2" "$1" | sha256sum --check --status || fail "$(basename "$1") is not the file that was pinned"
}

size() { # DIRECTORY -> "N files, N bytes"
  find "$1" -type f ! -name .complete -printf '%s\n' | awk '{ n++; b += $1 } END { printf "%d files, %d bytes\n", n, b }'
}

# make_set NAME RECIPE FUNCTION: runs FUNCTION with an empty directory for the set and one for scratch, unless the
# set of this very recipe is there.
make_set() {
  local name=$1 recipe=$2 make=$3 stamp=$dir/$1/.complete started=$SECONDS
  if [[ -f $stamp && $(head -n 1 "$stamp") == "$recipe" ]]; then
    say "$name: $(tail -n 1 "$stamp") (there already)"
    return
  fi
  unfinished=$(mktemp -d "$dir/.unfinished-XXXXXX")
  mkdir "$unfinished/set" "$unfinished/scratch"
  "$make" "$unfinished/set" "$unfinished/scratch"
  chmod -R u+rwX,go+rX "$unfinished/set"
  printf '%s\n%s\n' "$recipe" "$(size "$unfinished/set")" >"$unfinished/set/.complete"
  rm -rf "${dir:?}/$name"
  mv "$unfinished/set" "$dir/$name"
  rm -rf "$unfinished"
  unfinished=
  say "$name: $(tail -n 1 "$stamp") in $((SECONDS - started)) s"
}

make_r4_examples() { # SET SCRATCH
  need npm npm
  (
    cd "$2"
    quietly npm.log npm pack --silent "$R4_PACKAGE@$R4_VERSION"
    check_sum "$R4_PACKAGE-$R4_VERSION.tgz" "$R4_SHA256"
    tar -xzf "$R4_PACKAGE-$R4_VERSION.tgz" --no-same-owner
  )
  # the package's own description is no FHIR
  find "$2/package" -name '*.json' ! -name package.json ! -name '.*' -exec mv -t "$1" {} +
}

make_hl7_testcases() { # SET SCRATCH
  need java default-jdk-headless mvn maven python3 python3
  (
    cd "$2"
    quietly maven.log mvn -B "$MAVEN_DEPENDENCY_PLUGIN:get" -Dtransitive=false \
      -Dartifact="org.hl7.fhir.testcases:fhir-test-cases:$CASES_VERSION"
    quietly maven.log mvn -B "$MAVEN_DEPENDENCY_PLUGIN:copy" -DoutputDirectory="$2" \
      -Dartifact="org.hl7.fhir.testcases:fhir-test-cases:$CASES_VERSION"
    check_sum "fhir-test-cases-$CASES_VERSION.jar" "$CASES_SHA256"
  )
  python3 - "$2/fhir-test-cases-$CASES_VERSION.jar" "$1" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as jar:
    for entry in jar.infolist():
        if entry.filename.endswith(".json"):
            jar.extract(entry, sys.argv[2])
PYTHON
}

# synthea OUTPUT PATIENTS SEED OPTION ...: in the directory of the jars. One thread, for the same order each time.
synthea() {
  local output=$1 patients=$2 seed=$3
  shift 3
  quietly synthea.log java -Xmx3g -Djava.awt.headless=true -Duser.timezone=America/New_York -Duser.language=en \
    -Duser.country=US -cp 'lib/*' App -s "$seed" -cs "$seed" -r "$LAST_DAY" -e "$LAST_DAY" -p "$patients" \
    --exporter.baseDirectory="$output" --exporter.years_of_history="$YEARS" --exporter.fhir.export=true \
    --exporter.fhir.excluded_resources=Claim,ExplanationOfBenefit --exporter.hospital.fhir.export=false \
    --exporter.practitioner.fhir.export=false --exporter.metadata.export=false --generate.thread_pool_size=1 "$@"
}

make_synthea() { # SET SCRATCH
  need java default-jdk-headless mvn maven
  cat >"$2/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>real-data</groupId><artifactId>synthea-run</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.mitre.synthea</groupId><artifactId>synthea</artifactId><version>$SYNTHEA_VERSION</version>
    </dependency>
  </dependencies>
</project>
POM
  (
    cd "$2"
    quietly maven.log mvn -B "$MAVEN_DEPENDENCY_PLUGIN:copy-dependencies" -DincludeScope=runtime -DoutputDirectory=lib
    synthea bulk "$PATIENTS" "$SEED" --exporter.fhir.bulk_data=true --generate.only_alive_patients=true
    synthea bundles "$BUNDLE_PATIENTS" "$((SEED + 1))" --exporter.pretty_print=true
  )
  mv "$2/bulk/fhir" "$1/bulk"
  mv "$2/bundles/fhir" "$1/bundles"
  rm -f "$1/bulk/parameters.json" # says when it was made and from where, nothing of a patient
  local patients
  patients=$(wc -l <"$1/bulk/Patient.ndjson")
  ((patients >= 60)) || fail "Synthea made $patients patients, 60 are needed"
  ((patients == $(grep -c '"resourceType":"Patient"' "$1/bulk/Patient.ndjson"))) || fail 'Patient.ndjson is not one Patient per line'
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
make_set r4-examples "$R4_PACKAGE $R4_VERSION" make_r4_examples
make_set hl7-testcases "fhir-test-cases $CASES_VERSION" make_hl7_testcases
make_set synthea "synthea $SYNTHEA_VERSION, $PATIENTS + $BUNDLE_PATIENTS patients, $YEARS years to $LAST_DAY, seed $SEED" make_synthea
