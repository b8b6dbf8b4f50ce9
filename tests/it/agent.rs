//! The agent's scripts, run by the shell that runs them on a node, against real tools: which disk is taken, how it is
//! divided, what becomes of a transfer that breaks off.

mod boxed;
mod disks;
mod plan;
mod transfer;
mod whole;
