# What `make kind-up` needs of this machine, and how to get it. To be sourced after tests/lib.sh.
# shellcheck shell=bash

readonly MEMORY_GIB=7 # of the 8 that Docker is given, it keeps some for itself
readonly INOTIFY_WATCHES=524288 INOTIFY_INSTANCES=512

lacking=()
lacks() { lacking+=("$1"); }

require_command() { # COMMAND HOW-TO-GET-IT
  command -v "$1" >/dev/null || lacks "$1: $2"
}

# container_tool: docker or podman, the first that works.
container_tool() {
  local tool
  for tool in docker podman; do
    if command -v "$tool" >/dev/null && "$tool" info >/dev/null 2>&1; then
      printf '%s' "$tool"
      return
    fi
  done
}

# memory_of TOOL: in bytes, what its containers may have.
memory_of() {
  case $1 in
  docker) docker info --format '{{.MemTotal}}' ;;
  podman) podman info --format '{{.Host.MemTotal}}' ;;
  esac
}

require_container_tool() {
  local bytes
  tool=$(container_tool)
  if [[ -z $tool ]]; then
    lacks "docker or podman, running: https://docs.docker.com/get-started/get-docker/; where it is installed, start it, and see that you may use it ('docker info')"
    return
  fi
  [[ $tool != podman ]] || export KIND_EXPERIMENTAL_PROVIDER=podman
  bytes=$(memory_of "$tool")
  ((bytes >= MEMORY_GIB * 1024 ** 3)) ||
    lacks "memory: $tool has $((bytes / 1024 ** 2)) MiB, and 8 GiB are needed: give its virtual machine more (Docker Desktop: Settings, Resources; podman: podman machine set --memory 8192)"
}

# require_kernel KEY LEAST: where this machine's own kernel runs the node.
require_kernel() {
  local file=/proc/sys/${1//.//}
  [[ ! -r $file ]] || (($(<"$file") >= $2)) || lacks "$1: $(<"$file") is too little for Kubernetes in a container: sudo sysctl -w $1=$2"
}

# requirements: fails with everything that is missing at once.
requirements() {
  require_container_tool
  require_command kind "https://kind.sigs.k8s.io/docs/user/quick-start/#installation (0.30 or newer)"
  require_command kubectl "https://kubernetes.io/docs/tasks/tools/"
  require_command helm "https://helm.sh/docs/intro/install/ (3.14 or newer)"
  require_kernel fs.inotify.max_user_watches "$INOTIFY_WATCHES"
  require_kernel fs.inotify.max_user_instances "$INOTIFY_INSTANCES"
  ((${#lacking[@]} == 0)) && return
  say "missing on this machine:" >&2
  printf '  - %s\n' "${lacking[@]}" >&2
  exit 1
}
