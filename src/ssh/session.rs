//! A connection: opened, logged in, and what runs in it.

use std::time::Duration;

use model::world::HostKey;
use russh::client::{Handle, Msg, connect_stream};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::gate::Gate;
use super::{Login, SshError, Target, algorithms};

/// How long each may take. A BMC has a small processor: its key exchange takes seconds, its login more.
const CONNECTED: Duration = Duration::from_secs(10);
const GREETED: Duration = Duration::from_secs(30);
const LET_IN: Duration = Duration::from_secs(60);
const GRANTED: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection whose other end has shown its key. Logged in after [`Self::log_in`].
pub struct Session {
    handle: Handle<Gate>,
    place: String,
    key: HostKey,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// What runs at the other end, and what it is given.
#[derive(Debug)]
pub struct Channel {
    /// The way from it.
    pub listener: Listener,
    /// The way to it. Apart, so that who types never keeps the other from reading.
    pub typist: Typist,
}

/// The way from what runs at the other end.
#[derive(Debug)]
pub struct Listener {
    read: ChannelReadHalf,
    ended: Ended,
}

/// The way to what runs at the other end.
#[derive(Debug)]
pub struct Typist(ChannelWriteHalf<Msg>);

/// What comes from the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It said this.
    Said(Vec<u8>),
    /// It ended.
    Ended(Ended),
}

/// How what ran at the other end ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit status.
    Status(u32),
    /// By this signal.
    Signal(String),
    /// Nobody said how: the connection is gone.
    Lost,
}

/// The host key that a server shows now. Nobody logs in.
///
/// # Errors
/// It cannot be reached, or is no SSH server.
pub async fn host_key(target: &Target) -> Result<HostKey, SshError> {
    match greet(target, true).await {
        (_, Some(key)) => Ok(key),
        (Err(error), None) => Err(error),
        (Ok(_), None) => Err(SshError::lost(&target.place(), russh::Error::UnknownKey)),
    }
}

async fn greet(target: &Target, only_looks: bool) -> (Result<Handle<Gate>, SshError>, Option<HostKey>) {
    let place = target.place();
    let silent = |what, within: Duration| SshError::Silent {
        place: place.clone(),
        what,
        seconds: within.as_secs(),
    };
    let pins = if only_looks { &[][..] } else { &target.pins };
    let is_other = |shown: &HostKey| !pins.is_empty() && pins.iter().all(|pin| pin.fingerprint != shown.fingerprint);
    let gate = Gate::new(
        place.clone(),
        pins.iter().map(|pin| pin.fingerprint.clone()).collect(),
        only_looks,
    );
    let shown = gate.shown();
    let known: Vec<&str> = pins.iter().map(|pin| pin.algorithm.as_str()).collect();
    let config = algorithms::config(&known, target.legacy);
    let attempt = async {
        let stream = match timeout(CONNECTED, TcpStream::connect((target.host.as_str(), target.port))).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => {
                let place = place.clone();
                return Err(SshError::Unreachable { place, source });
            }
            Err(_) => return Err(silent("connection", CONNECTED)),
        };
        stream.set_nodelay(true).ok();
        match timeout(GREETED, connect_stream(config, stream, gate)).await {
            Ok(Ok(handle)) => Ok(handle),
            Ok(Err(error)) => Err(SshError::lost(&place, error)),
            Err(_) => Err(silent("key exchange", GREETED)),
        }
    };
    let handle = attempt.await;
    let shown = shown.lock().expect("nobody panics while holding it").take();
    let other = shown.as_ref().filter(|shown| is_other(shown));
    match other {
        Some(shown) => {
            let error = SshError::OtherKey {
                place: place.clone(),
                shown: format!("{} {}", shown.algorithm, shown.fingerprint),
                remedy: target.remedy,
            };
            (Err(error), Some(shown.clone()))
        }
        None => (handle, shown),
    }
}

