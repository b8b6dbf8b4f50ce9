//! Reads a preseed as Debian's installer does, and says what it would stumble over.
//!
//! `debconf-set-selections -c` lets most mistakes pass: a value in the place of the type, questions that do not exist,
//! lines that a lost backslash has cut off. Each of these has made machines install themselves for ever.
//!
//! Invariant: any text can be read; there is no input that fails.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// What is wrong with a preseed, and in which line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; of a line that goes on, the first.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Every question that can be answered: name, type, choices. Made by `scripts/installer-questions` from the templates of
/// both releases' components.
const QUESTIONS: &str = include_str!("questions.txt");

struct Question {
    kind: &'static str,
    /// Empty: any value.
    choices: Vec<&'static str>,
}

static TABLE: LazyLock<HashMap<&'static str, Question>> = LazyLock::new(|| {
    QUESTIONS
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (name, kind) = (fields.next()?, fields.next()?);
            let choices = fields.next().map(|all| all.split('|').collect()).unwrap_or_default();
            Some((name, Question { kind, choices }))
        })
        .collect()
});

/// The types of debconf, and the pseudo-type that sets a flag.
const TYPES: [&str; 10] = [
    "string",
    "boolean",
    "select",
    "multiselect",
    "password",
    "note",
    "text",
    "error",
    "title",
    "seen",
];

/// Names that the installer refuses for the first user, beside those of the base system.
const RESERVED: [&str; 6] = ["root", "admin", "daemon", "sudo", "ssh", "games"];

/// All faults of a preseed, in the order of its lines.
pub fn lint(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut said: HashMap<String, (usize, String)> = HashMap::new();
    for (line, logical) in logical_lines(text, &mut faults) {
        match answer(&logical) {
            Ok(None) => {}
            Ok(Some(answer)) => {
                let what = check(&answer);
                faults.extend(what.into_iter().map(|what| Fault { line, what }));
                if answer.kind != "seen"
                    && let Some((before, _)) = said.insert(answer.name.clone(), (line, answer.value))
                {
                    let what = format!("{} was answered before, in line {before}", answer.name);
                    faults.push(Fault { line, what });
                }
            }
            Err(what) => faults.push(Fault { line, what }),
        }
    }
    faults.extend(together(&said));
    faults.sort_by_key(|fault| fault.line);
    faults
}

/// Lines joined where one ends with a backslash, as the installer joins them: comments and empty lines are taken out
/// before that, and the blanks around the joint are one.
fn logical_lines(text: &str, faults: &mut Vec<Fault>) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut fault = |what: &str| {
            faults.push(Fault {
                line: number,
                what: what.to_string(),
            });
        };
        if line.contains('\r') {
            fault("it ends as lines do on Windows");
        }
        if let Some(stray) = line.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\r')) {
            fault(&format!("there is a control character in it, {:?}", stray));
        }
        if line.trim_end().ends_with('\\') && !line.ends_with('\\') {
            fault("a blank follows the backslash at its end, so it does not go on");
        }
        if line.starts_with('#') || line.trim().is_empty() {
            if open.is_some() {
                fault("a comment or an empty line stands where the line before should go on");
            }
            continue;
        }
        if open.is_none() && line.starts_with([' ', '\t']) {
            fault("it begins with a blank: the line before has lost the backslash at its end");
            continue;
        }
        let (first, mut joined) = open.take().unwrap_or_else(|| (number, String::new()));
        if !joined.is_empty() {
            joined.push(' ');
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part.trim());
                open = Some((first, joined));
            }
            None => {
                joined.push_str(if joined.is_empty() { line } else { line.trim_start() });
                lines.push((first, joined));
            }
        }
    }
    if let Some((line, _)) = open {
        faults.push(Fault {
            line,
            what: "the file ends where this line should go on".to_string(),
        });
    }
    lines
}

struct Answer {
    owner: String,
    name: String,
    kind: String,
    value: String,
}

/// A line as owner, question, type and value.
fn answer(line: &str) -> Result<Option<Answer>, String> {
    let mut rest = line;
    let mut field = || {
        let at = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(at);
        rest = tail.trim_start_matches([' ', '\t']);
        (word.to_string(), tail.to_string())
    };
    let (owner, _) = field();
    let (name, _) = field();
    let (kind, tail) = field();
    if name.is_empty() || kind.is_empty() {
        return Err(format!(
            "{line:?} is no answer: owner, question, type and value are expected"
        ));
    }
    if !TYPES.contains(&kind.as_str()) {
        return Err(format!(
            "{name} has no type: {kind:?} stands in its place, {} is expected",
            TABLE
                .get(key(&name).as_str())
                .map_or("one such as string", |known| known.kind)
        ));
    }
    // One blank ends the type; what follows it is the value, blanks and all.
    let value = tail.get(1..).unwrap_or_default().to_string();
    if value.starts_with([' ', '\t']) {
        return Err(format!("{name}: more than one blank stands before its value"));
    }
    if value.ends_with([' ', '\t']) {
        return Err(format!("{name}: a blank ends its value"));
    }
    Ok(Some(Answer {
        owner,
        name,
        kind,
        value,
    }))
}

