//! Places in the text of a cluster file.

use std::ops::Range;
use std::sync::Arc;

/// A byte range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub(super) struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// A part of this place, given in bytes from its start. In a text with escapes that is near enough to be looked at.
    pub fn part(self, part: &Range<usize>) -> Self {
        let length = self.end - self.start;
        let start = self.start + part.start.min(length);
        Self::new(start, (self.start + part.end.min(length)).max(start))
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// Where the lines of a text begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// Shared: every declaration of a large file asks for lines.
    starts: Arc<[usize]>,
}

impl Lines {
    pub fn of(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| i + 1),
        );
        Self { starts: starts.into() }
    }

    /// The line of a place, from 1.
    pub fn line(&self, span: Span) -> u32 {
        self.starts.partition_point(|start| *start <= span.start) as u32
    }
}