impl Session {
    /// Connects, and sees the host key. Nothing secret was sent when this returns.
    ///
    /// # Errors
    /// It cannot be reached, speaks nothing that we take, or shows another key than before.
    pub async fn connect(target: &Target) -> Result<Self, SshError> {
        let place = target.place();
        match greet(target, false).await {
            (Ok(handle), Some(key)) => Ok(Self { handle, place, key }),
            (Ok(_), None) => Err(SshError::lost(&place, russh::Error::UnknownKey)),
            (Err(error), _) => Err(error),
        }
    }

    /// The host key that it showed.
    pub fn key(&self) -> &HostKey {
        &self.key
    }

    /// Logs in.
    ///
    /// # Errors
    /// It does not let us in.
    pub async fn log_in(&mut self, login: &Login) -> Result<(), SshError> {
        match timeout(LET_IN, login.with(&mut self.handle, &self.place)).await {
            Ok(result) => result,
            Err(_) => Err(SshError::Silent {
                place: self.place.clone(),
                what: "answer to the login",
                seconds: LET_IN.as_secs(),
            }),
        }
    }

    /// Runs a command, or a shell. `terminal`: on a terminal, where it has one to give.
    ///
    /// # Errors
    /// It refuses, or the connection broke.
    pub async fn run(&self, command: Option<&str>, terminal: bool) -> Result<Channel, SshError> {
        let opened = self.start(command, terminal);
        match timeout(GRANTED, opened).await {
            Ok(result) => result,
            Err(_) => Err(SshError::Silent {
                place: self.place.clone(),
                what: "answer to what was asked of it",
                seconds: GRANTED.as_secs(),
            }),
        }
    }

    async fn start(&self, command: Option<&str>, terminal: bool) -> Result<Channel, SshError> {
        let lost = |error| SshError::lost(&self.place, error);
        let channel = self.handle.channel_open_session().await.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => self.denied("a session"),
            error => lost(error),
        })?;
        let (mut read, write) = channel.split();
        if terminal {
            write
                .request_pty(true, "vt100", 80, 24, 0, 0, &[])
                .await
                .map_err(lost)?;
            // Some BMCs have none, and their consoles work all the same.
            self.granted(&mut read).await?;
        }
        let (asked, what) = match command {
            Some(command) => (write.exec(true, command).await, "the command"),
            None => (write.request_shell(true).await, "a shell"),
        };
        asked.map_err(lost)?;
        if !self.granted(&mut read).await? {
            return Err(self.denied(what));
        }
        let ended = Ended::Lost;
        Ok(Channel {
            listener: Listener { read, ended },
            typist: Typist(write),
        })
    }

    async fn granted(&self, read: &mut ChannelReadHalf) -> Result<bool, SshError> {
        loop {
            match read.wait().await {
                Some(ChannelMsg::Success) => return Ok(true),
                Some(ChannelMsg::Failure) => return Ok(false),
                None | Some(ChannelMsg::Close) => return Err(SshError::lost(&self.place, russh::Error::HUP)),
                Some(_) => {}
            }
        }
    }

    fn denied(&self, what: &'static str) -> SshError {
        SshError::Denied {
            place: self.place.clone(),
            what,
        }
    }

    /// Says goodbye, so that the other end frees what it holds for us.
    pub async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        timeout(FAREWELL, goodbye).await.ok();
    }
}

impl Listener {
    /// What comes next. May be given up at any time. After [`Heard::Ended`] nothing comes.
    pub async fn heard(&mut self) -> Heard {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                    return Heard::Said(data.to_vec());
                }
                // How it ended is said before its channel is closed (RFC 4254 §6.10).
                Some(ChannelMsg::ExitStatus { exit_status }) => self.ended = Ended::Status(exit_status),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    self.ended = Ended::Signal(format!("{signal_name:?}"));
                }
                None | Some(ChannelMsg::Close) => return Heard::Ended(self.ended.clone()),
                Some(_) => {}
            }
        }
    }
}

impl Typist {
    /// Says that nothing more will be written.
    pub async fn end(&self) {
        self.0.eof().await.ok();
    }

    /// Writes; waits while the other end takes nothing.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn write(&self, data: Vec<u8>) -> Result<(), russh::Error> {
        self.0.data_bytes(data).await
    }
}
