//! The lab's network inside its namespace: a bridge for each network, a tap for each network card.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{LabError, Plan, needs};

/// Makes bridges and taps in the namespace of this process.
///
/// # Errors
/// If `ip` cannot be run or refuses a line.
pub fn make(plan: &Plan) -> Result<(), LabError> {
    let ip = needs::find_program("ip").unwrap_or_else(|| "ip".into());
    let mut child = Command::new(ip)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(LabError::io("run ip"))?;
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let given = stdin.write_all(batch(plan).as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(LabError::io("wait for ip"))?;
    if output.status.success() {
        return given.map_err(LabError::io("tell ip what to do"));
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(LabError::Program {
        what: "making the lab's network (ip -batch)".to_string(),
        said,
    })
}

/// What `ip -batch` is told.
fn batch(plan: &Plan) -> String {
    let mut lines = vec!["link set lo up".to_string()];
    for bridge in &plan.bridges {
        let name = &bridge.interface;
        // Without forward_delay 0 a port stays deaf for 15 s, longer than firmware waits.
        lines.push(format!(
            "link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
        ));
        lines.push(format!("addr add {}/{} dev {name}", bridge.address, bridge.prefix_len));
        lines.push(format!("link set {name} up"));
    }
    for bmc in plan.machines.iter().filter_map(|machine| machine.bmc.as_ref()) {
        // On the loopback: who asks a BMC is in this namespace, and a machine has no business with its own.
        let length = if bmc.address.is_ipv4() { 32 } else { 128 };
        lines.push(format!("addr add {}/{length} dev lo", bmc.address));
    }
    for port in plan.machines.iter().flat_map(|machine| &machine.ports) {
        lines.push(format!("tuntap add dev {} mode tap", port.tap));
        lines.push(format!("link set {} master {} up", port.tap, port.bridge));
    }
    lines.join("\n") + "\n"
}
