//! What is asked of a BMC over IPMI.

use jiff::Timestamp;
use tokio::sync::mpsc;
use wire::ipmi::{
    BootFlags, ChassisStatus, Completion, Control, DeviceId, FRU_PIECE, Fru, Login, Privilege, Request, SDR_PIECE,
    SelEntry, SensorRecord, Suite, identify, net,
};

use super::facts::{Info, LogEntry, Power, Reading};
use super::link::{Heard, Link, LinkError, Typed};
use super::{Access, BmcError};

/// Most sensors and log entries that are read: a BMC that counts in circles is not followed for ever.
const MOST: usize = 4096;

/// A BMC that one has logged in to.
#[derive(Debug)]
pub(super) struct Ipmi {
    link: Link,
    address: String,
    checks_boot: bool,
}

impl Ipmi {
    /// Logs in.
    pub(super) async fn open(access: &Access) -> Result<Self, BmcError> {
        let link = Link::open(access.address, login(access)?).await;
        Ok(Self {
            link: link.map_err(|error| failed(access, error))?,
            address: access.shown(),
            checks_boot: !access.quirks.no_boot_check,
        })
    }

    /// Asks, whatever the completion.
    async fn tell(&self, request: Request) -> Result<(Completion, Vec<u8>), BmcError> {
        self.link.ask(request).await.map_err(|why| BmcError::Session {
            address: self.address.clone(),
            why,
        })
    }

    async fn ask(&self, what: &'static str, request: Request) -> Result<Vec<u8>, BmcError> {
        match self.tell(request).await? {
            (Completion::OK, data) => Ok(data),
            (said, _) => Err(BmcError::Refused {
                address: self.address.clone(),
                what,
                said,
            }),
        }
    }

    fn nonsense(&self, what: &'static str) -> BmcError {
        BmcError::Nonsense {
            address: self.address.clone(),
            what,
            said: "it is too short".into(),
        }
    }

    pub(super) async fn power(&self) -> Result<Power, BmcError> {
        let what = "the power status";
        let data = self.ask(what, ChassisStatus::request()).await?;
        let status = ChassisStatus::parse(&data).ok_or_else(|| self.nonsense(what))?;
        Ok(Power::of(status.is_on))
    }

    pub(super) async fn control(&self, control: Control) -> Result<(), BmcError> {
        let what = match control {
            Control::Off => "power off",
            Control::On => "power on",
            Control::Cycle => "a power cycle",
            Control::Reset => "a reset",
            Control::Diagnostic => "a diagnostic interrupt",
            Control::Soft => "a soft power off",
        };
        self.ask(what, control.request()).await.map(drop)
    }

    pub(super) async fn identify(&self, seconds: Option<u8>) -> Result<(), BmcError> {
        self.ask("the identify light", identify(seconds)).await.map(drop)
    }

    pub(super) async fn light(&self) -> Result<Option<bool>, BmcError> {
        let what = "the identify light";
        let data = self.ask(what, ChassisStatus::request()).await?;
        let status = ChassisStatus::parse(&data).ok_or_else(|| self.nonsense(what))?;
        Ok(status.identify)
    }

