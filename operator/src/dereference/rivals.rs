//! Monitors that name the same topic in the same Kafka: the one that came first has it.

use std::sync::Arc;

use bpmonitor_crds::names::Names;
use bpmonitor_crds::{BpMonitor, KafkaAccess};
use kube::ResourceExt;

use super::namespace_of;

/// A monitor that has a topic already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its namespace and name, with a slash.
    pub monitor: String,
    /// The topic.
    pub topic: String,
}

/// Those that came before `monitor` and have one of its topics.
pub(super) fn of(monitor: &BpMonitor, all: &[Arc<BpMonitor>]) -> Vec<Rival> {
    let topics = topics(monitor);
    let place = place(monitor);
    let others = all.iter().filter(|other| other.uid() != monitor.uid() && is_before(other, monitor));
    let others = others.filter(|other| self::place(other) == place);
    let mut rivals: Vec<_> = others
        .flat_map(|other| {
            let taken = self::topics(other).into_iter().filter(|topic| topics.contains(topic));
            taken.map(|topic| Rival { monitor: full_name(other), topic }).collect::<Vec<_>>()
        })
        .collect();
    rivals.sort_by(|one, other| (&one.monitor, &one.topic).cmp(&(&other.monitor, &other.topic)));
    rivals
}

/// The Kafka that a monitor means, as far as its text says.
pub fn place(monitor: &BpMonitor) -> String {
    match monitor.spec.kafka.access() {
        KafkaAccess::BootstrapServers(servers) => servers.to_owned(),
        KafkaAccess::Cluster(cluster) => {
            let own = monitor.namespace().unwrap_or_default();
            format!("{}/{}", namespace_of(&own, &cluster.namespace), cluster.name)
        }
    }
}

fn topics(monitor: &BpMonitor) -> [String; 3] {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let names = Names::new(&namespace, &name);
    let observations = match monitor.spec.kafka.topic.name.as_str() {
        "" => names.observations(),
        given => given.to_owned(),
    };
    [observations, names.rejected(), names.state()]
}

/// One that is going leaves its topics to others.
fn is_before(other: &BpMonitor, monitor: &BpMonitor) -> bool {
    let age = |monitor: &BpMonitor| (monitor.creation_timestamp().map(|time| time.0), monitor.uid());
    other.metadata.deletion_timestamp.is_none() && age(other) < age(monitor)
}

fn full_name(monitor: &BpMonitor) -> String {
    format!("{}/{}", monitor.namespace().unwrap_or_default(), monitor.name_any())
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::BpMonitorSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn monitor(name: &str, created: i64, topic: &str, servers: Option<&str>) -> Arc<BpMonitor> {
        let mut monitor = BpMonitor::new(name, BpMonitorSpec::default());
        monitor.metadata.namespace = Some("n".to_owned());
        monitor.metadata.uid = Some(name.to_owned());
        monitor.metadata.creation_timestamp = Some(Time(jiff::Timestamp::from_second(created).unwrap()));
        topic.clone_into(&mut monitor.spec.kafka.topic.name);
        monitor.spec.kafka.bootstrap_servers = servers.map(str::to_owned);
        Arc::new(monitor)
    }

    #[test]
    fn the_first_one_has_the_topic() {
        let first = monitor("first", 1, "shared", None);
        let second = monitor("second", 2, "shared", None);
        let elsewhere = monitor("elsewhere", 0, "shared", Some("host:9092"));
        let derived = monitor("derived", 0, "", None);
        let thief = monitor("thief", 3, "bp.n.derived.state", None);
        let all = [&first, &second, &elsewhere, &derived, &thief].map(Arc::clone);
        assert_eq!(of(&first, &all), []);
        assert_eq!(of(&second, &all), [Rival { monitor: "n/first".to_owned(), topic: "shared".to_owned() }]);
        assert_eq!(of(&elsewhere, &all), []);
        let [stolen] = &of(&thief, &all)[..] else { panic!("one topic is taken") };
        assert_eq!((stolen.monitor.as_str(), stolen.topic.as_str()), ("n/derived", "bp.n.derived.state"));
    }
}
