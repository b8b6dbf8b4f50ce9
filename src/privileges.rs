//! Giving up root: a server that was started by hand as root goes on as the user that owns its state.
//!
//! Invariant: called before any thread exists, since capabilities belong to threads.
//! Invariant: what is kept is what the packaged unit grants: ports below 1024 and whole frames. No file of root's is
//! left in a state folder that belongs to somebody else.

use std::ffi::CString;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User, geteuid, initgroups, setgid, setuid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// Why privileges cannot be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegesError {
    /// Only root may become somebody else.
    #[error("only root can serve as another user: start as root, or leave --user {0} out")]
    NotRoot(String),
    /// No such user.
    #[error("there is no user {0}: adduser --system --group --home /var/lib/bellwether {0}")]
    Unknown(String),
    /// The state folder belongs to another user.
    #[error("the state folder {path} does not belong to {user}: chown -R {user}: {path}", path = path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Who would serve.
        user: String,
    },
    /// The system refused.
    #[error("cannot {what} to serve as {user}")]
    System {
        /// What.
        what: &'static str,
        /// Who would serve.
        user: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What a server needs of root.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE.union(CapabilitySet::NET_RAW);

/// Becomes the named user; without a name the owner of the state folder, where that is another user of this host.
/// Returns who we are now, if that changed.
///
/// # Errors
/// See [`PrivilegesError`]. The process must end then: it may be half one and half the other.
pub fn give_up(state: &Path, name: Option<&str>) -> Result<Option<String>, PrivilegesError> {
    let owner = std::fs::metadata(state).ok().map(|metadata| metadata.uid());
    let Some(user) = wanted(owner, name)? else {
        return Ok(None);
    };
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(PrivilegesError::NotRoot(user.name));
    }
    hand_over(state, owner, &user)?;
    become_user(&user)?;
    Ok(Some(user.name))
}

fn wanted(owner: Option<u32>, name: Option<&str>) -> Result<Option<User>, PrivilegesError> {
    match name {
        Some(name) => match User::from_name(name) {
            Ok(Some(user)) => Ok(Some(user)),
            _ => Err(PrivilegesError::Unknown(name.to_string())),
        },
        // An owner without a name is that of a container's outside: nobody to become.
        None if geteuid().is_root() => Ok(owner
            .filter(|uid| *uid != 0)
            .and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten())
            .filter(|user| user.name != "nobody")),
        None => Ok(None),
    }
}

fn hand_over(state: &Path, owner: Option<u32>, user: &User) -> Result<(), PrivilegesError> {
    let system = |what| {
        let user = user.name.clone();
        move |source| PrivilegesError::System { what, user, source }
    };
    if owner.is_none() {
        std::fs::create_dir_all(state).map_err(system("make the state folder"))?;
    }
    let empty = std::fs::read_dir(state).is_ok_and(|mut entries| entries.next().is_none());
    if owner == Some(user.uid.as_raw()) {
        Ok(())
    } else if empty {
        chown(state, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(system("hand over the state folder"))
    } else {
        Err(PrivilegesError::Foreign {
            path: state.to_path_buf(),
            user: user.name.clone(),
        })
    }
}

fn become_user(user: &User) -> Result<(), PrivilegesError> {
    let system = |what| {
        let user = user.name.clone();
        move |source| PrivilegesError::System { what, user, source }
    };
    let errno = |error: nix::errno::Errno| std::io::Error::from(error);
    let name = CString::new(user.name.clone()).map_err(|e| system("name the user")(e.into()))?;
    rustix::thread::set_keep_capabilities(true).map_err(|e| system("keep capabilities")(e.into()))?;
    initgroups(&name, user.gid).map_err(|e| system("set groups")(errno(e)))?;
    setgid(user.gid).map_err(|e| system("set the group")(errno(e)))?;
    setuid(user.uid).map_err(|e| system("set the user")(errno(e)))?;
    let sets = CapabilitySets {
        effective: KEPT,
        permitted: KEPT,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets).map_err(|e| system("give up capabilities")(e.into()))?;
    // Nothing that is started from here can become root again.
    rustix::thread::set_no_new_privs(true).map_err(|e| system("rule out new privileges")(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_is_become_where_the_state_is_our_own_or_not_there() {
        let own = tempfile::tempdir().unwrap();
        assert_eq!(give_up(own.path(), None).unwrap(), None);
        assert_eq!(give_up(&own.path().join("later"), None).unwrap(), None);
        assert!(!own.path().join("later").exists());
    }

    #[test]
    fn a_user_that_is_not_there_is_named_with_the_command_that_makes_it() {
        let own = tempfile::tempdir().unwrap();
        let error = give_up(own.path(), Some("no-such-user-here")).unwrap_err();
        assert!(error.to_string().contains("adduser --system"), "{error}");
    }
}
