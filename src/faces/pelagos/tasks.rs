//! All tasks: those under way, and for twelve hours those that ended.
//!
//! Invariant: a task that a client was told of is on the disk. Who runs a task is the only one who writes its file.
//! Invariant: a node has at most one task under way; the next one stops it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::task::{Outcome, Task};

/// How long a task is remembered after its end.
const KEPT: SignedDuration = SignedDuration::from_hours(12);
/// Most tasks that are remembered; then the ones that ended first go.
const MOST: usize = 2000;

/// The tasks. A clone is the same tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    folder: Arc<Path>,
    held: Arc<Mutex<HashMap<String, Held>>>,
}

#[derive(Debug)]
struct Held {
    task: Task,
    /// Tells it to stop.
    stop: CancellationToken,
    /// Is cancelled once it has ended.
    ended: CancellationToken,
}

/// A task that was told to stop.
#[derive(Debug)]
pub struct Stopping {
    /// Its id.
    pub id: String,
    /// Is cancelled once it has ended.
    pub ended: CancellationToken,
}

impl Tasks {
    /// The tasks in a folder, which is made. Blocks.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(folder: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let mut held = HashMap::new();
        for entry in std::fs::read_dir(&folder)?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let read = std::fs::read(&path).map_err(|error| error.to_string());
            match read.and_then(|text| serde_json::from_slice::<Task>(&text).map_err(|error| error.to_string())) {
                Ok(task) => {
                    held.insert(task.id.clone(), Held::new(task));
                }
                Err(error) => tracing::warn!(path = %path.display(), error, "a task of Pelagos cannot be read"),
            }
        }
        Ok(Self {
            folder: folder.into(),
            held: Arc::new(Mutex::new(held)),
        })
    }

    /// Takes a task in, and tells the one of its node that is under way to stop. Its number is given here.
    pub fn admit(&self, mut task: Task) -> (Task, Vec<Stopping>) {
        let mut held = self.lock();
        task.number = held.values().map(|held| held.task.number).max().unwrap_or(0) + 1;
        let stopping = stop(&mut held, &task.meant);
        held.insert(task.id.clone(), Held::new(task.clone()));
        (task, stopping)
    }

    /// Tells the task of a node that is under way to stop.
    pub fn stop(&self, node: &str) -> Option<Stopping> {
        stop(&mut self.lock(), node).pop()
    }

    /// A task as it is now.
    pub fn get(&self, id: &str) -> Option<Task> {
        self.lock().get(id).map(|held| held.task.clone())
    }

    /// Whether there are more than are to be remembered.
    pub fn is_full(&self) -> bool {
        self.lock().len() > MOST
    }

    /// All of them.
    pub fn all(&self) -> Vec<Task> {
        self.lock().values().map(|held| held.task.clone()).collect()
    }

    /// What tells a task to stop.
    pub fn stopper(&self, id: &str) -> CancellationToken {
        self.lock().get(id).map(|held| held.stop.clone()).unwrap_or_default()
    }

    /// Changes a task, which is on the disk when this returns; what it is then.
    pub async fn change(&self, id: &str, change: impl FnOnce(&mut Task)) -> Option<Task> {
        let task = {
            let mut held = self.lock();
            let task = &mut held.get_mut(id)?.task;
            change(task);
            task.clone()
        };
        let (folder, kept) = (self.folder.clone(), task.clone());
        let written = tokio::task::spawn_blocking(move || write(&folder, &kept)).await;
        match written {
            Ok(Err(error)) => tracing::error!(task = id, %error, "a task of Pelagos cannot be kept"),
            Err(error) => tracing::error!(task = id, %error, "a task of Pelagos cannot be kept"),
            Ok(Ok(())) => {}
        }
        Some(task)
    }

    /// Adds to the log of a task; on the disk with its next change.
    pub fn note(&self, id: &str, level: &str, text: &str) {
        if let Some(held) = self.lock().get_mut(id) {
            held.task.note(level, text);
        }
    }

    /// Ends a task.
    pub async fn end(&self, id: &str, outcome: Outcome) {
        self.change(id, |task| {
            let level = if outcome.code == 200 { "DEBUG" } else { "INFO" };
            let text = match outcome.code {
                200 => "target function completed",
                _ => &outcome.message,
            };
            task.note(level, text);
            task.end = Some((outcome, Timestamp::now()));
        })
        .await;
        if let Some(held) = self.lock().get(id) {
            held.ended.cancel();
        }
    }

    /// Forgets what ended long ago, and the oldest of what are too many. Blocks.
    pub fn sweep(&self, now: Timestamp) {
        let gone: Vec<String> = {
            let mut held = self.lock();
            let mut ended: Vec<(Timestamp, String)> = (held.values())
                .filter_map(|held| held.task.end.as_ref().map(|(_, at)| (*at, held.task.id.clone())))
                .collect();
            ended.sort();
            let over = held.len().saturating_sub(MOST);
            let old = ended.iter().filter(|(at, _)| *at + KEPT <= now).count();
            ended.truncate(old.max(over));
            for (_, id) in &ended {
                held.remove(id);
            }
            ended.into_iter().map(|(_, id)| id).collect()
        };
        for id in gone {
            std::fs::remove_file(self.folder.join(format!("{id}.json"))).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().expect("nobody panics while holding it")
    }
}

impl Held {
    fn new(task: Task) -> Self {
        let held = Self {
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            task,
        };
        if held.task.end.is_some() {
            held.ended.cancel();
        }
        held
    }
}

fn stop(held: &mut HashMap<String, Held>, node: &str) -> Vec<Stopping> {
    let under_way = held
        .values_mut()
        .filter(|held| held.task.meant == node && held.task.end.is_none());
    under_way
        .map(|held| {
            held.task.stopped = true;
            held.stop.cancel();
            Stopping {
                id: held.task.id.clone(),
                ended: held.ended.clone(),
            }
        })
        .collect()
}

fn write(folder: &Path, task: &Task) -> std::io::Result<()> {
    let path = folder.join(format!("{}.json", task.id));
    let aside = path.with_extension("new");
    std::fs::write(&aside, serde_json::to_vec(task)?)?;
    std::fs::rename(aside, path)
}
