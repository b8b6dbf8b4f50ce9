//! Whether what is stored may be served as it is.

use super::Kind;

/// What is known about a stored file, in milliseconds of one monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge {
    /// What it is.
    pub kind: Kind,
    /// When upstream last said that it is current; `None` since a restart.
    pub validated: Option<u64>,
    /// When the release file above it, or one of its siblings, last changed.
    pub release_changed: Option<u64>,
    /// Its content is what the release file that we serve names: it belongs to it, however old it is.
    pub named_by_release: bool,
    /// The client asks for a fresh answer (`Cache-Control: no-cache`).
    pub insists: bool,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Serve it.
    Serve,
    /// Ask upstream first whether it is still current.
    Ask,
}

/// An impatient client causes at most one question in this time.
const PATIENCE: u64 = 1_000;

/// Decides. `recheck` is for how many milliseconds an answer of upstream counts.
pub fn judge(known: Knowledge, now: u64, recheck: u64) -> Verdict {
    let serve = match known.kind {
        Kind::Immutable => !known.insists,
        Kind::Index if known.named_by_release => true,
        Kind::Release | Kind::Index | Kind::Other => match known.validated {
            // Validated before the release changed: it may belong to the publication before.
            Some(at) if known.release_changed.is_some_and(|changed| changed > at) => false,
            Some(at) => now.saturating_sub(at) < recheck && !(known.insists && now.saturating_sub(at) >= PATIENCE),
            None => false,
        },
    };
    if serve { Verdict::Serve } else { Verdict::Ask }
}

/// Whether a download that nobody waits for any more is worth ending: most of it is there, or little is missing.
pub fn keep_going(written: u64, length: Option<u64>) -> bool {
    const LITTLE: u64 = 16 * 1024 * 1024;
    length.is_some_and(|length| written >= length / 2 || length.saturating_sub(written) <= LITTLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Knowledge = Knowledge {
        kind: Kind::Index,
        validated: Some(100),
        release_changed: None,
        named_by_release: false,
        insists: false,
    };

    #[test]
    fn a_package_is_never_asked_for_again_unless_the_client_insists() {
        let package = Knowledge {
            kind: Kind::Immutable,
            validated: None,
            ..KNOWN
        };
        assert_eq!(judge(package, 1_000_000, 30), Verdict::Serve);
        assert_eq!(
            judge(
                Knowledge {
                    insists: true,
                    ..package
                },
                0,
                30
            ),
            Verdict::Ask
        );
    }

    #[test]
    fn an_index_is_asked_for_again_when_its_time_is_over() {
        assert_eq!(judge(KNOWN, 129, 30), Verdict::Serve);
        assert_eq!(judge(KNOWN, 130, 30), Verdict::Ask);
        assert_eq!(
            judge(
                Knowledge {
                    validated: None,
                    ..KNOWN
                },
                100,
                30
            ),
            Verdict::Ask
        );
        assert_eq!(judge(KNOWN, 100, 0), Verdict::Ask);
    }

    #[test]
    fn an_index_from_before_the_release_changed_is_asked_for_at_once() {
        let changed = Knowledge {
            release_changed: Some(110),
            ..KNOWN
        };
        assert_eq!(judge(changed, 111, 30), Verdict::Ask);
        let named = Knowledge {
            named_by_release: true,
            ..changed
        };
        assert_eq!(judge(named, 9_999, 30), Verdict::Serve, "it is what the release names");
    }

    #[test]
    fn an_impatient_crowd_causes_one_question_a_second() {
        let insists = Knowledge { insists: true, ..KNOWN };
        assert_eq!(judge(insists, 1_099, 30_000), Verdict::Serve);
        assert_eq!(judge(insists, 1_100, 30_000), Verdict::Ask);
    }

    #[test]
    fn a_download_is_ended_when_it_is_worth_it() {
        const MB: u64 = 1 << 20;
        assert!(keep_going(0, Some(MB)));
        assert!(keep_going(500 * MB, Some(1000 * MB)));
        assert!(!keep_going(100 * MB, Some(1000 * MB)));
        assert!(!keep_going(100 * MB, None));
    }
}
