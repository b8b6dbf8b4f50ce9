//! The resources, each derived from what there is to see of the BMC at that moment.
//!
//! Invariant: nothing here is kept; two questions in a row get the same answer, ETag included, unless the BMC changed.

use serde_json::{Value, json};
use wire::ipmi::View;

use super::machine;
use super::sessions::{LIFE, PLACES};
use crate::lab::bmc::Identity;

/// Where everything begins.
pub(super) const ROOT: &str = "/redfish/v1";
/// Schemas of the resources here, with their versions: those of 2020 and 2021, which clients in use know.
pub(super) const SCHEMAS: [(&str, &str); 12] = [
    ("ServiceRoot", "v1_9_0"),
    ("ComputerSystem", "v1_16_0"),
    ("EthernetInterface", "v1_6_0"),
    ("Manager", "v1_11_0"),
    ("Chassis", "v1_17_0"),
    ("Sensor", "v1_2_0"),
    ("Thermal", "v1_7_0"),
    ("LogService", "v1_2_0"),
    ("LogEntry", "v1_8_0"),
    ("SessionService", "v1_1_8"),
    ("Session", "v1_3_0"),
    ("Message", "v1_1_1"),
];
/// Collections of them.
const COLLECTIONS: [&str; 8] = [
    "ComputerSystem",
    "EthernetInterface",
    "Manager",
    "Chassis",
    "Sensor",
    "LogService",
    "LogEntry",
    "Session",
];

/// What there is to see when a question comes.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// What the BMC knows of itself.
    pub identity: &'a Identity,
    /// Its state.
    pub view: &'a View,
    /// Who is logged in: number and user.
    pub sessions: Vec<(u64, String)>,
    /// It can cycle the power.
    pub cycles: bool,
}

/// Beginning of a resource.
pub(super) fn head(path: &str, schema: &str, id: &str, name: &str) -> Value {
    let version = SCHEMAS.iter().find(|(known, _)| *known == schema);
    let version = version.map_or("v1_0_0", |(_, version)| version);
    json!({
        "@odata.id": format!("{ROOT}{path}"),
        "@odata.type": format!("#{schema}.{version}.{schema}"),
        "Id": id,
        "Name": name,
    })
}

/// A link.
pub(super) fn link(path: &str) -> Value {
    json!({ "@odata.id": format!("{ROOT}{path}") })
}

