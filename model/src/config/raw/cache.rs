//! The package cache as it is written.

use crate::config::read::{Many, Named};
use crate::config::scalar::{Flag, RepositoryHost, RepositoryUrl, Seconds, Size};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// The package cache: what it keeps, and where it may fetch from.
    struct Cache as "the package cache" {
        /// Most that it keeps on disk; what was not used for longest goes first. Example: `50G`.
        /// At least `100M`, default `20G`.
        size: Option<At<Size>>,
        /// Ask no upstream: what is there is served, the rest is answered with 503. Default `false`.
        offline: Option<At<Flag>>,
        /// For how many seconds an index counts as current before upstream is asked again, 0 to 86400. Default 30.
        /// Packages never change and are never asked for again.
        recheck: Option<At<Seconds>>,
        /// Repositories by name: nodes reach each as `http://server/NAME/`. Without `debian` and `debian-security`
        /// here, those two are what this host's own apt uses. Example: `debian: http://mirror.example/debian`.
        upstreams: Named<At<RepositoryUrl>>,
        /// Further hosts whose repositories may be fetched through the proxy door. `*.example` names all hosts of a
        /// domain, `*` all hosts; then only paths that look like a package repository's are fetched.
        hosts: Many<At<RepositoryHost>>,
    }
}
