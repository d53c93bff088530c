//! A workload's `NetworkPolicy`: who may come in (probes and metrics) and where it may go.
//!
//! Ports are those that pods listen on. Where Kafka or Elasticsearch were given by hand behind a Service or balancer that maps ports, a
//! further `NetworkPolicy` lets the pods through: policies add up.

use std::collections::BTreeSet;

use bpmonitor_crds::ArchiveStore;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use url::Url;

use super::metadata::{owned, pods};
use super::pod::PORT_NAME;
use crate::model::Monitor;
use crate::names::{self, Component};

/// DNS, and where the cluster's DNS listens on some platforms.
const DNS_PORTS: [u16; 2] = [53, 5353];
const HTTPS_PORT: u16 = 443;
/// Where the identity of a pod or node is told on Amazon's machines, in plain HTTP.
const IDENTITY_ADDRESSES: [&str; 4] =
    ["169.254.169.254/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128"];

/// The `NetworkPolicy` of a workload.
pub fn network_policy(monitor: &Monitor, component: Component) -> NetworkPolicy {
    NetworkPolicy {
        metadata: owned(monitor, names::workload(&monitor.name, component), component.as_str()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods(monitor, component)),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                from: None,
                ports: Some(vec![port("TCP", IntOrString::String(PORT_NAME.to_owned()))]),
            }]),
            egress: Some(egress(monitor, component)),
        }),
    }
}

fn egress(monitor: &Monitor, component: Component) -> Vec<NetworkPolicyEgressRule> {
    let dns =
        ["UDP", "TCP"].into_iter().flat_map(|protocol| DNS_PORTS.map(|number| numbered(protocol, number)));
    let servers = match component {
        Component::Producer => kafka(monitor),
        Component::Classifier => &(&kafka(monitor) | &elasticsearch(monitor)) | &object_store(monitor),
    };
    let servers = servers.into_iter().map(|number| numbered("TCP", number));
    let mut rules = vec![anywhere(dns.collect()), anywhere(servers.collect())];
    if component == Component::Classifier && has_identity(monitor) {
        rules.push(NetworkPolicyEgressRule {
            to: Some(IDENTITY_ADDRESSES.map(address).into()),
            ports: Some(vec![numbered("TCP", 80)]),
        });
    }
    rules
}

fn kafka(monitor: &Monitor) -> BTreeSet<u16> {
    let servers = monitor.kafka.bootstrap_servers.split(',');
    servers.filter_map(|server| server.rsplit_once(':')?.1.parse().ok()).collect()
}

fn elasticsearch(monitor: &Monitor) -> BTreeSet<u16> {
    of_url(&monitor.elasticsearch.url).into_iter().collect()
}

fn object_store(monitor: &Monitor) -> BTreeSet<u16> {
    let ArchiveStore::S3(s3) = monitor.spec.archive.store() else { return BTreeSet::new() };
    let store = s3.endpoint.as_deref().map_or(Some(HTTPS_PORT), of_url);
    // Who has an identity gets its keys from a service of its own.
    let tokens = has_identity(monitor).then_some(HTTPS_PORT);
    store.into_iter().chain(tokens).collect()
}

/// Whether the object store is asked as whom the pod is, and not with keys of a Secret.
fn has_identity(monitor: &Monitor) -> bool {
    matches!(monitor.spec.archive.store(), ArchiveStore::S3(s3) if s3.credentials_secret_ref.is_none())
}

fn of_url(url: &str) -> Option<u16> {
    Url::parse(url).ok()?.port_or_known_default()
}

fn anywhere(ports: Vec<NetworkPolicyPort>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(ports) }
}

fn address(cidr: &str) -> NetworkPolicyPeer {
    let ip_block = IPBlock { cidr: cidr.to_owned(), except: None };
    NetworkPolicyPeer { ip_block: Some(ip_block), ..NetworkPolicyPeer::default() }
}

fn numbered(protocol: &str, number: u16) -> NetworkPolicyPort {
    port(protocol, IntOrString::Int(number.into()))
}

fn port(protocol: &str, port: IntOrString) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some(protocol.to_owned()), port: Some(port), end_port: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    fn ports(rule: &NetworkPolicyEgressRule) -> Vec<i32> {
        let number = |port: &NetworkPolicyPort| match port.port {
            Some(IntOrString::Int(number)) => number,
            _ => panic!("{port:?}"),
        };
        rule.ports.iter().flatten().map(number).collect()
    }

    fn spec(yaml: &str, component: Component) -> NetworkPolicySpec {
        network_policy(&monitor(yaml), component).spec.unwrap()
    }

    #[test]
    fn a_workload_reaches_what_it_needs_and_no_more() {
        const BY_HAND: &str = "spec: {kafka: {bootstrapServers: 'a:9092,[::1]:9192,b:9092'}, elasticsearch: {url: 'https://search.example'}}";
        const BUCKET: &str = "spec: {archive: {s3: {bucket: wards, endpoint: 'https://store:9000', credentialsSecretRef: {name: s3}}}}";
        const IDENTITY: &str = "spec: {archive: {s3: {bucket: wards}}}";
        let (producer, classifier) = (Component::Producer, Component::Classifier);
        let cases: [(&str, Component, &[i32]); 6] = [
            ("", producer, &[9093]),
            ("", classifier, &[9093, 9200]),
            (BY_HAND, producer, &[9092, 9192]),
            (BY_HAND, classifier, &[443, 9092, 9192]),
            (BUCKET, classifier, &[9000, 9093, 9200]),
            (IDENTITY, classifier, &[443, 9093, 9200]),
        ];
        for (yaml, component, expected) in cases {
            let egress = spec(yaml, component).egress.unwrap();
            assert_eq!(ports(&egress[0]), [53, 5353, 53, 5353], "{yaml}");
            assert_eq!(ports(&egress[1]), expected, "{yaml} {component:?}");
            assert_eq!(egress.len(), if yaml == IDENTITY { 3 } else { 2 });
        }
    }

    #[test]
    fn nothing_comes_in_but_probes_and_metrics() {
        for component in [Component::Producer, Component::Classifier] {
            let spec = spec("", component);
            assert_eq!(spec.policy_types.unwrap(), ["Ingress", "Egress"]);
            let [rule] = <[_; 1]>::try_from(spec.ingress.unwrap()).unwrap();
            assert_eq!(rule.ports.unwrap(), [port("TCP", IntOrString::String("metrics".to_owned()))]);
            let selected = spec.pod_selector.unwrap().match_labels.unwrap();
            assert_eq!(selected["app.kubernetes.io/component"], component.as_str());
        }
    }
}
