#!/usr/bin/env bash
# Builds the images of the Dockerfile, with docker, podman or buildah.
#
# usage: images.sh [TARGET ...]      (operator, producer, classifier, cli; none: all)
#
# Variables, none of them needed:
#   TOOL           docker, podman or buildah; else the first of them that works
#   TAG            of the images; else the version in Cargo.toml
#   REGISTRY       in front of their names, as in registry.example.org/hospital
#   BASE, BUILDER  the images that they are built on and with; else the Dockerfile's
#   BINARIES_DIR   a directory with programs that are compiled already
#   BUILD_OPTIONS  further options of the tool, separated by white space
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"

readonly TARGETS=(operator producer classifier cli)

works() { # TOOL
  command -v "$1" >/dev/null || return 1
  [[ $1 == buildah ]] || "$1" info >/dev/null 2>&1
}
choose_tool() {
  local tool
  for tool in docker podman buildah; do
    if works "$tool"; then
      printf '%s' "$tool"
      return
    fi
  done
  fail "none of docker, podman and buildah works here: install one, and see that its service runs"
}

version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml"; }
revision() { git -C "$root" rev-parse HEAD 2>/dev/null || printf unknown; }

name_of() { # TARGET
  [[ $1 == cli ]] && printf bpmonitor || printf 'bpmonitor-%s' "$1"
}

build() { # TARGET
  local image options=() context=$root binaries=compiled
  image=${REGISTRY:+${REGISTRY%/}/}$(name_of "$1"):$tag
  [[ -z ${BASE:-} ]] || options+=(--build-arg "BASE=$BASE")
  [[ -z ${BUILDER:-} ]] || options+=(--build-arg "BUILDER=$BUILDER")
  if [[ -n ${BINARIES_DIR:-} ]]; then
    context=$BINARIES_DIR binaries=prebuilt
  fi
  # Always said: buildah and podman of some years ago do not find the stage by the default in the Dockerfile.
  options+=(--build-arg "BINARIES=$binaries")
  # As the others do by themselves: what one image compiled is there for the next.
  [[ $tool != buildah ]] || options+=(--layers)
  # shellcheck disable=SC2206 # they are several
  options+=(${BUILD_OPTIONS:-})
  "$tool" build --file "$root/Dockerfile" --target "$1" --tag "$image" --build-arg "VERSION=$tag" \
    --build-arg "REVISION=$(revision)" "${options[@]}" "$context"
  say "built $image"
}

(($# > 0)) || set -- "${TARGETS[@]}"
for target in "$@"; do
  [[ " ${TARGETS[*]} " == *" $target "* ]] || fail "no target $target: there are ${TARGETS[*]}"
done
tag=${TAG:-$(version)}
tool=${TOOL:-$(choose_tool)}
for target in "$@"; do
  build "$target"
done
