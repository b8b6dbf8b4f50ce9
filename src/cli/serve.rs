//! `bellwether serve`.

use super::Failure;
use super::args::{LogFormat, Serve};
use super::paths::Paths;
use crate::serve::{Options, ServeError};

/// Runs the server until it is told to stop.
pub fn run(paths: &Paths, args: Serve) -> Result<(), Failure> {
    crate::telemetry::logs(args.log == LogFormat::Json);
    let became = crate::privileges::give_up(paths.state(), args.user.as_deref())
        .map_err(|error| Failure::new(crate::causes::chain(&error)))?;
    if let Some(user) = became {
        tracing::info!(user, "gave up root");
    }
    let mut loaders = args.loaders;
    loaders.push(paths.loaders());
    let options = Options {
        state: paths.state().to_path_buf(),
        config: args.config,
        loaders,
        pelagos: crate::faces::PelagosOptions {
            config: args.pelagos_config,
            tftp_root: args.pelagos_tftpdir,
            simulation: args.pelagos_simulation,
        },
    };
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::new(format!("cannot start: {source}")))?
        .block_on(crate::serve::run(options));
    served.map_err(|error| match error {
        ServeError::ClusterFile { message, detail } => {
            let failure = Failure::usage(message);
            match detail {
                Some(detail) => failure.with_detail(detail),
                None => failure,
            }
        }
        ServeError::NoCluster => Failure::usage(error.to_string()),
        error => Failure::new(crate::causes::chain(&error)),
    })
}
