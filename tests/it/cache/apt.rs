//! The real apt, a real signed repository, a real web server; signatures are checked.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use sha2::Digest as _;

use super::{cluster, free};
use crate::support::client::{require, said, succeed};
use crate::support::segment::Segment;
use crate::support::server::Served;

/// A signed repository below `/r` of a web server, with the suite `x`.
struct Repository {
    folder: tempfile::TempDir,
    address: SocketAddr,
    server: Option<Child>,
}

impl Repository {
    fn new(certificate: Option<&Path>) -> Self {
        for (program, package) in [
            ("apt-ftparchive", "apt-utils"),
            ("dpkg-deb", "dpkg"),
            ("gpg", "gnupg"),
            ("xz", "xz-utils"),
            ("python3", "python3"),
        ] {
            require(program, package);
        }
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("gnupg");
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(&home)
            .unwrap();
        let mut repository = Self {
            folder,
            address: free(),
            server: None,
        };
        repository.gpg(&[
            "--passphrase",
            "",
            "--quick-generate-key",
            "test@mirror.example",
            "rsa2048",
            "sign",
            "never",
        ]);
        let key = repository.gpg(&["--export"]).stdout;
        std::fs::write(repository.key(), key).unwrap();
        repository.publish("1.0");
        repository.serve(certificate);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self) -> PathBuf {
        self.path("key.gpg")
    }

    fn gpg(&self, words: &[&str]) -> Output {
        let home = self.path("gnupg");
        succeed(
            &[
                &[
                    "gpg",
                    "--homedir",
                    home.to_str().unwrap(),
                    "--batch",
                    "--yes",
                    "--quiet",
                ],
                words,
            ]
            .concat(),
        )
    }

    /// Puts a version of two packages into the pool and signs the indices.
    fn publish(&self, version: &str) {
        let root = self.path("web/r");
        for name in ["bell", "libbell++"] {
            let tree = self.path("tree");
            std::fs::remove_dir_all(&tree).ok();
            std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
            let control = format!(
                "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Ada <ada@mirror.example>\n\
                 Description: a test\n{}",
                if name == "bell" { "Depends: libbell++\n" } else { "" }
            );
            std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
            std::fs::write(tree.join("content"), vec![7; 300_000]).unwrap();
            let pool = root.join(format!("pool/main/b/{name}"));
            std::fs::create_dir_all(&pool).unwrap();
            let deb = pool.join(format!("{name}_{version}_all.deb"));
            // Not compressed: large enough to go past what is kept in memory.
            succeed(&[
                "dpkg-deb",
                "-Znone",
                "--build",
                tree.to_str().unwrap(),
                deb.to_str().unwrap(),
            ]);
        }
        let binary = root.join("dists/x/main/binary-amd64");
        std::fs::create_dir_all(binary.join("by-hash/SHA256")).unwrap();
        let archive = |words: &[&str]| {
            let output = Command::new("apt-ftparchive")
                .args(words)
                .current_dir(&root)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", said(&output));
            output.stdout
        };
        let packages = archive(&["packages", "pool"]);
        std::fs::write(binary.join("Packages"), &packages).unwrap();
        succeed(&["xz", "-kf", binary.join("Packages").to_str().unwrap()]);
        for name in ["Packages", "Packages.xz"] {
            let content = std::fs::read(binary.join(name)).unwrap();
            let digest: String = sha2::Sha256::digest(&content)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            std::fs::write(binary.join("by-hash/SHA256").join(digest), content).unwrap();
        }
        // The digests of Debian's own release files; apt would ask for by-hash/SHA512 otherwise.
        let suite = [
            "APT::FTPArchive::Release::Suite=x",
            "APT::FTPArchive::Release::SHA1=false",
            "APT::FTPArchive::Release::SHA512=false",
        ];
        let suite: Vec<&str> = suite.iter().flat_map(|option| ["-o", option]).collect();
        let release = archive(&[&suite[..], &["release", "dists/x"]].concat());
        let release = [b"Acquire-By-Hash: yes\n".as_slice(), &release].concat();
        let suite = root.join("dists/x");
        std::fs::write(suite.join("Release"), release).unwrap();
        let (plain, signed) = (suite.join("Release"), suite.join("InRelease"));
        let words = ["--clearsign", "-o", signed.to_str().unwrap(), plain.to_str().unwrap()];
        self.gpg(&words);
    }

