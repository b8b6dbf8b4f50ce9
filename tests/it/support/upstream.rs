//! An HTTP server that behaves as a test tells it, however badly; and the cache before it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bellwether::cache::{Cache, Limits, News, Policy, in_front, proxy};
use bellwether::http::HttpCounters;
use bellwether::pulse::pulse;
use model::cache::Upstreams;
use tokio_util::sync::CancellationToken;

/// A request that upstream got.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    pub fn from(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range
            .and_then(|range| range.trim_end_matches('-').parse().ok())
            .unwrap_or(0)
    }
}

type Behaviour = dyn Fn(&Request, &mut TcpStream) + Send + Sync;

/// A server; each connection takes one request.
pub struct Hostile {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    gone: Arc<AtomicBool>,
}

impl Hostile {
    /// Starts a server that answers each request as told.
    pub fn start(behave: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, gone) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let behave: Arc<Behaviour> = Arc::new(behave);
        let (noted, left) = (seen.clone(), gone.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                // The connection is closed without an answer, as by a host that has just died.
                if left.load(Ordering::Relaxed) {
                    continue;
                }
                let (behave, noted) = (behave.clone(), noted.clone());
                std::thread::spawn(move || {
                    if let Some(request) = read(&stream) {
                        noted.lock().unwrap().push(request.clone());
                        behave(&request, &mut stream);
                    }
                });
            }
        });
        Self { address, seen, gone }
    }

    /// Whether it is there.
    pub fn set_gone(&self, gone: bool) {
        self.gone.store(gone, Ordering::Relaxed);
    }

    /// Requests so far, for paths that end so.
    pub fn seen(&self, end: &str) -> Vec<Request> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|request| request.path.ends_with(end))
            .cloned()
            .collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = Vec::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_string()));
    }
    Some(Request { method, path, headers })
}

/// Sends a head; the connection is closed after the answer.
pub fn head(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)]) {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all((text + "\r\n").as_bytes()).ok();
}

/// A well-behaved answer: 200, 206 or 304, with a tag.
pub fn well(request: &Request, stream: &mut TcpStream, content: &[u8], tag: &str) {
    if request.header("if-none-match") == Some(tag) {
        return head(stream, "304 Not Modified", &[("ETag", tag)]);
    }
    let from = request.from();
    let same = request.header("if-range").is_none_or(|known| known == tag);
    let (status, rest) = if from > 0 && same {
        ("206 Partial Content", &content[from..])
    } else {
        ("200 OK", content)
    };
    let length = rest.len().to_string();
    let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
    let mut headers = vec![("Content-Length", length.as_str()), ("ETag", tag)];
    if status.starts_with("206") {
        headers.push(("Content-Range", &range));
    }
    head(stream, status, &headers);
    if request.method != "HEAD" {
        stream.write_all(rest).ok();
    }
}

/// Content of that length that looks like a package.
pub fn deb(length: usize) -> Vec<u8> {
    let mut content = b"!<arch>\n".to_vec();
    content.extend((8..length).map(|i| (i * 31 % 251) as u8));
    content
}

