//! What the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::Sample;

macro_rules! counters {
    ($( $field:ident $name:literal $label:expr, $help:literal; )*) => {
        /// Counts since the start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $( #[doc = $help] pub $field: AtomicU64, )*
        }

        impl Counters {
            /// For the metrics.
            pub fn samples(&self) -> Vec<Sample> {
                vec![$( {
                    let sample = Sample::of($name, $help, &self.$field);
                    let label: Option<&str> = $label;
                    match label {
                        Some(value) => sample.labelled("outcome", value),
                        None => sample,
                    }
                } ),*]
            }

            /// Names and values, for the API.
            pub fn json(&self) -> serde_json::Value {
                serde_json::json!({ $( stringify!($field): self.$field.load(Ordering::Relaxed) ),* })
            }
        }
    };
}

counters! {
    hits "cache_requests" Some("hit"), "Requests for packages by what became of them";
    misses "cache_requests" Some("miss"), "Requests for packages by what became of them";
    joined "cache_requests" Some("joined"), "Requests for packages by what became of them";
    current "cache_requests" Some("revalidated"), "Requests for packages by what became of them";
    stale "cache_requests" Some("stale"), "Requests for packages by what became of them";
    direct "cache_requests" Some("passed-through"), "Requests for packages by what became of them";
    refused "cache_requests" Some("refused"), "Requests for packages by what became of them";
    failed "cache_requests" Some("failed"), "Requests for packages by what became of them";
    asked "cache_upstream_requests" None, "Requests to upstreams";
    resumed "cache_upstream_resumed" None, "Downloads that broke and were taken up again";
    troubles "cache_upstream_troubles" None, "Downloads and questions that upstream failed";
    bytes_in "cache_upstream_bytes" None, "Bytes from upstreams";
    bytes_out "cache_client_bytes" None, "Bytes of packages to clients";
    evicted "cache_evicted" None, "Files that made room for others";
    repaired "cache_repaired" None, "Torn files that were removed at the start";
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds so many.
pub fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
