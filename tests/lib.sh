# What the scripts of the tests share: saying, failing, and getting the commands they need. To be sourced.

readonly GO_VERSION=1.26.0

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# need COMMAND PACKAGE ...: has each command, by apt-get where it is missing and that can be done.
need() {
  local missing=()
  while (($# > 0)); do
    command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  ((${#missing[@]} == 0)) || get_packages_of_debian "${missing[@]}"
}

# get_packages_of_debian PACKAGE ...: by apt-get, where that can be done.
get_packages_of_debian() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    fail "install first: $* (Debian's names)"
  fi
  say "installing: $*"
  if [[ -z ${apt_updated:-} ]]; then
    apt-get update -qq
    apt_updated=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need_go: Go that gets the version a go.mod asks for by itself, as it does from 1.21 on. Debian's own may be older: then it gets one
# that does, as a module, out of which the rights to run it have been lost.
need_go() {
  need go golang-go
  local version root
  version=$(go env GOVERSION)
  version=${version#go1.}
  ((${version%%.*} < 21)) || return 0
  say "getting Go $GO_VERSION"
  root=$(cd / && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$(go env GOARCH)" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  [[ -d $root ]] || fail "Go 1.21 or newer is needed, and could not be got"
  chmod +x "$root"/bin/* "$root"/pkg/tool/*/*
  export PATH=$root/bin:$PATH
}

# quietly LOG COMMAND ...: its output is shown only when it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "failed: $1"
  }
}