    /// Dates everything that is published now.
    fn date(&self, at: SystemTime) {
        let mut folders = vec![self.path("web/r")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    std::fs::File::open(&path).unwrap().set_modified(at).unwrap();
                }
            }
        }
    }

    /// Starts a web server that we did not write.
    fn serve(&mut self, certificate: Option<&Path>) {
        let program = "import http.server, ssl, sys\n\
                       from functools import partial\n\
                       handler = partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])\n\
                       server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), handler)\n\
                       if len(sys.argv) > 3:\n    \
                           context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n    \
                           context.load_cert_chain(sys.argv[3])\n    \
                           server.socket = context.wrap_socket(server.socket, server_side=True)\n\
                       server.serve_forever()\n";
        let log = std::fs::File::create(self.path("log")).unwrap();
        let child = Command::new("python3")
            .args(["-c", program, &self.address.port().to_string()])
            .arg(self.path("web"))
            .args(certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(child);
        while TcpStream::connect(self.address).is_err() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// How often a file was sent.
    fn sent(&self, end: &str) -> usize {
        let log = std::fs::read_to_string(self.path("log")).unwrap();
        log.lines()
            .filter(|line| line.contains(&format!("{end} HTTP/1.1\" 200")))
            .count()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.stop();
        let home = self.path("gnupg");
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(home)
            .args(["--kill", "all"])
            .output()
            .ok();
    }
}

/// An apt of its own: nothing of this host's is read or changed.
struct Apt {
    folder: tempfile::TempDir,
}

impl Apt {
    fn new(url: &str, key: &Path, more: &str) -> Self {
        require("apt-get", "apt");
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for name in [
            "state/lists/partial",
            "cache/archives/partial",
            "etc/apt.conf.d",
            "etc/preferences.d",
            "work",
        ] {
            std::fs::create_dir_all(at.join(name)).unwrap();
        }
        let shown = at.display();
        std::fs::write(at.join("status"), "").unwrap();
        let source = format!("deb [arch=amd64 signed-by={}] {url} x main\n", key.display());
        std::fs::write(at.join("etc/sources.list"), source).unwrap();
        let conf = format!(
            "Dir::Etc \"{shown}/etc\";\nDir::Etc::parts \"{shown}/etc/apt.conf.d\";\nDir::Etc::sourceparts \"-\";\n\
             Dir::State \"{shown}/state\";\nDir::State::status \"{shown}/status\";\nDir::Cache \"{shown}/cache\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAPT::Sandbox::User \"root\";\n\
             Acquire::Languages \"none\";\nAcquire::Retries \"0\";\n{more}"
        );
        std::fs::write(at.join("apt.conf"), conf).unwrap();
        Self { folder }
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new("timeout")
            .args(["120", "apt-get", "-q", "-y"])
            .args(words)
            .env("APT_CONFIG", self.folder.path().join("apt.conf"))
            .env("LC_ALL", "C")
            .env_remove("http_proxy")
            .current_dir(self.folder.path().join("work"))
            .output()
            .unwrap()
    }

    fn succeed(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let text = said(&output);
        assert!(output.status.success(), "{words:?}: {text}");
        assert!(!text.contains("W:") && !text.contains("Ign:"), "{words:?}: {text}");
        text
    }
}

#[test]
fn apt_updates_and_downloads_through_both_doors_and_checks_every_signature() {
    let mut repository = Repository::new(None);
    // As old as what a mirror has: a date of this second would not be believed.
    repository.date(SystemTime::now() - Duration::from_secs(3600));
    let upstream = format!("http://{}/r", repository.address);
    let (text, http, proxy) = cluster(&upstream);
    let segment = Segment::host();
    let served = Served::start(&segment, &text);
    let by_path = Apt::new(&format!("http://127.0.0.1:{}/r", http.port()), &repository.key(), "");
    let proxied = format!("Acquire::http::Proxy \"http://127.0.0.1:{}\";\n", proxy.port());
    let by_proxy = Apt::new(&upstream, &repository.key(), &proxied);
    let by_host = Apt::new(
        &format!("http://127.0.0.1:{}/{}/r", proxy.port(), repository.address),
        &repository.key(),
        "",
    );
    for apt in [&by_path, &by_proxy, &by_host] {
        apt.succeed(&["update"]);
        apt.succeed(&["download", "bell"]);
        apt.succeed(&["install", "--download-only", "bell"]);
        let mut archives: Vec<_> = std::fs::read_dir(apt.folder.path().join("cache/archives"))
            .unwrap()
            .filter_map(|file| file.unwrap().file_name().into_string().ok())
            .filter(|name| name.ends_with(".deb"))
            .collect();
        archives.sort();
        assert_eq!(archives, ["bell_1.0_all.deb", "libbell++_1.0_all.deb"]);
    }
    assert_eq!(
        (
            repository.sent("bell_1.0_all.deb"),
            repository.sent("libbell%2b%2b_1.0_all.deb")
        ),
        (1, 1)
    );
    assert_eq!(repository.sent("InRelease"), 1, "asked again and found unchanged");
    // A new publication reaches the nodes with their next update.
    repository.publish("2.0");
    for apt in [&by_path, &by_proxy] {
        apt.succeed(&["update"]);
        apt.succeed(&["download", "bell"]);
        assert!(apt.folder.path().join("work/bell_2.0_all.deb").is_file());
    }
    // Upstream is gone: what was seen before goes on working, and the operator sees why the rest does not.
    repository.stop();
    by_path.succeed(&["update"]);
    std::fs::remove_file(by_path.folder.path().join("work/bell_2.0_all.deb")).unwrap();
    by_path.succeed(&["download", "bell"]);
    let status = served.text(&["cache", "status"]);
    assert!(status.contains("cannot be reached"), "{status}");
    let counters = &served.json(&["cache", "status"])["counters"];
    assert!(
        counters["stale"].as_u64() > Some(0) && counters["hits"].as_u64() > Some(4),
        "{counters}"
    );
    assert_eq!(
        served.events("transfer").len(),
        0,
        "packages are counted, not written down"
    );
    assert_eq!(served.events("cache.trouble").len(), 1);
}

#[test]
fn what_is_published_twice_in_one_second_reaches_apt() {
    let repository = Repository::new(None);
    // A second that lasts as long as this takes.
    let second = SystemTime::now() + Duration::from_secs(3600);
    repository.date(second);
    let (text, http, _) = cluster(&format!("http://{}/r", repository.address));
    let segment = Segment::host();
    let served = Served::start(&segment, &text);
    let apt = Apt::new(&format!("http://127.0.0.1:{}/r", http.port()), &repository.key(), "");
    apt.succeed(&["update"]);
    apt.succeed(&["download", "bell"]);
    repository.publish("2.0");
    // For the web server, nothing has changed since.
    repository.date(second);
    apt.succeed(&["update"]);
    apt.succeed(&["download", "bell"]);
    assert!(apt.folder.path().join("work/bell_2.0_all.deb").is_file());
    // When the second is over, the date tells it.
    repository.date(SystemTime::now());
    served.until("the date is believed", || {
        let sent = repository.sent("InRelease");
        apt.succeed(&["update"]);
        repository.sent("InRelease") == sent
    });
}

#[test]
fn apt_refuses_what_was_changed_on_the_way_to_the_cache() {
    let repository = Repository::new(None);
    let packages = repository.path("web/r/dists/x/main/binary-amd64");
    for file in std::fs::read_dir(packages.join("by-hash/SHA256")).unwrap() {
        let path = file.unwrap().path();
        let mut content = std::fs::read(&path).unwrap();
        let last = content.len() - 1;
        content[last] ^= 1;
        std::fs::write(&path, content).unwrap();
    }
    let (text, http, _) = cluster(&format!("http://{}/r", repository.address));
    let segment = Segment::host();
    let served = Served::start(&segment, &text);
    let apt = Apt::new(&format!("http://127.0.0.1:{}/r", http.port()), &repository.key(), "");
    apt.run(&["update"]);
    let stored = served.json(&["cache", "list", "r/dists/x/main/binary-amd64/by-hash/"]);
    assert_eq!(stored.as_array().unwrap().len(), 0, "a corrupted index is not stored");
    served.until("the corruption is told of", || {
        served
            .events("cache.trouble")
            .iter()
            .any(|event| event.to_string().contains("corrupted"))
    });
}

#[test]
fn an_upstream_with_https_is_fetched_and_its_certificate_checked() {
    require("openssl", "openssl");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    succeed(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &at("key"),
        "-out",
        &at("certificate"),
    ]);
    let both = [
        std::fs::read(at("key")).unwrap(),
        std::fs::read(at("certificate")).unwrap(),
    ]
    .concat();
    std::fs::write(at("both"), both).unwrap();
    let repository = Repository::new(Some(Path::new(&at("both"))));
    let (text, http, _) = cluster(&format!("https://{}/r", repository.address));
    let segment = Segment::host();
    let url = format!("http://127.0.0.1:{}/r", http.port());
    let served = Served::start_with(&segment, &text, &[("SSL_CERT_FILE", &at("certificate"))]);
    let apt = Apt::new(&url, &repository.key(), "");
    apt.succeed(&["update"]);
    apt.succeed(&["download", "bell"]);
    drop(served);
    let stranger = Served::start(&segment, &text);
    let answer = crate::support::upstream::ask(http, "GET", "/r/dists/x/InRelease", &[]);
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("certificate"), "{}", answer.text());
    drop(stranger);
}
