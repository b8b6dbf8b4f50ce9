//! The machine, its BMC and its case as resources.

use jiff::Timestamp;
use serde_json::{Value, json};
use wire::ipmi::{BootDevice, SelEntry, Sensor, Unit};

use super::tree::{ROOT, Seen, head, link, merge};
use super::wanted::{ENABLED, MODES, RESETS, RESTARTS, TARGETS};
use crate::lab::bmc::{FIRMWARE, MAKER, MODEL};

/// Sensor types of the event log that are no trouble: power went away or came (table 42-3).
const HARMLESS: [u8; 2] = [0x09, 0x1d];

/// Nothing is wrong with it.
pub(super) fn fine() -> Value {
    json!({ "State": "Enabled", "Health": "OK" })
}

fn power_state(seen: &Seen<'_>) -> &'static str {
    if seen.view.is_on { "On" } else { "Off" }
}

fn led(seen: &Seen<'_>) -> &'static str {
    if seen.view.identify { "Blinking" } else { "Off" }
}

/// The machine.
pub(super) fn system(seen: &Seen<'_>) -> Value {
    let mut system = head("/Systems/1", "ComputerSystem", "1", &seen.identity.name);
    let resets: Vec<&str> = RESETS
        .into_iter()
        .filter(|word| seen.cycles || *word != "PowerCycle")
        .collect();
    let more = json!({
        "SystemType": "Physical",
        "Manufacturer": MAKER,
        "Model": MODEL,
        "SerialNumber": seen.identity.serial,
        "UUID": seen.identity.uuid.to_string(),
        "HostName": seen.identity.name,
        "PowerState": power_state(seen),
        "IndicatorLED": led(seen),
        "LocationIndicatorActive": seen.view.identify,
        "Status": {
            "State": if seen.view.is_on { "Enabled" } else { "StandbyOffline" },
            "Health": "OK",
        },
        "Boot": boot(seen),
        "EthernetInterfaces": link("/Systems/1/EthernetInterfaces"),
        "LogServices": link("/Systems/1/LogServices"),
        "Links": { "Chassis": [link("/Chassis/1")], "ManagedBy": [link("/Managers/1")] },
        "Actions": {
            "#ComputerSystem.Reset": {
                "target": format!("{ROOT}/Systems/1/Actions/ComputerSystem.Reset"),
                "ResetType@Redfish.AllowableValues": resets,
            },
        },
    });
    merge(&mut system, more);
    system
}

fn boot(seen: &Seen<'_>) -> Value {
    let flags = &seen.view.boot;
    let device = flags
        .device
        .filter(|device| flags.is_valid && *device != BootDevice::Default);
    let target = TARGETS.iter().find(|(_, known)| Some(*known) == device);
    let enabled = match (device, flags.persistent) {
        (None, _) => "Disabled",
        (_, true) => "Continuous",
        (_, false) => "Once",
    };
    let uefi = device.is_none() || flags.uefi;
    json!({
        "BootSourceOverrideTarget": target.map_or("None", |(name, _)| name),
        "BootSourceOverrideTarget@Redfish.AllowableValues": TARGETS.map(|(name, _)| name),
        "BootSourceOverrideEnabled": enabled,
        "BootSourceOverrideEnabled@Redfish.AllowableValues": ENABLED,
        "BootSourceOverrideMode": if uefi { "UEFI" } else { "Legacy" },
        "BootSourceOverrideMode@Redfish.AllowableValues": MODES,
    })
}

/// Counts from one, as the numbers of members do.
fn nth<'a, T>(id: &str, list: &'a [T]) -> Option<&'a T> {
    let number: usize = id.parse().ok()?;
    // "01" is not another name of "1".
    list.get(number.checked_sub(1)?).filter(|_| number.to_string() == id)
}

/// A network card.
pub(super) fn card(id: &str, seen: &Seen<'_>) -> Option<Value> {
    let mac = nth(id, &seen.identity.macs)?.to_string();
    let path = format!("/Systems/1/EthernetInterfaces/{id}");
    let mut card = head(&path, "EthernetInterface", id, &format!("Network card {id}"));
    let more = json!({
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "InterfaceEnabled": true,
        "Status": fine(),
    });
    merge(&mut card, more);
    Some(card)
}

/// The event log.
pub(super) fn log_service() -> Value {
    let path = "/Systems/1/LogServices/SEL";
    let mut service = head(path, "LogService", "SEL", "System event log");
    let more = json!({
        "LogEntryType": "SEL",
        "OverWritePolicy": "NeverOverWrites",
        "ServiceEnabled": true,
        "DateTime": now(),
        "Status": fine(),
        "Entries": link(&format!("{path}/Entries")),
        "Actions": { "#LogService.ClearLog": { "target": format!("{ROOT}{path}/Actions/LogService.ClearLog") } },
    });
    merge(&mut service, more);
    service
}

/// The minute: a clock in a resource would change its ETag with each look.
fn now() -> String {
    let now = Timestamp::now().as_second();
    let minute = Timestamp::from_second(now - now.rem_euclid(60));
    minute.map(|minute| minute.to_string()).unwrap_or_default()
}

