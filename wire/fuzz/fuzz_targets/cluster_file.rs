//! Any text can be read as a cluster file; every problem points into the text; a cluster that is made is what it promises.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::config::{Severity, read, read_applied};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let reading = read(text);
    for problem in &reading.diagnostics {
        assert!(!problem.labels.is_empty(), "{problem:?}");
        assert!(problem.labels.iter().all(|label| text.get(label.span.clone()).is_some()), "{problem:?}");
    }
    let refused = reading.diagnostics.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(reading.cluster.is_none(), refused);
    let applied = read_applied(text);
    let Some(cluster) = reading.cluster else { return };
    assert_eq!(applied, cluster);
    // Unique: whatever a node declares leads back to it.
    for node in &cluster.nodes {
        assert_eq!(cluster.node(&node.name), Some(node));
        for nic in &node.nics {
            assert!(nic.mac.is_none_or(|mac| cluster.by_mac(mac) == Some(node)));
            let Some(address) = nic.address else { continue };
            assert_eq!(cluster.by_address(address), Some(node));
            let network = cluster.network_of(address).expect("an address lies in a declared network");
            assert_eq!(Some(&network.name), nic.network.as_ref());
        }
        assert!(node.groups.iter().all(|group| cluster.groups.contains(group)));
    }
});
