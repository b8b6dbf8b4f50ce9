//! Pelagos' own configuration file, as it was handed to `serve`: read anew whenever it changes.
//!
//! Invariant: a file that cannot be read never replaces one that could.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use model::pelagos::config::{Config, Ways, cluster_file, read};

use super::Simulation;
use crate::cluster_file::Refused;

/// Most octets of a configuration file; 10,000 nodes have some 5 million.
const LARGEST: u64 = model::import::SIZE as u64;

/// What `serve` was told about Pelagos.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Its configuration file.
    pub config: Option<PathBuf>,
    /// Root of its TFTP server, for a server without a cluster file.
    pub tftp_root: Option<PathBuf>,
    /// Tasks are played.
    pub simulation: Option<Simulation>,
}

/// The file, and what was last read of it.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    ways: Ways,
    /// Where the BMCs' password is put for those who ask them.
    password: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// When it was changed and how long it was, when it was last looked at.
    stamp: Option<(SystemTime, u64)>,
    config: Arc<Config>,
}

impl Source {
    /// Reads the file for the first time. `folder` is where the face keeps what is its own.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(path: PathBuf, folder: &Path, options: &Options) -> Result<Self, Refused> {
        let password = folder.join("ipmi-password");
        let ways = Ways {
            password_from: Some(format!("file:{}", password.display())),
            tftp_root: options.tftp_root.as_ref().map(|root| root.display().to_string()),
            simulation: options.simulation.is_some(),
        };
        let source = Self {
            path,
            ways,
            password,
            held: Mutex::default(),
        };
        let stamp = source.stamp();
        let config = source.load()?;
        source.keep(stamp, config);
        Ok(source)
    }

    /// What it says now. Blocks for as long as reading takes, if it was changed; whether it was is the second value.
    pub fn current(&self) -> (Arc<Config>, bool) {
        let stamp = self.stamp();
        let (known, config) = {
            let held = self.held.lock().expect("nobody panics while holding it");
            (held.stamp, held.config.clone())
        };
        if stamp.is_none() || stamp == known {
            return (config, false);
        }
        match self.load() {
            Ok(config) => {
                tracing::info!(file = %self.path.display(), nodes = config.nodes.len(), "Pelagos' configuration file was read again");
                (self.keep(stamp, config), true)
            }
            Err(refused) => {
                tracing::error!("{refused}; what was read before stays in force");
                // Told once for each change.
                self.keep(stamp, Config::clone(&config));
                (config, false)
            }
        }
    }

    /// The cluster file that is made of it, with its notes in the log.
    pub fn cluster_text(&self, config: &Config) -> String {
        let imported = cluster_file(config, &self.path.display().to_string(), &self.ways);
        for note in &imported.notes {
            tracing::warn!("not taken over: {note}");
        }
        imported.text
    }

    /// The file's name, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn keep(&self, stamp: Option<(SystemTime, u64)>, config: Config) -> Arc<Config> {
        let config = Arc::new(config);
        let mut held = self.held.lock().expect("nobody panics while holding it");
        *held = Held {
            stamp,
            config: config.clone(),
        };
        config
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let meta = std::fs::metadata(&self.path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    }

    fn load(&self) -> Result<Config, Refused> {
        let shown = self.path.display();
        let refused = |message| Refused { message, detail: None };
        let text = bounded(&self.path).map_err(|error| refused(format!("cannot read {shown}: {error}")))?;
        let config = read(&text).map_err(|error| refused(format!("{shown}: {error}")))?;
        if let Some(password) = config.option("ipmi_pass") {
            put(&self.password, password)
                .map_err(|error| refused(format!("cannot write {}: {error}", self.password.display())))?;
        }
        Ok(config)
    }
}

fn bounded(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a password for this program alone.
fn put(path: &Path, password: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(password.as_bytes())?;
    std::fs::rename(aside, path)
}
