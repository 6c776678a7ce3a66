//! A disk that fills up under a program: its writes fail as the kernel has them fail.

use std::{
    fs,
    path::Path,
    process::{Child, Command},
};

use super::{Replica, keeper::signal, wait::eventually};

/// How `strace` watches a program that it lets go of when it is told to.
const LETS_GO: [&str; 4] = ["--interruptible=waiting", "--quiet=all", "-o", "/dev/null"];
/// How many writes of each thread still find room: fewer than a commit makes, so that it fails in the
/// middle.
const LAST_WRITES: u32 = 2;

/// A full disk. Dropped, it has room again.
pub struct FullDisk {
    tracer: Child,
}

impl FullDisk {
    /// Starts the service on a database whose disk can be filled. A kernel that lets nobody but a
    /// process's parents trace it makes an exception for one that began under `strace`.
    pub async fn service_on(database_url: &str) -> Replica {
        let mut program = Command::new("strace");
        program.arg("-D").args(LETS_GO).args(["--trace=none", Replica::PROGRAM]);
        let service = Replica::run(Replica::serve(&mut program, database_url)).await;
        for tracer in tracers(service.pid()).into_iter().filter(|tracer| *tracer != 0) {
            signal("TERM", tracer).unwrap();
        }
        until_traced_by(service.pid(), 0).await;
        service
    }

    /// From now on there is no room for what the service writes to this database of `SQLite`.
    pub async fn under(service: &Replica, database_url: &str) -> Self {
        let file = database_url.strip_prefix("sqlite:").unwrap();
        let mut strace = Command::new("strace");
        strace.arg("-f").args(LETS_GO).arg("--trace=pwrite64");
        strace.arg(format!("--inject=pwrite64:error=ENOSPC:when={}+", LAST_WRITES + 1));
        strace.args(["-P", file, "-P", &format!("{file}-wal"), "-p", &service.pid().to_string()]);
        let disk = Self { tracer: strace.spawn().unwrap() };
        until_traced_by(service.pid(), disk.tracer.id()).await;
        disk
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        signal("TERM", self.tracer.id()).and_then(|()| self.tracer.wait().map(drop)).ok();
    }
}

/// What traces the threads of a process; 0 for those that nothing traces.
fn tracers(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).unwrap();
    let statuses =
        threads.flatten().filter_map(|at| fs::read_to_string(at.path().join("status")).ok());
    let tracer = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
        line.trim().parse().ok()
    };
    let mut tracers: Vec<u32> = statuses.filter_map(tracer).collect();
    tracers.dedup();
    tracers
}

async fn until_traced_by(pid: u32, tracer: u32) {
    eventually("the tracer", async || (tracers(pid) == [tracer]).then_some(())).await;
}
