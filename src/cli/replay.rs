//! `bellwether replay`.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anstyle::Style;
use serde_json::json;

use super::args::Replay;
use super::{Failure, Printer, sheet};
use crate::capture::{self, Capture};
use crate::causes::chain;
use crate::cluster_file;
use crate::replay::{Replayed, Verdict, replay};

/// Longest file that is read.
const LONGEST: u64 = 1 << 30;

/// Derives every answer of a capture anew; fails if one differs.
pub fn run(printer: &Printer, args: &Replay) -> Result<(), Failure> {
    let capture = read(&args.file)?;
    let cluster = match &args.config {
        None => None,
        Some(path) => {
            let (_, cluster) = cluster_file::load(path).map_err(|refused| {
                let failure = Failure::usage(refused.to_string());
                match refused.detail {
                    Some(detail) => failure.with_detail(detail),
                    None => failure,
                }
            })?;
            Some(Arc::new(cluster))
        }
    };
    let replayed = replay(&capture, cluster).map_err(|error| Failure::usage(error.to_string()))?;
    let of = |verdict| replayed.iter().filter(|one| one.verdict == verdict).count();
    let (same, differ, unknown) = (of(Verdict::Same), of(Verdict::Differs), of(Verdict::Unknown));
    let value = json!({
        "machine": capture.about.machine,
        "version": capture.about.version,
        "same": same,
        "differ": differ,
        "unknown": unknown,
        "questions": replayed,
    });
    printer.value(&value, || show(&capture, &replayed, printer.color))?;
    if differ > 0 {
        return Err(Failure::new(format!("{differ} of {} answers differ", replayed.len())));
    }
    if same == 0 {
        return Err(Failure::new("no answer in the capture could be derived anew"));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Capture, Failure> {
    let failed = |source| Failure::io("read", path, source);
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    capture::read(&bytes).map_err(|error| Failure::usage(format!("{}: {}", path.display(), chain(&error))))
}

fn show(capture: &Capture, replayed: &[Replayed], color: bool) -> String {
    let paint = |style: Style, text: &str| match color {
        true => format!("{style}{text}{style:#}"),
        false => text.to_string(),
    };
    let about = &capture.about;
    let mut out = format!(
        "{}, captured {} by version {}\n\n",
        about.machine,
        about.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        about.version
    );
    let start = replayed.first().map(|one| one.at).unwrap_or_default();
    for one in replayed {
        let seconds = one.at.duration_since(start).as_secs_f64();
        let (style, verdict) = match one.verdict {
            Verdict::Same => (sheet::GOOD, "same"),
            Verdict::Differs => (sheet::BAD, "DIFFERS"),
            Verdict::Unknown => (sheet::DIM, "not replayed"),
        };
        out += &format!("{seconds:9.3}  {:<4} {}\n", one.protocol, one.asked);
        out += &format!("{:11}     → {}  {}\n", "", one.then, paint(style, verdict));
        for line in one.difference.iter().flat_map(|text| text.lines()) {
            let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            out += &format!("{:16}{line}\n", "");
        }
    }
    let of = |verdict| replayed.iter().filter(|one| one.verdict == verdict).count();
    out += &format!("\n{} same, {} differ", of(Verdict::Same), of(Verdict::Differs));
    match of(Verdict::Unknown) {
        0 => {}
        unknown => out += &format!(", {unknown} not replayed"),
    }
    out + "\n"
}
