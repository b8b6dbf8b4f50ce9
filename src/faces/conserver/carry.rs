//! An attached client: what the console says goes to him, what he types goes to it, until either has enough.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::conserver::{Asked, Keys, Typed, examined, hosts, info, people, quoted};

use super::super::{Engine, Guest};
use super::{PIECE, VERSION, reports};
use crate::console::{Frame, Gone, Hub, Lost, Mode, News, State, Typing, Visit};

/// Octets that wait for him before the console is looked at again.
const AT_ONCE: usize = 64 * 1024;
/// Octets that wait for him at most: answers to his own commands, which he does not read.
const MOST: usize = 1 << 20;

/// One who is attached.
pub(super) struct Attached {
    pub console: Arc<str>,
    pub hub: Hub,
    pub visit: Visit,
    /// His name.
    pub name: String,
}

/// He has gone, or is to go.
struct Over;

struct Carried {
    attached: Attached,
    engine: Engine,
    port: u16,
    keys: Keys,
    out: Vec<u8>,
    /// He wants to see what the console says.
    begun: bool,
    is_up: bool,
    writes: bool,
    /// He would write if nobody else did.
    wants: bool,
    /// He was told that somebody else does.
    was_told: bool,
}

/// Carries it until he goes, or the console does.
pub(super) async fn carry(guest: Guest, attached: Attached, already: &[u8]) {
    let port = guest.stream.local_addr().map_or(0, |address| address.port());
    let Guest { mut stream, engine, .. } = guest;
    let (mut reader, mut writer) = stream.split();
    let is_up = attached.hub.status().state == State::Open;
    let mut carried = Carried {
        attached,
        engine,
        port,
        keys: Keys::default(),
        out: Vec::new(),
        begun: false,
        is_up,
        writes: false,
        wants: false,
        was_told: false,
    };
    let mut buffer = vec![0; PIECE];
    let mut step = carried.types(already).await;
    while step.is_ok() && carried.out.len() < MOST {
        step = tokio::select! {
            // Always: two ends that both wait until the other reads would wait for ever.
            read = reader.read(&mut buffer) => match read {
                Ok(length @ 1..) => carried.types(&buffer[..length]).await,
                _ => return,
            },
            written = writer.write(&carried.out), if !carried.out.is_empty() => match written {
                Ok(length @ 1..) => {
                    carried.out.drain(..length);
                    Ok(())
                }
                _ => return,
            },
            frame = carried.attached.visit.frames.recv(), if carried.out.len() < AT_ONCE => match frame {
                Some(frame) => carried.sees(frame).await,
                None => return,
            },
        };
    }
    writer.write_all(&carried.out).await.ok();
}

impl Carried {
    fn tell(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(&quoted(text.as_ref()));
    }

    /// Tells the hub something. It always takes it soon.
    async fn order(&mut self, typing: Typing) -> Result<(), Over> {
        self.attached.visit.typing.send(typing).await.map_err(|_| Over)
    }

    async fn types(&mut self, octets: &[u8]) -> Result<(), Over> {
        for typed in self.keys.hear(octets) {
            match typed {
                Typed::Told(text) => self.tell(text),
                Typed::Asks(asked) => self.asks(asked).await?,
                Typed::Data(data) => self.writes(data).await?,
            }
        }
        Ok(())
    }

    async fn writes(&mut self, data: Vec<u8>) -> Result<(), Over> {
        let is_line = data.iter().any(|octet| matches!(octet, b'\r' | b'\n'));
        if is_line && !(self.writes && self.is_up) {
            let why = if self.writes { "down" } else { "read-only" };
            self.tell(format!("[{why} -- use {} ? for help]\r\n", self.keys.shown()));
        }
        match self.writes {
            true => self.order(Typing::Data(Bytes::from(data))).await,
            false => Ok(()),
        }
    }

