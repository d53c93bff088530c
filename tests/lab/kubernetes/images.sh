# Images made on this machine, without a registry and away from its own containers. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154

# buildah_here COMMAND ...: with the lab's own storage and configuration.
buildah_here() {
  local dir=$dist/buildah
  mkdir -p "$dir" "$NODE_STATE"
  printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$dir/storage" "$NODE_STATE/buildah" >"$dir/storage.conf"
  printf 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n' >"$dir/registries.conf"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$dir/policy.json"
  printf '{}\n' >"$dir/auth.json"
  CONTAINERS_STORAGE_CONF=$dir/storage.conf CONTAINERS_REGISTRIES_CONF=$dir/registries.conf REGISTRY_AUTH_FILE=$dir/auth.json \
    BUILDAH_ISOLATION=chroot buildah "$1" --signature-policy "$dir/policy.json" "${@:2}"
}

image() { # NAME DOCKERFILE DIR FILE: of what is in DIR
  say "making the image ${1##*/}"
  quietly "$dist/buildah.log" buildah_here bud --pull-never --quiet --tag "$1" --file "$2" "$3"
  quietly "$dist/buildah.log" buildah_here push --quiet "$1" "docker-archive:$4:$1"
}
