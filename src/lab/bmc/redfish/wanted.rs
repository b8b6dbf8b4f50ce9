//! What is wanted, read from a body. Nothing of a body is taken before all of it is understood.

use serde_json::{Map, Value};
use wire::ipmi::{BootDevice, BootFlags, Control, Deed};

use super::answer::Refusal;

/// The names of what can be booted.
pub(super) const TARGETS: [(&str, BootDevice); 5] = [
    ("None", BootDevice::Default),
    ("Pxe", BootDevice::Pxe),
    ("Hdd", BootDevice::Disk),
    ("Cd", BootDevice::Cdrom),
    ("BiosSetup", BootDevice::Bios),
];
/// For how long.
pub(super) const ENABLED: [&str; 3] = ["Disabled", "Once", "Continuous"];
/// As which firmware.
pub(super) const MODES: [&str; 2] = ["Legacy", "UEFI"];
/// The names of what can be done with the power. The button does what it does in the machine's present state.
pub(super) const RESETS: [&str; 8] = [
    "On",
    "ForceOff",
    "GracefulShutdown",
    "ForceRestart",
    "PowerCycle",
    "ForceOn",
    "PushPowerButton",
    "Nmi",
];
/// The names of how the BMC itself is started anew.
pub(super) const RESTARTS: [&str; 2] = ["GracefulRestart", "ForceRestart"];

/// The object that a body is.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        // Actions without parameters come without a body, too.
        Err(_) if body.iter().all(u8::is_ascii_whitespace) => Ok(Map::new()),
        _ => Err(Refusal::NotJson),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::Type(name.into())),
    }
}

/// One of some words.
fn word<'a>(object: &'a Map<String, Value>, name: &'static str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
    match text(object, name)? {
        Some(word) if !words.contains(&word) => Err(Refusal::Value(name.into(), shortened(word))),
        word => Ok(word),
    }
}

/// What comes from outside and goes into an answer.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Name and password of who wants a session.
pub(super) fn login(object: &Map<String, Value>) -> Result<(&str, &str), Refusal> {
    let user = text(object, "UserName")?.ok_or(Refusal::Missing("UserName"))?;
    let password = text(object, "Password")?.ok_or(Refusal::Missing("Password"))?;
    Ok((user, password))
}

/// What is to be done with the power.
pub(super) fn reset(object: &Map<String, Value>, cycles: bool, is_on: bool) -> Result<Control, Refusal> {
    let wanted = word(object, "ResetType", &RESETS)?.ok_or(Refusal::Missing("ResetType"))?;
    match wanted {
        "On" | "ForceOn" => Ok(Control::On),
        "ForceOff" => Ok(Control::Off),
        "GracefulShutdown" => Ok(Control::Soft),
        "ForceRestart" => Ok(Control::Reset),
        "PowerCycle" if cycles => Ok(Control::Cycle),
        "PushPowerButton" if is_on => Ok(Control::Soft),
        "PushPowerButton" => Ok(Control::On),
        "Nmi" => Ok(Control::Diagnostic),
        other => Err(Refusal::Value("ResetType".into(), other.into())),
    }
}

/// Whether the BMC is to be started anew as it was asked for.
pub(super) fn restart(object: &Map<String, Value>) -> Result<(), Refusal> {
    word(object, "ResetType", &RESTARTS).map(drop)
}

/// What is to be changed of a resource, which has the properties of `shown`.
pub(super) fn changes(object: &Map<String, Value>, shown: &Value, boot: BootFlags) -> Result<Vec<Deed>, Refusal> {
    let mut deeds = Vec::new();
    for (name, value) in object {
        match name.as_str() {
            "Boot" if shown["Boot"].is_object() => {
                let wanted = value.as_object().ok_or(Refusal::Type("Boot".into()))?;
                deeds.extend(boot_of(wanted, boot)?.map(Deed::Boot));
            }
            "LocationIndicatorActive" => match value {
                Value::Bool(on) => deeds.push(Deed::Identify(*on)),
                _ => return Err(Refusal::Type(name.clone())),
            },
            "IndicatorLED" => {
                let led = word(object, "IndicatorLED", &["Off", "Blinking", "Lit"])?;
                deeds.push(Deed::Identify(led != Some("Off")));
            }
            // Annotations of whoever read the resource and sends it back.
            name if name.contains('@') => {}
            name if !shown[name].is_null() => return Err(Refusal::ReadOnly(name.into())),
            name => return Err(Refusal::Unknown(shortened(name))),
        }
    }
    Ok(deeds)
}

