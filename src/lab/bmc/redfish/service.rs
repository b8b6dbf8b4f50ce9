//! One question, one answer: who asks, what he may, what it changes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use wire::ipmi::{Completion, Deed, Privilege, View};

use super::answer::{Answer, Refusal, etag};
use super::sessions::{Sessions, Who};
use super::tree::{self, ROOT, Seen};
use super::wanted;
use crate::lab::bmc::{Identity, LineFaults, Panel};

const TOKEN: &str = "x-auth-token";
/// What may be done with what is only looked at.
const LOOK: &str = "GET, HEAD";

/// A question.
#[derive(Debug)]
pub(super) struct Question {
    /// What is to be done.
    pub method: Method,
    /// With what.
    pub path: String,
    /// What stands behind the question mark.
    pub query: Option<String>,
    /// Its head.
    pub headers: HeaderMap,
    /// Its body, bounded already.
    pub body: Bytes,
}

/// The Redfish service of a BMC.
#[derive(Debug)]
pub(super) struct Service {
    identity: Identity,
    faults: LineFaults,
    panel: Panel,
    sessions: Mutex<Sessions>,
    questions: AtomicU64,
}

impl Service {
    /// A service to whom nobody has spoken.
    pub(super) fn new(identity: Identity, faults: LineFaults, panel: Panel) -> Self {
        Self {
            identity,
            faults,
            panel,
            sessions: Mutex::new(Sessions::new(faults.own.leaks_sessions)),
            questions: AtomicU64::new(0),
        }
    }

    /// What goes wrong with it.
    pub(super) fn faults(&self) -> LineFaults {
        self.faults
    }

    fn sessions<T>(&self, what: impl FnOnce(&mut Sessions) -> T) -> T {
        what(&mut self.sessions.lock().expect("nobody panics while holding it"))
    }

