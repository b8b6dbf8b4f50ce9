//! Who logs in, and with what.

use crate::secrets::Secret;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Asked};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{MethodKind, MethodSet};

use super::SshError;
use super::gate::Gate;

/// Questions that a server may ask in one login; more is a game.
const QUESTIONS: usize = 4;
/// A key file is not longer.
const KEY_FILE: u64 = 64 * 1024;

/// Who logs in, and with what.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name.
    pub user: String,
    /// Password or key.
    pub credential: Credential,
}

/// What one logs in with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A password.
    Password(Secret),
    /// A private key.
    Key(Key),
}

/// A private key. `Debug` does not show it.
#[derive(Clone)]
pub struct Key(Arc<PrivateKey>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The private key at `env:NAME` or `file:/path`, in OpenSSH's form or PKCS#8. Read anew each time.
    ///
    /// # Errors
    /// It cannot be read, has a passphrase, or is an RSA key.
    pub fn read(from: &str) -> Result<Self, SshError> {
        let unfit = |why: &str| SshError::KeyForm {
            from: from.to_string(),
            why: why.to_string(),
        };
        let text = match from.strip_prefix("file:").map(PathBuf::from) {
            Some(path) => read_file(&path).map_err(|source| SshError::KeyFile { path, source })?,
            None => {
                let name = from.strip_prefix("env:").unwrap_or(from);
                std::env::var(name).map_err(|_| unfit("this variable is not set in the environment of the server"))?
            }
        };
        let key = decode_secret_key(&text, None).map_err(|error| match error {
            russh::keys::Error::KeyIsEncrypted => unfit("it has a passphrase: take it away with `ssh-keygen -p`"),
            error => unfit(&error.to_string()),
        })?;
        if key.is_encrypted() {
            return Err(unfit("it has a passphrase: take it away with `ssh-keygen -p`"));
        }
        // What signs with RSA here would do so in a time that tells of the key (RUSTSEC-2023-0071).
        if key.algorithm().is_rsa() {
            return Err(unfit("it is an RSA key: make another with `ssh-keygen -t ed25519`"));
        }
        Ok(Self(Arc::new(key)))
    }
}

fn read_file(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(KEY_FILE).read_to_string(&mut text)?;
    Ok(text)
}

impl Login {
    /// Tries it, once.
    pub(super) async fn with(&self, handle: &mut Handle<Gate>, place: &str) -> Result<(), SshError> {
        let lost = |error| SshError::lost(place, error);
        // Asking for nothing tells what is taken (RFC 4252 §5.2), and is no failed login.
        let methods = match handle.authenticate_none(&self.user).await.map_err(lost)? {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => remaining_methods,
        };
        if methods.is_empty() {
            return Err(lost(russh::Error::HUP));
        }
        let takes = |method| methods.contains(&method);
        let result = match &self.credential {
            Credential::Key(key) if takes(MethodKind::PublicKey) => {
                let key = PrivateKeyWithHashAlg::new(key.0.clone(), None);
                handle.authenticate_publickey(&self.user, key).await
            }
            Credential::Password(password) if takes(MethodKind::Password) => {
                let password = self.text(password)?;
                handle.authenticate_password(&self.user, password).await
            }
            Credential::Password(password) if takes(MethodKind::KeyboardInteractive) => {
                let password = self.text(password)?;
                return self.answer(handle, place, password).await;
            }
            credential => {
                let ours = match credential {
                    Credential::Key(_) => "a key",
                    Credential::Password(_) => "a password",
                };
                return Err(self.refused(place, format!("it takes {}, and there is {ours}", words(&methods))));
            }
        };
        match result {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure {
                partial_success: true,
                remaining_methods,
            }) => Err(self.refused(place, format!("it wants {} as well", words(&remaining_methods)))),
            // Whoever hangs up on a login that it does not like has refused it all the same.
            Ok(AuthResult::Failure { .. }) | Err(_) => Err(self.refused(place, self.wrong().into())),
        }
    }

    /// Answers the questions of a server that asks for the password itself (RFC 4256).
    async fn answer(&self, handle: &mut Handle<Gate>, place: &str, password: &str) -> Result<(), SshError> {
        let started = handle.authenticate_keyboard_interactive_start(&self.user, None);
        let mut asked = started.await.map_err(|error| SshError::lost(place, error))?;
        let mut is_told = false;
        for _ in 0..QUESTIONS {
            let answers = match asked {
                Asked::Success => return Ok(()),
                Asked::Failure { .. } => return Err(self.refused(place, self.wrong().into())),
                Asked::InfoRequest { prompts, .. } => match &prompts[..] {
                    [] => Vec::new(),
                    [prompt] if !prompt.echo && !is_told => {
                        is_told = true;
                        vec![password.to_string()]
                    }
                    // The same question again: the answer was wrong.
                    [prompt] if !prompt.echo => return Err(self.refused(place, self.wrong().into())),
                    [prompt, ..] => {
                        let question: String = prompt.prompt.chars().filter(|c| !c.is_control()).take(80).collect();
                        return Err(self.refused(place, format!("it asks `{question}`")));
                    }
                },
            };
            let answered = handle.authenticate_keyboard_interactive_respond(answers).await;
            asked = answered.map_err(|_| self.refused(place, self.wrong().into()))?;
        }
        match asked {
            Asked::Success => Ok(()),
            _ => Err(self.refused(place, "it goes on asking".into())),
        }
    }

    fn text<'s>(&self, password: &'s Secret) -> Result<&'s str, SshError> {
        std::str::from_utf8(password.expose()).map_err(|_| SshError::PasswordForm {
            from: format!("the one of {}", self.user),
        })
    }

    fn wrong(&self) -> &'static str {
        match self.credential {
            Credential::Key(_) => "it does not know this key",
            Credential::Password(_) => "wrong password, or no such user",
        }
    }

    fn refused(&self, place: &str, said: String) -> SshError {
        SshError::Refused {
            place: place.to_string(),
            user: self.user.clone(),
            said,
        }
    }
}

fn words(methods: &MethodSet) -> String {
    let words: Vec<&str> = methods.iter().map(<&'static str>::from).collect();
    match words.is_empty() {
        true => "nothing".into(),
        false => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    #[test]
    fn keys_are_read_where_they_can_be_used_and_told_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let make = |kind: &str, passphrase: &str| {
            let path = folder.path().join(format!("{kind}{}", passphrase.len()));
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-N", passphrase, "-f"])
                .arg(&path)
                .status();
            assert!(made.unwrap().success(), "ssh-keygen comes with openssh-client");
            format!("file:{}", path.display())
        };
        let key = Key::read(&make("ed25519", "")).unwrap();
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert!(Key::read(&make("ecdsa", "")).is_ok());
        let why = |from: &str| Key::read(from).unwrap_err().to_string();
        assert!(why(&make("rsa", "")).contains("RSA key"));
        assert!(why(&make("ed25519", "secret")).contains("passphrase"));
        assert!(why("file:/nonexistent").contains("cannot be read from /nonexistent"));
        std::fs::write(folder.path().join("no"), "no key").unwrap();
        assert!(why(&format!("file:{}/no", folder.path().display())).contains("cannot be used"));
        assert!(why("env:BELLWETHER_NO_SUCH").contains("not set"));
    }
}
