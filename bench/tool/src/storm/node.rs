//! One simulated machine from power-on to ready.
//!
//! Invariant: a step begins when the one before has its end, as in a machine; a failure ends the machine.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::Mac;

use super::http::{Connection, Place};
use super::lease::{Lease, Stage, ask};
use super::loader;
use super::relay::Relay;
use super::script::{Leads, System, phone_home, read};

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Firmware's four messages.
    Dhcp,
    /// The loader over TFTP.
    Loader,
    /// iPXE's four messages.
    LoaderDhcp,
    /// The script, chained ones included.
    Script,
    /// The kernel.
    Kernel,
    /// The initial RAM disk.
    Initrd,
    /// The first bytes of the root.
    Root,
    /// meta-data, user-data, vendor-data.
    Answers,
    /// The callback.
    Ready,
}

impl Step {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dhcp => "dhcp",
            Self::Loader => "loader",
            Self::LoaderDhcp => "loader dhcp",
            Self::Script => "script",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::Root => "root image",
            Self::Answers => "answers",
            Self::Ready => "ready",
        }
    }
}

/// What the machines do.
#[derive(Debug, Clone)]
pub struct Habits {
    /// Steps that are left out.
    pub skip: Vec<Step>,
    /// Bytes of the root that are fetched.
    pub root: u64,
    /// Where they speak from; none is each from its leased address.
    pub from: Option<Ipv4Addr>,
}

/// What came of one machine.
#[derive(Debug)]
pub struct Story {
    /// Steps with their durations, as far as it came.
    pub steps: Vec<(Step, Duration)>,
    /// The step that failed, and why.
    pub failure: Option<(Step, String)>,
    /// From power-on to its end.
    pub total: Duration,
    /// Its address, once it had one.
    pub address: Option<Ipv4Addr>,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// DHCP messages and TFTP packets that were repeated.
    pub repeated: u32,
}

/// Boots a machine; its story is filled in as it goes, so that one whose time runs out is told as far as it came.
pub struct Node {
    /// The relay agent.
    pub relay: Arc<Relay>,
    /// Its MAC.
    pub mac: Mac,
    /// What it does.
    pub habits: Arc<Habits>,
}

impl Node {
    /// From power-on to ready, or to the first failure, or for so long.
    pub async fn boot(self, deadline: Duration) -> Story {
        let began = Instant::now();
        let mut story = Story {
            steps: Vec::with_capacity(9),
            failure: None,
            total: Duration::ZERO,
            address: None,
            bytes: 0,
            repeated: 0,
        };
        let mut watch = Watch {
            step: Step::Dhcp,
            since: began,
        };
        let result = tokio::time::timeout(deadline, self.steps(&mut story, &mut watch)).await;
        let why = match result {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!("not done {} s after power-on", deadline.as_secs())),
        };
        story.failure = why.map(|why| (watch.step, why));
        story.total = began.elapsed();
        story
    }

    async fn steps(&self, story: &mut Story, watch: &mut Watch) -> Result<(), String> {
        let lease = self.lease(Stage::Firmware, story).await?;
        watch.done(story, Step::Loader);
        let from = self.habits.from.unwrap_or(lease.address);
        if self.does(Step::Loader) {
            if lease.boot_file.is_empty() || lease.boot_file.contains("://") {
                return Err(format!("firmware is told to load \"{}\"", lease.boot_file));
            }
            let (bytes, repeated) = loader::fetch(from, lease.next_server, &lease.boot_file).await?;
            story.bytes += bytes;
            story.repeated += repeated;
        }
        watch.done(story, Step::LoaderDhcp);
        let again = self.lease(Stage::Ipxe, story).await?;
        if again.address != lease.address {
            return Err(format!("iPXE got {}, firmware {}", again.address, lease.address));
        }
        watch.done(story, Step::Script);
        let mut line = Lines { from, open: None };
        let system = self.script(&again.boot_file, &mut line).await?;
        watch.done(story, Step::Kernel);
        if self.does(Step::Kernel) {
            story.bytes += line.bytes(&system.kernel, None).await?;
        }
        watch.done(story, Step::Initrd);
        if let Some(initrd) = system.initrd.as_ref().filter(|_| self.does(Step::Initrd)) {
            story.bytes += line.bytes(initrd, None).await?;
        }
        watch.done(story, Step::Root);
        // The kernel of a machine knows nothing of its loader's connections.
        line.open = None;
        if let Some(root) = system.root.as_ref().filter(|_| self.does(Step::Root)) {
            story.bytes += line.bytes(root, Some(self.habits.root)).await?;
        }
        watch.done(story, Step::Answers);
        let mut ready = None;
        if let Some(answers) = system.answers.as_ref().filter(|_| self.does(Step::Answers)) {
            for document in ["meta-data", "user-data", "vendor-data"] {
                line.open = None;
                let text = line.text(&format!("{answers}{document}")).await?;
                story.bytes += text.len() as u64;
                if document == "user-data" {
                    ready = phone_home(&text).map(String::from);
                }
            }
        }
        watch.done(story, Step::Ready);
        line.open = None;
        if let Some(ready) = ready.filter(|_| self.does(Step::Ready)) {
            let place = Place::parse(&ready)?;
            line.to(&place)
                .await?
                .post(&place.path, b"hostname=node&fqdn=node&instance_id=i")
                .await?;
        }
        watch.done(story, Step::Ready);
        Ok(())
    }

    fn does(&self, step: Step) -> bool {
        !self.habits.skip.contains(&step)
    }

    async fn lease(&self, stage: Stage, story: &mut Story) -> Result<Lease, String> {
        let lease = ask(&self.relay, self.mac, stage).await?;
        story.address = Some(lease.address);
        story.repeated += lease.repeated;
        Ok(lease)
    }

    async fn script(&self, url: &str, line: &mut Lines) -> Result<System, String> {
        let mut url = url.to_string();
        for _ in 0..4 {
            match read(&line.text(&url).await?, self.mac)? {
                Leads::System(system) => return Ok(system),
                Leads::Chain(next) => url = next,
            }
        }
        Err("scripts lead from one to the next without end".into())
    }
}

/// Which step it is, and since when.
struct Watch {
    step: Step,
    since: Instant,
}

impl Watch {
    fn done(&mut self, story: &mut Story, next: Step) {
        let now = Instant::now();
        story.steps.push((self.step, now - self.since));
        (self.step, self.since) = (next, now);
    }
}

/// The connection that is kept from one request to the next.
struct Lines {
    from: Ipv4Addr,
    open: Option<(Place, Connection)>,
}

impl Lines {
    async fn to(&mut self, place: &Place) -> Result<&mut Connection, String> {
        let kept = self
            .open
            .take()
            .filter(|(to, line)| to.server == place.server && !line.closing);
        let connection = match kept {
            Some((_, connection)) => connection,
            None => Connection::open(self.from, place.server).await?,
        };
        Ok(&mut self.open.insert((place.clone(), connection)).1)
    }

    async fn text(&mut self, url: &str) -> Result<String, String> {
        let place = Place::parse(url)?;
        self.to(&place).await?.text(&place.path).await
    }

    async fn bytes(&mut self, url: &str, first: Option<u64>) -> Result<u64, String> {
        let place = Place::parse(url)?;
        self.to(&place).await?.bytes(&place.path, first).await
    }
}
