# The project's images on the lab's node: built by the project's own Dockerfile, on a base and by a builder made of Debian's packages.
# To be sourced after tests/lab/lab.sh.
# shellcheck shell=bash disable=SC2154

# What gcr.io/distroless/cc-debian12 has of them, and no shell. Programs that are not compiled for images need zlib besides.
E2E_BASE_PACKAGES=base-files,libc6,libgcc-s1,libssl3,ca-certificates,tzdata${BINARIES_DIR:+,zlib1g}
E2E_BASE=localhost/lab/base:1${BINARIES_DIR:+-zlib}

# What docker.io/library/rust has of them, as far as compiling needs it. Rust itself is the one that is here, and so are the certificates: who
# reaches the crates' registry through a proxy has it trusted here.
E2E_BUILDER_PACKAGES=ca-certificates,gcc,g++,libc6-dev,libssl-dev,make,pkg-config

# buildah_tool: a buildah that keeps to the lab's own storage, for deploy/images.sh.
buildah_tool() {
  buildah_here images --quiet >/dev/null 2>&1 || true # writes its configuration
  export CONTAINERS_STORAGE_CONF=$dist/buildah/storage.conf CONTAINERS_REGISTRIES_CONF=$dist/buildah/registries.conf
  export REGISTRY_AUTH_FILE=$dist/buildah/auth.json BUILDAH_ISOLATION=chroot
  # Where its caches of a build are; what was compiled is there for the next one.
  mkdir -p "$dist/buildah/tmp"
  export TMPDIR=$dist/buildah/tmp
}

# debian_image IMAGE PACKAGES OPTION ...: of Debian's packages, without a registry; the options are mmdebstrap's. After buildah_tool.
debian_image() {
  local container
  ! buildah inspect --type image "$1" >/dev/null 2>&1 || return 0
  need mmdebstrap mmdebstrap
  say "making the image ${1##*/} of Debian's packages"
  # shellcheck disable=SC2016 # the hook's own $1
  quietly "$dist/mmdebstrap.log" mmdebstrap --include="$2" "${@:3}" \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/usr/share/doc/* "$1"/usr/share/man/*' \
    bookworm "$dist/base.tar"
  container=$(buildah from --signature-policy "$dist/buildah/policy.json" scratch)
  quietly "$dist/buildah.log" buildah add --quiet "$container" "$dist/base.tar" /
  quietly "$dist/buildah.log" buildah commit --signature-policy "$dist/buildah/policy.json" --quiet --rm "$container" "$1"
  rm "$dist/base.tar"
}

# java_image: what servers as pods are built on.
java_image() { debian_image localhost/lab/java:1 default-jre-headless,netcat-openbsd,curl,procps --variant=minbase; }

# e2e_base: what the Dockerfile calls BASE. No package's script runs, so the certificates are put together here.
e2e_base() {
  # shellcheck disable=SC2016 # the hook's own $1
  debian_image "$E2E_BASE" "$E2E_BASE_PACKAGES" --variant=extract \
    --customize-hook='cat "$1"/usr/share/ca-certificates/mozilla/*.crt >"$1"/etc/ssl/certs/ca-certificates.crt'
}

# e2e_builder: what the Dockerfile calls BUILDER; its name goes to E2E_BUILDER.
e2e_builder() {
  local rust
  rust=$(rustc --print sysroot)
  E2E_BUILDER=localhost/lab/builder:$(rustc --version | cut -d ' ' -f 2)
  # shellcheck disable=SC2016 # the hook's own $1
  debian_image "$E2E_BUILDER" "$E2E_BUILDER_PACKAGES" --variant=minbase \
    --customize-hook="cp -a '$rust/bin' '$rust/lib'"' "$1/usr/local/"' \
    --customize-hook='cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"'
}

# e2e_build TAG BINARIES-DIR: the images, in the node; without a directory the Dockerfile compiles the programs, in 15 minutes the first time.
e2e_build() {
  local name archive=$run/image.tar
  buildah_tool
  e2e_base
  [[ -n $2 ]] || e2e_builder
  TOOL=buildah TAG=$1 REGISTRY=localhost BASE=$E2E_BASE BUILDER=${E2E_BUILDER:-} BINARIES_DIR=$2 \
    BUILD_OPTIONS="--signature-policy $dist/buildah/policy.json --pull-never --quiet" \
    quietly "$dist/buildah.log" "$root/deploy/images.sh"
  for name in bpmonitor-operator bpmonitor-producer bpmonitor-classifier bpmonitor; do
    rm -f "$archive"
    quietly "$dist/buildah.log" buildah push --signature-policy "$dist/buildah/policy.json" --quiet "localhost/$name:$1" \
      "docker-archive:$archive:localhost/$name:$1"
    node_take "$archive"
  done
  rm -f "$archive"
  quietly "$dist/buildah.log" buildah rmi --prune --force
}

# e2e_tag TAG ANOTHER: the images of the workloads and the operator are in the node under another tag too.
e2e_tag() {
  local name
  for name in bpmonitor-operator bpmonitor-producer bpmonitor-classifier; do
    node_ctr images tag --force "localhost/$name:$1" "localhost/$name:$2"
  done
}

# e2e_sizes TAG: of each image, over the base; less than what was promised.
e2e_sizes() {
  local base name size
  buildah_tool
  base=$(image_size "$E2E_BASE")
  for name in bpmonitor-operator bpmonitor-producer bpmonitor-classifier bpmonitor; do
    size=$(image_size "localhost/$name:$1")
    say "image $name: $(((size - base) / 1000000)) MB over a base of $((base / 1000000)) MB"
    ((size - base < 60000000)) || fail "the image $name is to be less than 60 MB over its base"
  done
}
image_size() { # IMAGE: in bytes, of what buildah rounds to a tenth of a megabyte
  local size
  size=$(buildah images --noheading --format '{{.Size}}' "$1")
  size=${size/ /}
  numfmt --from=si "${size%B}"
}
