//! Faces: what they mean, and whether it can be.

use std::net::SocketAddr;

use super::settings::missing;
use crate::cluster::{Doors, Face, Faces, PelagosWays};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::read::Many;
use crate::config::scalar::{Listen, PasswordFrom, Peers};
use crate::config::span::{At, Span};

/// Usual ports.
const PELAGOS: u16 = 5000;
const POWERMAN: u16 = 10101;
const CONMAN: u16 = 7890;
const CONSERVER: u16 = 3109;

/// Each face, and that no two of them, and none of them and a door, have the same place.
pub(super) fn faces(raw: &raw::Faces, doors: &Doors, problems: &mut Problems) -> Faces {
    let mut found = Found {
        taken: vec![
            ("HTTP", doors.http.map(any), None),
            ("the package cache", doors.cache.map(any), None),
        ],
        problems,
    };
    let with_token = |found: &mut Found, name, face: &Option<raw::TokenFace>, port| {
        let face = face.as_ref()?;
        found.face(
            name,
            &face.listen,
            &face.allow,
            face.token_from.as_ref(),
            (port, face.span, &face.faulty),
        )
    };
    let plain = |found: &mut Found, name, face: &Option<raw::Face>, port| {
        let face = face.as_ref()?;
        found.face(name, &face.listen, &face.allow, None, (port, face.span, &face.faulty))
    };
    let pelagos = raw.pelagos.as_ref().and_then(|face| {
        let place = (PELAGOS, face.span, &face.faulty[..]);
        found.face("pelagos", &face.listen, &face.allow, face.token_from.as_ref(), place)
    });
    Faces {
        pelagos,
        pelagos_ways: raw.pelagos.as_ref().map(ways).unwrap_or_default(),
        powerman: plain(&mut found, "powerman", &raw.powerman, POWERMAN),
        conman: plain(&mut found, "conman", &raw.conman, CONMAN),
        conserver: with_token(&mut found, "conserver", &raw.conserver, CONSERVER),
    }
}

fn ways(raw: &raw::PelagosFace) -> PelagosWays {
    let usual = PelagosWays::default();
    PelagosWays {
        tftp_root: raw
            .tftp_root
            .as_ref()
            .map_or(usual.tftp_root, |root| root.value.0.clone()),
        timeout_seconds: raw
            .timeout
            .as_ref()
            .map_or(usual.timeout_seconds, |timeout| timeout.value.0),
        frozen_seconds: raw
            .frozen
            .as_ref()
            .map_or(usual.frozen_seconds, |frozen| frozen.value.0),
    }
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port)
}

struct Found<'a> {
    /// Who listens where, and where that was said.
    taken: Vec<(&'static str, Option<SocketAddr>, Option<Span>)>,
    problems: &'a mut Problems,
}

impl Found<'_> {
    fn face(
        &mut self,
        name: &'static str,
        listen: &Option<At<Listen>>,
        allow: &Many<At<Peers>>,
        token: Option<&At<PasswordFrom>>,
        (port, span, faulty): (u16, Span, &[&'static str]),
    ) -> Option<Face> {
        let Some(said) = listen else {
            missing("listen", &format!("the face `{name}`"), span, faulty, self.problems);
            return None;
        };
        let place = SocketAddr::new(said.value.address, said.value.port.unwrap_or(port));
        let other = self
            .taken
            .iter()
            .find(|(_, other, _)| other.is_some_and(|other| is_same(other, place)));
        if let Some((other, _, earlier)) = other {
            let message = format!("{other} and {name} cannot both have {place}");
            let mut problem = Diagnostic::error("duplicate-port", message).at(said.span, "taken by the other one");
            if let Some(earlier) = earlier {
                problem = problem.at(*earlier, "which stands here");
            }
            self.problems.push(problem);
        }
        self.taken.push((name, Some(place), Some(said.span)));
        Some(Face {
            listen: place,
            allow: allow.items.iter().map(|peers| peers.value.0).collect(),
            token_from: token.map(|token| token.value.0.clone()),
        })
    }
}

/// Whether two listeners are in each other's way.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    let all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && (all || a.ip() == b.ip())
}