/// The name under which the table knows a question: package sources have numbers.
fn key(name: &str) -> String {
    match name
        .strip_prefix("apt-setup/local")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((number, what)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            format!("apt-setup/local0/{what}")
        }
        _ => name.to_string(),
    }
}

/// What is wrong with one answer by itself.
fn check(answer: &Answer) -> Vec<String> {
    let Answer {
        owner,
        name,
        kind,
        value,
    } = answer;
    let mut faults = Vec::new();
    let Some(known) = TABLE.get(key(name).as_str()) else {
        faults.push(format!("the installer has no question {name}"));
        return faults;
    };
    let from_elsewhere = matches!(name.split('/').next(), Some("tasksel" | "popularity-contest"));
    if (owner == "d-i") == from_elsewhere {
        let whose = name.split('/').next().filter(|_| from_elsewhere).unwrap_or("d-i");
        faults.push(format!("{name} is a question of {whose}, not of {owner}"));
    }
    if kind == "seen" {
        if !matches!(value.as_str(), "true" | "false") {
            faults.push(format!("{name}: seen is true or false, not {value:?}"));
        }
        return faults;
    }
    let like_text = |kind: &str| matches!(kind, "string" | "select");
    if known.kind != kind && !(like_text(known.kind) && like_text(kind)) {
        faults.push(format!("{name} is a {}, the line says {kind}", known.kind));
    }
    match known.kind {
        "boolean" if !matches!(value.as_str(), "true" | "false") => {
            faults.push(format!("{name} is true or false, not {value:?}"));
        }
        "note" | "error" if !value.is_empty() => {
            faults.push(format!("{name} has no value, the line gives it {value:?}"))
        }
        "select" if !known.choices.is_empty() && !known.choices.contains(&value.as_str()) => {
            faults.push(format!("{name} is one of {}, not {value:?}", some(&known.choices)));
        }
        "multiselect" if !known.choices.is_empty() => {
            let wrong = value.split(',').map(str::trim).filter(|one| !one.is_empty());
            let wrong = wrong.filter(|one| !known.choices.contains(one));
            faults.extend(wrong.map(|one| format!("{name} is of {}, not {one:?}", some(&known.choices))));
        }
        _ => {}
    }
    let is_command = name.ends_with("_command");
    if !is_command && known.kind != "boolean" && (value.contains(" #") || value.contains("\t#")) {
        faults.push(format!(
            "{name}: a comment behind the value is a part of the value, {value:?}"
        ));
    }
    faults.extend(secrets_and_signatures(name, value));
    faults
}

fn some(choices: &[&str]) -> String {
    match choices.len() {
        0..=8 => choices.join(", "),
        _ => format!("{}, …", choices[..8].join(", ")),
    }
}

/// Passwords in the clear, and what switches the checking of signatures off.
fn secrets_and_signatures(name: &str, value: &str) -> Option<String> {
    match name {
        "debian-installer/allow_unauthenticated" | "debian-installer/allow_unauthenticated_ssl" if value == "true" => {
            Some(format!("{name}: packages would be installed without their signatures"))
        }
        _ if name.starts_with("apt-setup/local") && value.contains("trusted=yes") => {
            Some(format!("{name}: packages would be installed without their signatures"))
        }
        "passwd/root-password"
        | "passwd/root-password-again"
        | "passwd/user-password"
        | "passwd/user-password-again"
        | "partman-crypto/passphrase"
        | "partman-crypto/passphrase-again"
            if !value.is_empty() =>
        {
            Some(format!("{name}: a secret would travel in the clear"))
        }
        "passwd/root-password-crypted" | "passwd/user-password-crypted"
            if !matches!(value, "!" | "*") && !value.starts_with('$') =>
        {
            Some(format!("{name} is no hash of crypt(5)"))
        }
        "passwd/username" if RESERVED.contains(&value) => {
            Some(format!("{name}: the installer refuses the name {value}"))
        }
        _ => None,
    }
}

/// What is wrong with answers only beside each other.
fn together(said: &HashMap<String, (usize, String)>) -> Vec<Fault> {
    let value = |name: &str| said.get(name).map(|(_, value)| value.as_str());
    let mut faults = Vec::new();
    let mut fault = |name: &str, what: &str| {
        let line = said.get(name).map_or(1, |(line, _)| *line);
        let what = what.to_string();
        faults.push(Fault { line, what });
    };
    if value("passwd/root-login") == Some("false") && value("passwd/make-user") == Some("false") {
        fault(
            "passwd/make-user",
            "without a login of root the installer insists on a user",
        );
    }
    // The installer takes `!` as no answer and asks; `*` is as good a lock, and logins by key work with it.
    if value("passwd/root-login") == Some("true") && value("passwd/root-password-crypted") == Some("!") {
        fault(
            "passwd/root-password-crypted",
            "the installer asks for root's password in spite of a `!`; `*` locks it as well",
        );
    }
    if value("partman-auto/method").is_some()
        && value("partman-auto/disk").is_none()
        && value("partman/early_command").is_none()
    {
        fault(
            "partman-auto/method",
            "no disk is chosen, the installer would ask for one",
        );
    }
    faults
}

#[cfg(test)]
mod tests;
