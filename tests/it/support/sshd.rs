//! SSH servers of others: OpenSSH's and Dropbear, in namespaces of their own for mounts and processes.
//!
//! Their accounts and passwords are files that only they see, so the host's are left alone, and everything that runs in
//! their sessions ends with them.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::client::require;

/// Password of every account.
pub const PASSWORD: &str = "sesam-öffne-dich";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// OpenSSH.
    OpenSsh,
    /// OpenSSH that asks for the password itself, as Lenovo's and HPE's BMCs do.
    Asking,
    /// OpenSSH that speaks what BMCs of 2012 speak, and nothing else.
    Old,
    /// Dropbear, which many BMCs have.
    Dropbear,
}

/// A server.
pub struct Sshd {
    make: Make,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Sshd {
    /// Starts one on ports 22 and 2200 of a namespace, whose `unshare` is given, with a host key of this kind and an account
    /// of each name, all of them root's, whose shell is `shell`.
    pub fn start(unshare: Command, make: Make, key: &str, accounts: &[&str], shell: &str) -> Self {
        require("/usr/sbin/sshd", "openssh-server");
        require("/usr/sbin/dropbear", "dropbear-bin");
        require("ssh-keygen", "openssh-client");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir_all(path.join("home/.ssh")).unwrap();
        std::fs::write(path.join("shell"), shell.replace("@HERE@", path.to_str().unwrap())).unwrap();
        let home = path.join("home");
        for (at, mode) in [
            (path, 0o755),
            (&path.join("shell"), 0o755),
            (&home, 0o700),
            (&home.join(".ssh"), 0o700),
        ] {
            let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
            std::fs::set_permissions(at, mode).unwrap();
        }
        let hash = Command::new("openssl")
            .args(["passwd", "-6", PASSWORD])
            .output()
            .unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let (mut passwd, mut shadow) = (String::new(), String::new());
        for account in accounts {
            passwd += &format!("{account}:x:0:0::{}:{}\n", home.display(), path.join("shell").display());
            shadow += &format!("{account}:{}:20000:0:99999:7:::\n", hash.trim());
        }
        let system = "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n";
        std::fs::write(path.join("passwd"), passwd + system).unwrap();
        std::fs::write(path.join("shadow"), shadow).unwrap();
        std::fs::write(path.join("shells"), format!("{}\n", path.join("shell").display())).unwrap();
        std::fs::create_dir_all("/run/sshd").unwrap();
        let mut server = Self {
            make,
            folder,
            process: None,
        };
        server.new_key(key);
        let login = server.path().join("login");
        server.keygen("ed25519", &login);
        std::fs::copy(login.with_extension("pub"), home.join(".ssh/authorized_keys")).unwrap();
        server.run(unshare);
        server
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The key that logs in, as the cluster file names it.
    pub fn login_key(&self) -> String {
        format!("file:{}/login", self.path().display())
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// Gives it another host key, from its next start on.
    pub fn new_key(&self, kind: &str) {
        let path = self.path().join("host");
        std::fs::remove_file(&path).ok();
        match self.make {
            Make::OpenSsh | Make::Asking | Make::Old => self.keygen(kind, &path),
            Make::Dropbear => {
                let mut made = Command::new("dropbearkey");
                let made = made
                    .args(["-t", kind, "-f"])
                    .arg(&path)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                assert!(made.status().unwrap().success());
            }
        }
    }

    /// Its host key as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        let shown = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.path().join("host.pub"))
            .output()
            .unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        shown.split_whitespace().nth(1).unwrap().to_string()
    }

    fn keygen(&self, kind: &str, path: &Path) {
        let mut made = Command::new("ssh-keygen");
        let made = made
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(path)
            .stdin(Stdio::null());
        assert!(made.status().unwrap().success());
    }

    /// Starts it in the namespace whose `unshare` is given.
    pub fn run(&mut self, mut unshare: Command) {
        // A machine that starts anew has another name for its boot.
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
        std::fs::write(self.path().join("boot_id"), boot).unwrap();
        let path = self.path().display();
        let server = match self.make {
            Make::OpenSsh | Make::Asking | Make::Old => {
                let special = match self.make {
                    Make::Asking => "UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes\n",
                    Make::Old => {
                        "UsePAM no\nKexAlgorithms diffie-hellman-group14-sha1\nCiphers aes128-cbc\nMACs hmac-sha1\n\
                         HostKeyAlgorithms ssh-rsa\n"
                    }
                    _ => "UsePAM no\n",
                };
                let config = format!(
                    "Port 22\nPort 2200\nHostKey {path}/host\nPidFile none\nStrictModes no\n{special}\
                     PermitRootLogin yes\nMaxAuthTries 6\nPermitUserEnvironment no\nPrintMotd no\nPrintLastLog no\n\
                     AcceptEnv none\n"
                );
                std::fs::write(self.path().join("config"), config).unwrap();
                format!("/usr/sbin/sshd -D -e -f {path}/config")
            }
            Make::Dropbear => format!("/usr/sbin/dropbear -F -E -r {path}/host -p 22 -p 2200 -P {path}/pid"),
        };
        // Any host's own rules for its logins are not asked.
        let pam = "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
        std::fs::write(self.path().join("pam"), pam).unwrap();
        let script = format!(
            "mount --bind {path}/pam /etc/pam.d/sshd || exit 1\n\
             for f in passwd shadow shells; do mount --bind {path}/$f /etc/$f || exit 1; done\n\
             mount --bind {path}/boot_id /proc/sys/kernel/random/boot_id || exit 1\n\
             exec {server} 2>>{path}/log"
        );
        unshare.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            &script,
        ]);
        let process = unshare
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        self.process = Some(process.unwrap());
    }

    /// Ends it, with all its sessions.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
