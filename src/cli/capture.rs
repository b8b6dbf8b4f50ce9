//! `bellwether capture`.

use std::io::{IsTerminal as _, Write as _};

use super::args::Capture;
use super::client::{Client, segment};
use super::paths::Paths;
use super::{Failure, Printer};

/// Writes what the recorder kept of a machine into a file or to standard output.
pub async fn run(_: &Printer, paths: &Paths, args: &Capture) -> Result<(), Failure> {
    let to = args.write.as_deref().filter(|path| *path != std::path::Path::new("-"));
    if to.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage(format!(
            "a capture is no text for a terminal: bellwether capture {} > boot.pcap, or --write boot.pcap",
            args.machine
        )));
    }
    let path = format!(
        "/v1/captures/{}?last_boot={}&packets_only={}",
        segment(&args.machine),
        args.last_boot,
        args.packets_only
    );
    let file = Client::new(paths).bytes(&path).await?;
    match to {
        Some(path) => std::fs::write(path, &file).map_err(|source| Failure::io("write", path, source)),
        None => {
            let mut out = std::io::stdout().lock();
            match out.write_all(&file).and_then(|()| out.flush()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    Err(Failure::new(format!("cannot write to standard output: {error}")))
                }
                _ => Ok(()),
            }
        }
    }
}
