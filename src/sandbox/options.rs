//! What the sandbox can be told.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use crate::{domain::Invalid, proto::v1::Language};

/// How to run the sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// End after the story and its comparison.
    pub once: bool,
    /// Where to keep the database and the help desk; none for a directory that goes with the sandbox.
    pub data_dir: Option<PathBuf>,
    pub grpc_listen: SocketAddr,
    pub http_listen: SocketAddr,
    pub zendesk_listen: SocketAddr,
    pub labels: Labels,
    /// Change a ticket at the help desk that no event tells of: the comparison has to fail.
    pub tamper: bool,
}

/// A language in which the contract has labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    Nl,
    En,
}

impl Labels {
    /// The words they are chosen by.
    pub const WORDS: [&str; 2] = ["nl", "en"];
}

impl FromStr for Labels {
    type Err = Invalid;

    fn from_str(word: &str) -> Result<Self, Invalid> {
        match word {
            "nl" => Ok(Self::Nl),
            "en" => Ok(Self::En),
            _ => Err(Invalid::new("is no language: nl or en")),
        }
    }
}

impl From<Labels> for Language {
    fn from(labels: Labels) -> Self {
        match labels {
            Labels::Nl => Self::Nl,
            Labels::En => Self::En,
        }
    }
}
