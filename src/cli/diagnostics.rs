//! Shows the problems of a cluster file with the lines that they are about, as rustc does.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use model::config::{Diagnostic, Severity};

/// Width for which lines are cut; a pipe has none, and a terminal wraps what is longer.
const WIDTH: usize = 140;

/// How many problems are shown. One slip in a network is a mistake of each of its nodes, and each is looked up in the whole text.
const SHOWN: usize = 100;

/// The problems as text for a terminal, mistakes before warnings if there are more than anybody reads. Empty if there
/// are none. `name` is the file's name as the person typed it.
pub fn render(name: &str, text: &str, problems: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(WIDTH).decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    let mut shown: Vec<&Diagnostic> = problems.iter().collect();
    if shown.len() > SHOWN {
        shown.sort_by_key(|problem| problem.severity != Severity::Error);
        shown.truncate(SHOWN);
    }
    for problem in &shown {
        out.push_str(&renderer.render(&[group(name, text, problem)]));
        out.push_str("\n\n");
    }
    if shown.len() < problems.len() {
        let rest = problems.len() - shown.len();
        out.push_str(&format!("... and {rest} more (check --output json tells all)\n\n"));
    }
    out
}

fn group<'a>(name: &'a str, text: &'a str, problem: &'a Diagnostic) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(&problem.message)
        .id(problem.code)
        .elements(Vec::<Snippet<'a, Annotation<'a>>>::new());
    if !problem.labels.is_empty() {
        group = group.element(snippet(name, text, problem));
    }
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

/// One snippet for all places: what lies between two distant lines is left out.
fn snippet<'a>(name: &'a str, text: &'a str, problem: &'a Diagnostic) -> Snippet<'a, Annotation<'a>> {
    let annotations = problem.labels.iter().enumerate().map(|(i, label)| {
        let kind = if i == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        kind.span(place(text, &label.span)).label(&label.text)
    });
    Snippet::source(text).path(name).annotations(annotations)
}

/// A place inside the text, on whole characters. A long text (the content of a file) is pointed at by its first line.
fn place(text: &str, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    let end = floor(span.end).max(start);
    let line = text[start..end].find('\n').map_or(end, |length| start + length);
    start..line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve mistakes, one run.
    const BROKEN: &str = include_str!("../../tests/golden/twelve-mistakes.yaml");

    fn rendered(name: &str, text: &str) -> String {
        render(name, text, &model::config::read(text).diagnostics, false)
    }

    #[test]
    fn twelve_mistakes_are_shown_in_one_run_each_at_its_line() {
        insta::with_settings!({ snapshot_path => "../../tests/golden", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("twelve-mistakes", rendered("twelve-mistakes.yaml", BROKEN));
        });
        assert_eq!(model::config::read(BROKEN).diagnostics.len(), 12);
    }

    #[test]
    fn what_is_no_yaml_is_shown_the_same_way() {
        let text = "cluster: lab\nnodes:\n  nid001: { mac: \"52:54:00:00:00:01\"\n  nid002: {}\n";
        insta::with_settings!({ snapshot_path => "../../tests/golden", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("no-yaml", rendered("cluster.yaml", text));
        });
    }

    #[test]
    fn colours_are_added_only_where_they_are_wanted() {
        let problems = model::config::read("cluster: Lab\n").diagnostics;
        assert!(!render("c.yaml", "cluster: Lab\n", &problems, false).contains('\u{1b}'));
        assert!(render("c.yaml", "cluster: Lab\n", &problems, true).contains('\u{1b}'));
    }

    #[test]
    fn no_place_is_too_odd_to_be_shown() {
        let text = "häuser: 1\n";
        for (start, end) in [(0, 0), (2, 3), (1, 100), (100, 200), (9, 2), (0, text.len())] {
            let label = model::config::Label {
                span: start..end,
                text: "here".into(),
            };
            let problem = Diagnostic {
                severity: Severity::Warning,
                code: "odd",
                message: "odd".into(),
                labels: vec![label],
                help: None,
            };
            assert!(
                render("c.yaml", text, &[problem], false).contains("odd"),
                "{start}..{end}"
            );
        }
        assert!(render("c.yaml", "", &[], false).is_empty());
    }
}
