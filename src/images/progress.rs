//! How far a build is, from what its programs say.

use std::fmt;

/// A part of a build, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Writing the recipe out, choosing sources.
    Prepare,
    /// Reading the lists of packages.
    Lists,
    /// Unpacking the packages that everything else needs.
    Base,
    /// Fetching and installing the other packages.
    Packages,
    /// Making them a stateless system.
    Settings,
    /// Making the initrd.
    Initrd,
    /// Packing the root filesystem.
    Pack,
    /// Measuring the files and moving the image in.
    Finish,
}

impl Phase {
    /// The share of a build that is done when this phase begins, in percent: measured, packages from a cache.
    fn begins(self) -> u8 {
        match self {
            Self::Prepare => 0,
            Self::Lists => 1,
            Self::Base => 6,
            Self::Packages => 22,
            Self::Settings => 60,
            Self::Initrd => 68,
            Self::Pack => 76,
            Self::Finish => 98,
        }
    }

    fn ends(self) -> u8 {
        match self {
            Self::Prepare => Self::Lists.begins(),
            Self::Lists => Self::Base.begins(),
            Self::Base => Self::Packages.begins(),
            Self::Packages => Self::Settings.begins(),
            Self::Settings => Self::Initrd.begins(),
            Self::Initrd => Self::Pack.begins(),
            Self::Pack => Self::Finish.begins(),
            Self::Finish => 100,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Prepare => "preparing",
            Self::Lists => "reading package lists",
            Self::Base => "unpacking the base system",
            Self::Packages => "installing packages",
            Self::Settings => "making it stateless",
            Self::Initrd => "making the initrd",
            Self::Pack => "packing the root filesystem",
            Self::Finish => "measuring and moving in",
        })
    }
}

/// Where a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The part it is in.
    pub phase: Phase,
    /// What is done of the whole, in percent (0 to 100). Never goes back.
    pub percent: u8,
    /// What is worked on at the moment: a package, mostly. May be empty.
    pub what: String,
}

/// Follows the output of a build.
#[derive(Debug)]
pub struct Follower {
    now: Progress,
    /// Steps that the phase has, as far as they are known: two for each package.
    steps: u32,
    done: u32,
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            now: Progress {
                phase: Phase::Prepare,
                percent: 0,
                what: String::new(),
            },
            steps: 0,
            done: 0,
        }
    }
}

impl Follower {
    /// Where the build stands.
    pub fn now(&self) -> &Progress {
        &self.now
    }

    /// Goes on to a phase, never back.
    pub fn enter(&mut self, phase: Phase) -> &Progress {
        if phase > self.now.phase {
            self.now = Progress {
                phase,
                percent: phase.begins().max(self.now.percent),
                what: String::new(),
            };
            self.steps = 0;
            self.done = 0;
        }
        &self.now
    }

    /// Takes in a line of output. `Some` when there is something new to show.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        if let Some(phase) = phase_of(line) {
            let before = self.now.phase;
            self.enter(phase);
            return (self.now.phase != before).then(|| self.now.clone());
        }
        if let Some(count) = newly_installed(line) {
            self.steps = 2 * count;
            self.done = 0;
            return None;
        }
        let (step, rest) = ["Unpacking ", "Setting up "]
            .iter()
            .find_map(|word| Some((*word, line.strip_prefix(word)?)))?;
        let package = rest.split([' ', ':']).next().unwrap_or_default();
        self.done += 1;
        let (from, to) = (u32::from(self.now.phase.begins()), u32::from(self.now.phase.ends()));
        if let Some(part) = ((to - from) * self.done.min(self.steps)).checked_div(self.steps) {
            self.now.percent = self.now.percent.max(u8::try_from(from + part).unwrap_or(100));
        }
        self.now.what = format!("{} {package}", step.trim_end().to_lowercase());
        Some(self.now.clone())
    }
}

/// mmdebstrap's own headlines, and those of `customize.sh`.
fn phase_of(line: &str) -> Option<Phase> {
    let (speaker, text) = line.split_once(": ")?;
    match (speaker, text) {
        ("I", "running apt-get update...") => Some(Phase::Lists),
        ("I", "downloading packages with apt..." | "extracting archives..." | "installing essential packages...") => {
            Some(Phase::Base)
        }
        ("I", "installing remaining packages inside the chroot...") => Some(Phase::Packages),
        ("bellwether", "settings") => Some(Phase::Settings),
        ("bellwether", "initrd") => Some(Phase::Initrd),
        ("I", "creating tarball...") => Some(Phase::Pack),
        _ => None,
    }
}

/// `0 upgraded, 137 newly installed, 0 to remove and 0 not upgraded.`
fn newly_installed(line: &str) -> Option<u32> {
    line.split_once(" newly installed")?.0.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_follows_the_packages_and_never_goes_back() {
        let mut follower = Follower::default();
        let text = "I: running apt-get update...\nI: installing essential packages...\n\
            I: installing remaining packages inside the chroot...\n\
            0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.\n\
            Unpacking kmod (30+20221128-1) ...\nUnpacking libpam0g:amd64 (1.5.2) ...\n\
            Setting up kmod (30+20221128-1) ...\nSetting up libpam0g:amd64 (1.5.2) ...\n\
            I: installing essential packages...\nbellwether: initrd\nI: creating tarball...";
        let seen: Vec<String> = text
            .lines()
            .filter_map(|line| follower.line(line))
            .map(|now| {
                format!("{} {} {}", now.percent, now.phase, now.what)
                    .trim_end()
                    .to_string()
            })
            .collect();
        assert_eq!(
            seen,
            [
                "1 reading package lists",
                "6 unpacking the base system",
                "22 installing packages",
                "31 installing packages unpacking kmod",
                "41 installing packages unpacking libpam0g",
                "50 installing packages setting up kmod",
                "60 installing packages setting up libpam0g",
                "68 making the initrd",
                "76 packing the root filesystem",
            ]
        );
    }

    #[test]
    fn chatter_is_not_progress() {
        let mut follower = Follower::default();
        for line in [
            "",
            "I: 137 packages",
            "dracut: *** Including module: bellwether ***",
            "Setting upside down",
        ] {
            assert_eq!(follower.line(line), None, "{line}");
        }
    }
}