    async fn asks(&mut self, asked: Asked) -> Result<(), Over> {
        let console = self.attached.console.clone();
        match asked {
            Asked::State if self.is_up => self.tell("[up]\r\n"),
            Asked::State => self.tell(format!("[`{console}' -- console is down]\r\n")),
            Asked::Begin => {
                self.begun = true;
                self.tell("[connected]\r\n");
            }
            Asked::Attach | Asked::Force if self.writes => self.tell("[ok]\r\n"),
            Asked::Attach => {
                (self.wants, self.was_told) = (true, false);
                return self.order(Typing::Mode(Mode::Connect)).await;
            }
            Asked::Force => {
                self.wants = true;
                return self.order(Typing::Mode(Mode::Force)).await;
            }
            Asked::Spy => {
                self.wants = false;
                return self.order(Typing::Mode(Mode::Monitor)).await;
            }
            Asked::Break if self.writes => {
                self.tell("[halt sent]\r\n");
                return self.order(Typing::Break).await;
            }
            Asked::Break => self.tell("[attach to send break]\r\n"),
            Asked::Replay => return self.order(Typing::Again).await,
            Asked::Open if self.is_up => self.tell("[up]\r\n"),
            Asked::Open => {
                self.tell("[connecting]\r\n");
                // Whoever sits down at a console has its line taken up again.
                self.sits_down(if self.writes { Mode::Join } else { Mode::Monitor })
                    .await?;
            }
            Asked::Version => self.tell(format!("[version `{VERSION}']\r\n")),
            Asked::Disconnect => {
                self.tell("[disconnect]\r\n");
                return Err(Over);
            }
            Asked::Who => {
                let who = people(
                    &reports::consoles(&self.engine, Some(&console)),
                    Some(&self.attached.name),
                );
                self.tell(format!("[who {console}]\r\n{who}"));
            }
            Asked::Group | Asked::Hosts | Asked::Info | Asked::Examine => {
                let all = reports::consoles(&self.engine, None);
                let own = Some(&*self.attached.name);
                let report = match asked {
                    Asked::Group => format!("[group bellwether]\r\n{}", people(&all, own)),
                    Asked::Hosts => format!("[hosts]\r\n{}", hosts(&all, Some(&console))),
                    Asked::Info => {
                        let server = ("bellwether", std::process::id(), self.port);
                        format!("[info]\r\n{}", info(&all, server))
                    }
                    _ => format!("[examine]\r\n{}", examined(&all)),
                };
                self.tell(report);
            }
        }
        Ok(())
    }

    /// Comes again, in another way.
    async fn sits_down(&mut self, mode: Mode) -> Result<(), Over> {
        let visit = self.attached.hub.attach(self.attached.name.clone(), mode).await;
        self.attached.visit = visit.map_err(|_| Over)?;
        self.writes = mode.writes();
        Ok(())
    }

    async fn sees(&mut self, frame: Frame) -> Result<(), Over> {
        match frame {
            Frame::Said(data) if self.begun => self.tell(data),
            Frame::Said(_) => {}
            Frame::Again(data) => {
                self.tell("[replay]\r\n");
                self.tell(data);
                self.tell("\r\n");
            }
            Frame::News(news) => return self.learns(news).await,
            Frame::Gone(Gone::Taken(name)) => {
                self.tell(format!("\r\n[forced to `spy' mode by {name}]\r\n"));
                self.wants = true;
                return self.sits_down(Mode::Monitor).await;
            }
            Frame::Gone(Gone::Ended) => {
                self.tell("\r\n[the console is gone]\r\n");
                return Err(Over);
            }
        }
        Ok(())
    }

    async fn learns(&mut self, news: News) -> Result<(), Over> {
        match news {
            News::Line(state) => {
                let was_up = std::mem::replace(&mut self.is_up, state == State::Open);
                if self.begun && self.is_up && !was_up {
                    self.tell("\r\n[up]\r\n");
                }
            }
            News::Broken { why, .. } => {
                self.is_up = false;
                self.tell(format!("\r\n[down: {why}]\r\n"));
            }
            News::Now(mode) => {
                self.writes = mode.writes();
                self.tell(if self.writes { "[attached]\r\n" } else { "[spying]\r\n" });
            }
            News::From(names) => self.tell(format!("[bumped {}]\r\n", names.join(", "))),
            News::Refused(refused) => {
                if !std::mem::replace(&mut self.was_told, true) {
                    self.tell(format!("[no, {} is attached]\r\n", refused.writers.join(", ")));
                }
            }
            // It may be his turn now.
            News::Left(_) if self.wants && !self.writes => return self.order(Typing::Mode(Mode::Connect)).await,
            News::Reset(name) => self.tell(format!("\r\n[reset by {name}]\r\n")),
            News::Lost(Lost::NoBreak) => self.tell("\r\n[this line has no break]\r\n"),
            News::Lost(Lost::Full) => self.tell("\r\n[the line takes nothing more: what you typed is lost]\r\n"),
            News::Missed(octets) => {
                self.tell(format!(
                    "\r\n[{octets} octets were left out here: this end read too slowly]\r\n"
                ));
            }
            // Who is where is told to who asks.
            News::Joined(_) | News::Taken(_) | News::Left(_) | News::Beside(_) | News::Lost(_) => {}
        }
        Ok(())
    }
}
