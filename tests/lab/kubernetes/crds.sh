# The custom resource definitions of what bp-monitor works with: how they are got and applied. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154
#
# Those of Strimzi and ECK are applied. Those of the Prometheus operator and KEDA, which not every cluster has, are for tests to apply.

readonly STRIMZI_TYPES=(kafka.Kafka connect.KafkaConnect podset.StrimziPodSet topic.KafkaTopic user.KafkaUser nodepool.KafkaNodePool
  bridge.KafkaBridge connector.KafkaConnector mirrormaker2.KafkaMirrorMaker2 rebalance.KafkaRebalance)

crds_version() { pom_property kubernetes/crds strimzi.version; }
crds_pins() { cat "$lab_scripts/kubernetes/crds.sh" "$lab_scripts/kubernetes/crds/pom.xml" && go_pins crds eck; }

# java_of VERSION: one that is at least that, on the PATH or below /usr/lib/jvm.
java_of() {
  local java version
  for java in java /usr/lib/jvm/*/bin/java; do
    [[ -x $(command -v "$java") ]] || continue
    version=$(java_version "$java")
    ((${version:-0} < $1)) || { printf '%s' "$java" && return; }
  done
  return 1
}

# strimzi_crds DIR: as Strimzi generates them; its generator needs a newer Java than the rest.
strimzi_crds() {
  local java type types=()
  need java default-jre-headless mvn maven
  java=$(java_of 21) || get_packages_of_debian openjdk-21-jre-headless
  java=$(java_of 21) || fail "no Java 21 or newer is on the PATH or below /usr/lib/jvm, and Strimzi's generator needs one"
  quietly "$dist/maven.log" mvn -B -C -f "$lab_scripts/kubernetes/crds/pom.xml" "$MAVEN_DEPENDENCY_PLUGIN:copy-dependencies" \
    -DincludeScope=runtime -DoutputDirectory="$1.lib"
  for type in "${STRIMZI_TYPES[@]}"; do
    types+=("io.strimzi.api.kafka.model.$type=$1/${type#*.}.yaml")
  done
  quietly "$dist/crds.log" "$java" -cp "$1.lib/*" io.strimzi.crdgenerator.CrdGenerator --label app:strimzi \
    --label strimzi.io/crd-install:true --target-kube 1.16+ --crd-api-version v1 --api-versions v1 --storage-version v1 --yaml "${types[@]}"
  rm -r "$1.lib"
}

# go_module_files DIR PINS MODULE FILE ...: files of a module, whose version and checksum are in go/PINS.
go_module_files() {
  local dir=$1 pins=$2 module=$3 source file
  shift 3
  source=$(cd "$go_modules/$pins" && GOTOOLCHAIN=auto GOFLAGS=-mod=mod go mod download -json "$module" 2>"$dist/go.log" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  [[ -d $source ]] || { cat "$dist/go.log" >&2 && fail "not downloaded: $module"; }
  for file in "$@"; do
    install -m 644 "$source/$file" "$dir"
  done
}

crds_fetch() { # DIR
  need_go
  mkdir "$1"/{strimzi,eck,prometheus-operator,keda}
  say "generating the CRDs"
  strimzi_crds "$1/strimzi"
  go_module_files "$1/eck" eck github.com/elastic/cloud-on-k8s/v3 config/crds/v1/all-crds.yaml
  go_module_files "$1/prometheus-operator" crds github.com/prometheus-operator/prometheus-operator \
    example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml
  go_module_files "$1/keda" crds github.com/kedacore/keda/v2 config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml
}

crds_names() { sed -n 's/^  name: \([a-z0-9.]*\)$/\1/p' "$1"/{strimzi,eck}/*.yaml; } # DIST

crds_applied() {
  local target name there
  target=$(dist_of crds)
  [[ -f $run/kube-apiserver/crds && $(<"$run/kube-apiserver/crds") == "$target" ]] || return 1
  there=$(kubernetes_get kube-apiserver /apis/apiextensions.k8s.io/v1/customresourcedefinitions \
    -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1') || return 1
  for name in $(crds_names "$target"); do
    [[ $there == *"\"name\":\"$name\""* ]] || return 1
  done
}

crds_apply() {
  local target
  target=$(dist_of crds)
  quietly "$run/kube-apiserver/crds.log" "$run/bin/kubectl" apply --server-side --force-conflicts --field-manager lab \
    -f "$target/strimzi" -f "$target/eck"
  quietly "$run/kube-apiserver/crds.log" "$run/bin/kubectl" wait --for condition=Established --timeout 60s \
    -f "$target/strimzi" -f "$target/eck"
  printf '%s\n' "$target" >"$run/kube-apiserver/crds"
}
