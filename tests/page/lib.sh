# What the scripts of the page's tests share: the browser, the packages, a scratch directory. To be sourced after tests/lib.sh.

binary() { # FILE -> its absolute path
  [[ -x $1 ]] || fail "$1 is not there: build it first, cargo build -p bpmonitor-local"
  readlink -f "$1"
}

get_browser() {
  need chromium chromium node nodejs npm npm sqlite3 sqlite3
}

# get_packages: the packages of package-lock.json, got again only where that has changed.
get_packages() {
  local stamp=$here/node_modules/.made-from
  cmp -s "$here/package-lock.json" "$stamp" && return
  local log
  log=$(mktemp)
  (cd "$here" && quietly "$log" npm ci --ignore-scripts --no-audit --no-fund)
  rm -f "$log"
  cp "$here/package-lock.json" "$stamp"
}

# in_scratch: `$scratch` is a directory that goes with this script; what programs leave behind they leave there.
in_scratch() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir "$scratch/home" "$scratch/tmp"
  export HOME=$scratch/home TMPDIR=$scratch/tmp
}

# limited SECONDS COMMAND ...: ended, with all it has started, after that time or when this script is.
limited() {
  timeout --kill-after=10 "$@" &
  local running=$!
  trap 'kill -TERM "$running" 2>/dev/null; wait "$running"' INT TERM
  wait "$running"
}
