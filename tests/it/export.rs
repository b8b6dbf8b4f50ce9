//! The cluster in other programs' formats, each read by that program itself.

mod daemons;
mod served;
mod tools;

use std::path::{Path, PathBuf};

use crate::support::client::{said, succeed};
use crate::support::server::PROGRAM;

/// A cluster with everything that an export can meet; the model's golden files are made from it as well.
const CLUSTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model/src/export/fixture.yaml");

/// An export in a folder of its own.
struct Exported {
    folder: tempfile::TempDir,
    text: String,
}

impl Exported {
    fn new(format: &str) -> Self {
        Self::of(CLUSTER, format)
    }

    fn of(cluster: &str, format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = succeed(&[PROGRAM, "export", format, "--cluster", cluster]);
        let text = String::from_utf8(output.stdout).unwrap();
        std::fs::write(folder.path().join("export"), &text).unwrap();
        Self { folder, text }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The export, as an argument.
    fn file(&self) -> String {
        self.place("export")
    }

    /// A path in the folder, as an argument.
    fn place(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_string()
    }

    /// Another file beside the export.
    fn put(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    }
}

/// What a command that must succeed wrote to its standard output.
fn out(words: &[&str]) -> String {
    String::from_utf8(succeed(words).stdout).unwrap()
}

/// Everything that a command that must succeed wrote.
fn all(words: &[&str]) -> String {
    said(&succeed(words))
}
