//! `Packages`: which package is which file, for those who fill the cache before it is asked.

use std::collections::{HashMap, HashSet};

/// A package as an index lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package<'a> {
    /// `htop`.
    pub name: &'a str,
    /// Path below the repository, `pool/main/h/htop/htop_3.2.2-2_amd64.deb`.
    pub filename: &'a str,
    /// Length of the file in bytes.
    pub size: u64,
    /// What it needs: for each need the packages that would do, the preferred first.
    needs: Vec<&'a str>,
    provides: &'a str,
}

/// Reads an index. Stanzas without a name or a file are left out.
pub fn packages(text: &str) -> Vec<Package<'_>> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let mut package = Package {
            name: "",
            filename: "",
            size: 0,
            needs: Vec::new(),
            provides: "",
        };
        for line in stanza.lines() {
            let Some((field, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match field {
                "Package" => package.name = value,
                "Filename" => package.filename = value.trim_start_matches("./"),
                "Size" => package.size = value.parse().unwrap_or_default(),
                "Depends" | "Pre-Depends" => package.needs.extend(value.split(',').map(str::trim)),
                "Provides" => package.provides = value,
                _ => {}
            }
        }
        if !package.name.is_empty() && !package.filename.is_empty() {
            found.push(package);
        }
    }
    found
}

/// `libc6:any (>= 2.36)` as `libc6`.
fn bare(need: &str) -> &str {
    need.trim().split([' ', '(', ':']).next().unwrap_or_default()
}

/// The packages of these names in an index, with `depends` also everything that they need, by the first alternative
/// that is there. Names that no package has are given back.
pub fn choose<'a>(index: &[Package<'a>], names: &[String], depends: bool) -> (Vec<Package<'a>>, Vec<String>) {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut provided: HashMap<&str, usize> = HashMap::new();
    for (at, package) in index.iter().enumerate() {
        by_name.entry(package.name).or_default().push(at);
        for name in package.provides.split(',').map(bare).filter(|name| !name.is_empty()) {
            provided.entry(name).or_insert(at);
        }
    }
    let find = |name: &str| -> Vec<usize> {
        match by_name.get(name) {
            Some(found) => found.clone(),
            None => provided.get(name).copied().into_iter().collect(),
        }
    };
    let mut chosen = Vec::new();
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for name in names {
        let found = find(name);
        if found.is_empty() {
            missing.push(name.clone());
        }
        open.extend(found.into_iter().rev());
    }
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        chosen.push(index[at].clone());
        if depends {
            for need in &index[at].needs {
                let first = need
                    .split('|')
                    .map(|one| find(bare(one)))
                    .find(|found| !found.is_empty());
                open.extend(first.unwrap_or_default());
            }
        }
    }
    (chosen, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INDEX: &str = "Package: htop\nFilename: ./pool/h/htop.deb\nSize: 10\nDepends: libc6 (>= 2.36), libtinfo6 | \
                         libtinfo5\n\nPackage: libc6\nFilename: pool/g/libc6.deb\nSize: 20\nPre-Depends: \
                         crypt\n\nPackage: libtinfo5\nFilename: pool/n/libtinfo5.deb\nDepends: libc6:any\n\nPackage: \
                         libcrypt1\nFilename: pool/c/libcrypt1.deb\nProvides: crypt (= 1), other\n\nPackage: nofile\n";

    fn names(packages: &[Package<'_>]) -> Vec<String> {
        packages.iter().map(|package| package.name.to_string()).collect()
    }

    #[test]
    fn a_package_is_found_with_everything_that_it_needs() {
        let index = packages(INDEX);
        assert_eq!(index.len(), 4, "a stanza without a file is none");
        assert_eq!(index[0].filename, "pool/h/htop.deb");
        let wanted = ["htop".to_string(), "nothing".to_string()];
        let (chosen, missing) = choose(&index, &wanted, false);
        assert_eq!(
            (names(&chosen), missing),
            (vec!["htop".to_string()], vec!["nothing".to_string()])
        );
        let (chosen, _) = choose(&index, &wanted[..1], true);
        let mut all = names(&chosen);
        all.sort();
        assert_eq!(all, ["htop", "libc6", "libcrypt1", "libtinfo5"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((Package|Filename|Depends|Provides|Size): [a-c,|() ]{0,8}\n|\n|\\PC{0,9}){0,30}") {
            let index = packages(&text);
            let (chosen, _) = choose(&index, &["a".into(), "b".into()], true);
            prop_assert!(chosen.len() <= index.len());
        }
    }
}
