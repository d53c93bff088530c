# The node of the lab's Kubernetes, a part for each of its programs: how they are got, set up, started, asked and ended. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154
#
# It runs pods on this machine: containerd and runc of Debian, kubelet and kube-proxy, and in pods a DNS server and the provisioner of volumes.
# The names of its network and its cgroup are fixed, so there can be one on a machine. It pulls no image: what a pod is to run is imported.

readonly NODE=(containerd kubelet kube-proxy api-relay)
readonly NODE_STATE=/run/bpmonitor-lab NODE_CGROUP=/bpmonitor-lab NODE_LINK=bpm-node PODS_LINK=bpm-pods NODE_CHAIN=BPMONITOR-LAB
readonly NODE_IMAGES=(pause coredns local-path busybox)

node_version() { kubernetes_version; }
node_pins() {
  cat "$lab_scripts"/kubernetes/node/* "$lab_scripts/kubernetes/images.sh"
  go_pins kube coredns local-path pause
}
node_tag() { # DIST: of the images
  printf '%s' "${1##*-}"
}

node_packages() {
  [[ $(id -u) == 0 ]] || fail "the node needs root, for it runs containers"
  need containerd containerd runc runc iptables iptables conntrack conntrack ipset ipset socat socat ip iproute2 \
    sysctl procps buildah buildah busybox busybox-static
  [[ -x /usr/lib/cni/bridge ]] || get_packages_of_debian containernetworking-plugins
}

node_fetch() { # DIR
  local name
  need_go
  node_packages
  mkdir "$1"/{bin,images}
  for name in kubelet kube-proxy; do
    kubernetes_build "$name" "$1/bin"
  done
  go_build coredns lab.invalid/coredns "$1/bin/coredns"
  go_build local-path github.com/rancher/local-path-provisioner "$1/bin/local-path"
  go_build pause lab.invalid/pause "$1/bin/pause"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for name in "${NODE_IMAGES[@]}"; do
    image "localhost/lab/$name:$(node_tag "${1%.unfinished}")" "$lab_scripts/kubernetes/node/$name.Dockerfile" "$1/bin" "$1/images/$name.tar"
  done
}

# node_claim: one lab at a time has the node; one that has lost it without an end is cleared away.
node_claim() {
  local owner=$run part
  if [[ -f $NODE_STATE/lab ]]; then
    owner=$(<"$NODE_STATE/lab")
  elif iptables-save | grep -q KUBE-SERVICES; then
    fail "another Kubernetes has a node on this machine, and their networks would mix"
  fi
  if [[ $owner != "$run" ]]; then
    for part in "${NODE[@]}"; do
      (run=$owner && gone "$part") || fail "the node of the lab ${owner%/run} is up, and there can be one on a machine: end that"
    done
    (run=$owner && node_clear)
  fi
  mkdir -p "$NODE_STATE"
  printf '%s\n' "$run" >"$NODE_STATE/lab"
}

# node_network: the node's address, and a sink: nothing for the cluster's ranges leaves the machine while no pod or service is there.
# Pods reach each other and this machine, and nothing outside.
node_network() {
  ip link show "$NODE_LINK" >/dev/null 2>&1 || ip link add "$NODE_LINK" type bridge
  ip address replace "$NODE_ADDRESS/32" dev "$NODE_LINK"
  ip link set "$NODE_LINK" up
  ip route replace "$SERVICES" dev "$NODE_LINK" src "$NODE_ADDRESS"
  ip route replace "$PODS" dev "$NODE_LINK" src "$NODE_ADDRESS"
  modprobe br_netfilter 2>/dev/null || true # where it is built in, there is no module
  sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
  iptables -w -N "$NODE_CHAIN" 2>/dev/null || true
  iptables -w -F "$NODE_CHAIN"
  iptables -w -A "$NODE_CHAIN" -i "$PODS_LINK" -o "$PODS_LINK" -j RETURN
  iptables -w -A "$NODE_CHAIN" -i "$PODS_LINK" -j REJECT
  iptables -w -C FORWARD -j "$NODE_CHAIN" 2>/dev/null || iptables -w -I FORWARD -j "$NODE_CHAIN"
}

node_common() {
  node_claim
  node_network
}

# node_cgroup: on cgroup v1 in each hierarchy, on v2 in the one.
node_cgroup() {
  local hierarchy file
  for hierarchy in $(node_hierarchies); do
    mkdir -p "$hierarchy$NODE_CGROUP"
    for file in cpuset.cpus cpuset.mems; do # empty at first on v1: then nothing can run in it
      [[ $hierarchy != */cpuset ]] || cat "$hierarchy/$file" >"$hierarchy$NODE_CGROUP/$file"
    done
  done
}
node_hierarchies() { findmnt -rno TARGET -t cgroup,cgroup2 | grep '^/sys/fs/cgroup'; }

node_prepare() { # PART DIST
  node_packages
  locked node node_common
  case $1 in
  containerd)
    mkdir -p "$run/containerd"/{cni,registries/_default}
    node_cni >"$run/containerd/cni/lab.conflist"
    printf 'server = "http://127.0.0.1:9"\n' >"$run/containerd/registries/_default/hosts.toml"
    containerd_toml "$2" >"$run/containerd/containerd.toml"
    ;;
  kubelet)
    mkdir -p "$run/kubelet"/{root,logs,plugins}
    printf '# none: pods ask the DNS server of the cluster\n' >"$run/kubelet/resolv.conf"
    kubelet_yaml >"$run/kubelet/kubelet.yaml"
    node_cgroup
    ;;
  kube-proxy)
    kube_proxy_yaml >"$run/kube-proxy/kube-proxy.yaml"
    ;;
  esac
}

