//! Values that differ from node to node of a range: a list, a first value with `+`, or an address with a range in it.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value as Json, json};
use wire::Mac;

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::read::{Many, Scalar, Wrong};
use super::scalar::address_fault;
use super::span::{At, Span};
use crate::nodeset::NodeSet;

/// A value that can be counted up.
pub(super) trait Countable: Copy {
    const NOUN: &'static str;
    const EXAMPLE: &'static str;
    const CODE: &'static str;
    fn read(text: &str) -> Result<Self, Wrong>;
    /// The `n`th value after this one; `None` past the end.
    fn plus(self, n: u32) -> Option<Self>;
}

/// One value, or the values of a range.
#[derive(Debug, Clone)]
pub(super) enum Spec<A> {
    One(A),
    /// Counts up from here, one per node.
    From(A),
    /// One per node.
    All(Vec<A>),
}

impl<A: Countable> Scalar for Spec<A> {
    const NOUN: &'static str = A::NOUN;
    const EXAMPLE: &'static str = A::EXAMPLE;
    const CODE: &'static str = A::CODE;

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Some(first) = text.strip_suffix('+') {
            return A::read(first).map(Self::From);
        }
        if !text.contains('[') {
            return A::read(text).map(Self::One);
        }
        let wrong = |error: crate::nodeset::NodeSetError| Wrong {
            why: error.kind.to_string(),
            help: None,
            part: Some(error.span),
        };
        let set: NodeSet = text.parse().map_err(wrong)?;
        let names = set.names().map_err(wrong)?;
        names
            .iter()
            .map(|name| A::read(name))
            .collect::<Result<_, _>>()
            .map(Self::All)
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

impl Countable for Ipv4Addr {
    const NOUN: &'static str = <Ipv4Addr as Scalar>::NOUN;
    const EXAMPLE: &'static str = <Ipv4Addr as Scalar>::EXAMPLE;
    const CODE: &'static str = <Ipv4Addr as Scalar>::CODE;

    fn read(text: &str) -> Result<Self, Wrong> {
        Scalar::parse(text)
    }

    fn plus(self, n: u32) -> Option<Self> {
        u32::from(self).checked_add(n).map(Self::from)
    }
}

impl Countable for IpAddr {
    const NOUN: &'static str = "an IP address";
    const EXAMPLE: &'static str = "10.78.0.11";
    const CODE: &'static str = "bad-address";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| address_fault(text))
    }

    fn plus(self, n: u32) -> Option<Self> {
        match self {
            Self::V4(address) => address.plus(n).map(Self::V4),
            Self::V6(address) => u128::from(address)
                .checked_add(n.into())
                .map(|bits| Self::V6(bits.into())),
        }
    }
}

impl Countable for Mac {
    const NOUN: &'static str = "a MAC address";
    const EXAMPLE: &'static str = "52:54:00:00:00:01";
    const CODE: &'static str = "bad-mac";

    fn read(text: &str) -> Result<Self, Wrong> {
        let mac: Self = text
            .parse()
            .map_err(|error: <Self as std::str::FromStr>::Err| Wrong::because(error.to_string()))?;
        if mac == Self::ZERO {
            return Err(Wrong::because("no interface has the address of all zeros"));
        }
        if mac.is_multicast() {
            return Err(
                Wrong::because("this is a group address (its first octet is odd), which no interface has")
                    .help("was a digit mistyped? vendors' addresses begin with an even octet"),
            );
        }
        Ok(mac)
    }

    /// Counts in the part that a vendor numbers himself, the lower three octets.
    fn plus(self, n: u32) -> Option<Self> {
        let [a, b, c, x, y, z] = self.octets();
        let number = u32::from_be_bytes([0, x, y, z]).checked_add(n)?;
        let [over, x, y, z] = number.to_be_bytes();
        (over == 0).then_some(Self([a, b, c, x, y, z]))
    }
}

