//! Somebody at a terminal, in front of a program that insists on one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;

use crate::bmc::{Running, until};

/// A program at a terminal, and who sits there.
pub struct Terminal {
    keys: File,
    heard: Receiver<String>,
    pub all: String,
    pub process: Running,
}

impl Terminal {
    /// Starts a program there.
    pub fn start(mut command: Command) -> Self {
        let pair = nix::pty::openpty(None, None).unwrap();
        let (master, slave) = (File::from(pair.master), File::from(pair.slave));
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // The other end must be the program's alone, or its end would not be seen.
        drop(command);
        drop(slave);
        let mut screen = master.try_clone().unwrap();
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                sender
                    .send(String::from_utf8_lossy(&buffer[..length]).into_owned())
                    .ok();
            }
        });
        Self {
            keys: master,
            heard,
            all: String::new(),
            process: Running(child),
        }
    }

    /// Types something.
    pub fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Takes what came since; whether this is on the screen by now.
    pub fn has_seen(&mut self, wanted: &str) -> bool {
        let (heard, all) = (&self.heard, &mut self.all);
        all.extend(heard.try_iter());
        all.contains(wanted)
    }

    /// Waits until something is on the screen.
    pub fn sees(&mut self, wanted: &str) {
        let (heard, all) = (&self.heard, &mut self.all);
        let began = std::time::Instant::now();
        while !all.contains(wanted) {
            assert!(
                began.elapsed().as_secs() < 30,
                "waited 30 s for {wanted}; so far: {all}"
            );
            all.extend(heard.recv_timeout(std::time::Duration::from_millis(100)));
        }
    }

    /// Everything that was on the screen when the program has ended, and its exit status.
    pub fn ended(mut self) -> (String, Option<i32>) {
        let mut status = None;
        until(&format!("the program ends; so far: {}", self.all), || {
            status = self.process.0.try_wait().unwrap();
            status.is_some()
        });
        self.all.extend(self.heard.iter());
        (self.all, status.and_then(|status| status.code()))
    }
}
