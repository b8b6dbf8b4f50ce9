//! The recorder as it is written.

use crate::config::scalar::RecorderSize;
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// The recorder: the latest packets of every machine, for `bellwether capture`.
    struct Recorder as "the recorder" {
        /// Memory for them, `1M` to `4G`, or `off`; the oldest go first. Default `16M`, enough for the last boots of some
        /// 1,500 machines.
        size: Option<At<RecorderSize>>,
    }
}
