use super::*;

const TWO_NETWORKS: &str = "
cluster: test
networks:
  front: {prefix: 10.1.0.0/24, router: 10.1.0.254, pool: 10.1.0.100-10.1.0.120}
  back: {prefix: 10.2.0.0/24, pool: 10.2.0.1-10.2.0.9, interface: eth7}
nodes:
  a:
    nics:
      - {mac: '52:54:00:00:00:01', address: 10.1.0.1}
      - {mac: '52:54:00:00:00:02', address: 10.2.0.10}
  b: {mac: '52:54:00:00:00:03', address: 10.1.0.2}
";

fn read(text: &str) -> Cluster {
    let reading = model::config::read(text);
    reading.cluster.unwrap_or_else(|| panic!("{:#?}", reading.diagnostics))
}

fn wishes() -> Wishes {
    let hardware = Hardware {
        memory: 512,
        cpus: 1,
        cpu: None,
        disk: None,
        disk_first: false,
    };
    Wishes {
        bmc_faults: Default::default(),
        count: None,
        firmware: Firmware::Uefi,
        firmware_of: BTreeMap::new(),
        hardware,
    }
}

fn planned(text: &str, wishes: &Wishes) -> Result<Plan, String> {
    plan(&read(text), wishes, Accel::Tcg, None).map_err(|error| error.to_string())
}

#[test]
fn server_takes_the_routers_place_where_nobody_else_would_answer() {
    let plan = planned(TWO_NETWORKS, &wishes()).unwrap();
    assert_eq!(plan.bridges[0].address.to_string(), "10.1.0.254");
}

#[test]
fn server_without_a_router_takes_the_lowest_address_that_nobody_has() {
    let plan = planned(TWO_NETWORKS, &wishes()).unwrap();
    assert_eq!(plan.bridges[1].address.to_string(), "10.2.0.11");
}

#[test]
fn bridge_has_the_name_of_the_interface_that_the_server_is_told_to_use() {
    let plan = planned(TWO_NETWORKS, &wishes()).unwrap();
    let names: Vec<_> = plan.bridges.iter().map(|bridge| bridge.interface.as_str()).collect();
    assert_eq!(names, ["br0", "eth7"]);
}

#[test]
fn every_card_is_plugged_into_the_network_that_its_address_lies_in() {
    let plan = planned(TWO_NETWORKS, &wishes()).unwrap();
    let ports: Vec<_> = plan
        .machines
        .iter()
        .flat_map(|m| &m.ports)
        .map(|p| (p.tap.as_str(), p.bridge.as_str()))
        .collect();
    assert_eq!(ports, [("tap0.0", "br0"), ("tap0.1", "eth7"), ("tap1.0", "br0")]);
}

#[test]
fn single_node_may_have_other_firmware() {
    let firmware_of = BTreeMap::from([("b".to_string(), Firmware::Bios)]);
    let plan = planned(
        TWO_NETWORKS,
        &Wishes {
            firmware_of,
            ..wishes()
        },
    )
    .unwrap();
    assert_eq!(
        plan.machines.iter().map(|m| m.firmware).collect::<Vec<_>>(),
        [Firmware::Uefi, Firmware::Bios]
    );
}

#[test]
fn only_the_first_nodes_get_machines_if_fewer_are_asked_for() {
    let plan = planned(
        TWO_NETWORKS,
        &Wishes {
            count: Some(1),
            ..wishes()
        },
    )
    .unwrap();
    assert_eq!(plan.machines.len(), 1);
    let refused = planned(
        TWO_NETWORKS,
        &Wishes {
            count: Some(3),
            ..wishes()
        },
    )
    .unwrap_err();
    assert_eq!(refused, "the cluster file declares 2 nodes, not 3");
}

#[test]
fn firmware_for_a_node_that_does_not_exist_is_refused() {
    let firmware_of = BTreeMap::from([("c".to_string(), Firmware::Bios)]);
    assert!(
        planned(
            TWO_NETWORKS,
            &Wishes {
                firmware_of,
                ..wishes()
            }
        )
        .unwrap_err()
        .contains("there is no node c")
    );
}

#[test]
fn machine_of_another_architecture_is_refused_by_name() {
    let text = TWO_NETWORKS.replace("10.1.0.2}", "10.1.0.2, architecture: arm64}");
    assert_eq!(
        planned(&text, &wishes()).unwrap_err(),
        "b is an arm64 machine: the lab has amd64 only"
    );
}

#[test]
fn node_without_a_card_gets_one_that_is_the_same_every_time() {
    let text = "cluster: t\nnetworks:\n  n: {prefix: 10.1.0.0/24}\nnodes:\n  a: {serial: X1}\n  b: {serial: X2}\n";
    let (first, second) = (planned(text, &wishes()).unwrap(), planned(text, &wishes()).unwrap());
    assert_eq!(first, second);
    let macs: Vec<_> = first.machines.iter().map(|machine| machine.ports[0].mac).collect();
    assert_ne!(macs[0], macs[1]);
    assert!(macs.iter().all(|mac| mac.is_local() && !mac.is_multicast()));
}

#[test]
fn plan_survives_being_written_down() {
    let plan = planned(TWO_NETWORKS, &wishes()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn a_bmc_has_both_doors_and_the_declared_port_is_that_of_the_declared_protocol() {
    let text = "
cluster: test
networks:
  front: {prefix: 10.1.0.0/24}
nodes:
  a: {mac: '52:54:00:00:00:01', bmc: {address: 10.1.0.11}}
  b: {mac: '52:54:00:00:00:02', bmc: {address: 10.1.0.12, port: 9001}}
  c: {mac: '52:54:00:00:00:03', bmc: {address: 10.1.0.13, port: 9001, protocol: redfish}}
  d: {mac: '52:54:00:00:00:04'}
";
    let plan = planned(text, &wishes()).unwrap();
    let ports: Vec<_> = (plan.machines.iter())
        .map(|machine| machine.bmc.as_ref().map(|bmc| (bmc.port, bmc.redfish_port)))
        .collect();
    assert_eq!(ports, [Some((623, 443)), Some((9001, 443)), Some((623, 9001)), None]);
}
