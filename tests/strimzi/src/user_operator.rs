//! The user operator: a `KafkaUser` becomes a user with its Secret and its rights on the broker, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

use crate::rights::rights;
use crate::shared::{RESYNC, Shared};
use crate::specs::{User, spec};
use crate::status::{self, Wording};

pub(crate) const KIND: &str = "KafkaUser";
/// Of a certificate's common name.
const NAME_MAX_LENGTH: usize = 64;
const MANAGER: &str = "strimzi-user-operator";

type Data = BTreeMap<String, ByteString>;

/// How a user authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authentication {
    None,
    Tls,
    Scram,
}

pub(crate) async fn reconcile(user: &DynamicObject, shared: &Shared) -> Result<Action> {
    let api = shared.api(KIND);
    if user.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if let Some(left) = shared.knobs.left(user) {
        return Ok(Action::requeue(left));
    }
    let turn = shared.turn(&user.name_any()).await;
    let outcome = match shared.knobs.refusal(KIND, &user.name_any()) {
        Some(refusal) => Err(refusal),
        None => settle(user, shared).await.map_err(|error| status::refusal(&error, None)),
    };
    drop(turn);
    let again = if outcome.is_ok() { RESYNC } else { Duration::from_secs(2) };
    status::write(&api, user, Wording::NotReadyTrue, outcome).await?;
    Ok(Action::requeue(again))
}

async fn settle(user: &DynamicObject, shared: &Shared) -> Result<Map<String, Value>> {
    let asked: User = spec(user)?;
    let name = user.name_any();
    let authentication = authentication(&asked)?;
    anyhow::ensure!(
        authentication != Authentication::Tls || name.len() <= NAME_MAX_LENGTH,
        "Users with TLS client authentication can have a username (name of the KafkaUser custom resource) only up to \
         {NAME_MAX_LENGTH} characters long."
    );
    let username = if authentication == Authentication::Tls { format!("CN={name}") } else { name.clone() };
    let mut status = Map::from_iter([("username".to_owned(), json!(username))]);
    if authentication != Authentication::None {
        secret(user, authentication, shared).await?;
        status.insert("secret".to_owned(), json!(name));
    }
    let wanted = match asked.authorization.filter(|authorization| authorization.kind == "simple") {
        Some(authorization) => rights(&authorization.acls)?,
        None => BTreeSet::new(),
    };
    shared.broker.grant(&format!("User:{username}"), &wanted).await?;
    Ok(status)
}

fn authentication(asked: &User) -> Result<Authentication> {
    match asked.authentication.as_ref().map(|authentication| authentication.kind.as_str()) {
        None => Ok(Authentication::None),
        Some("tls") => Ok(Authentication::Tls),
        Some("scram-sha-512") => Ok(Authentication::Scram),
        Some(other) => anyhow::bail!("the authentication {other} is unknown"),
    }
}

/// Makes the user's Secret, or leaves it where it is right, and lets the broker know of it.
async fn secret(user: &DynamicObject, authentication: Authentication, shared: &Shared) -> Result<()> {
    let name = user.name_any();
    let api = Api::<Secret>::namespaced(shared.client.clone(), &shared.settings.namespace);
    let there = api.get_opt(&name).await?.and_then(|secret| secret.data).unwrap_or_default();
    let is_to_renew = shared.knobs.is_to_renew(&name);
    let kept = Some(&there).filter(|_| !is_to_renew);
    let data = match authentication {
        Authentication::Tls => certificate(&name, kept, shared)?,
        Authentication::Scram | Authentication::None => password(&name, kept, shared).await?,
    };
    if data != there {
        let secret = described(user, shared, data);
        let applied = PatchParams::apply(MANAGER).force();
        api.patch(&name, &applied, &Patch::Apply(&secret)).await?;
    }
    shared.knobs.renewed(&name);
    Ok(())
}

/// The certificate that is there, or a new one.
fn certificate(name: &str, there: Option<&Data>, shared: &Shared) -> Result<Data> {
    let ca = shared.clients_ca.certificate();
    let is_right = |data: &&Data| {
        let is_of_ca = data.get("ca.crt").is_some_and(|there| there.0 == ca.as_bytes());
        is_of_ca && data.contains_key("user.crt") && data.contains_key("user.key")
    };
    if let Some(data) = there.filter(is_right) {
        return Ok(data.clone());
    }
    let signed = shared.clients_ca.sign(name)?;
    Ok(entries([("ca.crt", ca), ("user.crt", &signed.certificate), ("user.key", &signed.key)]))
}

/// The password that is there, or a new one; the broker knows it then.
async fn password(name: &str, there: Option<&Data>, shared: &Shared) -> Result<Data> {
    let there = there.and_then(|data| data.get("password"));
    let password = match there.and_then(|password| String::from_utf8(password.0.clone()).ok()) {
        Some(password) if !password.is_empty() => password,
        _ => hex::encode(random::<16>()?),
    };
    if shared.knows_password(name, &password) {
        return Ok(login(name, &password));
    }
    shared.broker.set_password(name, &password, random()?).await?;
    shared.remember_password(name, &password);
    Ok(login(name, &password))
}

fn login(name: &str, password: &str) -> Data {
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let jaas = format!("{module} required username=\"{name}\" password=\"{password}\";");
    entries([("password", password), ("sasl.jaas.config", &jaas)])
}

fn entries<const N: usize>(entries: [(&str, &str); N]) -> Data {
    entries.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).into()
}

/// With the labels of the user and Strimzi's own, which win.
fn described(user: &DynamicObject, shared: &Shared, data: Data) -> Secret {
    let name = user.name_any();
    let mut labels = user.labels().clone();
    labels.extend(
        [
            ("app.kubernetes.io/instance", name.as_str()),
            ("app.kubernetes.io/managed-by", MANAGER),
            ("app.kubernetes.io/name", MANAGER),
            ("app.kubernetes.io/part-of", &format!("strimzi-{name}")),
            ("strimzi.io/cluster", &shared.settings.cluster),
            ("strimzi.io/kind", KIND),
        ]
        // A label has at most 63 characters; Strimzi cuts them too.
        .map(|(key, value)| {
            (key.to_owned(), value[..value.len().min(63)].trim_end_matches(['.', '-']).to_owned())
        }),
    );
    Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(shared.settings.namespace.clone()),
            labels: Some(labels),
            owner_references: Some(vec![OwnerReference {
                api_version: "kafka.strimzi.io/v1".to_owned(),
                kind: KIND.to_owned(),
                name,
                uid: user.uid().unwrap_or_default(),
                controller: Some(false),
                block_owner_deletion: Some(false),
            }]),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().context("the operating system gives no random bytes")?;
    Ok(bytes)
}

/// Takes from the broker what a user that is gone had there. Its Secret goes with its resource.
pub(crate) async fn remove(name: &str, shared: &Shared) -> Result<()> {
    for principal in [format!("User:{name}"), format!("User:CN={name}")] {
        shared.broker.grant(&principal, &BTreeSet::new()).await?;
    }
    shared.forget_password(name);
    shared.broker.remove_password(name).await
}
