//! Texts that must not be read by chance: secrets, and the same sealed for storing.

use std::fmt;

use zeroize::Zeroizing;

/// A token, a client's secret, a code verifier. Its `Debug` shows nothing, it has no `Display`, and
/// its memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret from here on.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: for the request or the cipher it is meant for, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A secret as it is stored: encrypted, and naming its key. Only a keyring makes one from a
/// secret, so that no plain text finds its way into a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// Takes a text that a keyring made, now or long ago.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a sealed secret stands. It is authenticated along with the secret, so that one copied to
/// another account, connection or column does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretPlace<'a> {
    pub connection: &'a super::ConnectionKey,
    pub column: SecretColumn,
}

/// The columns that hold sealed secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretColumn {
    AccessToken,
    RefreshToken,
    CodeVerifier,
    SigningSecret,
    PreviousSigningSecret,
}

super::word::words! { SecretColumn, "column of secrets",
    AccessToken => "access_token",
    RefreshToken => "refresh_token",
    CodeVerifier => "code_verifier",
    SigningSecret => "signing_secret",
    PreviousSigningSecret => "previous_signing_secret",
}
