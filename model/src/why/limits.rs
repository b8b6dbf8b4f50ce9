//! How long each awaited step usually takes, and when it is late.
//!
//! The usual times are those of real firmware; see the table in `docs/why.md`. Deadlines are generous, since a wrong
//! alarm costs more trust than a late one: none is below the retries of the client that it waits for.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::world::Step;

/// How long an awaited step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Seconds after which it is usually there.
    pub usual_s: u32,
    /// Seconds after which it is late.
    pub deadline_s: u32,
}

impl Limit {
    /// After which it is usually there.
    pub fn usual(&self) -> SignedDuration {
        SignedDuration::from_secs(self.usual_s.into())
    }

    /// After which it is late.
    pub fn deadline(&self) -> SignedDuration {
        SignedDuration::from_secs(self.deadline_s.into())
    }
}

/// Bytes per second of a usual transfer: a gigabit port.
const USUAL_RATE: u64 = 100_000_000;

/// Bytes per second below which a transfer is too slow to wait for: TFTP with small blocks over a bad link.
const SLOWEST_RATE: u64 = 1_000_000;

/// The limit for an awaited step, counted from the step before it. `size` is the length of the file in bytes where the
/// step is a transfer and the length is known.
///
/// `None`: it is not awaited by the clock.
pub fn limit(awaited: Step, size: Option<u64>) -> Option<Limit> {
    let (usual_s, deadline_s) = match awaited {
        // From power to the first question: servers count their memory for minutes.
        Step::Discover => (60, 600),
        // Firmware collects offers for 4 s; its retries end after 60 s, but the first that is missed tells.
        Step::Dhcp => (4, 30),
        Step::Loader => (2, 60),
        // 2 s of prompt, 3 s for offers; a switch port that learns its topology first takes 30 to 50 s.
        Step::LoaderDhcp => (5, 60),
        // At once, or after 13 s where no IPv6 router advertises itself.
        Step::Script => (1, 30),
        Step::Kernel => (1, 60),
        Step::Initrd => (1, 60),
        // The kernel starts, unpacks its initrd, finds its drivers.
        Step::OsDhcp => (10, 120),
        Step::Root => (2, 60),
        Step::Answers => (30, 300),
        // An installer loads its components first; disks are told then.
        Step::Started => (30, 900),
        // An installer unpacks packages, an agent an image.
        Step::Installed => (900, 10_800),
        // Packages may be many.
        Step::Ready => (60, 1200),
        Step::Power | Step::LocalBoot => return None,
    };
    let seconds = |rate| u32::try_from(size.unwrap_or(0) / rate).unwrap_or(u32::MAX / 2);
    Some(Limit {
        usual_s: usual_s + seconds(USUAL_RATE),
        deadline_s: deadline_s + seconds(SLOWEST_RATE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_far_from_what_is_usual() {
        for step in [
            Step::Discover,
            Step::Dhcp,
            Step::Loader,
            Step::LoaderDhcp,
            Step::Script,
            Step::Ready,
        ] {
            let limit = limit(step, None).unwrap();
            assert!(limit.deadline_s >= 5 * limit.usual_s, "{step:?}: {limit:?}");
        }
    }

    #[test]
    fn a_large_root_image_has_more_time() {
        let limit = |size| limit(Step::Root, Some(size)).unwrap();
        assert_eq!(
            limit(0),
            Limit {
                usual_s: 2,
                deadline_s: 60
            }
        );
        assert_eq!(
            limit(2_000_000_000),
            Limit {
                usual_s: 22,
                deadline_s: 2060
            }
        );
        assert!(limit(u64::MAX).deadline_s > 1_000_000, "no overflow");
    }

    #[test]
    fn steps_that_nobody_waits_for_have_no_deadline() {
        assert_eq!(limit(Step::LocalBoot, None), None);
        assert_eq!(limit(Step::Power, None), None);
    }
}
