//! What can be had over TFTP: loaders, the kernels and RAM disks of images and media, and what loaders ask for to know what to do.
//!
//! GRUB's questions are the counterpart of the HTTP door's boot scripts: the same target, the same event, the same token.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use model::Mac;
use model::boot::{Client, Key, Site, autoexec, grub};
use model::event::{NewEvent, Outcome, Protocol, Role, Transfer, What};
use model::world::World;

use crate::journal::Journal;
use crate::loaders::Loaders;
use crate::pelagos_root;
use crate::recorder::{self, Found, Owner, Packet, Recorder, Said, TftpSaid, Transport, redact};
use crate::scripts::{self, Grant};
use crate::services::tftp::{Ending, Finished, Refusal, Report, Request, Resolve, Show, Shown, Source};

/// Longest text that the recorder is given, in bytes; GRUB's scripts have some 1,500.
const LONGEST_TEXT: usize = 3 << 10;

/// Everything that answers are derived from.
pub struct Root {
    /// The journal and through it the world.
    pub journal: Journal,
    /// Boot loaders.
    pub loaders: Loaders,
    /// Folder with one folder per image.
    pub images: PathBuf,
    /// Folder with one folder per medium.
    pub media: PathBuf,
    /// Key of boot tokens.
    pub key: Key,
    /// Port of the HTTP door, for URLs.
    pub http_port: u16,
}

/// Answers TFTP. Called on threads that may block.
pub fn resolve_with(root: Root) -> Resolve {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |request: &Request| {
        match grub::asked(&request.path) {
            Some(grub::Asked::Config) => return Ok(text(grub::config().text)),
            Some(grub::Asked::Script(mac)) => return runtime.block_on(root.script(request, mac)),
            None => {}
        }
        if request.path == "autoexec.ipxe" {
            return Ok(text(autoexec(root.site(request)?).text));
        }
        let world = root.journal.world();
        let boots = part(&world, &request.path).and_then(|_| root.file(&world, &request.path));
        let path = boots
            .or_else(|| root.loaders.find(&request.path))
            .ok_or(Refusal::NotFound)?;
        let len = std::fs::metadata(&path)
            .map_err(|error| Refusal::Failed(error.to_string()))?
            .len();
        Ok(Source::File { path, len })
    })
}

impl Root {
    /// Where a file below `images/`, `media/` or `pelagos/` is.
    fn file(&self, world: &World, path: &str) -> Option<PathBuf> {
        match path.split_once('/')? {
            ("images", rest) => Some(self.images.join(rest)),
            ("media", rest) => Some(self.media.join(rest)),
            (model::pelagos::FOLDER, rest) => pelagos_root::file(&pelagos_root::of(world)?, rest),
            _ => None,
        }
    }

    /// Where the client of this request reaches us.
    fn site(&self, request: &Request) -> Result<Site, Refusal> {
        match request.local.to_canonical() {
            IpAddr::V4(address) => Ok(Site {
                address,
                http_port: self.http_port,
            }),
            IpAddr::V6(_) => Err(Refusal::NotFound),
        }
    }

    /// The script of whoever asks, in GRUB's language.
    async fn script(&self, request: &Request, mac: Option<Mac>) -> Result<Source, Refusal> {
        let site = self.site(request)?;
        let client = request.client.ip().to_canonical();
        let world = self.journal.world();
        let who = Client {
            mac,
            address: Some(client),
            ..Client::default()
        };
        if let Some(script) = scripts::grub_under_ipxe(&world, &who) {
            return Ok(Source::Rendered {
                text: script.into(),
                asked: world.seq,
                rendered: world.seq,
            });
        }
        let grant = scripts::grant(&self.journal, "tftp", &who).await;
        let Grant { asked, rendered, to } = grant.map_err(|denied| Refusal::Failed(denied.to_string()))?;
        let server = request.local.to_canonical();
        Ok(Source::Rendered {
            text: scripts::grub_text(&self.key, site, server, mac, to.as_ref()).into(),
            asked,
            rendered,
        })
    }
}

fn text(text: String) -> Source {
    Source::Bytes(Bytes::from(text))
}

/// What a path is in a boot: the kernel or a RAM disk of an image, of the agent or of a medium. The root filesystem goes
/// over HTTP.
fn part(world: &World, path: &str) -> Option<Role> {
    let (folder, rest) = path.split_once('/')?;
    if folder == model::pelagos::FOLDER {
        return Some(model::pelagos::role(rest)).filter(|role| matches!(role, Role::Kernel | Role::Initrd));
    }
    let (name, file) = rest.split_once('/')?;
    match folder {
        "media" => {
            let medium = world.media.get(name)?;
            medium
                .files()
                .find(|(entry, _)| entry.name == file)
                .map(|(_, role)| role)
        }
        "images" => world
            .file_of(name, file)
            .map(|(_, role)| role)
            .filter(|role| matches!(role, Role::Kernel | Role::Initrd)),
        _ => None,
    }
}

