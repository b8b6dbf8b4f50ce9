//! Into namespaces of one's own, and into those of a lab.
//!
//! Invariant: called before any thread exists: the kernel refuses to move a program of several threads.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};

use super::process::Process;
use super::{LabError, needs};

/// Moves this process into a network namespace of its own (and a mount namespace, so that `/sys` shows it). A user who
/// is not root becomes root of a user namespace first.
///
/// # Errors
/// If the kernel does not allow it.
pub fn enter_new() -> Result<(), LabError> {
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    let (user, group) = (geteuid(), getegid());
    let moved = if user.is_root() {
        unshare(own)
    } else {
        Err(Errno::EPERM)
    };
    match moved {
        Ok(()) => {}
        Err(Errno::EPERM) => {
            unshare(own | CloneFlags::CLONE_NEWUSER).map_err(LabError::Namespace)?;
            let map = |file: &str, text: String| {
                fs::write(format!("/proc/self/{file}"), text).map_err(LabError::io(format!("write /proc/self/{file}")))
            };
            // Without `deny` an unprivileged user may not map groups (user_namespaces(7)).
            map("setgroups", "deny".to_string())?;
            map("uid_map", format!("0 {user} 1"))?;
            map("gid_map", format!("0 {group} 1"))?;
        }
        Err(error) => return Err(LabError::Namespace(error)),
    }
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(LabError::system("keep mounts to the lab"))?;
    // Containers may forbid it; then only `/sys/class/net` is that of the host.
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::MS_RDONLY, none).ok();
    quick_ipv6();
    Ok(())
}

/// The bridge gets its link-local address at once instead of after a second of asking whether somebody has it.
fn quick_ipv6() {
    fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").ok();
}

/// Replaces this process by a command inside a lab's namespaces. Returns only if that fails.
pub fn exec(keeper: Process, command: &[String]) -> LabError {
    match enter(keeper) {
        Ok(()) => {}
        Err(error) => return error,
    }
    let Some((program, arguments)) = command.split_first() else {
        return LabError::Wish("no command was given".to_string());
    };
    let path = needs::find_program(program).unwrap_or_else(|| program.into());
    let error = Command::new(path).arg0(program).args(arguments).exec();
    LabError::io(format!("run {program}"))(error)
}

/// Every other process in the network namespace of this one: what was started with `lab exec` and still runs.
pub fn neighbours() -> Vec<Process> {
    let own = fs::read_link("/proc/self/ns/net").ok();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter(|entry| own.is_some() && fs::read_link(entry.path().join("ns/net")).ok() == own)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() as i32)
        .filter_map(Process::of)
        .collect()
}

/// Moves this process into the namespaces of the keeper.
fn enter(keeper: Process) -> Result<(), LabError> {
    let here = std::env::current_dir().map_err(LabError::io("find the current folder"))?;
    let own_user = fs::read_link("/proc/self/ns/user").map_err(LabError::io("read /proc/self/ns/user"))?;
    let of_keeper = |kind: &str| format!("/proc/{}/ns/{kind}", keeper.pid);
    let its_user = fs::read_link(of_keeper("user")).map_err(LabError::io(format!("read {}", of_keeper("user"))))?;
    let kinds: &[&str] = if own_user == its_user {
        &["net", "mnt"]
    } else {
        &["user", "net", "mnt"]
    };
    // All are opened first: after the first step /proc may look different.
    let files = kinds
        .iter()
        .map(|kind| File::open(of_keeper(kind)).map_err(LabError::io(format!("open {}", of_keeper(kind)))))
        .collect::<Result<Vec<_>, _>>()?;
    for (file, kind) in files.iter().zip(kinds) {
        setns(file, CloneFlags::empty()).map_err(LabError::system(format!("enter the lab's {kind} namespace")))?;
    }
    std::env::set_current_dir(&here).map_err(LabError::io(format!("go back to {}", here.display())))
}
