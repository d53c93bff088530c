# What the programs of the lab's node are told: their files and options. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154

node_cni() {
  cat <<CNI
{"cniVersion": "1.0.0", "name": "lab", "plugins": [
  {"type": "bridge", "bridge": "$PODS_LINK", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$NODE_STATE/addresses", "ranges": [[{"subnet": "${PODS%/*}/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
CNI
}

# Root in a container may be unable to lower an oom_score_adj. A pull is sent to a closed port, so that it fails at once.
containerd_toml() { # DIST
  cat <<TOML
version = 2
root = "$run/containerd/data"
state = "$NODE_STATE/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "$NODE_STATE/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/lab/pause:$(node_tag "$1")"
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$run/containerd/registries"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$run/containerd/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
TOML
}

# Images cannot be pulled again, so they are never collected; a disk that is nearly full evicts nobody.
kubelet_yaml() {
  local pki=$run/kubernetes/pki
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet-server.crt
tlsPrivateKeyFile: $pki/kubelet-server.key
containerRuntimeEndpoint: unix://$NODE_STATE/containerd.sock
address: $NODE_ADDRESS
port: $port_kubelet
healthzBindAddress: 127.0.0.1
healthzPort: $port_kubelet_health
cgroupDriver: cgroupfs
cgroupRoot: $NODE_CGROUP
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$DNS_SERVICE]
resolvConf: $run/kubelet/resolv.conf
podLogsDir: $run/kubelet/logs
volumePluginDir: $run/kubelet/plugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 200Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
evictionPressureTransitionPeriod: 10s
nodeStatusUpdateFrequency: 5s
syncFrequency: 10s
maxPods: 200
crashLoopBackOff: {maxContainerRestartPeriod: 10s}
YAML
}

kube_proxy_yaml() {
  cat <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $run/kubernetes/kube-proxy.kubeconfig}
hostnameOverride: $NODE_NAME
mode: iptables
clusterCIDR: $PODS
bindAddress: 127.0.0.1
nodePortAddresses: [primary]
healthzBindAddress: 127.0.0.1:$port_kube_proxy_health
metricsBindAddress: 127.0.0.1:$port_kube_proxy_metrics
conntrack: {maxPerCore: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
iptables: {minSyncPeriod: 200ms, syncPeriod: 30s}
YAML
}

containerd_options() { printf '%s\n' "--config=$run/containerd/containerd.toml"; }
kubelet_options() {
  cat <<OPTIONS
--config=$run/kubelet/kubelet.yaml
--kubeconfig=$run/kubernetes/kubelet.kubeconfig
--hostname-override=$NODE_NAME
--node-ip=$NODE_ADDRESS
--root-dir=$run/kubelet/root
--cert-dir=$run/kubelet/root/pki
OPTIONS
}
kube-proxy_options() { printf '%s\n' "--config=$run/kube-proxy/kube-proxy.yaml"; }
# The API server listens on 127.0.0.1 alone; pods reach it by the node's address.
api-relay_options() {
  printf '%s\n' "TCP-LISTEN:$port_kube_apiserver,bind=$NODE_ADDRESS,reuseaddr,fork" "TCP:127.0.0.1:$port_kube_apiserver"
}
