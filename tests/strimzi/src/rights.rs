//! Rights of users on the broker, and their passwords.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest,
};
use ring::pbkdf2;

use crate::broker::{Broker, check};
use crate::specs::Acl;
use crate::topics::text;

const ANY: i8 = 1;
const ALLOW: i8 = 3;
const DENY: i8 = 2;
const SCRAM_SHA_512: i8 = 2;
const ITERATIONS: u32 = 4096;
const SHA_512_BYTES: usize = 64;

/// Kafka's numbers for what Strimzi writes in words.
const RESOURCES: [(&str, i8); 4] = [("topic", 2), ("group", 3), ("cluster", 4), ("transactionalId", 5)];
const PATTERNS: [(&str, i8); 2] = [("literal", 3), ("prefix", 4)];
const OPERATIONS: [(&str, i8); 11] = [
    ("All", 2),
    ("Read", 3),
    ("Write", 4),
    ("Create", 5),
    ("Delete", 6),
    ("Alter", 7),
    ("Describe", 8),
    ("ClusterAction", 9),
    ("DescribeConfigs", 10),
    ("AlterConfigs", 11),
    ("IdempotentWrite", 12),
];

/// One right of a user, in Kafka's numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    resource: i8,
    name: String,
    pattern: i8,
    host: String,
    operation: i8,
    permission: i8,
}

/// The rights that rules of a `KafkaUser` stand for.
///
/// # Errors
///
/// One of them is none.
pub fn rights(rules: &[Acl]) -> Result<BTreeSet<Right>> {
    let mut rights = BTreeSet::new();
    for rule in rules {
        let name = match (rule.resource.kind.as_str(), &rule.resource.name) {
            ("cluster", _) => "kafka-cluster".to_owned(),
            (_, Some(name)) => name.clone(),
            (kind, None) => bail!("an ACL on a {kind} needs a name"),
        };
        let pattern = rule.resource.pattern_type.as_deref().unwrap_or("literal");
        for operation in &rule.operations {
            rights.insert(Right {
                resource: number(&RESOURCES, &rule.resource.kind)?,
                name: name.clone(),
                pattern: number(&PATTERNS, pattern)?,
                host: rule.host.clone().unwrap_or_else(|| "*".to_owned()),
                operation: number(&OPERATIONS, operation)?,
                permission: if rule.kind.as_deref() == Some("deny") { DENY } else { ALLOW },
            });
        }
    }
    Ok(rights)
}

fn number(known: &[(&str, i8)], word: &str) -> Result<i8> {
    let found = known.iter().find(|(name, _)| *name == word);
    found.map(|(_, number)| *number).with_context(|| format!("{word} is unknown to Kafka"))
}

impl Broker {
    /// Gives a principal these rights and no others.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn grant(&self, principal: &str, wanted: &BTreeSet<Right>) -> Result<()> {
        let there = self.granted(principal).await?;
        let missing: Vec<_> = wanted.difference(&there).map(|right| creation(principal, right)).collect();
        if !missing.is_empty() {
            let answer = self.ask(3, CreateAclsRequest::default().with_creations(missing)).await?;
            answer
                .results
                .iter()
                .try_for_each(|result| check(result.error_code, result.error_message.as_ref()))?;
        }
        let further: Vec<_> = there.difference(wanted).map(|right| filter(principal, right)).collect();
        if further.is_empty() {
            return Ok(());
        }
        let answer = self.ask(3, DeleteAclsRequest::default().with_filters(further)).await?;
        let mut results = answer.filter_results.iter();
        results.try_for_each(|result| check(result.error_code, result.error_message.as_ref()))
    }

    /// The rights of a principal.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn granted(&self, principal: &str) -> Result<BTreeSet<Right>> {
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(ANY)
            .with_principal_filter(Some(text(principal)))
            .with_host_filter(None)
            .with_operation(ANY)
            .with_permission_type(ANY);
        let answer = self.ask(3, request).await?;
        check(answer.error_code, answer.error_message.as_ref())?;
        let rights = answer.resources.into_iter().flat_map(|resource| {
            resource.acls.into_iter().map(move |acl| Right {
                resource: resource.resource_type,
                name: resource.resource_name.to_string(),
                pattern: resource.pattern_type,
                host: acl.host.to_string(),
                operation: acl.operation,
                permission: acl.permission_type,
            })
        });
        Ok(rights.collect())
    }

    /// Sets a user's password.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn set_password(&self, user: &str, password: &str, salt: [u8; 32]) -> Result<()> {
        let iterations = std::num::NonZeroU32::new(ITERATIONS).context("more than none")?;
        let mut salted = [0; SHA_512_BYTES];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, iterations, &salt, password.as_bytes(), &mut salted);
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(text(user))
            .with_mechanism(SCRAM_SHA_512)
            .with_iterations(i32::try_from(ITERATIONS)?)
            .with_salt(salt.to_vec().into())
            .with_salted_password(salted.to_vec().into());
        self.alter_scram(AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion])).await
    }

    /// Removes a user's password; nothing where there is none.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn remove_password(&self, user: &str) -> Result<()> {
        let deletion = ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(SCRAM_SHA_512);
        self.alter_scram(AlterUserScramCredentialsRequest::default().with_deletions(vec![deletion])).await
    }

    async fn alter_scram(&self, request: AlterUserScramCredentialsRequest) -> Result<()> {
        let answer = self.ask(0, request).await?;
        let Some(result) = answer.results.first() else { return Ok(()) };
        match ResponseError::try_from_code(result.error_code) {
            Some(ResponseError::ResourceNotFound) => Ok(()),
            _ => check(result.error_code, result.error_message.as_ref()),
        }
    }
}

fn creation(principal: &str, right: &Right) -> AclCreation {
    AclCreation::default()
        .with_resource_type(right.resource)
        .with_resource_name(text(&right.name))
        .with_resource_pattern_type(right.pattern)
        .with_principal(text(principal))
        .with_host(text(&right.host))
        .with_operation(right.operation)
        .with_permission_type(right.permission)
}

fn filter(principal: &str, right: &Right) -> DeleteAclsFilter {
    DeleteAclsFilter::default()
        .with_resource_type_filter(right.resource)
        .with_resource_name_filter(Some(text(&right.name)))
        .with_pattern_type_filter(right.pattern)
        .with_principal_filter(Some(text(principal)))
        .with_host_filter(Some(text(&right.host)))
        .with_operation(right.operation)
        .with_permission_type(right.permission)
}
