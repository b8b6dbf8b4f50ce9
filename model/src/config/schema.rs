//! The JSON Schema of the cluster file, for editors.

use serde_json::{Map, Value as Json, json};

use super::raw::ClusterFile;
use super::read::{SectionInfo, Shape};
use super::section::Section;

/// The JSON Schema (draft 2020-12) of the cluster file, with descriptions.
///
/// It knows the shape of the file; what must be unique, overlap nowhere or exist elsewhere is told by [`super::read`].
pub fn schema() -> Json {
    let mut definitions = Map::new();
    let mut schema = section(&ClusterFile::info(), &mut definitions);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Bellwether cluster file");
    schema["$defs"] = Json::Object(definitions);
    schema
}

fn section(info: &SectionInfo, definitions: &mut Map<String, Json>) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut level = Some(info);
    while let Some(part) = level {
        for field in &part.fields {
            let mut schema = shape(&field.shape, definitions);
            schema["description"] = json!(text(field.doc));
            properties.insert(field.key.to_string(), schema);
            if field.required {
                required.push(field.key);
            }
        }
        level = part.with.as_deref();
    }
    let mut schema = json!({
        "description": text(info.doc),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn shape(shape_: &Shape, definitions: &mut Map<String, Json>) -> Json {
    match shape_ {
        Shape::Scalar { schema, .. } => schema.clone(),
        Shape::List(item) => json!({ "type": "array", "items": shape(item, definitions) }),
        Shape::Many(item) => {
            let item = shape(item, definitions);
            json!({ "anyOf": [item, { "type": "array", "items": item }] })
        }
        Shape::Map(item) => {
            let item = shape(item, definitions);
            // A group may be just a name.
            json!({ "type": "object", "additionalProperties": { "anyOf": [item, { "type": "null" }] } })
        }
        Shape::Section(info) => {
            let name = info.name.rsplit(' ').next().unwrap_or(info.name).to_lowercase();
            let name = if info.name == "a package source" {
                "package_source".to_string()
            } else {
                name
            };
            if !definitions.contains_key(&name) {
                // The place is taken first: a section that held itself would not end.
                definitions.insert(name.clone(), Json::Null);
                let schema = section(info, definitions);
                definitions.insert(name.clone(), schema);
            }
            json!({ "$ref": format!("#/$defs/{name}") })
        }
    }
}

/// A doc comment as one text.
pub(super) fn text(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}
