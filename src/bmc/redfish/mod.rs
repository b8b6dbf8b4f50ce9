//! What is asked of a BMC over Redfish. Its JSON is read as it comes: makers leave fields out, and each has its own names for
//! the parts of the tree, so everything is found by following links from the root (DSP0266 section 8.1).

mod http;
mod pin;
mod read;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use wire::ipmi::{BootDevice, Control};

use self::http::{Answer, Http};
use super::board::Boot;
use super::facts::{Info, LogEntry, Power, Reading};
use super::{Access, BmcError};

/// How long a service may take to show its root.
const ROOT: Duration = Duration::from_secs(10);
/// Most members of a collection that are followed.
const MOST: usize = 1000;

/// A BMC that one has logged in to.
#[derive(Debug)]
pub(super) struct Redfish {
    http: Option<Http>,
    system: String,
}

impl Drop for Redfish {
    fn drop(&mut self) {
        if let Some(http) = self.http.take() {
            http.log_out();
        }
    }
}

impl Redfish {
    /// Logs in, and finds the machine: the first system that has a power state.
    pub(super) async fn open(access: &Access) -> Result<Self, BmcError> {
        let http = Http::open(access).await?;
        let what = "its systems";
        let mut redfish = Self {
            http: Some(http),
            system: String::new(),
        };
        let systems = redfish.get(what, "/redfish/v1/Systems").await?;
        let members = links(&systems.body["Members"]);
        for path in &members {
            let system = redfish.get(what, path).await?;
            if system.body["PowerState"].is_string() {
                redfish.system.clone_from(path);
                return Ok(redfish);
            }
        }
        Err(redfish.nonsense(what, "there is none with a power state"))
    }

    /// Whether there is a Redfish service at that address: its root needs no login (DSP0266 section 13.3.2).
    pub(super) async fn is_there(address: SocketAddr) -> bool {
        let http = Http::without_login(address, address.to_string(), None);
        let root = tokio::time::timeout(ROOT, http.get("its root", "/redfish/v1/")).await;
        match root {
            Ok(Ok(root)) => root.body["RedfishVersion"].is_string() || root.body["Systems"].is_object(),
            // Some want a login even for that.
            Ok(Err(BmcError::Http { status: 401 | 403, .. })) => true,
            _ => false,
        }
    }

    fn http(&self) -> &Http {
        self.http.as_ref().expect("taken only when dropped")
    }

    pub(super) fn certificate(&self) -> Option<String> {
        self.http().certificate()
    }

    async fn get(&self, what: &'static str, path: &str) -> Result<Answer, BmcError> {
        self.http().get(what, path).await
    }

    fn nonsense(&self, what: &'static str, said: &str) -> BmcError {
        BmcError::Nonsense {
            address: self.http().address().into(),
            what,
            said: said.into(),
        }
    }

    fn unsupported(&self, what: &'static str) -> BmcError {
        BmcError::Unsupported {
            address: self.http().address().into(),
            what,
        }
    }

    async fn system(&self, what: &'static str) -> Result<Answer, BmcError> {
        self.get(what, &self.system).await
    }

    pub(super) async fn power(&self) -> Result<Power, BmcError> {
        let what = "the power status";
        let system = self.system(what).await?;
        match system.body["PowerState"].as_str() {
            Some("On" | "PoweringOff" | "Paused") => Ok(Power::On),
            Some("Off" | "PoweringOn") => Ok(Power::Off),
            _ => Err(self.nonsense(what, "there is no PowerState")),
        }
    }

