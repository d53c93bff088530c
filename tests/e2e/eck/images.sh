# The images of ECK's operator, out of its Go module, and of an Elasticsearch that it can run, out of the lab's; and the operator's chart.
# To be sourced after tests/e2e/images.sh.
# shellcheck shell=bash disable=SC2154

readonly ECK_MODULE=github.com/elastic/cloud-on-k8s/v3 ECK_IMAGES=(eck-operator elasticsearch)

eck_version() { go_version_of eck "$ECK_MODULE"; }
eck_pins() {
  find "$here/eck" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat
  elasticsearch_pins
  go_pins eck
}

# eck_fetch DIR: the operator compiles while packages are got.
eck_fetch() {
  local name compiling
  need_go
  need javac default-jdk-headless
  mkdir "$1"/{eck-operator,elasticsearch,images}
  go_build eck "$ECK_MODULE/cmd" "$1/eck-operator/elastic-operator" \
    "-X $ECK_MODULE/pkg/about.version=$(eck_version)" "-X $ECK_MODULE/pkg/about.buildSnapshot=false" &
  compiling=$!
  buildah_tool
  java_image
  eck_elasticsearch "$1/elasticsearch"
  wait "$compiling"
  for name in "${ECK_IMAGES[@]}"; do
    image "$(eck_image "$name" "${1%.unfinished}")" "$here/eck/$name.Dockerfile" "$1/$name" "$1/images/$name.tar"
    rm -r "${1:?}/$name"
  done
  cp -r "$(eck_source)/deploy/eck-operator" "$1/chart"
}
eck_source() { (cd "$go_modules/eck" && GOTOOLCHAIN=auto GOWORK=off go list -mod=readonly -m -f '{{.Dir}}' "$ECK_MODULE"); }
eck_image() { printf 'localhost/lab/%s:%s' "$1" "${2##*/}"; } # NAME DIST

# eck_elasticsearch DIR: the distribution, and a module of what ECK expects and it lacks.
eck_elasticsearch() {
  local version distribution
  version=$(elasticsearch_version)
  distribution=$(dist_of elasticsearch)
  cp -r "$distribution" "$1/distribution"
  mkdir "$1/module"
  quietly "$dist/javac.log" javac --release 17 -cp "$distribution/lib/*" -d "$1/classes" "$here"/eck/module/*.java
  quietly "$dist/javac.log" jar --create --file "$1/module/eck.jar" -C "$1/classes" . -C "$here/eck/module" META-INF
  sed "s/@VERSION@/$version/" "$here/eck/module/plugin-descriptor.properties" >"$1/module/plugin-descriptor.properties"
}
