//! As much of an iPXE script as says what a machine fetches next.

use wire::Mac;

/// What a script leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To another script.
    Chain(String),
    /// To a system.
    System(System),
}

/// What a machine is to boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// URL of the kernel.
    pub kernel: String,
    /// URL of the initial RAM disk.
    pub initrd: Option<String>,
    /// URL of the root, from `bellwether.root=` or `root=live:`.
    pub root: Option<String>,
    /// Where cloud-init asks, from `ds=nocloud…s=`.
    pub answers: Option<String>,
}

/// Reads a script.
///
/// # Errors
/// When it starts no kernel, or one of another machine.
pub fn read(script: &str, mac: Mac) -> Result<Leads, String> {
    if !script.starts_with("#!ipxe") {
        return Err("the script does not begin with #!ipxe".into());
    }
    let mut system = System::default();
    for line in script.lines() {
        let line = expand(line, mac);
        let mut words = line.split_whitespace();
        match words.next() {
            Some("chain") => {
                let Some(url) = words.find(|word| !word.starts_with("--")) else {
                    continue;
                };
                return Ok(Leads::Chain(url.to_string()));
            }
            Some("kernel") => {
                let Some(url) = words.next() else { continue };
                system.kernel = url.to_string();
                for word in words {
                    argument(&mut system, word, mac)?;
                }
            }
            Some("initrd") => system.initrd = words.next().map(String::from),
            _ => {}
        }
    }
    if system.kernel.is_empty() {
        return Err("the script starts no kernel".into());
    }
    Ok(Leads::System(system))
}

fn argument(system: &mut System, word: &str, mac: Mac) -> Result<(), String> {
    if let Some(url) = word
        .strip_prefix("bellwether.root=")
        .or(word.strip_prefix("root=live:"))
    {
        system.root = Some(url.to_string());
    } else if let Some(seed) = word.strip_prefix("ds=nocloud") {
        system.answers = seed
            .split(';')
            .find_map(|part| part.strip_prefix("s="))
            .map(String::from);
    } else if let Some(named) = word.strip_prefix("BOOTIF=01-")
        && named != mac.hyphened().to_string()
    {
        return Err(format!("the script is for the machine {named}"));
    }
    Ok(())
}

fn expand(line: &str, mac: Mac) -> String {
    let hyphened = mac.hyphened().to_string();
    ["${net0/mac:hexhyp}", "${mac:hexhyp}", "${netX/mac:hexhyp}"]
        .into_iter()
        .fold(line.to_string(), |line, variable| line.replace(variable, &hyphened))
}

/// Where the machine says that it is ready: the URL of `phone_home` in cloud-init's user-data.
pub fn phone_home(user_data: &str) -> Option<&str> {
    let (_, after) = user_data.split_once("phone_home:")?;
    let line = after.lines().find(|line| line.trim_start().starts_with("url:"))?;
    let (_, url) = line.split_once("url:")?;
    Some(url.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([0, 12, 1, 0, 0, 1]);

    #[test]
    fn a_script_names_everything_that_is_fetched() {
        let text = "#!ipxe\nkernel http://s/k initrd=initrd bellwether.root=http://s/root ds=nocloud;dsmode=net;s=http://s/ci/ \
                    BOOTIF=01-${net0/mac:hexhyp} || goto failed\ninitrd http://s/i || goto failed\nboot\n";
        let Leads::System(system) = read(text, MAC).unwrap() else {
            panic!("a system")
        };
        let expected = System {
            kernel: "http://s/k".into(),
            initrd: Some("http://s/i".into()),
            root: Some("http://s/root".into()),
            answers: Some("http://s/ci/".into()),
        };
        assert_eq!(system, expected);
    }

    #[test]
    fn another_machines_script_is_noticed() {
        let text = "#!ipxe\nkernel http://s/k BOOTIF=01-00-0c-01-00-00-02\n";
        assert!(read(text, MAC).unwrap_err().contains("00-0c-01-00-00-02"));
        assert!(read("#!ipxe\nshell\n", MAC).is_err());
    }

    #[test]
    fn a_chain_is_followed_to_this_machine() {
        let text = "#!ipxe\nchain --replace http://s/${net0/mac:hexhyp}.ipxe\n";
        assert_eq!(
            read(text, MAC),
            Ok(Leads::Chain("http://s/00-0c-01-00-00-01.ipxe".into()))
        );
    }

    #[test]
    fn phone_home_is_found_in_user_data() {
        let text = "#cloud-config\nhostname: a\nphone_home:\n  url: \"http://s/ready\"\n  tries: 20\n";
        assert_eq!(phone_home(text), Some("http://s/ready"));
        assert_eq!(phone_home("#cloud-config\n"), None);
    }
}