/// Writes each TFTP transfer into the journal when it ends.
pub fn reported(journal: Journal) -> Report {
    Arc::new(move |finished: Finished| {
        let client = finished.client.ip().to_canonical();
        let world = journal.world();
        let is_loader = || {
            [".efi", ".kpxe", ".pxe", ".0"]
                .iter()
                .any(|ending| finished.path.ends_with(ending))
        };
        let role = match part(&world, &finished.path) {
            Some(role) => role,
            None if is_loader() => Role::Loader,
            None => Role::File,
        };
        let transfer = Transfer {
            protocol: Protocol::Tftp,
            path: finished.path,
            role,
            client,
            bytes: finished.bytes,
            total: finished.total,
            duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: outcome(finished.ending),
        };
        let subject = world.subject_at(client);
        journal.observe(vec![NewEvent::new(
            Timestamp::now(),
            "tftp",
            subject,
            What::Transfer(transfer),
        )]);
    })
}

/// Keeps each request with the first packet of its answer in the recorder. Of files only the header is kept, of texts the text.
pub fn recorded(journal: Journal, recorder: Recorder, http_port: u16) -> Show {
    Arc::new(move |shown: &Shown<'_>| {
        if !recorder.is_on() {
            return;
        }
        let world = journal.world();
        let client = shown.client.ip().to_canonical();
        let leased = match client {
            IpAddr::V4(address) => world.leases.at(address).map(|lease| lease.mac),
            IpAddr::V6(_) => None,
        };
        let node = world.node_at(client).map(|node| node.name.clone());
        let owner = node.as_ref().map_or(Owner::Stranger, Owner::Node);
        let redacted = |octets: &[u8]| {
            let mut octets = octets.to_vec();
            redact::tokens(&mut octets);
            octets
        };
        let text = shown.of.and_then(|of| of.text).map(redacted);
        let positions = shown.of.and_then(|of| of.positions);
        let said = Said::Tftp(TftpSaid {
            world: positions.map_or(world.seq, |(asked, _)| asked),
            http_port,
            block_size: shown.of.map_or(0, |of| of.block_size),
            window: shown.of.map_or(0, |of| of.window),
            found: match (shown.of, &text) {
                (None, _) => Found::Refused,
                (Some(of), None) => Found::File(of.length),
                (Some(of), Some(text)) => Found::Text {
                    text: (text.len() <= LONGEST_TEXT).then(|| String::from_utf8_lossy(text)),
                    length: of.length,
                    rendered: positions.map(|(_, rendered)| rendered),
                },
            },
        });
        let (request, whole) = (redacted(shown.request), shown.answer.len());
        let is_data = shown.answer.starts_with(&[0, 3]);
        let answer = match text {
            None if is_data => shown.answer[..whole.min(4)].to_vec(),
            _ => redacted(shown.answer),
        };
        let ask = Packet {
            at: shown.came,
            question: recorder.question(),
            role: recorder::Role::Question,
            transport: Transport::Udp,
            from: shown.client,
            to: shown.asked,
            mac: leased,
            bytes: &request,
            whole: request.len(),
        };
        let reply = Packet {
            at: Timestamp::now(),
            role: recorder::Role::Answer,
            from: shown.answered,
            to: shown.client,
            bytes: &answer,
            whole,
            ..ask
        };
        recorder.keep(owner, &ask, Some(&said));
        recorder.keep(owner, &reply, None);
    })
}

fn outcome(ending: Ending) -> Outcome {
    use wire::tftp::Outcome as Tftp;
    match ending {
        Ending::Refused(Refusal::NotFound) => Outcome::NotFound,
        Ending::Refused(refusal) => Outcome::Refused(refusal.as_error().1.to_string()),
        Ending::Transfer(Tftp::Complete { .. }) => Outcome::Complete,
        Ending::Transfer(Tftp::Probed) => Outcome::Probed,
        // Firmware starts the loader without acknowledging its last block; it has it all the same.
        Ending::Transfer(Tftp::TimedOut {
            last_block_sent: true, ..
        }) => Outcome::Complete,
        Ending::Transfer(Tftp::TimedOut { .. }) => Outcome::TimedOut,
        Ending::Transfer(Tftp::Aborted { code, message }) => Outcome::Aborted(format!("{message} (error {})", code.0)),
        Ending::Transfer(Tftp::Failed { message }) => Outcome::Aborted(message),
    }
}
