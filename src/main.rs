//! Bellwether: one program that brings a room of bare machines to life.
fn main() {}
