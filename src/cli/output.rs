//! The one printer for results and failures.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::args::{Color, Format};

/// Prints results in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    /// Text or JSON.
    pub format: Format,
    /// Whether to colour.
    pub color: bool,
}

impl Printer {
    /// A printer for standard output.
    pub fn new(format: Format, color: Color) -> Self {
        let choice = match color {
            Color::Auto => anstream::AutoStream::choice(&std::io::stdout()),
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self {
            format,
            color: format == Format::Text && choice != anstream::ColorChoice::Never,
        }
    }

    /// Whether JSON was asked for.
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a value as JSON, or what `human` makes of it.
    pub fn value(&self, value: &serde_json::Value, human: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json() {
            text(&super::pretty(value))
        } else {
            text(&human())
        }
    }

    /// A table without frames, as `ls -l` is one.
    pub fn table<const N: usize>(&self, head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        table.set_header(head.map(|word| {
            let cell = comfy_table::Cell::new(word);
            if self.color {
                cell.add_attribute(comfy_table::Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if self.color {
            table.enforce_styling();
        }
        let text = table.to_string();
        text.lines().map(|line| line.trim_end().to_string() + "\n").collect()
    }

    /// Prints a failure on standard error.
    pub fn failure(&self, failure: &Failure) {
        let mut err = anstream::stderr();
        if self.json() {
            let value = serde_json::json!({ "error": failure.message, "detail": failure.detail });
            writeln!(err, "{value}").ok();
            return;
        }
        if !failure.message.is_empty() {
            let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
            writeln!(err, "{red}error{red:#}: {}", failure.message).ok();
        }
        if let Some(detail) = &failure.detail {
            writeln!(err, "{detail}").ok();
        }
    }
}

/// Writes octets to standard output; a reader that has gone (`| head`) is no failure.
pub fn bytes(octets: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match out.write_all(octets).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes text to standard output; a reader that has gone (`| head`) is no failure.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A command that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened, to what, and what to do.
    pub message: String,
    /// Further lines: diagnostics, what the server said.
    pub detail: Option<String>,
    usage: bool,
}

impl Failure {
    /// Failed while doing it (exit status 1).
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            detail: None,
            usage: false,
        }
    }

    /// What an error says: its first line, and further ones as detail.
    pub fn of(error: impl std::fmt::Display) -> Self {
        let message = error.to_string();
        match message.split_once('\n') {
            Some((first, rest)) => Self::new(first).with_detail(rest),
            None => Self::new(message),
        }
    }

    /// Wrong from the start (exit status 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            detail: None,
            usage: true,
        }
    }

    /// A file that cannot be used.
    pub fn io(what: &str, path: &Path, source: std::io::Error) -> Self {
        Self::new(format!("cannot {what} {}: {source}", path.display()))
    }

    /// With further lines.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// 1 or 2.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}
