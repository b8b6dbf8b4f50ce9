//! Tools that read lists of machines.

use serde_json::Value;

use super::{Exported, all, out};
use crate::support::client::require;

#[test]
fn ansible_reads_the_inventory_as_a_file() {
    require("ansible-inventory", "ansible-core");
    let export = Exported::new("ansible");
    let inventory = export.put("inventory.yaml", &export.text);
    let words = ["env", "LC_ALL=C.UTF-8", "ansible-inventory", "-i", &inventory, "--list"];
    let answer = all(&words);
    assert!(!answer.contains("WARNING"), "{answer}");
    let list: Value = serde_json::from_str(&out(&words)).unwrap();
    assert_eq!(list["burn_in"]["hosts"], serde_json::json!(["nid002", "unknown"]));
    let store = &list["_meta"]["hostvars"]["store"];
    assert_eq!(store["ansible_host"], "10.20.0.40");
    assert_eq!(store["bellwether"]["nics"][1]["mac"], "02:00:0c:00:00:02");
}

#[test]
fn nodeset_knows_the_groups_in_both_forms() {
    require("nodeset", "clustershell");
    let export = Exported::new("clustershell");
    let folder = export.path().display();
    export.put("groups.d/saga.yaml", &export.text);
    let classic = Exported::new("clustershell-classic");
    let upcalls = format!(
        "[Main]\ndefault: saga\nautodir: {folder}/groups.d\nconfdir: {folder}/groups.conf.d\n\
         [old]\nmap: sed -n 's/^$GROUP:\\(.*\\)/\\1/p' {file}\nall: sed -n 's/^all:\\(.*\\)/\\1/p' {file}\n\
         list: sed -n 's/^\\([0-9A-Za-z_-]*\\):.*/\\1/p' {file}\n",
        file = classic.file()
    );
    export.put("groups.conf", &upcalls);
    let nodeset = |words: &[&str]| {
        let variable = format!("CLUSTERSHELL_CFGDIR={folder}");
        out(&[&["env", &variable, "nodeset"], words].concat())
    };
    for source in ["@", "@old:"] {
        assert_eq!(nodeset(&["-f", &format!("{source}compute")]), "nid[001-002],store\n");
        assert_eq!(nodeset(&["-f", &format!("{source}burn-in")]), "nid002,unknown\n");
    }
    assert_eq!(nodeset(&["-f", "@saga-profile:service"]), "store\n");
    assert_eq!(nodeset(&["-c", "-a"]), "6\n");
    assert_eq!(nodeset(&["-l", "-s", "old"]), "@old:all\n@old:burn-in\n@old:compute\n");
}

#[test]
fn nodeattr_ssh_and_sqlite_read_theirs() {
    require("nodeattr", "genders");
    let genders = Exported::new("genders");
    let file = genders.file();
    assert!(all(&["nodeattr", "-f", &file, "-k"]).contains("0 parse errors"));
    assert_eq!(out(&["nodeattr", "-f", &file, "-n", "burn-in"]), "nid002\nunknown\n");
    assert_eq!(
        out(&["nodeattr", "-f", &file, "-v", "nid002", "mac"]),
        "02:00:0a:00:00:02\n"
    );
    assert_eq!(out(&["nodeattr", "-f", &file, "-q", "bmc=10.21.2.1"]), "store\n");

    require("ssh", "openssh-client");
    let ssh = Exported::new("ssh-config");
    for name in ["store", "store.hpc.example"] {
        let settings = out(&["ssh", "-G", "-F", &ssh.file(), name]);
        assert!(
            settings.contains("hostname 10.20.0.40\n") && settings.contains("user root\n"),
            "{settings}"
        );
    }

    require("sqlite3", "sqlite3");
    let sql = Exported::new("teuthology");
    let table = "CREATE TABLE nodes (name VARCHAR(255) UNIQUE, machine_type VARCHAR(255), mac_address VARCHAR(17), \
        is_vm BOOLEAN, locked BOOLEAN, arch VARCHAR(255), description TEXT);\n";
    let script = sql.put(
        "all.sql",
        &format!("{table}{}SELECT name, mac_address, arch FROM nodes;\n", sql.text),
    );
    assert_eq!(
        out(&["sqlite3", "-bail", ":memory:", &format!(".read {script}")]),
        "nid001.hpc.example|02:00:0a:00:00:01|x86-64\nnid002.hpc.example|02:00:0a:00:00:02|x86-64\n\
         store.hpc.example|02:00:0c:00:00:01|aarch64\n"
    );
}

#[test]
fn promtool_discovers_a_target_for_each_node() {
    require("promtool", "prometheus");
    let export = Exported::new("prometheus");
    let targets = export.put("targets.json", &export.text);
    let config = export.put(
        "prometheus.yml",
        &format!("scrape_configs:\n  - job_name: nodes\n    file_sd_configs:\n      - files: ['{targets}']\n"),
    );
    all(&["promtool", "check", "config", &config]);
    let found = out(&[
        "promtool",
        "check",
        "service-discovery",
        "--timeout=5s",
        &config,
        "nodes",
    ]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 6);
    let store = found.iter().find(|target| target["labels"]["node"] == "store").unwrap();
    assert_eq!(store["labels"]["instance"], "10.20.0.40:9100");
    assert_eq!(store["labels"]["groups"], ",compute,");
}

#[test]
fn salt_ssh_knows_the_hosts_of_the_roster() {
    let salt = crate::bmc::python("salt-ssh");
    let export = Exported::new("salt-roster");
    let master = format!("root_dir: {}\n", export.path().display());
    export.put("master", &master);
    let folder = export.path().to_str().unwrap();
    let hosts = all(&[
        salt.to_str().unwrap(),
        "-c",
        folder,
        "--roster-file",
        &export.file(),
        "-H",
        "*",
    ]);
    for expected in [
        "nid001.hpc.example:\n        10.20.0.11",
        "store.hpc.example:\n        10.20.0.40",
    ] {
        assert!(hosts.contains(expected), "{hosts}");
    }
}
