#!/usr/bin/env bash
# Proves the node of the lab's Kubernetes: it runs pods, which find and reach what they should and nothing else, keep their data, and end.
# In a lab of its own, with the same downloads; no other lab's node may be up on this machine.
#
# usage: test-node.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LAB_DIST=${LAB_DIST:-${LAB_DATA:-$here/../../target/lab}/dist}
export LAB_DATA=$here/../../target/lab-test-node
# shellcheck source=tests/lab/lab.sh
. "$here/lab.sh"
# shellcheck source=tests/lab/check.sh
. "$here/check.sh"

in_client() { kubectl exec client -- "$@"; }
field() { kubectl get "$1" -o "jsonpath={$2}"; } # OBJECT PATH
is() { [[ $(field "$1" "$2") == "$3" ]]; } # OBJECT PATH VALUE
of_web() { kubectl get pods -l app=web -o "jsonpath={.items[0]$1}"; } # PATH

pods() {
  kubectl apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 2
      containers:
      - name: web
        image: $image
        readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 500m, memory: 64Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  securityContext: {runAsUser: 65532, runAsNonRoot: true, fsGroup: 65532}
  terminationGracePeriodSeconds: 1
  containers:
  - {name: client, image: "$image", args: ["sleep 100000"], volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - {name: greedy, image: "$image", args: ["head -c 200m /dev/zero | tail"], resources: {limits: {memory: 32Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: foreign}
spec: {containers: [{name: foreign, image: "example.com/none:1"}]}
YAML
}

both_answer() {
  local names
  names=$(for _ in {1..20}; do in_client wget -qO- http://web/index.html; done | sort -u)
  [[ $(wc -l <<<"$names") == 2 ]]
}
reaches_this_machine() {
  local dir answer
  dir=$(mktemp -d)
  echo here >"$dir/index.html"
  busybox httpd -f -p "$NODE_ADDRESS:8099" -h "$dir" &
  answer=$(in_client wget -qO- "http://$NODE_ADDRESS:8099/index.html")
  kill "$!"
  rm -r "$dir"
  [[ $answer == here ]]
}
kill_in_pod() { # POD: its container's main process, from outside
  local id
  id=$(field "pod/$1" '.status.containerStatuses[0].containerID')
  kill -KILL "$(node_ctr tasks list | awk -v id="${id#containerd://}" '$1 == id { print $2 }')"
}
nothing_left() {
  [[ -z $(for part in "${ALL_PARTS[@]}"; do processes "$part"; done) ]] && [[ -z $(node_processes) ]] && [[ ! -e $NODE_STATE ]] &&
    ! findmnt -rno TARGET | grep "$run" && ! ip link show "$PODS_LINK" && ! ip link show "$NODE_LINK" &&
    ! iptables-save | grep -e "$NODE_CHAIN" -e KUBE-
}

"$here/down.sh" >/dev/null
rm -rf "$run"
check 'the node comes up' "$here/up.sh" node
check 'up again leaves it running' says 'kubelet: up already' "$here/up.sh" node
# shellcheck source=/dev/null
. "$run/ports"
image=localhost/lab/busybox:$(node_tag "$(dist_of containerd)")

check 'it takes pods, services and a claim' pods
check 'a Deployment becomes available' kubectl rollout status deployment/web --timeout 60s
check 'a pod with a volume becomes ready' kubectl wait --for condition=Ready pod/client --timeout 60s
check 'a service is found by name, and both pods answer' both_answer
check 'a headless service has the addresses of the pods' says 'Address: 10.244' in_client nslookup web-headless.default.svc.cluster.local
refused 'a name outside is not found' 'bad address' in_client wget -qO- http://example.com
refused 'an address outside is refused' refused in_client nc -w 5 192.0.2.1 80
check 'a pod reaches what listens on this machine' reaches_this_machine
check 'this machine reaches a service' curl -q -sS -f -m 5 "http://$(field service/web .spec.clusterIP)/index.html"
check 'and a pod' curl -q -sS -f -m 5 "http://$(of_web .status.podIP):8080/index.html"
check 'its output can be read' kubectl logs client
check 'a pod that is not root writes to its volume' in_client sh -c 'echo kept >/data/proof'
check 'a pod that takes more memory than it may is killed' await 30 is pod/greedy '.status.containerStatuses[0].state.terminated.reason' OOMKilled
check 'an image that is not there is not pulled' await 30 says PullBackOff field pod/foreign '.status.containerStatuses[0].state.waiting.reason'
pod=$(of_web .metadata.name)
check 'a container that is killed' kill_in_pod "$pod"
check 'starts again' await 60 is "pod/$pod" '.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready' '1 true'

check 'containerd and the kubelet: killed' "$here/kill.sh" node
check 'up brings them back' "$here/up.sh" node
check 'and the pod has run on' await 20 in_client test -f /data/proof
check 'down ends all' "$here/down.sh"
check 'and leaves nothing behind' nothing_left
check 'the node comes up again' "$here/up.sh" node
check 'with its pods and their data' await 90 says kept in_client cat /data/proof
check 'down ends all again' "$here/down.sh"
check 'and leaves nothing behind' nothing_left
say "all so, in $SECONDS s"
