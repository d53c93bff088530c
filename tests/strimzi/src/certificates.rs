//! The clients' certificate authority, which the broker trusts: it signs the certificates of users.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
};

/// The clients' certificate authority.
pub struct ClientsCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A user's certificate and its private key, in PEM.
#[derive(Clone)]
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl ClientsCa {
    /// The one whose certificate and key are in these files, in PEM.
    ///
    /// # Errors
    ///
    /// They cannot be read, or are none.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
        let (certificate, key) = (read(certificate)?, KeyPair::from_pem(&read(key)?)?);
        Ok(Self { issuer: Issuer::from_ca_cert_pem(&certificate, key)?, certificate })
    }

    /// Its own certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a user. Its subject is `CN=user`, and nothing else: that is who Kafka takes it for.
    ///
    /// # Errors
    ///
    /// It cannot be signed.
    pub fn sign(&self, user: &str) -> Result<Signed> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, user);
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
