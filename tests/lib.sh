# What the scripts of the tests share: saying, failing, and getting the commands they need. To be sourced.

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

# quietly LOG COMMAND ...: its output is shown only when it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "failed: $1"
  }
}
