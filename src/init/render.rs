//! A proposal as a cluster file with its reasons.

use model::cluster::DhcpMode;

use super::{Proposal, Surroundings};

/// The text of a cluster file.
pub fn render(proposal: &Proposal, around: &Surroundings) -> String {
    let Proposal { name, domain, .. } = proposal;
    let mut out = format!(
        "# The cluster, in one file. Made by `bellwether init`; every key is described in cluster-file.md.\n\
         # After a change: `bellwether check` shows mistakes, `bellwether plan` what it would do, `bellwether apply` does it.\n\n\
         cluster: {name}\n\
         domain: {domain}\n"
    );
    if let Some(zone) = &around.timezone {
        out += &format!("timezone: {zone}\n");
    }
    out += &keys(&around.keys);
    out += &network(proposal);
    out += &defaults(around);
    out += &nodes(proposal);
    out
}

/// A YAML scalar that is read as it is.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn keys(keys: &[String]) -> String {
    let mut out = String::from("\n# Who may log in as root on every node.\n");
    if keys.is_empty() {
        out +=
            "# No public key was found here: `ssh-keygen -t ed25519` makes one, then put ~/.ssh/id_ed25519.pub here.\n";
        out += "# ssh_keys:\n#   - ssh-ed25519 AAAA... you@here\n";
        return out;
    }
    out += "ssh_keys:\n";
    for key in keys {
        out += &format!("  - {}\n", quoted(key));
    }
    out
}

fn network(proposal: &Proposal) -> String {
    let Proposal {
        interface,
        prefix,
        address,
        router,
        dns,
        dhcp,
        rivals,
        pool,
        ..
    } = proposal;
    let mut out = String::from("\nnetworks:\n  machines:\n");
    out += &format!(
        "    # This host is {address} there, on {interface}.\n    prefix: {prefix}\n    interface: {interface}\n"
    );
    match router {
        Some(router) if router == address => {
            out += &format!(
                "    # This host passes packets on, so it can be the machines' way out.\n    router: {router}\n"
            );
        }
        Some(router) => out += &format!("    router: {router}\n"),
        None => {
            out += "    # The machines' way out. This host is none as it is (sysctl net.ipv4.ip_forward); without one they\n    # reach this host alone.\n";
            out += &format!("    # router: {address}\n");
        }
    }
    if !dns.is_empty() {
        let list: Vec<String> = dns.iter().map(ToString::to_string).collect();
        out += &format!("    dns: [{}]\n", list.join(", "));
    }
    let heard: Vec<String> = rivals.iter().map(ToString::to_string).collect();
    let heard = heard.join(", ");
    match dhcp {
        DhcpMode::Proxy if rivals.is_empty() => {
            out +=
                "    # Another DHCP server gives out addresses; this one adds what booting needs.\n    dhcp: proxy\n";
        }
        DhcpMode::Proxy => {
            out += &format!(
                "    # {heard} gives out addresses here; this server adds what booting needs. To give them out from here,\n    # stop the other one first, then write `dhcp: serve` and a pool.\n    dhcp: proxy\n"
            );
        }
        DhcpMode::Observe => out += "    # Answers nobody, but writes down who asks.\n    dhcp: observe\n",
        DhcpMode::Serve | DhcpMode::Off if rivals.is_empty() => {}
        DhcpMode::Serve | DhcpMode::Off => {
            out += &format!(
                "    # {heard} gives out addresses here, too. While it does, this server leaves the network to it: stop it.\n    dhcp: serve\n"
            );
        }
    }
    if let Some(pool) = pool {
        out += &format!(
            "    # For machines that are not declared below; they get an address and boot their own disk.\n    pool: {pool}\n"
        );
    }
    out
}

fn defaults(around: &Surroundings) -> String {
    let mut out = String::from(
        "\nprofiles:\n  worker:\n    # Runs from memory, keeps nothing: `bellwether image build debian-12` makes the image.\n    boot: image\n    image: debian-12\n    packages: [htop]\n",
    );
    if let Some(mirror) = &around.mirror {
        out += &format!("    # Packages are those of the mirror that this host's apt uses, {mirror}.\n");
    }
    out
}

fn nodes(proposal: &Proposal) -> String {
    let address = match proposal.dhcp {
        DhcpMode::Serve | DhcpMode::Off => format!(", address: {}", proposal.example),
        // The other server gives them out.
        DhcpMode::Proxy | DhcpMode::Observe => ", network: machines".into(),
    };
    format!(
        "\n# Machines. One that is not named here is never given anything but an address. Switch one on with network boot\n\
         # first, and `bellwether machines` shows its MAC.\n\
         nodes: {{}}\n\
         #  node1: {{ mac: \"52:54:00:12:34:56\"{address}, profile: worker }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, propose};
    use super::*;
    use crate::links::Interface;

    fn around() -> Surroundings {
        let mut eth1 = Interface::sketch("eth1", 3);
        eth1.addresses = vec!["10.5.0.1/24".parse().unwrap()];
        Surroundings {
            interfaces: vec![eth1],
            timezone: Some("Europe/Berlin".into()),
            keys: vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada's".into()],
            mirror: Some("http://mirror.example/debian".into()),
            hostname: "head".into(),
            ..Surroundings::default()
        }
    }

    #[test]
    fn every_kind_of_proposal_is_a_cluster_file_without_a_mistake() {
        let rival = vec!["10.5.0.9".parse().unwrap()];
        for (dhcp, rivals, forwards) in [
            (None, vec![], false),
            (None, vec![], true),
            (None, rival.clone(), false),
            (Some(DhcpMode::Serve), rival, false),
            (Some(DhcpMode::Proxy), vec![], false),
            (Some(DhcpMode::Observe), vec![], true),
        ] {
            let around = Surroundings {
                forwards,
                uplink: Some(("eth0".into(), "192.168.0.1".parse().unwrap())),
                ..around()
            };
            let answers = Answers {
                dhcp,
                rivals,
                ..Answers::default()
            };
            let text = render(&propose(&around, &answers).unwrap(), &around);
            let reading = model::config::read(&text);
            assert!(reading.diagnostics.is_empty(), "{:?}\n{text}", reading.diagnostics);
            let cluster = reading.cluster.unwrap();
            assert_eq!(
                cluster.networks[0].pool.is_empty(),
                cluster.networks[0].dhcp != DhcpMode::Serve
            );
        }
    }

    #[test]
    fn the_example_node_works_when_its_line_is_put_in_force() {
        for dhcp in [None, Some(DhcpMode::Proxy)] {
            let around = around();
            let answers = Answers {
                dhcp,
                ..Answers::default()
            };
            let text = render(&propose(&around, &answers).unwrap(), &around);
            let text = text.replace("nodes: {}\n#  node1", "nodes:\n  node1");
            let reading = model::config::read(&text);
            assert!(reading.cluster.is_some(), "{:?}\n{text}", reading.diagnostics);
            assert_eq!(reading.cluster.unwrap().nodes.len(), 1);
        }
    }
}
