use super::*;

fn read_whole(text: &str) -> Cluster {
    let reading = read(text);
    assert_eq!(reading.diagnostics, [], "{text}");
    reading.cluster.unwrap()
}

#[test]
fn every_example_reads_without_a_word() {
    let homelab = read_whole(include_str!("../../../examples/homelab.yaml"));
    assert_eq!(homelab.nodes.len(), 4);
    let hpc = read_whole(include_str!("../../../examples/hpc.yaml"));
    assert_eq!(hpc.nodes.len(), 1004);
}
