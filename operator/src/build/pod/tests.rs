//! What both workloads' pods are, for every way to run a monitor.

use std::collections::BTreeMap;
use std::path::Path;

use bpmonitor_classifier::Cli;
use bpmonitor_settings::logs::LogArgs;
use bpmonitor_settings::manifest::parse;
use bpmonitor_settings::service::ListenArgs;
use bpmonitor_settings::{KafkaArgs, TopicArgs};
use clap::{ArgAction, CommandFactory, Parser};
use k8s_openapi::api::apps::v1::Deployment;

use super::secret_files::DIRECTORY;
use super::*;
use crate::build::fixtures::{deployments, monitor, strimzi};
use crate::model::UserAuthentication;

const ARCHIVE_MANY: &str = "spec: {archive: {persistentVolumeClaim: {accessMode: ReadWriteMany}}}";
const BUCKET: &str = "spec: {archive: {s3: {bucket: wards, region: eu-west-1, endpoint: 'https://store:9000', \
                      caSecretRef: {name: store-ca}, credentialsSecretRef: {name: store}}}}";
const PLAIN: &str = "spec: {kafka: {bootstrapServers: 'k:9092', insecure: true}, elasticsearch: {url: 'http://e:9200', insecure: true}}";
const ELASTICSEARCH: &str = "spec: {elasticsearch: {url: 'https://e:9200', insecure: true, caSecretRef: {name: es-ca}, auth: {secretRef: {name: es}}}}";
const OVERRIDES: &str = "
spec:
  producer: {resources: {limits: {memory: 1Gi}}}
  classifier:
    resources: {requests: {cpu: '2'}}
    pod:
      labels: {team: blue, app.kubernetes.io/name: mine}
      annotations: {note: hello, bpmonitor.dev/checksum: mine}
      nodeSelector: {disk: ssd}
      tolerations: [{key: dedicated, operator: Exists}]
      priorityClassName: high
      imagePullSecrets: [{name: registry}]";

/// Kafka by hand, with this mechanism.
fn by_hand(mechanism: &str) -> String {
    format!(
        "spec: {{kafka: {{bootstrapServers: 'k:9093', tls: {{caSecretRef: {{name: kafka-ca}}}}, auth: {{mechanism: {mechanism}, secretRef: {{name: kafka-login}}}}}}}}"
    )
}

/// One monitor for each way to run.
fn monitors() -> Vec<Monitor> {
    let plain_scram =
        "spec: {kafka: {bootstrapServers: 'k:9092', insecure: true, auth: {secretRef: {name: login}}}}";
    let mut yamls =
        ["", ARCHIVE_MANY, BUCKET, PLAIN, ELASTICSEARCH, OVERRIDES, plain_scram].map(str::to_owned).to_vec();
    yamls.extend(["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS"].map(by_hand));
    let mut monitors: Vec<_> = yamls.iter().map(|yaml| monitor(yaml)).collect();
    monitors.extend([UserAuthentication::None, UserAuthentication::ScramSha512].map(|how| strimzi("", how)));
    monitors
}

fn pod(deployment: &Deployment) -> &PodSpec {
    deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap()
}

/// The producer's command line: what its binary takes from the environment.
#[derive(Debug, Parser)]
struct Producer {
    #[arg(long, env = "BPMONITOR_FILE")]
    file: std::path::PathBuf,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    topics: TopicArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    logs: LogArgs,
}

/// The pod's environment as flags; the files of its Secrets are in `directory`.
fn arguments<C: CommandFactory>(deployment: &Deployment, directory: &Path) -> Vec<String> {
    let command = C::command();
    let mut arguments = vec!["bpmonitor".to_owned()];
    for variable in pod(deployment).containers[0].env.iter().flatten() {
        let known =
            command.get_arguments().find(|arg| arg.get_env().is_some_and(|env| *env == *variable.name));
        let known = known.unwrap_or_else(|| panic!("{} is not known to the binary", variable.name));
        let flag = format!("--{}", known.get_long().unwrap());
        if matches!(known.get_action(), ArgAction::SetTrue) {
            assert_eq!(variable.value.as_deref(), Some("true"));
            arguments.push(flag);
        } else {
            // From a Secret.
            let value = variable.value.as_deref().unwrap_or("somebody");
            arguments.extend([flag, value.replace(DIRECTORY, directory.to_str().unwrap())]);
        }
    }
    arguments
}

/// The files that the pod's Secrets are mounted as, each with 64 hexadecimal digits.
fn mount(deployment: &Deployment, directory: &Path) {
    let volumes = pod(deployment).volumes.iter().flatten();
    let sources = volumes.filter_map(|volume| volume.projected.as_ref()?.sources.as_ref()).flatten();
    for item in sources.filter_map(|source| source.secret.as_ref()?.items.as_ref()).flatten() {
        let file = directory.join(&item.path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "0123456789abcdef".repeat(4)).unwrap();
    }
}

