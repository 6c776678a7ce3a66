//! The file of keys beside an embedded database, for people who were not asked for keys.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Keyring, keyring};

/// Only the owner may read or write.
const MODE: u32 = 0o600;
/// What group and others may do.
const OTHERS: u32 = 0o077;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{}: {problem}", .path.display())]
    Io { path: PathBuf, problem: io::Error },
    #[error("{}: {problem}", .path.display())]
    Unfit { path: PathBuf, problem: String },
}

/// Where the keys in a file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// They were there.
    Read,
    /// There was no file; it holds a new key now. Without it what is stored cannot be opened: it
    /// belongs into the backup.
    Generated,
}

/// Names the file of keys that belongs to a database's file.
#[must_use]
pub fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// Reads the keys of a file, which is made with a new key if it is not there: one `id:key` a line,
/// the first seals.
///
/// # Errors
/// When the file cannot be read or written, holds something else, or others may read it too.
pub fn open(path: &Path) -> Result<(Keyring, Origin), KeyFileError> {
    let io = |problem| KeyFileError::Io { path: path.to_owned(), problem };
    let origin = match create(path) {
        Ok(()) => Origin::Generated,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Origin::Read,
        Err(error) => return Err(io(error)),
    };
    Ok((read(path)?, origin))
}

/// Reads the keys of a file.
///
/// # Errors
/// When it is not there or cannot be read, holds something else, or others may read it too.
pub fn read(path: &Path) -> Result<Keyring, KeyFileError> {
    let io = |problem| KeyFileError::Io { path: path.to_owned(), problem };
    let unfit = |problem: String| KeyFileError::Unfit { path: path.to_owned(), problem };
    if fs::metadata(path).map_err(io)?.permissions().mode() & OTHERS != 0 {
        return Err(unfit("others may read it: run chmod 600 on it".into()));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    text.parse().map_err(|problem| unfit(format!("{problem}")))
}

/// Makes the file, whole and durable or not at all: half a key would be found at the next start.
fn create(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let pair = keyring::generate().map_err(io::Error::other)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&draft)?;
    file.write_all(pair.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // A link, unlike a rename, never replaces keys that somebody put there meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
