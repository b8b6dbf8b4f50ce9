//! Faces: the clients of other programs, as Debian ships them, against ours; and the other programs themselves beside it.

mod conman;
mod conserver;
mod emulator;
mod hostile;
mod powerman;
mod terminal;
mod watchers;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

use crate::support::segment::Segment;

/// What a client wrote, both streams, and its exit status.
fn told(output: &Output) -> (String, Option<i32>) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

/// Runs a client in the segment to its end.
fn client(segment: &Segment, words: &[&str]) -> (String, Option<i32>) {
    told(&segment.command(words[0]).args(&words[1..]).output().unwrap())
}

/// A cluster of nodes below `nodes:`, with faces.
fn cluster(faces: &str, nodes: &str) -> String {
    format!(
        "cluster: rack\nnetworks:\n  boot: {{ prefix: 10.77.0.0/24 }}\n\
         defaults:\n  bmc: {{ user: admin, password_from: \"env:BMC_PASSWORD\" }}\nnodes:\n{nodes}faces:\n{faces}"
    )
}

/// A serial port that sends back what is typed, as a Unix socket; for as long as the test runs.
fn echo(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    stream.write_all(&buffer[..length]).ok();
                }
            });
        }
    });
}
