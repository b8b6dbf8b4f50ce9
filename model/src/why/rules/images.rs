//! Targets that cannot be carried out because of their image. The loader waits and asks again.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use crate::world::Step;

fn wants_image(case: &Case) -> bool {
    matches!(case.target(), Some("image" | "maintenance"))
        && matches!(case.position, Some(Step::Script | Step::LoaderDhcp | Step::Loader))
        && !(case.target() == Some("maintenance") && case.world.images.contains_key("maintenance"))
}

/// It is to boot an image and has none.
pub(super) fn none_declared(case: &Case) -> Option<Finding> {
    if !wants_image(case) || case.image_name().is_some() {
        return None;
    }
    let target = case.target()?;
    Some(
        Finding::new(
            Verdict::Stuck,
            "is stuck before the kernel: it has no image",
            format!("Its boot target is {target}, and none of its profile, groups and own settings names an image."),
        )
        .advise(format!(
            "set image: in its profile or in line {} and apply the file; it asks again by itself",
            case.node.line
        )),
    )
}

/// Its image is not there.
pub(super) fn missing(case: &Case) -> Option<Finding> {
    let name = case.image_name()?;
    if !wants_image(case) || case.world.images.contains_key(name) {
        return None;
    }
    let finding = Finding::new(
        Verdict::Stuck,
        format!("is stuck before the kernel: image {name} is not built"),
        format!("It is to boot image {name}, which is not among the images that are there."),
    )
    .advise(format!("build it: {}; the node asks again by itself", case.build(name)));
    let there: Vec<&str> = case.world.images.keys().map(String::as_str).collect();
    Some(match there.is_empty() {
        true => finding.fact(None, "no image is there"),
        false => finding.fact(None, format!("there are: {}", there.join(", "))),
    })
}

/// Its image is for another architecture.
pub(super) fn architecture(case: &Case) -> Option<Finding> {
    let (name, image) = case.image()?;
    if !wants_image(case) || image.architecture == case.node.architecture.as_str() {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck before the kernel: image {name} is for {}", image.architecture),
            format!(
                "{} is {}, image {name} is for {}.",
                case.node.name, case.node.architecture, image.architecture
            ),
        )
        .advise(format!(
            "give it an image for {}, or correct its architecture: (line {})",
            case.node.architecture, case.node.line
        )),
    )
}
