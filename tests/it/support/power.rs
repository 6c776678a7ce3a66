//! What a power failure leaves of a file: only what was synced.
//!
//! SIGKILL leaves the operating system's cache whole, so that a program which never syncs looks as
//! safe as one that does. Here every write and every sync of the program is watched by `strace`, and
//! after its end what it wrote and did not sync is overwritten with zeros.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::wait::eventually;

/// The calls by which a program writes into files at a place, and by which it syncs them.
const WATCHED: &str = "--trace=pwrite64,fsync,fdatasync";

/// A watch over one program.
pub struct PowerWatch {
    dir: TempDir,
}

/// Ranges of a file that were written and not synced, as offset and length.
type Unsynced = Vec<(u64, usize)>;

impl PowerWatch {
    /// Starts nothing yet: answers the command that runs a program watched. The program is the
    /// process that the command becomes; the watcher goes when it goes.
    pub fn over(program: &str) -> (Self, Command) {
        let dir = TempDir::with_prefix("ticketsync-power-").unwrap();
        let mut command = Command::new("strace");
        command.args(["-D", "-ff", "--decode-fds=path", "--string-limit=0", WATCHED]);
        command.arg("-o").arg(dir.path().join("thread")).arg(program);
        (Self { dir }, command)
    }

    /// After the program was killed: takes from every file below this directory what was not
    /// synced. Answers how many writes that were.
    pub async fn cut(self, dir: &Path) -> usize {
        let mut cut = 0;
        for (path, unsynced) in self.unsynced().await {
            if path.starts_with(dir) && path.is_file() {
                let file = File::options().write(true).open(&path).unwrap();
                for (offset, length) in &unsynced {
                    file.write_all_at(&vec![0; *length], *offset).unwrap();
                }
                cut += unsynced.len();
            }
        }
        cut
    }

    async fn unsynced(&self) -> BTreeMap<PathBuf, Unsynced> {
        let mut all: BTreeMap<PathBuf, Unsynced> = BTreeMap::new();
        for entry in fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let trace = eventually("the end of a thread's trace", async || {
                let trace = fs::read_to_string(&path).unwrap();
                trace.trim_end().ends_with("+++").then_some(trace)
            });
            // A file that two threads wrote is synced by each for itself: rather too little is taken
            // for synced than too much.
            for (path, unsynced) in read(&trace.await) {
                all.entry(path).or_default().extend(unsynced);
            }
        }
        all
    }
}

/// Reads one thread's calls: lines such as `pwrite64(4</tmp/x.db-wal>, ""..., 4096, 8296) = 4096`
/// and `fdatasync(4</tmp/x.db-wal>) = 0`.
fn read(trace: &str) -> BTreeMap<PathBuf, Unsynced> {
    let mut files: BTreeMap<PathBuf, Unsynced> = BTreeMap::new();
    for line in trace.lines() {
        let Some((call, rest)) = line.split_once('(') else { continue };
        let Some((_, rest)) = rest.split_once('<') else { continue };
        let Some((path, arguments)) = rest.split_once('>') else { continue };
        let unsynced = files.entry(PathBuf::from(path)).or_default();
        match call {
            "fsync" | "fdatasync" if arguments.ends_with("= 0") => unsynced.clear(),
            "pwrite64" => {
                // Cut off by the kill, a call has written who knows what, at the place it names.
                let arguments = arguments.split(')').next().unwrap_or_default();
                let mut numbers = arguments.rsplit(", ");
                let offset = numbers.next().and_then(|offset| offset.parse().ok());
                let length = numbers.next().and_then(|length| length.parse().ok());
                unsynced.extend(offset.zip(length));
            }
            _ => {}
        }
    }
    files
}