    pub(super) async fn control(&self, control: Control) -> Result<(), BmcError> {
        let (what, words): (_, &[&str]) = match control {
            Control::Off => ("power off", &["ForceOff"]),
            Control::On => ("power on", &["On", "ForceOn"]),
            Control::Cycle => ("a power cycle", &["PowerCycle", "FullPowerCycle"]),
            Control::Reset => ("a reset", &["ForceRestart"]),
            Control::Diagnostic => ("a diagnostic interrupt", &["Nmi"]),
            Control::Soft => ("a soft power off", &["GracefulShutdown", "PushPowerButton"]),
        };
        let system = self.system(what).await?;
        let action = &system.body["Actions"]["#ComputerSystem.Reset"];
        let target = action["target"].as_str().map_or_else(
            || format!("{}/Actions/ComputerSystem.Reset", self.system),
            str::to_string,
        );
        let allowed = self.allowed(what, action).await?;
        let word = words
            .iter()
            .find(|word| allowed.is_empty() || allowed.iter().any(|allowed| allowed == *word))
            .ok_or_else(|| self.unsupported(what))?;
        self.http().post(what, &target, &json!({ "ResetType": word })).await?;
        Ok(())
    }

    /// The words that an action takes; empty where the BMC does not say.
    async fn allowed(&self, what: &'static str, action: &Value) -> Result<Vec<String>, BmcError> {
        let words = strings(&action["ResetType@Redfish.AllowableValues"]);
        let Some(path) = action["@Redfish.ActionInfo"].as_str().filter(|_| words.is_empty()) else {
            return Ok(words);
        };
        match self.get(what, path).await {
            Ok(info) => {
                let parameters = info.body["Parameters"].as_array().cloned().unwrap_or_default();
                let reset = parameters.iter().find(|parameter| parameter["Name"] == "ResetType");
                Ok(reset.map_or_else(Vec::new, |reset| strings(&reset["AllowableValues"])))
            }
            Err(error) if error.is_unsupported() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Sets what is booted next, all three parts together as some BMCs want it, and reads it back: a yes means little.
    pub(super) async fn set_boot(&self, boot: Boot) -> Result<(), BmcError> {
        let what = "the boot device";
        let system = self.system(what).await?;
        let (path, etag) = self.settings(&system).await?;
        let target = match boot.device {
            BootDevice::Default => "None",
            BootDevice::Pxe => "Pxe",
            BootDevice::Disk => "Hdd",
            BootDevice::Cdrom => "Cd",
            BootDevice::Bios => "BiosSetup",
        };
        let allowed = strings(&system.body["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"]);
        if !allowed.is_empty() && target != "None" && !allowed.iter().any(|word| word == target) {
            return Err(self.unsupported("such boot device"));
        }
        let enabled = match (boot.device, boot.persistent) {
            (BootDevice::Default, _) => "Disabled",
            (_, true) => "Continuous",
            (_, false) => "Once",
        };
        let mode = if boot.uefi { "UEFI" } else { "Legacy" };
        let mut wanted = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled });
        let has_mode = system.body["Boot"]["BootSourceOverrideMode"].is_string();
        if has_mode {
            wanted["BootSourceOverrideMode"] = mode.into();
        }
        let all = json!({ "Boot": wanted });
        match self.http().patch(what, &path, etag.as_deref(), &all).await {
            Ok(_) => {}
            Err(BmcError::Http { status: 400, .. }) => {
                // Some refuse what they have already, or the mode.
                let fewer =
                    json!({ "Boot": { "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled } });
                self.http().patch(what, &path, etag.as_deref(), &fewer).await?;
            }
            Err(error) => return Err(error),
        }
        let read = self.get(what, &path).await?;
        let read = read.body["Boot"]["BootSourceOverrideTarget"].as_str();
        match read {
            Some(read) if read != target => {
                Err(self.nonsense(what, &format!("it took {target} and reads {read} back")))
            }
            _ => Ok(()),
        }
    }

    /// Where settings for the next start are written, and the ETag of what is there.
    async fn settings(&self, system: &Answer) -> Result<(String, Option<String>), BmcError> {
        let settings = system.body["@Redfish.Settings"]["SettingsObject"]["@odata.id"].as_str();
        if let Some(path) = settings {
            let what = "the boot device";
            match self.get(what, path).await {
                // Not all of them are about what is booted.
                Ok(there) if there.body["Boot"].is_object() => return Ok((path.into(), there.etag())),
                Ok(_) => {}
                Err(error) if error.is_unsupported() => {}
                Err(error) => return Err(error),
            }
        }
        Ok((self.system.clone(), system.etag()))
    }

    pub(super) async fn identify(&self, on: bool) -> Result<(), BmcError> {
        let what = "the identify light";
        let system = self.system(what).await?;
        let etag = system.etag();
        let body = match system.body["LocationIndicatorActive"].is_boolean() {
            true => json!({ "LocationIndicatorActive": on }),
            false if system.body["IndicatorLED"].is_string() => {
                json!({ "IndicatorLED": if on { "Blinking" } else { "Off" } })
            }
            false => return Err(self.unsupported(what)),
        };
        self.http()
            .patch(what, &self.system, etag.as_deref(), &body)
            .await
            .map(drop)
    }

    pub(super) async fn light(&self) -> Result<Option<bool>, BmcError> {
        let system = self.system("the identify light").await?;
        let led = system.body["IndicatorLED"].as_str();
        let active = system.body["LocationIndicatorActive"].as_bool();
        Ok(active.or(led.map(|led| matches!(led, "Lit" | "Blinking"))))
    }

    pub(super) async fn info(&self) -> Result<Info, BmcError> {
        let what = "what it is";
        let root = self.get(what, "/redfish/v1/").await?;
        let system = self.system(what).await?;
        let mut info = read::info(&root.body, &system.body);
        if let Some(manager) = links(&system.body["Links"]["ManagedBy"]).first() {
            info.firmware = read::text(&self.get(what, manager).await?.body["FirmwareVersion"]);
        }
        info.macs = self.macs(&system.body).await?;
        Ok(info)
    }

    /// Hardware addresses of the machine's NICs, in the order of the collection.
    async fn macs(&self, system: &Value) -> Result<Vec<String>, BmcError> {
        let what = "its NICs";
        let Some(path) = system["EthernetInterfaces"]["@odata.id"].as_str() else {
            return Ok(Vec::new());
        };
        let mut macs = Vec::new();
        for nic in self.members(what, path).await? {
            let mac = ["MACAddress", "PermanentMACAddress"]
                .iter()
                .find_map(|key| nic[*key].as_str()?.parse::<wire::Mac>().ok());
            macs.extend(mac.map(|mac| mac.to_string()));
        }
        Ok(macs)
    }

    /// All members of a collection, whether they are in it or behind links.
    async fn members(&self, what: &'static str, path: &str) -> Result<Vec<Value>, BmcError> {
        let mut members = Vec::new();
        let mut next = Some(path.to_string());
        while let Some(path) = next.take().filter(|_| members.len() < MOST) {
            let page = match self.get(what, &path).await {
                Ok(page) => page.body,
                Err(error) if error.is_unsupported() => break,
                Err(error) => return Err(error),
            };
            for member in page["Members"].as_array().into_iter().flatten() {
                let link = member["@odata.id"].as_str();
                let is_link = member.as_object().is_some_and(|member| member.len() == 1);
                members.push(match link.filter(|_| is_link) {
                    Some(link) => self.get(what, link).await?.body,
                    None => member.clone(),
                });
            }
            next = page["Members@odata.nextLink"].as_str().map(str::to_string);
        }
        members.truncate(MOST);
        Ok(members)
    }

    pub(super) async fn sensors(&self) -> Result<Vec<Reading>, BmcError> {
        let what = "its sensors";
        let mut readings = Vec::new();
        for chassis in self.members(what, "/redfish/v1/Chassis").await? {
            if let Some(sensors) = chassis["Sensors"]["@odata.id"].as_str() {
                let sensors = self.members(what, sensors).await?;
                readings.extend(sensors.iter().filter_map(read::sensor));
                if !sensors.is_empty() {
                    continue;
                }
            }
            if let Some(path) = chassis["ThermalSubsystem"]["@odata.id"].as_str() {
                readings.extend(self.metrics(what, path).await?);
            }
            // Before 2020 there were these two.
            for part in ["Thermal", "Power"] {
                let Some(path) = chassis[part]["@odata.id"].as_str() else {
                    continue;
                };
                match self.get(what, path).await {
                    Ok(part) => readings.extend(read::older_sensors(&part.body)),
                    Err(error) if error.is_unsupported() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(readings)
    }

    /// Temperatures of those that have no list of sensors (2020 and later).
    async fn metrics(&self, what: &'static str, path: &str) -> Result<Vec<Reading>, BmcError> {
        let read = async {
            let subsystem = self.get(what, path).await?.body;
            match subsystem["ThermalMetrics"]["@odata.id"].as_str() {
                Some(path) => Ok(read::temperatures(&self.get(what, path).await?.body)),
                None => Ok(Vec::new()),
            }
        };
        match read.await {
            Err(BmcError::Http { status: 404, .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    pub(super) async fn log(&self) -> Result<Vec<LogEntry>, BmcError> {
        let what = "its event log";
        let (_, path) = self.log_service().await?;
        let mut entries: Vec<LogEntry> = self.members(what, &path).await?.iter().map(read::entry).collect();
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }

    pub(super) async fn clear_log(&self) -> Result<(), BmcError> {
        let what = "to clear its event log";
        let (service, _) = self.log_service().await?;
        let target = service["Actions"]["#LogService.ClearLog"]["target"].as_str();
        let target = target.ok_or_else(|| self.unsupported("way to clear its event log"))?;
        self.http().post(what, target, &json!({})).await.map(drop)
    }

    /// The log of the hardware, and where its entries are: the service of the machine, else of the BMC, that is called so.
    async fn log_service(&self) -> Result<(Value, String), BmcError> {
        let what = "its event log";
        let system = self.system(what).await?;
        let mut services = Vec::new();
        let managers = links(&system.body["Links"]["ManagedBy"]);
        let mut owners = vec![system.body.clone()];
        for manager in managers {
            owners.push(self.get(what, &manager).await?.body);
        }
        for owner in owners {
            if let Some(path) = owner["LogServices"]["@odata.id"].as_str() {
                services.extend(self.members(what, path).await?);
            }
        }
        let entries = |service: &Value| service["Entries"]["@odata.id"].as_str().map(str::to_string);
        let is_hardware = |service: &&Value| {
            let id = service["Id"].as_str().unwrap_or_default().to_ascii_lowercase();
            ["sel", "eventlog", "event", "iml", "log1"]
                .iter()
                .any(|known| id.contains(known))
        };
        let service = services.iter().find(is_hardware).or(services.first());
        service
            .and_then(|service| Some((service.clone(), entries(service)?)))
            .ok_or_else(|| self.unsupported("event log"))
    }

    /// Starts the BMC itself anew.
    pub(super) async fn restart(&self) -> Result<(), BmcError> {
        let what = "to start itself anew";
        let system = self.system(what).await?;
        let manager = links(&system.body["Links"]["ManagedBy"]);
        let manager = manager.first().ok_or_else(|| self.unsupported("manager of its own"))?;
        let body = self.get(what, manager).await?.body;
        let action = &body["Actions"]["#Manager.Reset"];
        let target = action["target"]
            .as_str()
            .ok_or_else(|| self.unsupported("restart of itself"))?;
        let allowed = strings(&action["ResetType@Redfish.AllowableValues"]);
        let word = ["GracefulRestart", "ForceRestart"]
            .into_iter()
            .find(|word| allowed.is_empty() || allowed.iter().any(|allowed| allowed == word))
            .ok_or_else(|| self.unsupported("restart of itself"))?;
        self.http()
            .post(what, target, &json!({ "ResetType": word }))
            .await
            .map(drop)
    }
}

/// The links of a list.
fn links(list: &Value) -> Vec<String> {
    let links = list.as_array().into_iter().flatten();
    links
        .filter_map(|member| Some(member["@odata.id"].as_str()?.to_string()))
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words.filter_map(|word| Some(word.as_str()?.to_string())).collect()
}
