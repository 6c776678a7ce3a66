//! The installed `PostgreSQL` binaries, and the user they run as.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where Debian keeps its versions side by side, and where others install.
const BIN_DIRS: [&str; 4] = [
    "/usr/lib/postgresql",
    "/usr/local/pgsql",
    "/opt/homebrew/opt/postgresql",
    "/usr/local/opt/postgresql",
];

/// Answers the directory of `initdb` and `postgres`; the newest version where there are several.
///
/// # Panics
/// When there is none: what needs `PostgreSQL` fails, it is never skipped.
pub fn bin_dir() -> PathBuf {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = env::split_paths(&on_path).collect();
    let versions = BIN_DIRS.iter().flat_map(|root| {
        let mut versions: Vec<PathBuf> = fs::read_dir(root)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        versions.sort_by_key(|path| version(path));
        versions.into_iter().rev().map(|path| path.join("bin")).chain([Path::new(root).join("bin")])
    });
    candidates.extend(versions);
    candidates
        .into_iter()
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
        .expect(
            "these tests need PostgreSQL's server binaries: run `make test-tools` (or `apt-get \
             install postgresql`), or set TEST_POSTGRES_URL to a server on which databases may be \
             created",
        )
}

fn version(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or_default()
}

/// The user that runs the server where the tests run as root, which `PostgreSQL` refuses.
#[derive(Clone, Copy)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// Answers `postgres` or `nobody` for root, none for anybody else.
    pub fn unprivileged() -> Option<Self> {
        if fs::metadata("/proc/self").or_else(|_| fs::metadata(env::temp_dir())).ok()?.uid() != 0 {
            return None;
        }
        let passwd = fs::read_to_string("/etc/passwd").expect("root has a list of users");
        let user = ["postgres", "nobody"].iter().find_map(|name| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some(Self { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
        });
        Some(user.expect("root needs a user postgres or nobody to run PostgreSQL as"))
    }
}

/// A command in a directory, as that user, which says nothing to the terminal.
pub fn command(program: &Path, dir: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}
