//! Resources of Redfish in our words.

use jiff::Timestamp;
use serde_json::Value;

use crate::bmc::facts::{Info, LogEntry, Reading};

/// A text that says something; makers fill fields with blanks.
pub(super) fn text(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// What a service root and a system tell.
pub(super) fn info(root: &Value, system: &Value) -> Info {
    let boot = &system["Boot"];
    let enabled = text(&boot["BootSourceOverrideEnabled"]).filter(|enabled| enabled != "Disabled");
    let target = text(&boot["BootSourceOverrideTarget"]).filter(|target| target != "None");
    Info {
        protocol: "redfish",
        version: text(&root["RedfishVersion"]),
        bios: text(&system["BiosVersion"]),
        maker: text(&system["Manufacturer"]),
        product: text(&system["Model"]).or_else(|| text(&system["Name"])),
        serial: text(&system["SerialNumber"]),
        part: text(&system["PartNumber"]),
        asset: text(&system["AssetTag"]),
        uuid: text(&system["UUID"]).map(|uuid| uuid.to_ascii_lowercase()),
        boot: enabled.zip(target).map(|(enabled, target)| {
            let long = if enabled == "Continuous" { "always" } else { "once" };
            match text(&boot["BootSourceOverrideMode"]) {
                Some(mode) => format!("{target} ({mode}, {long})"),
                None => format!("{target} ({long})"),
            }
        }),
        ..Info::default()
    }
}

/// A `Sensor` (2020 and later).
pub(super) fn sensor(sensor: &Value) -> Option<Reading> {
    Some(Reading {
        name: text(&sensor["Name"])?,
        kind: text(&sensor["ReadingType"])
            .unwrap_or_else(|| "sensor".into())
            .to_ascii_lowercase(),
        value: sensor["Reading"].as_f64(),
        unit: unit(&text(&sensor["ReadingUnits"]).unwrap_or_default()),
        health: text(&sensor["Status"]["Health"]),
    })
}

fn unit(unit: &str) -> String {
    match unit {
        "Cel" => "°C",
        "RPM" | "{rev}/min" => "rpm",
        "Percent" => "%",
        other => other,
    }
    .to_string()
}

/// `Thermal` and `Power`.
pub(super) fn older_sensors(part: &Value) -> Vec<Reading> {
    const LISTS: [(&str, &str, &str, &str); 4] = [
        ("Temperatures", "ReadingCelsius", "temperature", "°C"),
        ("Fans", "Reading", "fan", "rpm"),
        ("Voltages", "ReadingVolts", "voltage", "V"),
        ("PowerControl", "PowerConsumedWatts", "power", "W"),
    ];
    let mut readings = Vec::new();
    for (list, key, kind, usual) in LISTS {
        for sensor in part[list].as_array().into_iter().flatten() {
            let Some(name) = text(&sensor["Name"]).or_else(|| text(&sensor["FanName"])) else {
                continue;
            };
            readings.push(Reading {
                name,
                kind: kind.into(),
                value: sensor[key].as_f64(),
                unit: text(&sensor["ReadingUnits"]).map_or_else(|| usual.into(), |units| unit(&units)),
                health: text(&sensor["Status"]["Health"]),
            });
        }
    }
    readings
}

/// `ThermalMetrics`: excerpts of sensors, named after the device or, where they are not, after the end of their sensor's path.
pub(super) fn temperatures(metrics: &Value) -> Vec<Reading> {
    let list = metrics["TemperatureReadingsCelsius"].as_array().into_iter().flatten();
    let reading = |sensor: &Value| {
        let source = || text(&sensor["DataSourceUri"])?.rsplit('/').next().map(str::to_string);
        Some(Reading {
            name: text(&sensor["DeviceName"]).or_else(source)?,
            kind: "temperature".into(),
            value: sensor["Reading"].as_f64(),
            unit: "°C".into(),
            health: None,
        })
    };
    list.filter_map(reading).collect()
}

/// An entry of a log.
pub(super) fn entry(entry: &Value) -> LogEntry {
    let said = ["Message", "Name", "MessageId", "Id"]
        .iter()
        .find_map(|key| text(&entry[*key]));
    LogEntry {
        at: text(&entry["Created"]).and_then(|at| at.parse::<Timestamp>().ok()),
        text: said.unwrap_or_default(),
        severity: text(&entry["Severity"]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn temperatures_have_a_name_or_are_left_out() {
        let metrics = json!({ "TemperatureReadingsCelsius": [
            { "DeviceName": "Inlet Air", "Reading": 21.5 },
            { "DataSourceUri": "/redfish/v1/Chassis/1/Sensors/Outlet", "Reading": null },
            { "Reading": 1 },
        ] });
        let read = temperatures(&metrics);
        let read: Vec<_> = read
            .iter()
            .map(|reading| (reading.name.as_str(), reading.value))
            .collect();
        assert_eq!(read, [("Inlet Air", Some(21.5)), ("Outlet", None)]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        const NAMES: [&str; 12] = [
            "Boot",
            "Name",
            "Reading",
            "Status",
            "Health",
            "Temperatures",
            "Fans",
            "Created",
            "Message",
            "UUID",
            "TemperatureReadingsCelsius",
            "BootSourceOverrideTarget",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let name = proptest::sample::select(&NAMES[..]).prop_map(str::to_string);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_bmc_says_is_read_without_a_panic(one in any_json(), other in any_json()) {
            info(&one, &other);
            sensor(&one);
            older_sensors(&one);
            temperatures(&one);
            entry(&one);
        }
    }
}