    /// Answers, whatever it is.
    pub(super) async fn answer(&self, question: &Question) -> Answer {
        match self.attempt(question).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(),
        }
    }

    async fn attempt(&self, question: &Question) -> Result<Answer, Refusal> {
        if question
            .headers
            .get("odata-version")
            .is_some_and(|version| version.as_bytes() != b"4.0")
        {
            return Err(Refusal::Version);
        }
        let view = self.panel.look().await.ok_or(Refusal::Over)?;
        self.sessions(|sessions| sessions.restarted(view.restarts));
        let whole = question.path.trim_end_matches('/');
        if whole == "/redfish" {
            return match is_look(&question.method) {
                true => Ok(Answer::shown(serde_json::json!({ "v1": format!("{ROOT}/") }), LOOK)),
                false => Err(Refusal::Method(LOOK)),
            };
        }
        let not_there = || Refusal::NotThere(question.path.chars().take(128).collect());
        let below = whole
            .strip_prefix(ROOT)
            .filter(|below| below.is_empty() || below.starts_with('/'));
        let path: Vec<&str> = below.ok_or_else(not_there)?.split('/').skip(1).collect();
        // A session begins without one.
        let sessions = matches!(
            path.as_slice(),
            ["SessionService", "Sessions"] | ["SessionService", "Sessions", "Members"]
        );
        if sessions && question.method == Method::POST {
            return self.begin(question);
        }
        if !(tree::is_public(&path) && is_look(&question.method)) {
            let who = self.who(&question.headers)?;
            if self.faults.own.busy && self.questions.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                return Err(Refusal::Busy);
            }
            if !is_look(&question.method) {
                return self.change(question, &path, &who, &view).await;
            }
        }
        if let Some(name) = question.query.as_deref().and_then(unknown) {
            return Err(Refusal::Query(name.chars().take(32).collect()));
        }
        if path == ["$metadata"] {
            return Ok(Answer::document(tree::metadata()));
        }
        match (tree::resource(&path, &self.seen(&view)), allowed(&path)) {
            (Some(resource), allowed) => Ok(Answer::shown(resource, allowed)),
            (None, LOOK) => Err(not_there()),
            // An action is not a resource.
            (None, allowed) => Err(Refusal::Method(allowed)),
        }
    }

    fn seen<'a>(&'a self, view: &'a View) -> Seen<'a> {
        Seen {
            identity: &self.identity,
            view,
            sessions: self.sessions(|sessions| sessions.list()),
            cycles: !self.faults.own.refuses_cycle,
        }
    }

    /// Who asks. A BMC without room for sessions has none for a question with a password either.
    fn who(&self, headers: &HeaderMap) -> Result<Who, Refusal> {
        if let Some(token) = headers.get(TOKEN) {
            let token = token.to_str().map_err(|_| Refusal::NoLogin)?;
            let owner = self.sessions(|sessions| sessions.owner(token, Instant::now()));
            return owner.ok_or(Refusal::NoLogin);
        }
        let (user, password) = basic(headers).ok_or(Refusal::NoLogin)?;
        let who = self.known(&user, &password)?;
        match self.faults.own.no_sessions {
            true => Err(Refusal::Full),
            false => Ok(who),
        }
    }

    fn known(&self, user: &str, password: &[u8]) -> Result<Who, Refusal> {
        let found = self.identity.users().into_iter().find(|(name, _)| *name == user);
        // Digests, so that how long it takes tells nothing.
        let right = Sha256::digest(password) == Sha256::digest(&self.identity.password);
        match found.filter(|_| right) {
            Some((name, privilege)) => Ok(Who {
                user: name.to_string(),
                privilege,
            }),
            None => {
                tracing::info!(machine = self.identity.name, "a login was refused");
                Err(Refusal::NoLogin)
            }
        }
    }

    fn begin(&self, question: &Question) -> Result<Answer, Refusal> {
        let object = wanted::object(&question.body)?;
        let (user, password) = wanted::login(&object)?;
        let who = self.known(user, password.as_bytes())?;
        if self.faults.own.no_sessions {
            return Err(Refusal::Full);
        }
        let token = token();
        let user = who.user.clone();
        let begun = self.sessions(|sessions| sessions.begin(who, token.clone(), Instant::now()));
        let number = begun.ok_or(Refusal::Full)?;
        let place = format!("{ROOT}/SessionService/Sessions/{number}");
        Ok(Answer::began(tree::session(number, &user), &place, &token))
    }

    async fn change(&self, question: &Question, path: &[&str], who: &Who, view: &View) -> Result<Answer, Refusal> {
        let may = |privilege| match who.privilege >= privilege {
            true => Ok(()),
            false => Err(Refusal::NotAllowed),
        };
        let body = || wanted::object(&question.body);
        match (question.method.as_str(), path) {
            ("POST", ["Systems", "1", "Actions", "ComputerSystem.Reset"]) => {
                may(Privilege::Operator)?;
                let control = wanted::reset(&body()?, !self.faults.own.refuses_cycle, view.is_on)?;
                self.perform(Deed::Power(control)).await?;
            }
            ("POST", ["Systems", "1", "LogServices", "SEL", "Actions", "LogService.ClearLog"]) => {
                may(Privilege::Administrator)?;
                self.perform(Deed::ClearLog).await?;
            }
            ("POST", ["Managers", "1", "Actions", "Manager.Reset"]) => {
                may(Privilege::Administrator)?;
                wanted::restart(&body()?)?;
                self.perform(Deed::Restart).await?;
            }
            ("PATCH", ["Systems", "1"] | ["Chassis", "1"]) => {
                may(Privilege::Operator)?;
                return self.patch(question, path, view).await;
            }
            ("DELETE", ["SessionService", "Sessions", id]) => {
                let there = id
                    .parse()
                    .is_ok_and(|number| self.sessions(|sessions| sessions.end(number)));
                if !there {
                    return Err(Refusal::NotThere(question.path.chars().take(128).collect()));
                }
            }
            _ if tree::resource(path, &self.seen(view)).is_some() || allowed(path) != LOOK => {
                return Err(Refusal::Method(allowed(path)));
            }
            _ => return Err(Refusal::NotThere(question.path.chars().take(128).collect())),
        }
        Ok(Answer::done())
    }

    async fn patch(&self, question: &Question, path: &[&str], view: &View) -> Result<Answer, Refusal> {
        let gone = || Refusal::NotThere(question.path.clone());
        let resource = tree::resource(path, &self.seen(view)).ok_or_else(gone)?;
        let object = wanted::object(&question.body)?;
        if let Some(wanted) = question.headers.get(header::IF_MATCH) {
            let now = etag(&resource);
            let tags = wanted.to_str().unwrap_or_default().split(',').map(str::trim);
            if !tags.into_iter().any(|tag| tag == "*" || tag == now) {
                return Err(Refusal::Changed);
            }
        }
        let deeds = wanted::changes(&object, &resource, view.boot)?;
        let mut last = view.clone();
        for deed in deeds {
            last = self.perform(deed).await?;
        }
        let resource = tree::resource(path, &self.seen(&last)).ok_or_else(gone)?;
        Ok(Answer::shown(resource, allowed(path)))
    }

    async fn perform(&self, deed: Deed) -> Result<View, Refusal> {
        match self.panel.perform(deed).await {
            Some(Ok(view)) => Ok(view),
            Some(Err(Completion::NOT_IN_THIS_STATE)) => Err(Refusal::Off),
            Some(Err(_)) => Err(Refusal::Value("ResetType".into(), "This".into())),
            None => Err(Refusal::Over),
        }
    }
}

fn is_look(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What may be done with a path.
fn allowed(path: &[&str]) -> &'static str {
    match path {
        ["Systems" | "Chassis", "1"] => "GET, HEAD, PATCH",
        ["SessionService", "Sessions"] => "GET, HEAD, POST",
        ["SessionService", "Sessions", _] => "GET, HEAD, DELETE",
        ["Systems", "1", "Actions", "ComputerSystem.Reset"]
        | ["Managers", "1", "Actions", "Manager.Reset"]
        | ["Systems", "1", "LogServices", "SEL", "Actions", "LogService.ClearLog"] => "POST",
        _ => LOOK,
    }
}

/// A query that changes what an answer means; others are passed over (DSP0266 section 7.3.1).
fn unknown(query: &str) -> Option<&str> {
    let names = query.split('&').map(|part| part.split('=').next().unwrap_or(part));
    names
        .into_iter()
        .find(|name| name.starts_with('$') || *name == "only" || *name == "excerpt")
}

/// Name and password in the manner of RFC 7617.
fn basic(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (way, digits) = value.split_once(' ')?;
    if !way.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = BASE64.decode(digits.trim()).ok()?;
    let colon = plain.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(plain[..colon].to_vec()).ok()?;
    Some((user, plain[colon + 1..].to_vec()))
}

fn token() -> String {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).expect("the kernel has random numbers from its start on");
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
