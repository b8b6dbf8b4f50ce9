use super::*;

fn check(file: &str, text: &str, suite: &str, components: &[&str], expect: &str) {
    let sources = parse([(Path::new(file), text)]);
    let components: Vec<String> = components.iter().map(|&word| word.to_string()).collect();
    let found: Vec<String> = select(&sources, suite, &components)
        .into_iter()
        .map(|source| {
            let signed = source.signed_by.map(|path| format!(" [{path}]")).unwrap_or_default();
            format!(
                "{} {} {}{signed}",
                source.uri,
                source.suite,
                source.components.join(",")
            )
        })
        .collect();
    assert_eq!(found.join("\n"), expect);
}

const DEB822: &str = "\
# Debian's own
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites:
 bookworm-security
# said again
Components: main

Types: deb
URIs: https://other.example/node
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://gone.example/debian
Suites: bookworm
Components: main
";

#[test]
fn deb822_sources_of_the_release_are_taken() {
    check(
        "debian.sources",
        DEB822,
        "bookworm",
        &[],
        "http://mirror.example/debian bookworm main [/usr/share/keyrings/debian-archive-keyring.gpg]\n\
         http://mirror.example/debian bookworm-updates main [/usr/share/keyrings/debian-archive-keyring.gpg]\n\
         http://mirror.example/debian-security bookworm-security main",
    );
}

#[test]
fn one_line_sources_are_taken_with_their_keyring() {
    check(
        "sources.list",
        "# deb http://old.example/debian bookworm main\n\
         deb-src http://mirror.example/debian bookworm main\n\
         deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main # here\n\
         deb\thttp://mirror.example/debian-security bookworm-security main contrib\n\
         deb https://cloud.example/apt cloud-sdk-bookworm main\n",
        "bookworm",
        &["non-free-firmware", "main"],
        "http://mirror.example/debian bookworm main,non-free-firmware [/k.gpg]\n\
         http://mirror.example/debian-security bookworm-security main,non-free-firmware",
    );
}

#[test]
fn another_release_is_fetched_from_the_mirrors_of_this_one() {
    check(
        "sources.list",
        "deb http://mirror.example/debian bookworm main",
        "trixie",
        &[],
        "http://mirror.example/debian trixie main",
    );
}

#[test]
fn a_host_of_another_distribution_has_no_sources() {
    check(
        "sources.list",
        "deb http://mirror.example/ubuntu noble main universe",
        "bookworm",
        &[],
        "",
    );
}

#[test]
fn rendered_sources_read_back_the_same() {
    let sources = parse([(Path::new("x.sources"), DEB822)]);
    assert_eq!(parse([(Path::new("x.sources"), render(&sources).as_str())]), sources);
    let named = named(
        "http://m.example/debian",
        Some("http://s.example/debian"),
        "bookworm",
        &["contrib".into()],
    );
    assert_eq!(
        render(&named[2..]),
        "Types: deb\nURIs: http://s.example/debian\nSuites: bookworm-security\nComponents: main contrib\n"
    );
}
