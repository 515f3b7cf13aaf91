//! A receiver's processes in a control group: none is missed when CPU time is counted, and none is left behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the processes of a group may take to end once they are killed.
const END: Duration = Duration::from_secs(5);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The group; dropping it kills all that is in it.
pub struct Group {
    path: PathBuf,
    child: Option<Child>,
}

/// CPU time used by all processes of a group, those that have ended included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }
}

impl Group {
    /// An empty group.
    ///
    /// # Errors
    /// Without root, or without control groups of version 2 (Linux 5.14), which may be mounted beside those of version 1.
    pub fn new() -> io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mailproof-bench-{}-{number}", std::process::id());
        let path = mounted()?.join(name);
        fs::create_dir(&path).map_err(|error| at(&path, &error))?;
        Ok(Self { path, child: None })
    }

    /// Starts a program in the group, on these cores, with this file as its resolv.conf; what it prints goes to `log`.
    ///
    /// # Errors
    /// When the shell cannot be started; that the program cannot is in the log.
    pub fn start(
        &mut self,
        cores: &str,
        resolv_conf: &Path,
        program: &Command,
        log: &Path,
    ) -> io::Result<()> {
        // The shell becomes the program once it is in the group, so no instant of its life is missed.
        const ENTER: &str = "echo $$ > \"$1/cgroup.procs\" && mount --bind \"$2\" /etc/resolv.conf && shift 2 && \
             exec taskset --cpu-list \"$@\"";
        let output = fs::File::create(log)?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private"])
            .args(["sh", "-c", ENTER, "sh"])
            .args([&self.path, resolv_conf])
            .arg(cores)
            .arg(program.get_program())
            .args(program.get_args());
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// How the program that was started has ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// The CPU time used so far.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn cpu(&self) -> io::Result<Cpu> {
        let text = self.read("cpu.stat")?;
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            let value = value.and_then(|value| value.trim().parse().ok());
            value
                .map(Duration::from_micros)
                .ok_or_else(|| io::Error::other(format!("cpu.stat has no {name}")))
        };
        Ok(Cpu {
            user: field("user_usec ")?,
            system: field("system_usec ")?,
        })
    }

    /// Octets of memory of all processes: private pages, and their shares of what several map.
    ///
    /// # Errors
    /// When the kernel does not say which processes there are.
    pub fn memory(&self) -> io::Result<u64> {
        let processes = self.read("cgroup.procs")?;
        // A process may end while it is looked at.
        let share = |pid: &str| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            kib(&text, "Pss:")
        };
        Ok(processes.lines().filter_map(share).sum::<u64>() * 1024)
    }

    fn read(&self, name: &str) -> io::Result<String> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map_err(|error| at(&path, &error))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
        let start = Instant::now();
        while fs::remove_dir(&self.path).is_err() && start.elapsed() < END {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A figure in KiB from a file of `/proc`.
pub fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn mounted() -> io::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&"cgroup2"))
        .and_then(|fields| Some(PathBuf::from(*fields.get(1)?)))
        .ok_or_else(|| io::Error::other("control groups of version 2 are not mounted"))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
