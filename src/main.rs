//! Bellwether: one program that brings a room full of bare machines to life and keeps them that way.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    bellwether::cli::main()
}
