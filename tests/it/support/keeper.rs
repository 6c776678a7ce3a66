//! Ends processes after the tests, however the tests end.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::installed::{self, User};

/// Waits for its input to end, which happens when the tests end, even by a signal; then ends the
/// process, also where a test has stopped it, and removes the directory once the process has let go
/// of it.
const SCRIPT: &str = r#"
cat >/dev/null
kill -s "$1" "$2"
kill -s CONT "$2"
[ -n "$3" ] || exit
tries=100
while [ -e "$3/data/postmaster.pid" ] && [ $tries -gt 0 ]; do
    sleep 0.05
    tries=$((tries - 1))
done
rm -rf "$3"
"#;

/// Watches over one process. Dropped, it leaves the process alone.
pub struct Keeper {
    shell: Child,
}

impl Keeper {
    /// Sends the process this signal when the tests have ended.
    pub fn of(pid: u32, signal: &str) -> Self {
        Self::watch(pid, signal, Path::new("/"), None, "")
    }

    /// The same for a `PostgreSQL` server, whose directory goes too.
    pub fn of_server(pid: u32, dir: &Path, user: Option<User>) -> Self {
        Self::watch(pid, "QUIT", dir, user, dir.to_str().unwrap())
    }

    fn watch(pid: u32, signal: &str, dir: &Path, user: Option<User>, remove: &str) -> Self {
        let mut shell = installed::command(Path::new("/bin/sh"), dir, user);
        shell.args(["-c", SCRIPT, "keeper", signal, &pid.to_string(), remove]);
        Self { shell: shell.stdin(Stdio::piped()).spawn().unwrap() }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shell.kill().and_then(|()| self.shell.wait().map(drop)).ok();
    }
}

/// Sends a signal to a process of ours.
pub fn signal(name: &str, pid: u32) -> io::Result<()> {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", "kill -s $0 $1", name, &pid.to_string()]).stderr(Stdio::null());
    kill.status().map(drop)
}