/// Flags as they are with what is wanted of them; `None`: nothing is wanted.
fn boot_of(wanted: &Map<String, Value>, now: BootFlags) -> Result<Option<Option<BootFlags>>, Refusal> {
    const NAMES: [&str; 3] = [
        "BootSourceOverrideTarget",
        "BootSourceOverrideEnabled",
        "BootSourceOverrideMode",
    ];
    if let Some(name) = wanted
        .keys()
        .find(|name| !NAMES.contains(&name.as_str()) && !name.contains('@'))
    {
        return Err(Refusal::Unknown(shortened(name)));
    }
    let target = word(wanted, NAMES[0], &TARGETS.map(|(name, _)| name))?;
    let enabled = word(wanted, NAMES[1], &ENABLED)?;
    let mode = word(wanted, NAMES[2], &MODES)?;
    if (target, enabled, mode) == (None, None, None) {
        return Ok(None);
    }
    let target = target.and_then(|target| TARGETS.iter().find(|(name, _)| *name == target));
    let device = match target {
        Some((_, device)) => *device,
        None => now.device.filter(|_| now.is_valid).unwrap_or(BootDevice::Default),
    };
    if enabled == Some("Disabled") || device == BootDevice::Default {
        return Ok(Some(None));
    }
    let persistent = match enabled {
        Some(enabled) => enabled == "Continuous",
        None => now.is_valid && now.persistent,
    };
    let uefi = mode.map_or(!now.is_valid || now.uefi, |mode| mode == "UEFI");
    Ok(Some(Some(BootFlags::new(device, persistent, uefi))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn none() -> BootFlags {
        BootFlags {
            is_valid: false,
            persistent: false,
            uefi: false,
            device: Some(BootDevice::Default),
        }
    }

    fn change(body: Value, now: BootFlags) -> Result<Vec<Deed>, Refusal> {
        let shown = json!({ "Boot": {}, "PowerState": "On", "IndicatorLED": "Off", "LocationIndicatorActive": false });
        changes(body.as_object().unwrap(), &shown, now)
    }

    #[test]
    fn what_is_left_out_of_the_boot_stays_as_it_was() {
        let target = |word: &str| json!({ "Boot": { "BootSourceOverrideTarget": word } });
        let once = BootFlags::new(BootDevice::Pxe, false, true);
        assert_eq!(change(target("Pxe"), none()), Ok(vec![Deed::Boot(Some(once))]));
        let always = BootFlags::new(BootDevice::Disk, true, false);
        let enabled = json!({ "Boot": { "BootSourceOverrideEnabled": "Once" } });
        let once = BootFlags::new(BootDevice::Disk, false, false);
        assert_eq!(change(enabled.clone(), always), Ok(vec![Deed::Boot(Some(once))]));
        assert_eq!(change(enabled, none()), Ok(vec![Deed::Boot(None)]));
        assert_eq!(change(target("None"), always), Ok(vec![Deed::Boot(None)]));
        assert_eq!(change(json!({ "Boot": {} }), always), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_refused_before_anything_is_done() {
        let refused = |body: Value| change(body, none()).unwrap_err();
        assert_eq!(
            refused(json!({ "PowerState": "Off" })),
            Refusal::ReadOnly("PowerState".into())
        );
        assert_eq!(refused(json!({ "Colour": 1 })), Refusal::Unknown("Colour".into()));
        assert_eq!(refused(json!({ "Boot": 1 })), Refusal::Type("Boot".into()));
        let floppy = json!({ "LocationIndicatorActive": true, "Boot": { "BootSourceOverrideTarget": "Floppy" } });
        assert!(matches!(refused(floppy), Refusal::Value(_, value) if value == "Floppy"));
    }

    #[test]
    fn a_button_does_what_the_state_makes_of_it_and_a_cycle_may_be_missing() {
        let reset = |word: &str, cycles, is_on| {
            let body = json!({ "ResetType": word });
            super::reset(body.as_object().unwrap(), cycles, is_on)
        };
        assert_eq!(reset("PushPowerButton", true, true), Ok(Control::Soft));
        assert_eq!(reset("PushPowerButton", true, false), Ok(Control::On));
        assert_eq!(reset("PowerCycle", true, true), Ok(Control::Cycle));
        assert!(matches!(reset("PowerCycle", false, true), Err(Refusal::Value(..))));
        assert!(super::reset(&Map::new(), true, true).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let names = prop_oneof![
            Just("Boot".to_string()),
            Just("BootSourceOverrideTarget".to_string()),
            Just("BootSourceOverrideEnabled".to_string()),
            Just("BootSourceOverrideMode".to_string()),
            Just("ResetType".to_string()),
            Just("IndicatorLED".to_string()),
            Just("LocationIndicatorActive".to_string()),
            Just("UserName".to_string()),
            ".{0,8}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[A-Za-z]{0,10}".prop_map(Value::from),
            Just(Value::from("Pxe")),
            Just(Value::from("Once")),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_object_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(object) = object(&bytes) {
                login(&object).ok();
            }
        }

        #[test]
        fn any_object_is_understood_or_refused(body in any_json(), is_on: bool) {
            let bytes = body.to_string();
            let read = object(bytes.as_bytes());
            prop_assert_eq!(read.is_ok(), body.is_object());
            if let Ok(read) = read {
                login(&read).ok();
                reset(&read, true, is_on).ok();
                restart(&read).ok();
                changes(&read, &json!({ "Boot": {}, "Id": "1" }), none()).ok();
            }
        }
    }
}
