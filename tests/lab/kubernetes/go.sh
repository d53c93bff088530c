# Programs built of Go modules, whose versions the go.mod and go.sum below go/ pin. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154

readonly go_modules=$lab_scripts/kubernetes/go

# go_pins DIR ...: what makes up what is built of these.
go_pins() {
  local dir
  for dir in "$@"; do
    cat "$go_modules/$dir"/*
  done
  cat "$lab_scripts/kubernetes/go.sh"
}

go_version_of() { sed -n "s:^[[:space:]]*$2 v\([^ ]*\).*:\1:p" "$go_modules/$1/go.mod"; } # DIR MODULE

# go_build DIR PACKAGE FILE [LINKER OPTION ...]: static, and the same wherever it is built.
go_build() {
  local dir=$1 package=$2 file=$3
  shift 3
  say "building ${file##*/}"
  (
    cd "$go_modules/$dir"
    export CGO_ENABLED=0 GOTOOLCHAIN=auto GOWORK=off GOFLAGS='-trimpath -buildvcs=false -mod=readonly'
    quietly "$dist/go.log" go build -ldflags "-s -w $*" -o "$file" "$package"
  )
}

kubernetes_version() { go_version_of kube k8s.io/kubernetes; }

# kubernetes_build NAME DIR: a command of Kubernetes itself, which says its version.
kubernetes_build() {
  local version minor package options=()
  version=$(kubernetes_version)
  minor=${version#1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    options+=("-X $package.gitVersion=v$version" "-X $package.gitMajor=1" "-X $package.gitMinor=${minor%%.*}"
      "-X $package.gitCommit=unknown" "-X $package.gitTreeState=clean" "-X $package.buildDate=1970-01-01T00:00:00Z")
  done
  go_build kube "k8s.io/kubernetes/cmd/$1" "$2/$1" "${options[@]}"
}

# helm_build DIR: which takes the cluster for one of this version, where it is not told.
helm_build() {
  local helm=helm.sh/helm/v3 version minor package options=()
  version=$(kubernetes_version)
  minor=${version#1.}
  for package in pkg/lint/rules pkg/chartutil; do
    options+=("-X $helm/$package.k8sVersionMajor=1" "-X $helm/$package.k8sVersionMinor=${minor%%.*}")
  done
  go_build helm "$helm/cmd/helm" "$1/helm" "-X $helm/internal/version.version=v$(go_version_of helm "$helm")" "${options[@]}"
}

kubernetes_pins() { go_pins etcd kube helm; }

kubernetes_fetch() { # DIR
  local name
  need_go
  mkdir "$1/bin"
  go_build etcd go.etcd.io/etcd/server/v3 "$1/bin/etcd"
  for name in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
    kubernetes_build "$name" "$1/bin"
  done
  helm_build "$1/bin"
}