#[test]
fn the_classifier_takes_what_its_pod_is_given() {
    for monitor in monitors() {
        let directory = tempfile::tempdir().unwrap();
        let [_, deployment] = deployments(&monitor);
        mount(&deployment, directory.path());
        let cli = Cli::try_parse_from(arguments::<Cli>(&deployment, directory.path())).unwrap();
        let settings = parse(&monitor.manifest, "the ConfigMap").unwrap();
        let given = Some(&settings);
        let topics = cli.topics.topics(given).unwrap();
        assert_eq!(topics, monitor.kafka.topics);
        let kafka = cli.kafka.connection(given).unwrap();
        assert_eq!(kafka.bootstrap_servers, monitor.kafka.bootstrap_servers);
        let elasticsearch = cli.elasticsearch.connection(given).unwrap();
        assert_eq!(elasticsearch.url, monitor.elasticsearch.url);
        assert_eq!(elasticsearch.ca.is_some(), monitor.elasticsearch.ca.is_some());
        assert_eq!(cli.elasticsearch.alias(given).unwrap(), monitor.elasticsearch.alias);
        cli.archive.target(given).unwrap();
        cli.key.key().unwrap();
        assert!(
            pod(&deployment).termination_grace_period_seconds.unwrap() > cli.drain.as_secs().cast_signed()
        );
    }
}

#[test]
fn the_producer_takes_what_its_pod_is_given() {
    for monitor in monitors() {
        let directory = tempfile::tempdir().unwrap();
        let [deployment, _] = deployments(&monitor);
        mount(&deployment, directory.path());
        let arguments = arguments::<Producer>(&deployment, directory.path());
        let producer = Producer::try_parse_from(arguments).unwrap();
        let settings = parse(&monitor.manifest, "the ConfigMap").unwrap();
        assert_eq!(producer.topics.topics(Some(&settings)).unwrap(), monitor.kafka.topics);
        producer.kafka.connection(Some(&settings)).unwrap();
        assert_eq!(producer.listen.listen.port(), u16::try_from(PORT).unwrap());
        assert_eq!(producer.file, Path::new("/etc/bpmonitor/manifest.yaml"));
        let _ = producer.logs;
    }
}

#[test]
fn each_login_is_told_as_it_is() {
    use bpmonitor_pipeline::cluster::kafka::{Authentication, Mechanism};
    let cases = [
        (by_hand("SCRAM-SHA-512"), Some(Mechanism::ScramSha512)),
        (by_hand("SCRAM-SHA-256"), Some(Mechanism::ScramSha256)),
        (by_hand("PLAIN"), Some(Mechanism::Plain)),
        (by_hand("TLS"), None),
    ];
    for (yaml, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let [_, deployment] = deployments(&monitor(&yaml));
        mount(&deployment, directory.path());
        let cli = Cli::try_parse_from(arguments::<Cli>(&deployment, directory.path())).unwrap();
        match cli.kafka.connection(None).unwrap().authentication {
            Authentication::Password { mechanism, username, .. } => {
                assert_eq!((Some(mechanism), &*username), (expected, "somebody"), "{yaml}");
            }
            Authentication::Certificate { .. } => assert_eq!(expected, None, "{yaml}"),
            Authentication::None => panic!("{yaml}"),
        }
    }
}

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>, each of its rules.
#[test]
fn pods_keep_the_restricted_standard() {
    for deployment in monitors().iter().flat_map(deployments) {
        let pod = pod(&deployment);
        let security = pod.security_context.as_ref().unwrap();
        assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc, pod.host_users), (None, None, None, None));
        assert_eq!(
            (&security.sysctls, &security.se_linux_options, &security.app_armor_profile),
            (&None, &None, &None)
        );
        assert_eq!((security.run_as_non_root, security.run_as_user.unwrap() > 0), (Some(true), true));
        assert_eq!(security.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
        assert_eq!((&pod.init_containers, &pod.ephemeral_containers), (&None, &None));
        for volume in pod.volumes.iter().flatten() {
            let kinds = serde_json::to_value(volume).unwrap();
            let mut kinds = kinds.as_object().unwrap().keys().filter(|key| *key != "name");
            assert!(
                kinds
                    .all(|kind| ["configMap", "projected", "persistentVolumeClaim"].contains(&kind.as_str()))
            );
        }
        let container = &pod.containers[0];
        assert_eq!(pod.containers.len(), 1);
        assert!(container.ports.iter().flatten().all(|port| port.host_port.is_none()));
        let security = container.security_context.as_ref().unwrap();
        assert_eq!((security.privileged, security.allow_privilege_escalation), (Some(false), Some(false)));
        assert_eq!(
            (&security.proc_mount, &security.se_linux_options, &security.app_armor_profile),
            (&None, &None, &None)
        );
        assert_eq!(
            (security.run_as_non_root, security.run_as_user, &security.seccomp_profile),
            (Some(true), None, &None)
        );
        let capabilities = security.capabilities.as_ref().unwrap();
        assert_eq!((&capabilities.drop, &capabilities.add), (&Some(vec!["ALL".to_owned()]), &None));
        for probe in [&container.liveness_probe, &container.readiness_probe, &container.startup_probe] {
            assert_eq!(probe.as_ref().unwrap().http_get.as_ref().unwrap().host, None);
        }
        // More than the standard asks for.
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(pod.automount_service_account_token, Some(false));
    }
}

