//! The cluster as one value, and every answer as a pure function of it.
#![forbid(unsafe_code)]
