//! Bytes from a server that breaks off, lies or goes away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::boxed::Boxed;

/// How a server answers one request.
#[derive(Clone, Copy)]
enum Answer {
    /// All that was asked for.
    Whole,
    /// So many bytes, then the connection ends.
    Broken(usize),
    /// The whole file, whatever part was asked for.
    Deaf,
    /// This status.
    Status(u16),
    /// More than there is.
    Long(usize),
}

/// Serves `body`; each request gets the next answer, the last one for ever. Returns the address and the ranges asked for.
fn server(body: Vec<u8>, answers: &'static [Answer]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut range = String::new();
            let mut length = 0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("range: bytes=") {
                    range = value.trim().to_string();
                }
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink()).unwrap();
            heard.lock().unwrap().push(range.clone());
            let from: usize = range.trim_end_matches('-').parse().unwrap_or(0);
            let answer = answers[at.min(answers.len() - 1)];
            let (status, part, cut) = match answer {
                Answer::Status(status) => (status, &body[..0], 0),
                Answer::Deaf => (200, &body[..], body.len()),
                Answer::Broken(cut) => (if from > 0 { 206 } else { 200 }, &body[from..], cut),
                Answer::Whole | Answer::Long(_) => (if from > 0 { 206 } else { 200 }, &body[from..], body.len() - from),
            };
            let more = if let Answer::Long(more) = answer { more } else { 0 };
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                part.len() + more
            )
            .unwrap();
            let sent = stream.write_all(&part[..cut.min(part.len())]);
            // Whoever had enough may have gone.
            sent.and_then(|()| stream.write_all(&vec![0; more])).ok();
        }
    });
    (format!("http://{address}/file"), asked)
}

fn body() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_broke_off() {
    let body = body();
    let (url, asked) = server(
        body.clone(),
        &[
            Answer::Broken(100_000),
            Answer::Broken(0),
            Answer::Status(503),
            Answer::Broken(400_000),
            Answer::Whole,
        ],
    );
    let boxed = Boxed::new();
    boxed.run(&format!("fetch_file {url} file {} {}", body.len(), hex(&body)));
    assert!(std::fs::read(boxed.path().join("file")).unwrap() == body);
    assert_eq!(*asked.lock().unwrap(), ["", "100000-", "100000-", "100000-", "500000-"]);
}

#[test]
fn a_file_with_another_digest_is_fetched_once_more_and_then_refused() {
    let body = body();
    let (url, asked) = server(body.clone(), &[Answer::Whole]);
    let boxed = Boxed::new();
    let said = boxed.failure(&format!(
        "IMAGE=debian-12\nfetch_file {url} file {} {}",
        body.len(),
        "0".repeat(64)
    ));
    assert!(
        said.contains(&format!("has the SHA-256 {}, expected 0000", hex(&body))),
        "{said}"
    );
    assert!(said.ends_with("bellwether image verify debian-12"), "{said}");
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn a_server_that_cannot_resume_or_lies_about_the_length_is_told_apart() {
    let body = body();
    let size = body.len();
    let boxed = Boxed::new();
    let (url, _) = server(body.clone(), &[Answer::Broken(100_000), Answer::Deaf]);
    let said = boxed.failure(&format!("fetch_file {url} file {size} {}", hex(&body)));
    assert!(said.ends_with("the server cannot send a part of it"), "{said}");
    let (url, _) = server(body.clone(), &[Answer::Long(10)]);
    let said = boxed.failure(&format!("fetch_file {url} file {size} {}", hex(&body)));
    assert!(
        said.ends_with(&format!("it is longer than the {size} bytes it should have")),
        "{said}"
    );
    let (url, asked) = server(body.clone(), &[Answer::Status(404)]);
    let said = boxed.failure(&format!("fetch_file {url} file {size} {}", hex(&body)));
    assert!(said.contains("404"), "{said}");
    assert_eq!(
        asked.lock().unwrap().len(),
        1,
        "what is not there does not come by asking again"
    );
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    drop(listener);
    let said = Boxed::new().failure(&format!("TRIES=5\nfetch_file {url} file 10 00"));
    assert!(said.starts_with(&format!("cannot fetch {url}: ")), "{said}");
}

#[test]
fn a_callback_is_repeated_until_it_is_taken_or_refused() {
    let boxed = Boxed::new();
    for (answers, tries, expected, asked) in [
        (
            &[Answer::Status(503), Answer::Status(503), Answer::Status(200)][..],
            5,
            "0",
            3,
        ),
        (&[Answer::Status(503)][..], 3, "1", 3),
        // The attempt is over: nobody will take it ever.
        (&[Answer::Status(403)][..], 5, "2", 1),
    ] {
        let (url, heard) = server(Vec::new(), answers);
        let said = boxed.run(&format!("HOOKS={url}/\necho text | post started {tries}; echo $?"));
        assert_eq!(said.trim(), expected);
        assert_eq!(heard.lock().unwrap().len(), asked);
    }
}
