# Kubernetes' control plane, a part for each of its four programs: how they are set up, started and asked. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154
#
# It needs no root and no node. Pods that are made in it stay pending, unless the node is up too.

readonly CONTROL_PLANE=(etcd kube-apiserver kube-controller-manager kube-scheduler)
readonly NODE_NAME=lab NODE_ADDRESS=10.97.0.1 SERVICES=10.96.0.0/16 API_SERVICE=10.96.0.1 DNS_SERVICE=10.96.0.10 PODS=10.244.0.0/16

kubernetes_pki() {
  local name
  authority ca /CN=kubernetes
  authority etcd-ca /CN=etcd
  authority front-proxy-ca /CN=front-proxy
  server_certificate etcd /CN=etcd etcd-ca
  client_certificate etcd-client /CN=kube-apiserver etcd-ca
  client_certificate front-proxy /CN=front-proxy front-proxy-ca
  certificate kube-apiserver /CN=kube-apiserver ca extendedKeyUsage=serverAuth \
    "subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,\
IP:127.0.0.1,IP:$API_SERVICE,IP:$NODE_ADDRESS"
  certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE_NAME" ca extendedKeyUsage=serverAuth \
    "subjectAltName=DNS:$NODE_NAME,IP:127.0.0.1,IP:$NODE_ADDRESS"
  server_certificate server /CN=control-plane ca
  client_certificate kubelet-client /O=system:masters/CN=kube-apiserver ca
  client_certificate admin /O=system:masters/CN=admin ca
  client_certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" ca
  for name in kube-controller-manager kube-scheduler kube-proxy; do
    client_certificate "$name" "/CN=system:$name" ca
  done
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out service-accounts.key 2>>openssl.log
  openssl pkey -in service-accounts.key -pubout -out service-accounts.pub
}

kubeconfig() { # NAME: a certificate's
  local pki=$run/kubernetes/pki file=$run/kubernetes/$1.kubeconfig
  (umask 077 && cat >"$file.unfinished") <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: $1}}]
clusters:
- name: lab
  cluster: {server: "https://127.0.0.1:$port_kube_apiserver", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key")}
KUBECONFIG
  mv "$file.unfinished" "$file"
}

kubernetes_tool() { # NAME DIST: for this cluster, unless it is told another
  cat >"$run/bin/$1.unfinished" <<TOOL
#!/usr/bin/env bash
# $1 of the lab's Kubernetes. Written by tests/lab/up.sh.
exec $2/bin/$1 --kubeconfig $run/kubernetes/admin.kubeconfig "\$@"
TOOL
  chmod +x "$run/bin/$1.unfinished"
  mv "$run/bin/$1.unfinished" "$run/bin/$1"
}

kubernetes_common() { # DIST: what the four share
  local name
  make_pki "$run/kubernetes/pki" kubernetes_pki
  for name in admin kube-controller-manager kube-scheduler kube-proxy kubelet; do
    kubeconfig "$name"
  done
  kubernetes_tool kubectl "$1"
  kubernetes_tool helm "$1"
}

kubernetes_prepare() { # PART DIST
  mkdir -p "$run/kubernetes" "$run/bin"
  locked kubernetes kubernetes_common "$2"
}

etcd_options() {
  cat <<OPTIONS
--name=lab
--data-dir=$run/etcd/data
--listen-client-urls=https://127.0.0.1:$port_etcd
--advertise-client-urls=https://127.0.0.1:$port_etcd
--listen-peer-urls=https://127.0.0.1:$port_etcd_peer
--initial-advertise-peer-urls=https://127.0.0.1:$port_etcd_peer
--initial-cluster=lab=https://127.0.0.1:$port_etcd_peer
--cert-file=$1/etcd.crt
--key-file=$1/etcd.key
--trusted-ca-file=$1/etcd-ca.crt
--client-cert-auth
--peer-cert-file=$1/etcd.crt
--peer-key-file=$1/etcd.key
--peer-trusted-ca-file=$1/etcd-ca.crt
--peer-client-cert-auth
--unsafe-no-fsync
--log-level=warn
OPTIONS
}

