//! Which loaders a node's firmware has run: what `loader: auto` goes by.
//!
//! A firmware that refuses a signature tells nobody. It fetches the loader whole, does not start it, and sooner or later
//! asks DHCP again; a loader that runs asks DHCP or for its script first. That is all that can be seen on the wire, and all
//! that is remembered here. `docs/decisions/loader-auto.md` has the reasons.
//!
//! Invariant: nothing is guessed from silence alone: a loader has left only when the firmware was heard again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{DhcpAsk, Event, Outcome, Role, Stage, Transfer, What};

/// A loader that was handed over so shortly before we switched the machine had no chance to speak.
const TIME_TO_SPEAK: SignedDuration = SignedDuration::from_secs(30);

/// The two kinds of first loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// iPXE as it is built, which firmware with Secure Boot refuses.
    Unsigned,
    /// A shim that such firmware starts, and what it starts in turn.
    Signed,
}

impl Chain {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Unsigned => Self::Signed,
            Self::Signed => Self::Unsigned,
        }
    }

    /// The chain that begins with that file; `None` for one that no firmware is given first, or that there is in one kind
    /// only (BIOS, 32 bits).
    pub fn begun_by(path: &str) -> Option<Self> {
        let file = path.rsplit('/').next().unwrap_or(path);
        if matches!(file, "shimx64.efi" | "shimaa64.efi") || file.ends_with("-shim.efi") {
            return Some(Self::Signed);
        }
        let signed_folder = path.split('/').any(|part| part.ends_with("-sb"));
        let ipxe = matches!(
            file,
            "snponly.efi" | "ipxe.efi" | "snponly-arm64.efi" | "ipxe-arm64.efi"
        );
        (ipxe && !signed_folder).then_some(Self::Unsigned)
    }
}

/// What a node's firmware did with the loaders that it was given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tried {
    /// The chain that ran last.
    pub ran: Option<Chain>,
    /// How often in a row a loader was fetched and left since then.
    pub left: u32,
    /// The loader that was left last, and when the firmware was heard again.
    pub last_left: Option<(String, Timestamp)>,
    /// A loader that was fetched whole, of which nothing was heard yet, and since when.
    handed: Option<(Chain, String, Timestamp)>,
    /// When a loader was last heard.
    heard: Option<Timestamp>,
    /// When the firmware last asked.
    asked: Option<Timestamp>,
}

impl Tried {
    /// The chain to hand over next. `asking`: the firmware asks at this moment, so a loader of which nothing was heard has
    /// left.
    ///
    /// Begins with what ran last, at first with the unsigned one. Once is enough for a firmware that never ran it, for it
    /// may have been a signature; where it did run, the machine was more likely restarted, so it takes two. From then on
    /// both in turn, until one runs.
    pub fn next(&self, asking: bool) -> Chain {
        let left = self.left + u32::from(asking && self.handed.is_some());
        let first = self.ran.unwrap_or(Chain::Unsigned);
        let patience = if self.ran.is_some() { 2 } else { 1 };
        match left.checked_sub(patience) {
            Some(turns) if turns % 2 == 0 => first.other(),
            _ => first,
        }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        match &event.what {
            What::Transfer(transfer) if transfer.role == Role::Loader && transfer.outcome == Outcome::Complete => {
                self.fetched(transfer, event.at);
            }
            What::ScriptServed { .. } => self.heard_at(event.at),
            What::Power { .. } => {
                if let Some((.., since)) = &self.handed
                    && event.at.duration_since(*since) < TIME_TO_SPEAK
                {
                    self.handed = None;
                }
            }
            what => {
                if let Some(ask) = what.ask() {
                    self.asked(ask, event.at);
                }
            }
        }
    }

    fn fetched(&mut self, transfer: &Transfer, at: Timestamp) {
        let Some(chain) = Chain::begun_by(&transfer.path) else {
            return;
        };
        // Firmware need not acknowledge the last block, so the end may be noticed after what followed it.
        let began = transfer.began(at);
        self.handed = Some((chain, transfer.path.clone(), began));
        if let Some(heard) = self.heard.filter(|heard| *heard > began) {
            self.heard_at(heard);
        } else if let Some(asked) = self.asked.filter(|asked| *asked > began) {
            self.leave(asked);
        }
    }

    fn asked(&mut self, ask: &DhcpAsk, at: Timestamp) {
        match ask.stage {
            Stage::Firmware | Stage::HttpFirmware => {
                self.asked = Some(at);
                self.leave(at);
            }
            Stage::Ipxe => self.heard_at(at),
            Stage::Os => {}
        }
    }

    fn heard_at(&mut self, at: Timestamp) {
        self.heard = Some(at);
        if let Some((chain, ..)) = self.handed.take() {
            self.ran = Some(chain);
            self.left = 0;
            self.last_left = None;
        }
    }