#[test]
fn secrets_are_files_that_cannot_be_written() {
    for deployment in monitors().iter().flat_map(deployments) {
        let pod = pod(&deployment);
        let projected: Vec<_> =
            pod.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref()).collect();
        assert!(projected.iter().all(|volume| volume.default_mode == Some(0o400)));
        let mounts = pod.containers[0].volume_mounts.iter().flatten();
        let writable: Vec<_> =
            mounts.filter(|mount| mount.read_only != Some(true)).map(|mount| &*mount.name).collect();
        assert!(writable.is_empty() || writable == ["archive"], "{writable:?}");
        let variables = pod.containers[0].env.iter().flatten();
        let from_secrets: Vec<_> =
            variables.filter(|variable| variable.value.is_none()).map(|variable| &*variable.name).collect();
        assert!(from_secrets.iter().all(|name| name.ends_with("_USERNAME")), "{from_secrets:?}");
    }
}

#[test]
fn a_pod_carries_what_the_manifest_gives_it() {
    let monitor = monitor(OVERRIDES);
    let [producer, classifier] = deployments(&monitor);
    let metadata = classifier.spec.as_ref().unwrap().template.metadata.clone().unwrap();
    let labels = metadata.labels.unwrap();
    assert_eq!((&*labels["team"], &*labels["app.kubernetes.io/name"]), ("blue", "bp-monitor"));
    let annotations = metadata.annotations.unwrap();
    assert_eq!((&*annotations["note"], &*annotations["bpmonitor.dev/checksum"]), ("hello", "2d3c"));
    let spec = pod(&classifier);
    assert_eq!(spec.node_selector, Some(BTreeMap::from([("disk".to_owned(), "ssd".to_owned())])));
    assert_eq!(spec.tolerations.as_ref().unwrap()[0].key.as_deref(), Some("dedicated"));
    assert_eq!(spec.priority_class_name.as_deref(), Some("high"));
    assert_eq!(spec.image_pull_secrets.as_ref().unwrap()[0].name, "registry");
    // The other workload's stay as they are.
    assert_eq!((&pod(&producer).node_selector, &pod(&producer).priority_class_name), (&None, &None));
    assert_eq!(classifier.metadata.labels.unwrap().get("team"), None);
}

#[test]
fn what_the_manifest_does_not_request_has_a_default() {
    let requests = |deployment: &Deployment| {
        let resources = pod(deployment).containers[0].resources.clone().unwrap();
        let requests = resources.requests.unwrap();
        requests.into_iter().map(|(name, quantity)| format!("{name}={}", quantity.0)).collect::<Vec<_>>()
    };
    let [producer, classifier] = deployments(&monitor(""));
    assert_eq!(requests(&producer), ["cpu=50m", "memory=64Mi"]);
    assert_eq!(requests(&classifier), ["cpu=100m", "memory=128Mi"]);
    // A limit alone is the request too.
    let [producer, classifier] = deployments(&monitor(OVERRIDES));
    assert_eq!(requests(&producer), ["cpu=50m"]);
    assert_eq!(requests(&classifier), ["cpu=2", "memory=128Mi"]);
}

#[test]
fn both_run_the_image_that_the_operator_names_and_no_arguments() {
    let monitor = monitor("");
    for (deployment, image) in
        deployments(&monitor).iter().zip(["bpmonitor-producer:0.1.0", "bpmonitor-classifier:0.1.0"])
    {
        let container = &pod(deployment).containers[0];
        assert_eq!(container.image.as_deref(), Some(image));
        assert_eq!((&container.args, &container.command), (&None, &None));
        assert_eq!(container.image_pull_policy.as_deref(), Some("IfNotPresent"));
        let probes = [
            ("/live", &container.startup_probe),
            ("/live", &container.liveness_probe),
            ("/ready", &container.readiness_probe),
        ];
        for (path, probe) in probes {
            assert_eq!(probe.as_ref().unwrap().http_get.as_ref().unwrap().path.as_deref(), Some(path));
        }
    }
}
