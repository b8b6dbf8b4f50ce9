//! Bellwether: one program that brings a room full of bare machines to life and keeps them that way.
#![forbid(unsafe_code)]

/// Answers are made on one thread and freed on another, which glibc's allocator takes for contention: it was a fifth of the
/// processor time of a boot storm.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    bellwether::cli::main()
}