/// The values of the nodes of one declaration, each with its place. `None` where a node has none.
pub(super) struct Series<A> {
    values: Values<A>,
}

enum Values<A> {
    None,
    List(Vec<At<A>>),
    Count(At<A>),
}

impl<A: Clone> Series<A> {
    /// Of values that cannot be counted up (UUIDs, serial numbers): one, or a list with one per node.
    pub fn listed(many: &Many<At<A>>, what: &str, names: &At<String>, count: usize, problems: &mut Problems) -> Self {
        let values = match many.items.as_slice() {
            [] => Values::None,
            items if fits(items.len(), many, what, names, count, problems) => Values::List(items.to_vec()),
            _ => Values::None,
        };
        Self { values }
    }
}

impl<A: Countable> Series<A> {
    /// Of values that can be.
    pub fn of(many: &Many<At<Spec<A>>>, what: &str, names: &At<String>, count: usize, problems: &mut Problems) -> Self {
        let mut list = Vec::new();
        for item in &many.items {
            match &item.value {
                Spec::One(value) => list.push(At::new(*value, item.span)),
                Spec::All(values) => list.extend(values.iter().map(|value| At::new(*value, item.span))),
                Spec::From(first) if many.items.len() == 1 => {
                    return Self {
                        values: Values::Count(At::new(*first, item.span)),
                    };
                }
                Spec::From(_) => problems.push(
                    Diagnostic::error(
                        "bad-range",
                        "a value that counts up stands alone, not in a list with others",
                    )
                    .at(item.span, "this counts up")
                    .help(format!(
                        "write all of them, or one with `+`; this is about {what} of `{}`",
                        names.value
                    )),
                ),
            }
        }
        let values = match list.len() {
            0 => Values::None,
            n if fits(n, many, what, names, count, problems) => Values::List(list),
            _ => Values::None,
        };
        Self { values }
    }

    /// The value of the `n`th node; an error if counting came to its end.
    pub fn get(&self, n: usize) -> Result<Option<At<A>>, Span> {
        match &self.values {
            Values::None => Ok(None),
            Values::List(list) => Ok(list.get(n).cloned()),
            Values::Count(first) => match u32::try_from(n).ok().and_then(|n| first.value.plus(n)) {
                Some(value) => Ok(Some(At::new(value, first.span))),
                None => Err(first.span),
            },
        }
    }
}

impl<A: Clone> Series<A> {
    /// The value of the `n`th node of values that cannot be counted up.
    pub fn item(&self, n: usize) -> Option<At<A>> {
        match &self.values {
            Values::List(list) => list.get(n).cloned(),
            Values::None | Values::Count(_) => None,
        }
    }
}

/// Whether there is one value per node.
fn fits<T>(
    given: usize,
    many: &Many<At<T>>,
    what: &str,
    names: &At<String>,
    count: usize,
    problems: &mut Problems,
) -> bool {
    if given == count || many.faulty {
        return given == count;
    }
    let span = many.items.first().map_or(many.span, |item| match many.list {
        true => many.span,
        false => item.span,
    });
    // A list that runs over many lines is pointed at where it begins.
    let nodes = if count == 1 {
        "this is one node".to_string()
    } else {
        format!("these are {count} nodes")
    };
    let values = if given == 1 {
        "1 value".to_string()
    } else {
        format!("{given} values")
    };
    let help = match (given, count) {
        (1, _) => "end it with `+` to count up from node to node, or give a list with one per node",
        (_, 1) => "a node with several interfaces lists them under `nics`",
        _ => "give one per node, in the order of the names",
    };
    problems.push(
        Diagnostic::error(
            "range-length",
            format!(
                "`{}`: {values} of `{what}` for {count} node{}",
                names.value,
                if count == 1 { "" } else { "s" }
            ),
        )
        .at(span, values.clone())
        .at(names.span, nodes)
        .help(help),
    );
    false
}