/// All entries, whole, as this collection has them.
pub(super) fn entries(seen: &Seen<'_>) -> Value {
    let members: Vec<Value> = seen.view.log.iter().map(one_entry).collect();
    json!({
        "@odata.id": format!("{ROOT}/Systems/1/LogServices/SEL/Entries"),
        "@odata.type": "#LogEntryCollection.LogEntryCollection",
        "Name": "System event log",
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

/// An entry.
pub(super) fn entry(id: &str, seen: &Seen<'_>) -> Option<Value> {
    let entry = seen.view.log.iter().find(|entry| entry.record.to_string() == id)?;
    Some(one_entry(entry))
}

fn one_entry(entry: &SelEntry) -> Value {
    let id = entry.record.to_string();
    let path = format!("/Systems/1/LogServices/SEL/Entries/{id}");
    let mut shown = head(&path, "LogEntry", &id, &format!("Entry {id}"));
    let harmless = HARMLESS.contains(&entry.sensor_type);
    let more = json!({
        "EntryType": "SEL",
        "Severity": if harmless { "OK" } else { "Warning" },
        "Message": entry.to_string(),
        "SensorNumber": entry.sensor,
    });
    merge(&mut shown, more);
    if let Some(at) = entry.at.and_then(|at| Timestamp::from_second(at.into()).ok()) {
        shown["Created"] = at.to_string().into();
    }
    shown
}

/// The BMC itself.
pub(super) fn manager(seen: &Seen<'_>) -> Value {
    let mut manager = head("/Managers/1", "Manager", "1", "BMC");
    let (major, minor) = FIRMWARE;
    let more = json!({
        "ManagerType": "BMC",
        "Manufacturer": MAKER,
        "Model": "lab BMC",
        "FirmwareVersion": format!("{major}.{minor:02}"),
        "UUID": seen.identity.uuid.to_string(),
        "PowerState": "On",
        "DateTime": now(),
        "Status": fine(),
        "Links": {
            "ManagerForServers": [link("/Systems/1")],
            "ManagerForChassis": [link("/Chassis/1")],
            "ManagerInChassis": link("/Chassis/1"),
        },
        "Actions": {
            "#Manager.Reset": {
                "target": format!("{ROOT}/Managers/1/Actions/Manager.Reset"),
                "ResetType@Redfish.AllowableValues": RESTARTS,
            },
        },
    });
    merge(&mut manager, more);
    manager
}

/// The case.
pub(super) fn chassis(seen: &Seen<'_>) -> Value {
    let mut chassis = head("/Chassis/1", "Chassis", "1", "Case");
    let more = json!({
        "ChassisType": "RackMount",
        "Manufacturer": MAKER,
        "Model": MODEL,
        "SerialNumber": seen.identity.serial,
        "PowerState": power_state(seen),
        "IndicatorLED": led(seen),
        "LocationIndicatorActive": seen.view.identify,
        "Status": fine(),
        "Sensors": link("/Chassis/1/Sensors"),
        "Thermal": link("/Chassis/1/Thermal"),
        "Links": { "ComputerSystems": [link("/Systems/1")], "ManagedBy": [link("/Managers/1")] },
    });
    merge(&mut chassis, more);
    chassis
}

/// A sensor.
pub(super) fn sensor(id: &str, seen: &Seen<'_>) -> Option<Value> {
    let sensor = nth(id, &seen.view.sensors)?;
    let (kind, unit) = match sensor.unit {
        Unit::Celsius => ("Temperature", "Cel"),
        Unit::Volt => ("Voltage", "V"),
        Unit::Ampere => ("Current", "A"),
        Unit::Watt => ("Power", "W"),
        Unit::Rpm => ("Rotational", "{rev}/min"),
        Unit::Percent => ("Percent", "%"),
        Unit::Other => return None,
    };
    let mut shown = head(&format!("/Chassis/1/Sensors/{id}"), "Sensor", id, &sensor.name);
    let more = json!({
        "ReadingType": kind,
        "ReadingUnits": unit,
        "Reading": sensor.value.map(rounded),
        "Status": fine(),
    });
    merge(&mut shown, more);
    Some(shown)
}

/// To thousandths: more is noise of the arithmetic.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// What there was before there were sensors.
pub(super) fn thermal(seen: &Seen<'_>) -> Value {
    let path = "/Chassis/1/Thermal";
    let mut thermal = head(path, "Thermal", "Thermal", "Thermal");
    let list = |name: &str, unit: Unit, reading: &dyn Fn(&Sensor) -> Value| {
        let sensors = seen
            .view
            .sensors
            .iter()
            .filter(|sensor| sensor.unit == unit)
            .enumerate();
        let members = sensors.map(|(at, sensor)| {
            let mut member = json!({
                "@odata.id": format!("{ROOT}{path}#/{name}/{at}"),
                "MemberId": at.to_string(),
                "Name": sensor.name,
                "Status": fine(),
            });
            merge(&mut member, reading(sensor));
            member
        });
        members.collect::<Vec<_>>()
    };
    let temperatures = list(
        "Temperatures",
        Unit::Celsius,
        &|sensor| json!({ "ReadingCelsius": sensor.value }),
    );
    let fans = list("Fans", Unit::Rpm, &|sensor| {
        let whole = sensor.value.map(|value| value as i64);
        json!({ "Reading": whole, "ReadingUnits": "RPM" })
    });
    merge(
        &mut thermal,
        json!({
            "Temperatures@odata.count": temperatures.len(),
            "Temperatures": temperatures,
            "Fans@odata.count": fans.len(),
            "Fans": fans,
        }),
    );
    thermal
}