    /// Sets what is booted next and reads it back: BMCs that say yes and forget it are not rare.
    pub(super) async fn set_boot(&self, flags: BootFlags) -> Result<(), BmcError> {
        for (request, is_needed) in flags.requests() {
            match self.tell(request).await? {
                (Completion::OK, _) => {}
                (said, _) if is_needed => {
                    return Err(BmcError::Refused {
                        address: self.address.clone(),
                        what: "the boot device",
                        said,
                    });
                }
                (said, _) => tracing::debug!(bmc = %self.address, %said, "a boot option around the flags was refused"),
            }
        }
        if !self.checks_boot {
            return Ok(());
        }
        match self.boot().await {
            Ok(read) if read.device == flags.device && (read.is_valid || flags.device.is_none()) => Ok(()),
            Ok(read) => Err(BmcError::Nonsense {
                address: self.address.clone(),
                what: "the boot device",
                said: format!(
                    "it took {} and reads {} back (if it works all the same, give the node the quirk `nobootcheck`)",
                    shown(&flags),
                    shown(&read)
                ),
            }),
            // What cannot be read back cannot be checked.
            Err(error) if error.is_unsupported() => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn boot(&self) -> Result<BootFlags, BmcError> {
        let what = "the boot device";
        let data = self.ask(what, BootFlags::request()).await?;
        BootFlags::parse(&data).ok_or_else(|| self.nonsense(what))
    }

    pub(super) async fn info(&self) -> Result<Info, BmcError> {
        let data = self.ask("what it is", DeviceId::request()).await?;
        let device = DeviceId::parse(&data).ok_or_else(|| self.nonsense("what it is"))?;
        let fru = self.fru().await?;
        let (version, minor) = device.version;
        let (firmware, build) = device.firmware;
        Ok(Info {
            protocol: "ipmi",
            version: Some(format!("{version}.{minor}")),
            firmware: Some(format!("{firmware}.{build:02}")),
            maker: fru
                .maker
                .or(fru.board_maker)
                .or_else(|| device.maker_name().map(Into::into)),
            product: fru.product.or(fru.board),
            serial: fru.serial.or(fru.chassis_serial).or(fru.board_serial),
            part: fru.part,
            asset: fru.asset,
            uuid: self.guid().await?,
            boot: match self.boot().await {
                Ok(flags) => Some(shown(&flags)),
                Err(error) if error.is_unsupported() => None,
                Err(error) => return Err(error),
            },
            ..Info::default()
        })
    }

    /// The machine's own number, as SMBIOS writes it: IPMI has its octets the other way round (section 20.8).
    async fn guid(&self) -> Result<Option<String>, BmcError> {
        let (completion, data) = self.tell(Request::new(net::APP, 0x37, [])).await?;
        let Some(mut guid) = data.first_chunk::<16>().copied() else {
            return Ok(None);
        };
        if completion != Completion::OK || guid == [0; 16] {
            return Ok(None);
        }
        guid.reverse();
        Ok(Some(uuid::Uuid::from_bytes(guid).to_string()))
    }

    async fn fru(&self) -> Result<Fru, BmcError> {
        let (completion, data) = self.tell(Fru::info()).await?;
        let size = match completion {
            Completion::OK => Fru::size(&data).unwrap_or_default(),
            _ => 0,
        };
        let mut area = Vec::new();
        while area.len() < usize::from(size) {
            let left = usize::from(size) - area.len();
            let count = u8::try_from(left).map_or(FRU_PIECE, |left| left.min(FRU_PIECE));
            let (completion, data) = self.tell(Fru::read(area.len() as u16, count)).await?;
            let part = match data.split_first() {
                Some((count, part)) if completion == Completion::OK => &part[..part.len().min(usize::from(*count))],
                _ => break,
            };
            if part.is_empty() {
                break;
            }
            area.extend_from_slice(part);
        }
        Ok(Fru::parse(&area))
    }

    pub(super) async fn sensors(&self) -> Result<Vec<Reading>, BmcError> {
        let what = "its sensors";
        let reservation = self.ask(what, SensorRecord::reserve()).await?;
        let reservation = *reservation.first_chunk().ok_or_else(|| self.nonsense(what))?;
        let mut readings = Vec::new();
        let mut next = Some(0);
        while let Some(record) = next.filter(|_| readings.len() < MOST) {
            let (following, octets) = self.record(reservation, record).await?;
            next = following;
            let Some(sensor) = SensorRecord::parse(&octets) else {
                continue;
            };
            let (completion, data) = self.tell(sensor.reading()).await?;
            let read = match completion {
                Completion::OK => sensor.read(&data),
                _ => None,
            };
            readings.push(Reading {
                name: sensor.name.clone(),
                kind: read.as_ref().map_or("sensor", |read| read.kind).into(),
                value: read.as_ref().and_then(|read| read.value),
                unit: sensor.unit.as_str().into(),
                health: read
                    .filter(|read| read.states != 0)
                    .map(|read| format!("states {:#06x}", read.states)),
            });
        }
        Ok(readings)
    }

    /// A sensor's record, in pieces: some BMCs cannot send a whole one.
    async fn record(&self, reservation: [u8; 2], record: u16) -> Result<(Option<u16>, Vec<u8>), BmcError> {
        let what = "its sensors";
        let head = self.ask(what, SensorRecord::get(reservation, record, 0, 5)).await?;
        let (next, part) = SensorRecord::part(&head).ok_or_else(|| self.nonsense(what))?;
        let mut octets = part.to_vec();
        let length = SensorRecord::length(&octets).ok_or_else(|| self.nonsense(what))?;
        while octets.len() < length {
            let count = SDR_PIECE.min(u8::try_from(length - octets.len()).unwrap_or(SDR_PIECE));
            let request = SensorRecord::get(reservation, record, octets.len() as u8, count);
            let data = self.ask(what, request).await?;
            let (_, part) = SensorRecord::part(&data).ok_or_else(|| self.nonsense(what))?;
            if part.is_empty() {
                return Err(self.nonsense(what));
            }
            octets.extend_from_slice(part);
        }
        Ok((next, octets))
    }

    pub(super) async fn log(&self) -> Result<Vec<LogEntry>, BmcError> {
        let what = "its event log";
        let mut entries = Vec::new();
        let mut request = SelEntry::first();
        while entries.len() < MOST {
            let data = match self.tell(request).await? {
                (Completion::OK, data) => data,
                // An empty log has no first entry.
                (Completion::NOT_THERE, _) if entries.is_empty() => break,
                (said, _) => {
                    return Err(BmcError::Refused {
                        address: self.address.clone(),
                        what,
                        said,
                    });
                }
            };
            let (entry, next) = SelEntry::parse(&data).ok_or_else(|| self.nonsense(what))?;
            entries.push(LogEntry {
                at: entry.at.and_then(|at| Timestamp::from_second(at.into()).ok()),
                text: entry.to_string(),
                severity: None,
            });
            let Some(next) = next else { break };
            request = SelEntry::get(next);
        }
        Ok(entries)
    }

    pub(super) async fn clear_log(&self) -> Result<(), BmcError> {
        let what = "to clear its event log";
        let reservation = self.ask(what, SelEntry::reserve()).await?;
        let reservation = *reservation.first_chunk().ok_or_else(|| self.nonsense(what))?;
        self.ask(what, SelEntry::clear(reservation)).await.map(drop)
    }

    /// Starts the BMC itself anew; the session is gone then.
    pub(super) async fn restart(&self) -> Result<(), BmcError> {
        self.ask("to start itself anew", Request::new(net::APP, 0x02, []))
            .await
            .map(drop)
    }
}

/// A machine's console over IPMI (SOL). Dropping it gives it back.
#[derive(Debug)]
pub struct Sol(Link);

impl Sol {
    /// Logs in and asks for the console; the first thing heard is whether it was given.
    ///
    /// # Errors
    /// The BMC is not there, or does not let us in.
    pub async fn open(access: &Access, steal: bool) -> Result<(Self, mpsc::Receiver<Heard>), BmcError> {
        let opened = Link::console(access.address, login(access)?, steal).await;
        let (link, heard) = opened.map_err(|error| failed(access, error))?;
        Ok((Self(link), heard))
    }

    /// Does something at the console. `false`: it takes nothing more at present, or is over.
    pub fn send(&self, typed: Typed) -> bool {
        self.0.send(typed)
    }
}

fn failed(access: &Access, error: LinkError) -> BmcError {
    let address = access.shown();
    match error {
        LinkError::Socket(source) => BmcError::Unreachable { address, source },
        LinkError::Closed(why) => BmcError::Session { address, why },
    }
}

fn login(access: &Access) -> Result<Login, BmcError> {
    let mut login = Login::new(&access.user, access.password.expose())?;
    if let Some(kg) = &access.kg {
        login = login.with_kg(kg.expose());
    }
    login.privilege = match access.privilege.as_str() {
        "operator" => Privilege::Operator,
        "user" => Privilege::User,
        _ => Privilege::Administrator,
    };
    let suites: Vec<Suite> = access.suites.iter().filter_map(|n| Suite::numbered(*n)).collect();
    if !suites.is_empty() {
        login.suites = suites;
    }
    login.open_session_privilege = access.quirks.open_session_privilege;
    Ok(login)
}

/// Boot flags in words.
fn shown(flags: &BootFlags) -> String {
    if !flags.is_valid {
        return "nothing".into();
    }
    let device = flags.device.map_or("another device", |device| device.as_str());
    let how = if flags.uefi { "UEFI" } else { "BIOS" };
    let long = if flags.persistent { "always" } else { "once" };
    format!("{device} ({how}, {long})")
}