    fn leave(&mut self, at: Timestamp) {
        if let Some((_, path, _)) = self.handed.take_if(|(.., since)| at > *since) {
            self.left = self.left.saturating_add(1);
            self.last_left = Some((path, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Story, story};
    use crate::world::NodeState;

    fn tried(story: &Story) -> Tried {
        NodeState::clone(&story.world().state(crate::story::NODE)).tried
    }

    /// The firmware gets its address and that loader.
    fn fetches(story: Story, loader: &str) -> Story {
        story.wait(10.0).firmware_dhcp().loader(loader)
    }

    #[test]
    fn a_file_begins_a_chain_only_if_firmware_is_given_it_first() {
        for (path, chain) in [
            ("snponly.efi", Some(Chain::Unsigned)),
            ("/loaders/ipxe.efi", Some(Chain::Unsigned)),
            ("shimx64.efi", Some(Chain::Signed)),
            ("x86_64-sb/snponly-shim.efi", Some(Chain::Signed)),
            ("x86_64-sb/snponly.efi", None),
            ("grubx64.efi", None),
            ("/loaders/grubnetx64.efi", None),
            ("undionly.kpxe", None),
        ] {
            assert_eq!(Chain::begun_by(path), chain, "{path}");
        }
    }

    #[test]
    fn a_loader_that_the_firmware_fetched_and_left_is_followed_by_the_signed_chain() {
        let fetched = fetches(story(), "snponly.efi");
        assert_eq!(tried(&fetched).next(false), Chain::Unsigned, "silence says nothing");
        assert_eq!(
            tried(&fetched).next(true),
            Chain::Signed,
            "the answer to that very question"
        );
        let after = tried(&fetched.wait(5.0).discover(Stage::Firmware));
        assert_eq!(after.next(true), Chain::Signed);
        assert_eq!(after.last_left.unwrap().0, "snponly.efi");
    }

    #[test]
    fn a_chain_that_ran_stays() {
        let left = fetches(story(), "snponly.efi");
        let signed = fetches(left, "shimx64.efi").loader("grubx64.efi").script("image");
        let seen = tried(&signed);
        assert_eq!((seen.ran, seen.left), (Some(Chain::Signed), 0));
        assert_eq!(tried(&signed.wait(600.0).firmware_dhcp()).next(true), Chain::Signed);
    }

    #[test]
    fn the_unsigned_one_that_runs_again_takes_its_place_back() {
        let left = fetches(story(), "snponly.efi");
        let signed = fetches(left, "shimx64.efi").loader("grubx64.efi").script("image");
        let chosen = fetches(signed.wait(600.0), "snponly.efi").ipxe_dhcp();
        assert_eq!(tried(&chosen).next(true), Chain::Unsigned);
    }

    #[test]
    fn what_ran_before_is_not_given_up_for_one_restart() {
        let ran = fetches(story(), "snponly.efi").ipxe_dhcp().wait(600.0);
        assert_eq!(tried(&ran).ran, Some(Chain::Unsigned));
        let once = fetches(ran, "snponly.efi").wait(40.0);
        assert_eq!(tried(&once).next(true), Chain::Unsigned);
        assert_eq!(tried(&fetches(once, "snponly.efi")).next(true), Chain::Signed);
    }

    #[test]
    fn both_are_tried_in_turn_until_one_runs() {
        let mut story = story();
        let mut given = Vec::new();
        for _ in 0..4 {
            let chain = tried(&story).next(true);
            given.push(chain);
            let loader = match chain {
                Chain::Unsigned => "snponly.efi",
                Chain::Signed => "shimx64.efi",
            };
            story = fetches(story, loader);
        }
        use Chain::{Signed, Unsigned};
        assert_eq!(given, [Unsigned, Signed, Unsigned, Signed]);
    }

    #[test]
    fn a_machine_that_we_switched_at_once_gave_its_loader_no_chance() {
        let fetched = fetches(story(), "snponly.efi");
        let at_once = fetched.clone().wait(3.0).power("reset").wait(5.0).firmware_dhcp();
        assert_eq!(tried(&at_once).next(true), Chain::Unsigned);
        let later = fetched.wait(60.0).power("reset").wait(5.0).firmware_dhcp();
        assert_eq!(tried(&later).next(true), Chain::Signed, "it sat in its setup");
    }

    #[test]
    fn the_late_end_of_a_transfer_is_set_right_by_what_came_before_it() {
        let late = |story: Story| story.fetched(Role::Loader, "snponly.efi", 174_080, 5.0);
        let ran = late(story().firmware_dhcp().wait(0.1).discover(Stage::Ipxe));
        assert_eq!(tried(&ran).ran, None, "it began after that");
        let mut ran = story().firmware_dhcp().wait(3.0).discover(Stage::Ipxe);
        ran.now -= SignedDuration::from_secs(2);
        assert_eq!(tried(&late(ran)).ran, Some(Chain::Unsigned));
        let mut left = story().firmware_dhcp().wait(3.0).discover(Stage::Firmware);
        left.now -= SignedDuration::from_secs(2);
        assert_eq!(tried(&late(left)).left, 1);
    }
}
