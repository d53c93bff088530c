//! Checksums over all that pods mount: when one changes, the pods are made anew.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::build::Checksums;
use crate::dereference::SecretData;
use crate::model::{ElasticsearchLogin, KafkaLogin, KafkaTransport, Monitor, SecretEntry, Username};

/// How many hexadecimal digits a checksum has.
const LENGTH: usize = 32;

/// The checksums of a monitor's workloads, or the first entry of a Secret that is not there yet.
///
/// # Errors
///
/// The entry that is not there.
pub fn checksums(
    monitor: &Monitor,
    secrets: &BTreeMap<String, SecretData>,
) -> Result<Checksums, SecretEntry> {
    let mut producer = BTreeSet::new();
    transport(&monitor.kafka.transport, &mut producer);
    let mut classifier = producer.clone();
    login(&monitor.kafka.producer, &mut producer);
    login(&monitor.kafka.classifier, &mut classifier);
    elasticsearch(monitor, &mut classifier);
    archive(monitor, &mut classifier);
    classifier.insert(monitor.pseudonym_key.clone());
    Ok(Checksums {
        producer: checksum(monitor, secrets, &producer)?,
        classifier: checksum(monitor, secrets, &classifier)?,
    })
}

fn checksum(
    monitor: &Monitor,
    secrets: &BTreeMap<String, SecretData>,
    entries: &BTreeSet<SecretEntry>,
) -> Result<String, SecretEntry> {
    let mut digest = Sha256::new();
    digest.update(&monitor.manifest);
    for entry in entries {
        let value = secrets.get(&entry.secret).and_then(|secret| secret.get(&entry.key));
        let value = value.ok_or_else(|| entry.clone())?;
        for part in [entry.secret.as_bytes(), entry.key.as_bytes(), value] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    }
    let mut checksum = hex::encode(digest.finalize());
    checksum.truncate(LENGTH);
    Ok(checksum)
}

fn transport(transport: &KafkaTransport, entries: &mut BTreeSet<SecretEntry>) {
    if let KafkaTransport::Tls { ca: Some(ca) } = transport {
        entries.insert(ca.clone());
    }
}

fn login(login: &KafkaLogin, entries: &mut BTreeSet<SecretEntry>) {
    match login {
        KafkaLogin::Anonymous => {}
        KafkaLogin::Certificate { certificate, key } => entries.extend([certificate.clone(), key.clone()]),
        KafkaLogin::Password { username: name, password, .. } => {
            entries.insert(password.clone());
            username(name, entries);
        }
    }
}

fn username(username: &Username, entries: &mut BTreeSet<SecretEntry>) {
    if let Username::In(entry) = username {
        entries.insert(entry.clone());
    }
}

fn elasticsearch(monitor: &Monitor, entries: &mut BTreeSet<SecretEntry>) {
    entries.extend(monitor.elasticsearch.ca.clone());
    match &monitor.elasticsearch.login {
        ElasticsearchLogin::None => {}
        ElasticsearchLogin::ApiKey(key) => {
            entries.insert(key.clone());
        }
        ElasticsearchLogin::Password { username: name, password } => {
            entries.insert(password.clone());
            username(name, entries);
        }
    }
}

fn archive(monitor: &Monitor, entries: &mut BTreeSet<SecretEntry>) {
    let Some(s3) = &monitor.spec.archive.s3 else { return };
    entries.extend(s3.ca_secret_ref.iter().map(|ca| SecretEntry::new(&ca.name, &ca.key)));
    let keys = s3.credentials_secret_ref.iter();
    entries.extend(keys.flat_map(|keys| {
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|key| SecretEntry::new(&keys.name, key))
    }));
}
