//! Keys that stand for patients and documents: pseudonyms and document ids.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{ObservationKey, PatientIdentity, Pressure, Reading, Withdrawal};

/// The secret that pseudonyms are made with: one a deployment, 32 random bytes.
#[derive(Clone)]
pub struct PseudonymKey(Hmac<Sha256>);

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PseudonymKey(..)")
    }
}

impl PseudonymKey {
    /// The length of a key, in bytes.
    pub const BYTES: usize = 32;

    /// A key from its bytes.
    pub fn new(secret: &[u8; Self::BYTES]) -> Self {
        // HMAC pads a short key with zeros to the hash's block of 64 bytes.
        let mut block = [0; 64];
        block[..Self::BYTES].copy_from_slice(secret);
        Self(Hmac::new(&block.into()))
    }

    /// The patient's pseudonym: HMAC-SHA-256 of the identity's text, in hexadecimal (64 characters). RFC 2104
    pub fn pseudonym(&self, identity: &PatientIdentity<'_>) -> String {
        let mut text = [0; 64];
        write_hex(&self.mac(&identity.parts()), &mut text).to_owned()
    }

    fn mac(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// A document's id: what makes a redelivery overwrite itself. 128 bits, shown in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub [u8; 16]);

impl fmt::Display for DocumentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(write_hex(&self.0, &mut [0; 32]))
    }
}

impl DocumentId {
    /// The id of a Reading's document.
    pub fn of_reading(reading: &Reading<'_>, key: &PseudonymKey) -> Self {
        Self::by_id(&reading.key).unwrap_or_else(|| Self::by_content(reading, key))
    }

    /// The id of the document that a withdrawal takes back.
    pub fn of_withdrawal(withdrawal: &Withdrawal<'_>, key: &PseudonymKey) -> Option<Self> {
        let by_content = || withdrawal.content.as_deref().map(|reading| Self::by_content(reading, key));
        Self::by_id(&withdrawal.key).or_else(by_content)
    }

    fn by_id(observation: &ObservationKey<'_>) -> Option<Self> {
        let id = observation.unique_id()?;
        let mut hash = Sha256::new();
        hash.update(observation.base.as_bytes());
        hash.update(b"\nObservation/");
        hash.update(id.as_bytes());
        Some(Self::first_half(hash.finalize().into()))
    }

    /// By patient, time and values. Keyed, since these could be guessed.
    fn by_content(reading: &Reading<'_>, key: &PseudonymKey) -> Self {
        let [a, b, c] = reading.patient.identity.parts();
        let value = |side: Option<Pressure>| {
            side.map_or_else(String::new, |side| side.mmhg().normalize().to_string())
        };
        let content =
            format!("\n{}\n{}\n{}", reading.effective, value(reading.systolic), value(reading.diastolic));
        Self::first_half(key.mac(&[a, b, c, &content]))
    }

    fn first_half(hash: [u8; 32]) -> Self {
        let (half, _) = hash.split_at(16);
        Self(half.try_into().unwrap_or_default())
    }
}

/// Writes bytes in hexadecimal into a buffer of twice their length, without allocating: this is done for every Reading.
fn write_hex<'b>(bytes: &[u8], buffer: &'b mut [u8]) -> &'b str {
    match hex::encode_to_slice(bytes, buffer) {
        Ok(()) => str::from_utf8(buffer).unwrap_or_default(),
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_hmac_of_the_identity() {
        // Independently: printf 'Patient/42' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...01
        let key = PseudonymKey::new(&[1; 32]);
        let identity = PatientIdentity::from_user_input("42", "").unwrap();
        assert_eq!(
            key.pseudonym(&identity),
            "f5e6cd51dc92fa87354fbc095f2dc5cfd95b135f73f8edd9c92c23560f708361"
        );
    }
}
