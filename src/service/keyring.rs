//! The keys that secrets are sealed with: the first seals, all open.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use rand::{TryRng as _, rngs::SysRng};
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::{Invalid, Sealed, Secret, SecretPlace};

/// The longest key id, in characters: it stands before every sealed text.
const MAX_KEY_ID_LENGTH: usize = 32;
/// A key of XChaCha20-Poly1305.
const KEY_BYTES: usize = 32;
/// Its nonce, long enough to be drawn at random for every sealing.
const NONCE_BYTES: usize = 24;
/// The random part of a generated key's id: keys only have to differ from a few others.
const KEY_ID_RANDOM_BYTES: usize = 4;

/// Names a key: 1 to 32 of `a-z 0-9 - _`. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = Invalid;

    fn from_str(id: &str) -> Result<Self, Invalid> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if !(1..=MAX_KEY_ID_LENGTH).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(Invalid::new("is no key id: 1 to 32 of a-z 0-9 - _"));
        }
        Ok(Self(id.to_owned()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a sealed secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the secret is sealed by key {0}, which is not among the keys")]
    UnknownKey(KeyId),
    #[error("the secret does not open: it was altered, or belongs to another place")]
    Forged,
    #[error("the secret is not one that a keyring sealed")]
    Malformed,
}

/// One key. Wiped when it goes.
#[derive(Clone)]
struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Several keys, so that they can be replaced one by one. Its `Debug` shows their ids. Cheap to
/// clone.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

impl Keyring {
    /// The key that seals.
    #[must_use]
    pub fn sealing_key(&self) -> &KeyId {
        &self.keys[0].id
    }

    /// All keys' ids, the sealing one first.
    pub fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(|key| &key.id)
    }

    /// Encrypts a secret for the place it is going to stand in.
    ///
    /// # Errors
    /// [`OpenError::Malformed`] for a secret of many gigabytes; there is none.
    pub fn seal(&self, secret: &Secret, place: SecretPlace<'_>) -> Result<Sealed, OpenError> {
        let key = &self.keys[0];
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = XChaCha20Poly1305::new((&*key.bytes).into())
            .encrypt(
                &XNonce::from(nonce),
                Payload { msg: secret.expose().as_bytes(), aad: &associated_data(place) },
            )
            .map_err(|_| OpenError::Malformed)?;
        let text = BASE64_STANDARD.encode([nonce.as_slice(), sealed.as_slice()].concat());
        Ok(Sealed::from_stored(format!("{}:{text}", key.id)))
    }

    /// Decrypts what stands in a place.
    ///
    /// # Errors
    /// When its key is not among these, or it was altered or sealed for another place.
    pub fn open(&self, sealed: &Sealed, place: SecretPlace<'_>) -> Result<Secret, OpenError> {
        let (id, text) = split(sealed)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| OpenError::UnknownKey(id.clone()))?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| OpenError::Malformed)?;
        let (nonce, sealed) =
            bytes.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Malformed)?;
        let plain = XChaCha20Poly1305::new((&*key.bytes).into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &associated_data(place) })
            .map_err(|_| OpenError::Forged)?;
        String::from_utf8(plain).map(Secret::new).map_err(|error| {
            error.into_bytes().zeroize();
            OpenError::Malformed
        })
    }
}

/// The id of the key that sealed a secret.
///
/// # Errors
/// [`OpenError::Malformed`] when no keyring made it.
pub fn key_of(sealed: &Sealed) -> Result<KeyId, OpenError> {
    split(sealed).map(|(id, _)| id)
}

fn split(sealed: &Sealed) -> Result<(KeyId, &str), OpenError> {
    let (id, text) = sealed.as_str().split_once(':').ok_or(OpenError::Malformed)?;
    Ok((id.parse().map_err(|_| OpenError::Malformed)?, text))
}

/// Account, connection and column, each after its length: no two places give the same bytes.
fn associated_data(place: SecretPlace<'_>) -> Vec<u8> {
    let connection = place.connection.connection.0.into_bytes();
    let parts: [&[u8]; 3] = [
        place.connection.account.as_str().as_bytes(),
        &connection,
        place.column.as_str().as_bytes(),
    ];
    let mut data = Vec::new();
    for part in parts {
        data.extend((part.len() as u64).to_be_bytes());
        data.extend(part);
    }
    data
}

impl FromStr for Keyring {
    type Err = Invalid;

    /// Reads `id:key` pairs, separated by commas or line ends; a key is base64 of 32 bytes. An error
    /// names the id of the key at fault, or its place, and never quotes the key.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut keys = Vec::new();
        let mut ids = BTreeSet::new();
        let pairs = text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty());
        for (at, pair) in pairs.enumerate() {
            let at = at + 1;
            // A pair without its id would be the key alone: nothing of it may be repeated.
            let (id, encoded) = pair
                .split_once(':')
                .ok_or_else(|| Invalid(format!("key {at} is no pair of id:key")))?;
            let id: KeyId =
                id.parse().map_err(|problem| Invalid(format!("the id of key {at} {problem}")))?;
            if !ids.insert(id.clone()) {
                return Err(Invalid(format!("key {id} is given twice")));
            }
            keys.push(Key { bytes: key_bytes(&id, encoded)?, id });
        }
        if keys.is_empty() {
            return Err(Invalid::new(
                "holds no key: give id:key, or make one with `keys generate`",
            ));
        }
        Ok(Self { keys: keys.into() })
    }
}

fn key_bytes(id: &KeyId, encoded: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, Invalid> {
    let decoded = BASE64_STANDARD
        .decode(encoded)
        .map(Zeroizing::new)
        .map_err(|_| Invalid(format!("key {id} is no base64")))?;
    let bytes = decoded.as_slice().try_into().map(Zeroizing::new);
    bytes.map_err(|_| {
        Invalid(format!("key {id} is {} bytes long instead of {KEY_BYTES}", decoded.len()))
    })
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.key_ids().map(KeyId::as_str)).finish()
    }
}

/// Makes a new key from the operating system's random source, as an `id:key` pair.
///
/// # Errors
/// When the operating system has no random bytes to give.
pub fn generate() -> Result<Secret, Invalid> {
    let mut id = [0; KEY_ID_RANDOM_BYTES];
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    SysRng
        .try_fill_bytes(&mut id)
        .and_then(|()| SysRng.try_fill_bytes(&mut *key))
        .map_err(|error| Invalid(format!("no random bytes: {error}")))?;
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(*key));
    Ok(Secret::new(format!("k{:08x}:{}", u32::from_be_bytes(id), *encoded)))
}

#[cfg(test)]
mod tests;
