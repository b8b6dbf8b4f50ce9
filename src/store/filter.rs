//! Which events a reader wants.

use jiff::Timestamp;
use model::event::{Seq, Subject};

use super::row::integer;
use super::sql;

/// Which events a reader wants. The default is the first 1,000 of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Only those later in the journal than this one.
    pub after: Option<Seq>,
    /// Only those earlier in the journal than this one.
    pub before: Option<Seq>,
    /// Only those about this.
    pub subject: Option<Subject>,
    /// Only those of these kinds: `dhcp.leased`, or `dhcp` for all that begin with `dhcp.`; empty for every kind.
    pub kinds: Vec<String>,
    /// Only those that happened at this time or later, by the clock of the host.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
    /// The latest first; else the earliest first.
    pub newest_first: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            after: None,
            before: None,
            subject: None,
            kinds: Vec::new(),
            since: None,
            limit: 1000,
            newest_first: false,
        }
    }
}

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Integer(i64),
    Text(String),
}

impl Filter {
    /// The statement and its parameters, in order.
    pub(super) fn statement(&self) -> (String, Vec<Argument>) {
        let mut sql = String::from(sql::EVENTS);
        let mut arguments = Vec::new();
        let mut place = |argument| {
            arguments.push(argument);
            format!("${}", arguments.len())
        };
        let mut bounds = String::new();
        if let Some(after) = self.after {
            bounds += &format!(" AND seq > {}", place(Argument::Integer(integer(after))));
        }
        if let Some(before) = self.before {
            bounds += &format!(" AND seq < {}", place(Argument::Integer(integer(before))));
        }
        sql += &bounds;
        let order = if self.newest_first { "DESC" } else { "ASC" };
        let limit = place(Argument::Integer(i64::from(self.limit)));
        let wanted = format!(" ORDER BY seq {order} LIMIT {limit}");
        if let Some(subject) = &self.subject {
            let subject = place(Argument::Text(subject.to_string()));
            // What is left out below must be looked for among all of them.
            let all = self.since.is_some() || !self.kinds.is_empty();
            let of = sql::OF_SUBJECT
                .replace("{subject}", &subject)
                .replace("{bounds}", &bounds)
                .replace("{wanted}", if all { "" } else { &wanted });
            sql += &format!(" AND seq IN ({of})");
        }
        if let Some(since) = self.since {
            let since = place(Argument::Integer(since.as_microsecond()));
            sql += &format!(
                " AND at >= {since} AND seq >= ({})",
                sql::FIRST_SINCE.replace("$1", &since)
            );
        }
        if !self.kinds.is_empty() {
            let mut any = Vec::new();
            for kind in &self.kinds {
                any.push(format!("kind = {}", place(Argument::Text(kind.clone()))));
                // A range, so that the index serves it: `/` is the character after `.`.
                any.push(format!(
                    "(kind >= {} AND kind < {})",
                    place(Argument::Text(format!("{kind}."))),
                    place(Argument::Text(format!("{kind}/")))
                ));
            }
            sql += &format!(" AND ({})", any.join(" OR "));
        }
        sql += &wanted;
        (sql, arguments)
    }
}