/// The cache on a door of its own, in this process.
pub struct Cached {
    pub cache: Arc<Cache>,
    /// Address of the proxy door.
    pub proxy: SocketAddr,
    /// Address of a nodes' door with the upstreams before it.
    pub door: SocketAddr,
    _folder: tempfile::TempDir,
    policy: Arc<Mutex<Arc<Policy>>>,
    news: mpsc::Receiver<News>,
    cancel: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Cached {
    /// The cache with `r` as the name of an upstream, below `/r` there.
    pub fn before(upstream: SocketAddr) -> Self {
        Self::with(upstream, |_| {})
    }

    /// The same with another policy.
    pub fn with(upstream: SocketAddr, change: impl FnOnce(&mut Policy)) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), upstream, change)
    }

    /// The same on a folder that is there already.
    pub fn in_folder(folder: tempfile::TempDir, upstream: SocketAddr, change: impl FnOnce(&mut Policy)) -> Self {
        let declared = model::cluster::Cache {
            upstreams: vec![("r".into(), format!("http://{upstream}/r"))],
            ..model::cluster::Cache::default()
        };
        let mut policy = Policy {
            upstreams: Upstreams::new(&declared, []),
            offline: false,
            recheck: Duration::from_secs(3600),
            size: 1 << 30,
        };
        change(&mut policy);
        let policy = Arc::new(Mutex::new(Arc::new(policy)));
        let (tell, news) = mpsc::channel();
        let limits = Limits {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(5),
            stall: Duration::from_millis(700),
            retries: [10, 20, 30].map(Duration::from_millis),
            reserve: 0,
            ..Limits::default()
        };
        let said = policy.clone();
        let declared = Box::new(move || said.lock().unwrap().clone());
        let root: &Path = folder.path();
        let cache = Cache::new(root, limits, declared, Box::new(move |news| drop(tell.send(news)))).unwrap();
        let (proxy_at, door) = (free(), free());
        let cancel = CancellationToken::new();
        let (stop, served) = (cancel.clone(), cache.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let behind = axum::Router::new().fallback(async || "a node's own answer");
                let serve = bellwether::http::serve;
                let counters = Arc::<HttpCounters>::default;
                let doors = tokio::join!(
                    serve(proxy_at, proxy(served.clone()), counters(), pulse().1, stop.clone()),
                    serve(door, in_front(&served, behind), counters(), pulse().1, stop.clone()),
                    served.clone().keep_house(stop),
                );
                doors.0.unwrap();
                doors.1.unwrap();
            });
        });
        let cached = Self {
            cache,
            proxy: proxy_at,
            door,
            _folder: folder,
            policy,
            news,
            cancel,
            thread: Some(thread),
        };
        for address in [proxy_at, door] {
            while TcpStream::connect(address).is_err() {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
        cached
    }

    /// Declares something else.
    pub fn declare(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.policy.lock().unwrap();
        let mut next = (**policy).clone();
        change(&mut next);
        *policy = Arc::new(next);
    }

    /// The next news; fails after a while without any.
    pub fn next_news(&self) -> News {
        self.news
            .recv_timeout(Duration::from_secs(60))
            .expect("the cache tells of it")
    }

    /// `GET` of a path on the proxy door.
    pub fn get(&self, path: &str) -> Answer {
        ask(self.proxy, "GET", path, &[])
    }

    /// Waits until no download is under way: a client may have a package a moment before it is stored.
    pub fn settled(&self) -> &Self {
        while !self.cache.status()["downloads"].as_array().unwrap().is_empty() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self
    }

    /// `GET` of a path on the proxy door, and everything that follows from it.
    pub fn get_settled(&self, path: &str) -> Answer {
        let answer = self.get(path);
        self.settled();
        answer
    }

    /// A counter of the cache.
    pub fn counted(&self, name: &str) -> u64 {
        self.cache.counters.json()[name].as_u64().unwrap()
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the cache panicked");
        }
    }
}

/// A port that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An answer as a client sees it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
    /// Whether all that was announced came.
    pub whole: bool,
}

impl Answer {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// How the cache came by it.
    pub fn how(&self) -> &str {
        self.header("x-cache").unwrap_or("-")
    }
}

/// Asks and reads the answer to its end.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut asking = Asking::begin(address, method, path, headers);
    asking.rest();
    asking.answer()
}

/// A client that reads when the test says so.
pub struct Asking {
    stream: TcpStream,
    received: Vec<u8>,
    method: String,
}

impl Asking {
    /// Sends a request.
    pub fn begin(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        stream.write_all((text + "\r\n").as_bytes()).unwrap();
        Self {
            stream,
            received: Vec::new(),
            method: method.to_string(),
        }
    }

    /// Reads until so many bytes of the body are there.
    pub fn until(&mut self, bytes: usize) {
        let mut piece = [0; 16384];
        while self.body().is_none_or(|body| body.len() < bytes) {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(
                read > 0,
                "the answer ended early: {}",
                String::from_utf8_lossy(&self.received)
            );
            self.received.extend(&piece[..read]);
        }
    }

    /// Reads to the end, however it comes.
    pub fn rest(&mut self) {
        let mut piece = [0; 65536];
        while let Ok(read @ 1..) = self.stream.read(&mut piece) {
            self.received.extend(&piece[..read]);
        }
    }

    fn body(&self) -> Option<&[u8]> {
        let at = self.received.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some(&self.received[at + 4..])
    }

    /// What came.
    pub fn answer(self) -> Answer {
        let body = self.body().map(<[u8]>::to_vec).unwrap_or_default();
        let head = String::from_utf8_lossy(&self.received[..self.received.len() - body.len()]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let mut answer = Answer {
            status,
            head,
            body,
            whole: false,
        };
        if answer.header("transfer-encoding").is_some() {
            (answer.body, answer.whole) = unchunk(&answer.body);
        } else {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            let none = self.method == "HEAD" || status == 304;
            answer.whole = none || length == Some(answer.body.len());
        }
        answer
    }
}

fn unchunk(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        bytes = &bytes[end + 2..];
        if size == 0 {
            return (body, true);
        }
        let size = size.min(bytes.len());
        body.extend(&bytes[..size]);
        bytes = bytes.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
