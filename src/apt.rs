//! Where packages come from: the apt sources of this host, read when they are needed.
//!
//! Both forms are understood, one-line (`sources.list`) and deb822 (`*.sources`), see `sources.list(5)`. Only Debian's
//! own entries count, by their suites: an image is not made of what else this host happens to use.

use std::path::{Path, PathBuf};

/// Suites of releases, oldest first: `debian-12` is `bookworm`.
const RELEASES: [(&str, &str); 2] = [("debian-12", "bookworm"), ("debian-13", "trixie")];

/// One source of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Address of the mirror.
    pub uri: String,
    /// `bookworm`, `bookworm-security`.
    pub suite: String,
    /// `main`, `contrib`.
    pub components: Vec<String>,
    /// Keyring that has to have signed it; apt's own choice if none is given.
    pub signed_by: Option<String>,
}

/// The suite of an operating system, `bookworm` of `debian-12`.
pub fn suite(os: &str) -> Option<&'static str> {
    RELEASES.iter().find(|(name, _)| *name == os).map(|&(_, suite)| suite)
}

/// The operating systems that can be built.
pub fn supported() -> impl Iterator<Item = &'static str> {
    RELEASES.iter().map(|&(name, _)| name)
}

/// The files that apt reads below `etc` (`/etc/apt`), in its order.
pub fn files(etc: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = std::fs::read_dir(etc.join("sources.list.d"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "list" || end == "sources"))
        .collect();
    parts.sort();
    parts.insert(0, etc.join("sources.list"));
    parts
}

/// The sources of this host as they are now; a file that cannot be read is left out, as apt leaves it out.
pub fn of_host() -> Vec<Source> {
    let texts: Vec<(PathBuf, String)> = files(Path::new("/etc/apt"))
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
        .collect();
    parse(texts.iter().map(|(path, text)| (path.as_path(), text.as_str())))
}

/// All sources of a set of files (name and text). What is not understood is apt's business, and left out.
pub fn parse<'a>(files: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Vec<Source> {
    files
        .into_iter()
        .flat_map(|(path, text)| {
            if path.extension().is_some_and(|end| end == "sources") {
                deb822(text)
            } else {
                one_line(text)
            }
        })
        .collect()
}

/// The sources for a suite and its updates, with these components besides `main`.
///
/// A host of another release lends its mirrors: the release's name is exchanged in its suites.
pub fn select(sources: &[Source], suite: &str, components: &[String]) -> Vec<Source> {
    let mut found = of_release(sources, suite, suite);
    if found.is_empty() {
        found = RELEASES
            .iter()
            .rev()
            .map(|&(_, other)| of_release(sources, other, suite))
            .find(|found| !found.is_empty())
            .unwrap_or_default();
    }
    for source in &mut found {
        source.components = vec!["main".to_string()];
        source
            .components
            .extend(components.iter().filter(|name| *name != "main").cloned());
    }
    found.dedup();
    found
}

/// Sources of a mirror that was named, and of one for security updates if that was too.
pub fn named(mirror: &str, security: Option<&str>, suite: &str, components: &[String]) -> Vec<Source> {
    let source = |uri: &str, suite: String| Source {
        uri: uri.to_string(),
        suite,
        components: vec!["main".to_string()],
        signed_by: None,
    };
    let mut sources = vec![
        source(mirror, suite.to_string()),
        source(mirror, format!("{suite}-updates")),
    ];
    sources.extend(security.map(|uri| source(uri, format!("{suite}-security"))));
    for source in &mut sources {
        source
            .components
            .extend(components.iter().filter(|name| *name != "main").cloned());
    }
    sources
}

/// Sources as a deb822 file.
pub fn render(sources: &[Source]) -> String {
    let stanzas: Vec<String> = sources
        .iter()
        .map(|source| {
            let Source {
                uri,
                suite,
                components,
                signed_by,
            } = source;
            let signed = signed_by
                .as_ref()
                .map(|path| format!("Signed-By: {path}\n"))
                .unwrap_or_default();
            format!(
                "Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {}\n{signed}",
                components.join(" ")
            )
        })
        .collect();
    stanzas.join("\n")
}

fn of_release(sources: &[Source], theirs: &str, ours: &str) -> Vec<Source> {
    sources
        .iter()
        .filter(|source| source.components.iter().any(|name| name == "main"))
        .filter_map(|source| {
            let part = source.suite.strip_prefix(theirs)?;
            // No backports: an image takes what the release has.
            matches!(part, "" | "-updates" | "-security").then(|| Source {
                suite: format!("{ours}{part}"),
                ..source.clone()
            })
        })
        .collect()
}

/// `deb [signed-by=/path] http://mirror.example/debian bookworm main`
fn one_line(text: &str) -> Vec<Source> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default().trim();
            let rest = line
                .strip_prefix("deb")
                .filter(|rest| rest.starts_with([' ', '\t']))?
                .trim_start();
            let (options, rest) = match rest.strip_prefix('[') {
                Some(rest) => rest.split_once(']')?,
                None => ("", rest),
            };
            let mut words = rest.split_whitespace();
            Some(Source {
                uri: words.next()?.to_string(),
                suite: words.next()?.to_string(),
                components: words.map(str::to_string).collect(),
                signed_by: options
                    .split_whitespace()
                    .find_map(|word| word.strip_prefix("signed-by="))
                    .map(str::to_string),
            })
        })
        .collect()
}

/// Stanzas of fields; a line that starts with white space goes on with the field before.
fn deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(from_stanza(&stanza));
            stanza.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            stanza.push((name.trim().to_ascii_lowercase(), value.trim().to_string()));
        }
    }
    sources
}

fn from_stanza(stanza: &[(String, String)]) -> Vec<Source> {
    let field = |name: &str| {
        stanza
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let no = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "no" | "false" | "0" | "off");
    if no(field("enabled")) || !field("types").split_whitespace().any(|kind| kind == "deb") {
        return Vec::new();
    }
    // A path; the key itself may stand there too, which only apt needs to understand.
    let signed_by = Some(field("signed-by")).filter(|value| value.starts_with('/') && !value.contains('\n'));
    let mut sources = Vec::new();
    for uri in field("uris").split_whitespace() {
        for suite in field("suites").split_whitespace() {
            sources.push(Source {
                uri: uri.to_string(),
                suite: suite.to_string(),
                components: field("components").split_whitespace().map(str::to_string).collect(),
                signed_by: signed_by.map(str::to_string),
            });
        }
    }
    sources
}

#[cfg(test)]
mod tests;