node_apply() { # DIST
  local tag
  tag=$(node_tag "$1")
  cat "$lab_scripts"/kubernetes/node/*.yaml | sed "s:@TAG@:$tag:g; s:@DNS@:$DNS_SERVICE:g; s:@VOLUMES@:$run/kubelet/volumes:g" >"$run/kube-proxy/addons.yaml"
  quietly "$run/kube-proxy/addons.log" "$run/bin/kubectl" apply --server-side --force-conflicts --field-manager lab -f "$run/kube-proxy/addons.yaml"
}

node_start() { # PART DIST
  local log options program=$2/bin/$1
  log=$(node_log "$1")
  cd "$run/$1" || return
  [[ ! -f $log ]] || mv "$log" "$log.1"
  case $1 in
  containerd) program=containerd ;;
  api-relay) program=socat ;;
  kubelet) await_parts kube-apiserver containerd && await 60 node_imported ;;
  kube-proxy) await_parts kube-apiserver && node_apply "$2" ;;
  esac >"$log" || return
  mapfile -t options < <("$1_options")
  launch_marked "$1" "$log" "$program" "${options[@]}"
}

node_ctr() { ctr --address "$NODE_STATE/containerd.sock" --namespace k8s.io "$@"; }

# node_serves PART: the kubelet, once its node is ready for pods.
node_serves() {
  case $1 in
  containerd) node_ctr version >/dev/null 2>&1 ;;
  kubelet)
    curl -q -s -f --max-time 3 "http://127.0.0.1:$port_kubelet_health/healthz" >/dev/null 2>&1 &&
      [[ $(kubernetes_get kube-apiserver "/api/v1/nodes/$NODE_NAME") == *'"type":"Ready","status":"True"'* ]]
    ;;
  kube-proxy) curl -q -s -f --max-time 3 "http://127.0.0.1:$port_kube_proxy_health/healthz" >/dev/null 2>&1 ;;
  api-relay) (exec 3<>"/dev/tcp/$NODE_ADDRESS/$port_kube_apiserver") 2>/dev/null ;;
  esac
}
node_log() { printf '%s' "$run/$1/$1.log"; } # PART
node_asked_heap() { :; }

node_env() { # PART
  [[ $1 == containerd ]] || return 0
  cat <<ENV
BPMONITOR_TEST_CONTAINERD=$NODE_STATE/containerd.sock
ENV
}

# node_take ARCHIVE ...: the images in them are in the node.
node_take() {
  local archive
  for archive in "$@"; do
    quietly "$run/containerd/import.log" node_ctr images import "$archive"
  done
}

# node_imported; node_import: the images that are made with the node are in it.
node_imported() {
  local name tag there
  tag=$(node_tag "$(dist_of containerd)")
  there=$(node_ctr images list -q)
  for name in "${NODE_IMAGES[@]}"; do
    [[ $there == *"localhost/lab/$name:$tag"* ]] || return 1
  done
}
node_import() { node_take "$(dist_of containerd)"/images/*.tar; }

# node_has_addons; node_await_addons: pods can find services by name, and get volumes. Asked itself, for what the API server says of a
# node that has just come back is what was so before.
node_has_addons() {
  local name
  timeout 2 bash -c "exec 3<>/dev/tcp/$DNS_SERVICE/53" 2>/dev/null || return 1
  for name in coredns local-path; do
    [[ $(kubernetes_get kube-apiserver "/apis/apps/v1/namespaces/kube-system/deployments/$name/status") == *'"availableReplicas":1'* ]] || return 1
  done
}
node_await_addons() {
  await 120 node_has_addons || fail "the node's DNS server or provisioner of volumes is not available: $run/bin/kubectl -n kube-system describe pods"
}

# node_processes: of the containers, and what keeps each. What keeps it has the socket as an argument.
node_processes() {
  local hierarchy
  for hierarchy in $(node_hierarchies); do
    find "$hierarchy$NODE_CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -u
  grep -lszxF -f <(printf '%s' "$NODE_STATE/containerd.sock") /proc/[0-9]*/cmdline | cut -d / -f 3 || true
}
node_emptied() {
  local ids
  mapfile -t ids < <(node_processes)
  signal KILL "${ids[@]}"
  ended "${ids[@]}"
}

node_left() { [[ -f $NODE_STATE/lab && $(<"$NODE_STATE/lab") == "$run" ]]; }

# forget_rules IPTABLES: those of kube-proxy, kubelet and the lab, which no other has: see node_claim.
forget_rules() {
  "$1-save" | sed "/KUBE-/d; /$NODE_CHAIN/d" | "$1-restore" --wait
}

# node_clear: after its programs have ended: ends what runs in it, and takes away what it has made of this machine.
node_clear() {
  local hierarchy mount
  await "$STOP_LIMIT" node_emptied || fail "the node's containers do not end, even killed"
  findmnt -rno TARGET | grep -E "^($run/(kubelet|containerd)|$NODE_STATE)/" | sort -r | while read -r mount; do
    umount "$mount" 2>/dev/null || umount -l "$mount"
  done
  forget_rules iptables
  forget_rules ip6tables
  ip link delete "$PODS_LINK" 2>/dev/null || true
  ip link delete "$NODE_LINK" 2>/dev/null || true
  for hierarchy in $(node_hierarchies); do
    [[ ! -d $hierarchy$NODE_CGROUP ]] || find "$hierarchy$NODE_CGROUP" -depth -type d -exec rmdir {} +
  done
  rm -rf "$NODE_STATE"
}