kube-apiserver_options() {
  cat <<OPTIONS
--bind-address=127.0.0.1
--advertise-address=$NODE_ADDRESS
--secure-port=$port_kube_apiserver
--tls-cert-file=$1/kube-apiserver.crt
--tls-private-key-file=$1/kube-apiserver.key
--client-ca-file=$1/ca.crt
--etcd-servers=https://127.0.0.1:$port_etcd
--etcd-cafile=$1/etcd-ca.crt
--etcd-certfile=$1/etcd-client.crt
--etcd-keyfile=$1/etcd-client.key
--kubelet-client-certificate=$1/kubelet-client.crt
--kubelet-client-key=$1/kubelet-client.key
--kubelet-certificate-authority=$1/ca.crt
--kubelet-preferred-address-types=InternalIP
--authorization-mode=Node,RBAC
--enable-admission-plugins=NodeRestriction
--allow-privileged
--service-cluster-ip-range=$SERVICES
--service-account-issuer=https://kubernetes.default.svc.cluster.local
--service-account-signing-key-file=$1/service-accounts.key
--service-account-key-file=$1/service-accounts.pub
--requestheader-client-ca-file=$1/front-proxy-ca.crt
--requestheader-allowed-names=front-proxy
--requestheader-extra-headers-prefix=X-Remote-Extra-
--requestheader-group-headers=X-Remote-Group
--requestheader-username-headers=X-Remote-User
--proxy-client-cert-file=$1/front-proxy.crt
--proxy-client-key-file=$1/front-proxy.key
--profiling=false
OPTIONS
}

kube-controller-manager_options() {
  local kubeconfig=$run/kubernetes/kube-controller-manager.kubeconfig
  cat <<OPTIONS
--kubeconfig=$kubeconfig
--authentication-kubeconfig=$kubeconfig
--authorization-kubeconfig=$kubeconfig
--bind-address=127.0.0.1
--secure-port=$port_kube_controller_manager
--tls-cert-file=$1/server.crt
--tls-private-key-file=$1/server.key
--leader-elect=false
--use-service-account-credentials
--root-ca-file=$1/ca.crt
--service-account-private-key-file=$1/service-accounts.key
--flex-volume-plugin-dir=$run/kubernetes/plugins
--cluster-signing-cert-file=$1/ca.crt
--cluster-signing-key-file=$1/ca.key
--cluster-name=lab
--allocate-node-cidrs
--cluster-cidr=$PODS
--service-cluster-ip-range=$SERVICES
--profiling=false
OPTIONS
}

kube-scheduler_options() {
  local kubeconfig=$run/kubernetes/kube-scheduler.kubeconfig
  cat <<OPTIONS
--kubeconfig=$kubeconfig
--authentication-kubeconfig=$kubeconfig
--authorization-kubeconfig=$kubeconfig
--bind-address=127.0.0.1
--secure-port=$port_kube_scheduler
--tls-cert-file=$1/server.crt
--tls-private-key-file=$1/server.key
--leader-elect=false
--profiling=false
OPTIONS
}

# kubernetes_get PART PATH [OPTION ...]: what it answers to the administrator; etcd, to the API server. To curl itself it would be in lines.
kubernetes_get() {
  local port=port_${1//-/_} ca=ca client=admin
  [[ $1 != etcd ]] || { ca=etcd-ca && client=etcd-client; }
  curl -q -s -f --max-time 3 --cacert "$run/kubernetes/pki/$ca.crt" --cert "$run/kubernetes/pki/$client.crt" \
    --key "$run/kubernetes/pki/$client.key" -A lab "${@:3}" "https://127.0.0.1:${!port}$2" 2>/dev/null
}

# kubernetes_serves PART: the controller manager, once pods can be made: once there is a service account for them.
kubernetes_serves() {
  case $1 in
  etcd) [[ $(kubernetes_get etcd /health) == *'"health":"true"'* ]] ;;
  kube-apiserver) kubernetes_get "$1" /readyz >/dev/null ;;
  kube-controller-manager)
    kubernetes_get "$1" /healthz >/dev/null &&
      kubernetes_get kube-apiserver /api/v1/namespaces/default/serviceaccounts/default >/dev/null
    ;;
  kube-scheduler) kubernetes_get "$1" /readyz >/dev/null ;;
  esac
}

kubernetes_env() { # PART
  [[ $1 == kube-apiserver ]] || return 0
  cat <<ENV
BPMONITOR_TEST_KUBECONFIG=$run/kubernetes/admin.kubeconfig
BPMONITOR_TEST_KUBERNETES_TOOLS=$run/bin
BPMONITOR_TEST_CRDS=$(dist_of crds)
ENV
}

kubernetes_log() { printf '%s' "$run/$1/$1.log"; } # PART
kubernetes_asked_heap() { :; }

kubernetes_start() { # PART DIST
  local log options
  log=$(kubernetes_log "$1")
  cd "$run/$1" || return
  [[ ! -f $log ]] || mv "$log" "$log.1"
  case $1 in
  etcd) ;;
  kube-apiserver) await_parts etcd ;;
  *) await_parts kube-apiserver ;;
  esac >"$log" || return
  mapfile -t options < <("$1_options" "$run/kubernetes/pki")
  launch_marked "$1" "$log" "$2/bin/$1" "${options[@]}"
}
