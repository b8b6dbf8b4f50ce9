//! The command line: what was typed, lowered once to what is meant, then run.
//!
//! Exit status: 0 done, 1 failed, 2 wrong usage or a cluster file with mistakes, 70 a bug.

mod apply;
mod args;
mod backup;
mod bmc;
mod boot;
mod cache;
mod capture;
mod check;
mod client;
mod confirm;
mod console;
mod deploy;
mod deployments;
pub mod diagnostics;
mod discover;
mod doctor;
mod events;
mod explain;
mod export;
#[cfg(test)]
mod fixture;
mod follow;
pub mod image;
mod import;
mod init;
mod lab;
mod listing;
mod live;
pub mod media;
mod output;
mod paths;
mod power;
mod replay;
mod secret;
mod serve;
mod sheet;
mod show;
mod span;
mod story;
mod timeline;
mod wait;
mod why;

pub use args::Args;
pub use output::{Failure, Printer};

use clap::{CommandFactory, Parser};

use args::Command;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> std::process::ExitCode {
    std::panic::set_hook(Box::new(bug));
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            error.print().ok();
            return std::process::ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let printer = Printer::new(args.output, args.color);
    match run(args, &printer) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit_code()
        }
    }
}

/// A panic anywhere, in whatever task, ends the process: a server with a dead limb must be started again, not limp.
fn bug(panic: &std::panic::PanicHookInfo<'_>) {
    eprintln!(
        "bellwether {}: this is a bug, please report it with these lines:\n{panic}",
        env!("CARGO_PKG_VERSION")
    );
    std::process::exit(70);
}

fn run(args: Args, printer: &Printer) -> Result<(), Failure> {
    let paths = paths::Paths::new(args.state);
    match args.command {
        Command::Serve(serve) => serve::run(&paths, serve),
        Command::Check(check) => check::run(printer, &check),
        Command::Explain(explain) => explain::run(printer, &paths, &explain),
        Command::Show(show) => block_on(show::run(printer, &paths, &show)),
        Command::Plan(plan) => block_on(apply::plan(printer, &paths, &plan)),
        Command::Apply(apply) => block_on(apply::apply(printer, &paths, &apply)),
        Command::Boot(boot) => block_on(boot::run(printer, &paths, &boot)),
        Command::Deploy(deploy) => block_on(deploy::run(printer, &paths, &deploy)),
        Command::Deployments(wanted) => block_on(deployments::list(printer, &paths, &wanted)),
        Command::Deployment(args::DeploymentCommand::Show(wanted)) => {
            block_on(deployments::show(printer, &paths, &wanted))
        }
        Command::Dismiss(dismiss) => block_on(deployments::dismiss(printer, &paths, &dismiss)),
        Command::Image(image) => {
            image::run(printer, &crate::images::Folders::of_state(paths.state()), &image)?;
            block_on(listing::images_changed(&paths, &image))
        }
        Command::Cache(cache) => block_on(cache::run(printer, &paths, &cache)),
        Command::Media(media) => {
            media::run(printer, paths.state(), &media)?;
            block_on(listing::media_changed(&paths, &media))
        }
        Command::Power(power) => block_on(power::run(printer, &paths, &power)),
        Command::Bmc(bmc) => block_on(bmc::run(printer, &paths, &bmc)),
        Command::Secret(secret) => block_on(secret::run(printer, &paths, &secret)),
        Command::Console(console) => block_on(console::run(printer, &paths, &console)),
        Command::Lab(lab) => lab::run(printer, &paths, lab),
        Command::Status => block_on(listing::status(printer, &paths)),
        Command::Nodes(nodes) => block_on(listing::nodes(printer, &paths, &nodes)),
        Command::Leases => block_on(listing::leases(printer, &paths)),
        Command::Machines => block_on(listing::machines(printer, &paths)),
        Command::Events(events) => block_on(follow::events(printer, &paths, &events)),
        Command::Timeline(timeline) => block_on(story::timeline(printer, &paths, &timeline)),
        Command::Why(why) => block_on(story::why(printer, &paths, &why)),
        Command::Capture(capture) => block_on(capture::run(printer, &paths, &capture)),
        Command::Replay(args) => replay::run(printer, &args),
        Command::Wait(wait) => block_on(wait::run(printer, &paths, &wait)),
        Command::Export(export) => export::run(printer, &paths, &export),
        Command::Import(import) => import::run(printer, &import),
        Command::Init(init) => block_on(init::run(printer, &init)),
        Command::Backup(backup) => block_on(backup::backup(printer, &paths, &backup)),
        Command::Restore(restore) => block_on(backup::restore(printer, &paths, &restore)),
        Command::Doctor(doctor) => block_on(doctor::run(printer, &paths, &doctor)),
        Command::Schema => output::text(&pretty(&model::config::schema())),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "bellwether", &mut std::io::stdout());
            Ok(())
        }
        Command::Man { directory } => man(&directory),
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value always serialises") + "\n"
}

/// One page for each sub-command, as `man` expects them.
fn man(directory: &std::path::Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Args::command(), directory)
        .map_err(|source| Failure::io("write manual pages to", directory, source))
}

/// Runs a command that talks to the server.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on_value(command)
}

/// Asks the server for something.
fn block_on_value<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::new(format!("cannot start: {source}")))?
        .block_on(command)
}