fn collection(path: &str, schema: &str, name: &str, members: impl IntoIterator<Item = String>) -> Value {
    let members: Vec<Value> = members.into_iter().map(|id| link(&format!("{path}/{id}"))).collect();
    json!({
        "@odata.id": format!("{ROOT}{path}"),
        "@odata.type": format!("#{schema}Collection.{schema}Collection"),
        "Name": name,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

fn numbers(count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(|n| n.to_string())
}

/// Whether a resource is shown to whoever asks (DSP0266 section 13.3.2).
pub(super) fn is_public(path: &[&str]) -> bool {
    matches!(path, [] | ["odata" | "$metadata"])
}

/// The resource at a path below the root.
pub(super) fn resource(path: &[&str], seen: &Seen<'_>) -> Option<Value> {
    let one = || std::iter::once("1".to_string());
    Some(match path {
        [] => root(seen),
        ["odata"] => odata(),
        ["Systems"] => collection("/Systems", "ComputerSystem", "Systems", one()),
        ["Systems", "1"] => machine::system(seen),
        ["Systems", "1", "EthernetInterfaces"] => {
            let count = seen.identity.macs.len();
            let path = "/Systems/1/EthernetInterfaces";
            collection(path, "EthernetInterface", "Network cards", numbers(count))
        }
        ["Systems", "1", "EthernetInterfaces", id] => machine::card(id, seen)?,
        ["Systems", "1", "LogServices"] => {
            let only = std::iter::once("SEL".to_string());
            collection("/Systems/1/LogServices", "LogService", "Logs", only)
        }
        ["Systems", "1", "LogServices", "SEL"] => machine::log_service(),
        ["Systems", "1", "LogServices", "SEL", "Entries"] => machine::entries(seen),
        ["Systems", "1", "LogServices", "SEL", "Entries", id] => machine::entry(id, seen)?,
        ["Managers"] => collection("/Managers", "Manager", "Managers", one()),
        ["Managers", "1"] => machine::manager(seen),
        ["Chassis"] => collection("/Chassis", "Chassis", "Chassis", one()),
        ["Chassis", "1"] => machine::chassis(seen),
        ["Chassis", "1", "Sensors"] => {
            let count = seen.view.sensors.len();
            collection("/Chassis/1/Sensors", "Sensor", "Sensors", numbers(count))
        }
        ["Chassis", "1", "Sensors", id] => machine::sensor(id, seen)?,
        ["Chassis", "1", "Thermal"] => machine::thermal(seen),
        ["SessionService"] => session_service(),
        ["SessionService", "Sessions"] => {
            let open = seen.sessions.iter().map(|(number, _)| number.to_string());
            collection("/SessionService/Sessions", "Session", "Sessions", open)
        }
        ["SessionService", "Sessions", id] => {
            let (number, user) = seen.sessions.iter().find(|(number, _)| number.to_string() == **id)?;
            session(*number, user)
        }
        _ => return None,
    })
}

fn root(seen: &Seen<'_>) -> Value {
    let mut root = head("/", "ServiceRoot", "RootService", "Root");
    let more = json!({
        "RedfishVersion": "1.11.0",
        "UUID": seen.identity.uuid.to_string(),
        "Vendor": crate::lab::bmc::MAKER,
        "Product": "lab BMC",
        "Systems": link("/Systems"),
        "Managers": link("/Managers"),
        "Chassis": link("/Chassis"),
        "SessionService": link("/SessionService"),
        "Links": { "Sessions": link("/SessionService/Sessions") },
    });
    merge(&mut root, more);
    root
}

/// Puts further properties into a resource.
pub(super) fn merge(resource: &mut Value, more: Value) {
    if let (Value::Object(resource), Value::Object(more)) = (resource, more) {
        resource.extend(more);
    }
}

fn odata() -> Value {
    let places = ["Systems", "Managers", "Chassis", "SessionService"];
    let singles = places.map(|name| json!({ "name": name, "kind": "Singleton", "url": format!("{ROOT}/{name}") }));
    let root = json!({ "name": "Service", "kind": "Singleton", "url": format!("{ROOT}/") });
    let value: Vec<Value> = std::iter::once(root).chain(singles).collect();
    json!({ "@odata.context": format!("{ROOT}/$metadata"), "value": value })
}

fn session_service() -> Value {
    let mut service = head("/SessionService", "SessionService", "SessionService", "Sessions");
    let more = json!({
        "ServiceEnabled": true,
        "SessionTimeout": LIFE.as_secs(),
        "Description": format!("{PLACES} at once"),
        "Status": machine::fine(),
        "Sessions": link("/SessionService/Sessions"),
    });
    merge(&mut service, more);
    service
}

/// A session that is open.
pub(super) fn session(number: u64, user: &str) -> Value {
    let id = number.to_string();
    let mut session = head(&format!("/SessionService/Sessions/{id}"), "Session", &id, "Session");
    session["UserName"] = user.into();
    session
}

/// Which schemas the service speaks, as OData wants it (DSP0266 section 8.4.1).
pub(super) fn metadata() -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n",
    );
    let mut reference = |schema: &str, namespaces: &[String]| {
        out.push_str(&format!(
            "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/{schema}_v1.xml\">\n"
        ));
        for namespace in namespaces {
            out.push_str(&format!("    <edmx:Include Namespace=\"{namespace}\"/>\n"));
        }
        out.push_str("  </edmx:Reference>\n");
    };
    for (schema, version) in SCHEMAS {
        reference(schema, &[schema.to_string(), format!("{schema}.{version}")]);
    }
    for schema in COLLECTIONS {
        let name = format!("{schema}Collection");
        reference(&name, std::slice::from_ref(&name));
    }
    out.push_str(
        "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml\">\n\
         \x20   <edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/>\n\
         \x20 </edmx:Reference>\n  <edmx:DataServices>\n\
         \x20   <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">\n",
    );
    let (_, version) = SCHEMAS[0];
    out.push_str(&format!(
        "      <EntityContainer Name=\"Service\" Extends=\"ServiceRoot.{version}.ServiceContainer\"/>\n\
         \x20   </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n"
    ));
    out
}
