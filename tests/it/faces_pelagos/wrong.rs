//! What goes wrong: machines that stand still, BMCs that refuse, clients that send what is no form.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{curl, ended, get, images, provision};
use crate::bmc::bmcs;
use crate::support::segment::Segment;
use crate::support::server::Served;

const CLUSTER: &str = "cluster: lab
networks: { lan: { prefix: 10.77.0.0/24 } }
defaults: { bmc: { user: admin, password_from: 'env:BMC_PASSWORD' } }
faces: { pelagos: { listen: 10.77.0.1, tftp_root: TFTP, timeout: 5s, frozen: 5s } }
nodes:
  still: { mac: 'aa:bb:cc:dd:00:73', address: 10.77.0.13, bmc: { address: 127.4.0.1 } }
  locked: { mac: 'aa:bb:cc:dd:00:74', address: 10.77.0.14, bmc: { address: 127.4.0.2, password_from: 'env:OTHER' } }
  bare: { mac: 'aa:bb:cc:dd:00:75', address: 10.77.0.15 }
";

fn serve(segment: &Segment, change: impl Fn(String) -> String) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tftp");
    images(&root);
    std::fs::create_dir(root.join("empty-15.1-0.1.1-29.1")).unwrap();
    let cluster = CLUSTER.replace("TFTP", &root.display().to_string());
    std::fs::write(folder.path().join("cluster.yaml"), change(cluster)).unwrap();
    let variables = [("BMC_PASSWORD", "lab"), ("OTHER", "wrong"), ("TOKEN", "secret")];
    let server = Served::start_in_with(segment, folder, &variables);
    server.until("the face is open", || server.log().contains("a face is open"));
    server
}

#[test]
fn a_machine_that_stands_still_a_bmc_that_refuses_and_one_that_nobody_switches_have_their_own_ends() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.4.0.1", "2"]);
    let server = serve(&segment, |cluster| cluster);
    server.until("the BMCs answer", || {
        server.cli(&["power", "status", "still"]).status.success()
    });
    // So much longer than its restarts take.
    server.reload(
        &std::fs::read_to_string(server.folder().join("cluster.yaml"))
            .unwrap()
            .replace("timeout: 5s", "timeout: 60s"),
    );
    server.until("it is read", || server.log().contains("is in force"));
    let still = provision(&segment, "still", "sle-15.1");
    server.until("it is armed", || !server.events("deployment.armed").is_empty());
    server.reload(
        &std::fs::read_to_string(server.folder().join("cluster.yaml"))
            .unwrap()
            .replace("timeout: 60s", "timeout: 5s"),
    );
    server.until("it is read", || server.log().matches("is in force").count() == 2);
    let locked = provision(&segment, "locked", "sle-15.1");
    let bare = provision(&segment, "bare", "local");
    let empty = provision(&segment, "bare2", "sle-15.1");
    assert!(ended(&server, &segment, &empty).body.contains("No node [bare2] found"));
    let refused = ended(&server, &segment, &locked);
    assert_eq!(refused.status, 502);
    assert!(
        refused
            .body
            .contains("Caught BMCException ipmitool call failed with status["),
        "{}",
        refused.body
    );
    let frozen = ended(&server, &segment, &still);
    assert_eq!(frozen.status, 502, "{}", frozen.body);
    assert!(
        frozen
            .body
            .contains("Caught CannotBootException max cold restart couter (3) for still"),
        "{}",
        frozen.body
    );
    assert_eq!(server.events("power").len(), 4);
    let late = ended(&server, &segment, &bare);
    assert_eq!(late.status, 504);
    assert!(
        late.body
            .contains("Caught TimeoutException 10.77.0.15 have not started in timeout 5"),
        "{}",
        late.body
    );
    assert_eq!(late.head.lines().next(), Some("HTTP/1.1 504 Gateway Timeout"));
    let id = still.rsplit('/').next().unwrap();
    let log = get(&segment, &format!("/tasks/log/{id}")).body;
    assert!(log.contains("switched") || log.contains("reset"), "{log}");
    // What cannot be started fails before any machine is touched.
    let empty = provision(&segment, "still", "empty-15.1-0.1.1-29.1");
    let empty = ended(&server, &segment, &empty);
    assert_eq!(empty.status, 501);
    assert!(empty.body.contains("pxeboot.kernel is missing"), "{}", empty.body);
}

#[test]
fn what_is_no_form_is_refused_and_who_is_slow_holds_up_nobody() {
    let segment = Segment::new("10.77.0.1/24");
    let server = serve(&segment, |cluster| cluster);
    let long = format!("os=sle-15.1&node={}", "n".repeat(70_000));
    let cases: [(&[&str], u16); 7] = [
        (&["-d", "os=sle-15.1"], 400),
        (&["-d", "node=still"], 400),
        (&["-d", ""], 400),
        (&["-H", "Content-Type: application/json", "-d", "{}"], 400),
        (
            &[
                "-H",
                "Content-Type: multipart/form-data; boundary=x",
                "-d",
                "--x\r\nnonsense",
            ],
            400,
        ),
        (&["-d", "os=sle-15.1&node=still&extra_sls=--option"], 400),
        (&["-d", &long], 413),
    ];
    for (words, status) in cases {
        assert_eq!(
            curl(&segment, words, "/node/provision").status,
            status,
            "{:?}",
            words[0]
        );
    }
    assert_eq!(get(&segment, "/tasks/statuses").json(), serde_json::json!({}));
    // Halves of requests, many of them, and one that is none.
    let name = segment.plug("aa:bb:cc:dd:00:99");
    name.succeed(&["ip", "addr", "add", "10.77.0.99/24", "dev", "eth0"]);
    name.within(|| {
        let mut halves: Vec<TcpStream> = (0..200)
            .map(|_| {
                let mut stream = TcpStream::connect("10.77.0.1:5000").unwrap();
                stream
                    .write_all(b"POST /node/provision HTTP/1.1\r\nContent-Length: 60000\r\n")
                    .unwrap();
                stream
            })
            .collect();
        let mut none = TcpStream::connect("10.77.0.1:5000").unwrap();
        none.write_all(&[0xff; 100_000]).ok();
        let mut said = Vec::new();
        none.read_to_end(&mut said).ok();
        assert!(!said.starts_with(b"HTTP/1.1 2"));
        let mut asked = TcpStream::connect("10.77.0.1:5000").unwrap();
        asked.write_all(b"GET /version HTTP/1.0\r\n\r\n").unwrap();
        said.clear();
        asked.read_to_end(&mut said).unwrap();
        assert!(
            String::from_utf8_lossy(&said).contains("pelagos"),
            "{}",
            String::from_utf8_lossy(&said)
        );
        halves.clear();
    });
    assert!(server.cli(&["status"]).status.success());
}

#[test]
fn a_token_lets_in_who_shows_it() {
    let segment = Segment::new("10.77.0.1/24");
    let _server = serve(&segment, |cluster| {
        cluster.replace("timeout: 5s", "token_from: 'env:TOKEN'")
    });
    let with = |token: &str| curl(&segment, &["-H", &format!("Authorization: Bearer {token}")], "/version").status;
    assert_eq!(get(&segment, "/version").status, 401);
    assert_eq!(
        (with("secret"), with("secre"), with("other1"), with("")),
        (200, 401, 401, 401)
    );
}
