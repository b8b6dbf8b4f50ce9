//! Each rule by a small case, then what must never happen by a property.

mod booting;
mod describing;
mod leasing;
mod property;
mod refusing;
mod relaying;
mod stand;
