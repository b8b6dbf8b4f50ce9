//! BMCs that we did not write, and processes that the tests start and end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::segment::Segment;

/// Password of every emulator here.
pub const PASSWORD: &str = "geheim";

/// A process that ends with the value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until something is so, 30 s at most.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited 30 s until {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A serial port at `127.0.0.1:port` with a machine that says again what it is told.
pub fn echo(segment: &Segment, port: u16) -> Running {
    let program = r"
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    while data := connection.recv(4096):
        connection.sendall(data)
";
    let mut command = segment.command("python3");
    Running(command.args(["-c", program, &port.to_string()]).spawn().unwrap())
}

/// OpenIPMI's `ipmi_sim` (suite 3 only) with a machine that is a file: every action is a line in `events`.
pub struct IpmiSim {
    _simulator: Running,
    _serial: Running,
    folder: tempfile::TempDir,
}

impl IpmiSim {
    /// Starts one on `127.0.0.1:port` of the segment.
    pub fn start(segment: &Segment, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let serial = port + 1000;
        let script = "#!/bin/sh\n\
            d=${0%/*}; shift; op=$1; shift\n\
            case $op in\n\
            get) for p; do case $p in power) echo power:$(cat $d/power 2>/dev/null || echo 0);; \
            boot) echo boot:$(cat $d/boot 2>/dev/null || echo default);; *) exit 1;; esac; done;;\n\
            set) while [ $# -ge 2 ]; do echo \"$1 $2\" >>$d/events; \
            case $1 in power|boot|identify) echo \"$2\" >$d/$1;; reset|shutdown) ;; *) exit 1;; esac; shift 2; done;;\n\
            *) exit 1;; esac\n";
        std::fs::write(path.join("chassis.sh"), script).unwrap();
        executable(&path.join("chassis.sh"));
        std::fs::create_dir(path.join("state")).unwrap();
        let lan = format!(
            "name \"sim\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {port}\n    priv_limit admin\n\
             \x20   allowed_auths_callback none md2 md5 straight\n    allowed_auths_user none md2 md5 straight\n\
             \x20   allowed_auths_operator none md2 md5 straight\n    allowed_auths_admin none md2 md5 straight\n\
             \x20   guid a123456789abcdefa123456789abcd01\n  endlan\n  sol \"tcp:127.0.0.1:{serial}\" 115200\n  chassis_control \"{}/chassis.sh 0x20\"\n\
             \x20 user 1 false \"\" \"x\" user 10 none md2 md5 straight\n\
             \x20 user 2 true \"root\" \"{PASSWORD}\" admin 10 none md2 md5 straight\n",
            path.display()
        );
        std::fs::write(path.join("lan.conf"), lan).unwrap();
        std::fs::write(
            path.join("bmc.emu"),
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
             sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n",
        )
        .unwrap();
        let log = std::fs::File::create(path.join("log")).unwrap();
        let serial_port = echo(segment, serial);
        let mut command = segment.command("ipmi_sim");
        command
            .arg("-c")
            .arg(path.join("lan.conf"))
            .arg("-f")
            .arg(path.join("bmc.emu"))
            .arg("-s")
            .arg(path.join("state"))
            .arg("-n")
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        Self {
            _simulator: Running(command.spawn().unwrap()),
            _serial: serial_port,
            folder,
        }
    }

    /// What was done to the machine, a line each: `power 1`, `boot pxe`.
    pub fn events(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("events")).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A program of the Python packages that `scripts/python` installs.
pub fn python(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/venv/bin")
        .join(program);
    assert!(
        path.exists(),
        "{} is not there: scripts/python installs it",
        path.display()
    );
    path
}

/// pyghmi's `fakebmc`: suite 3 only, and no power cycle.
pub fn fakebmc(segment: &Segment, port: u16) -> Running {
    let mut command = segment.command(python("python").to_str().unwrap());
    let program = r"
import sys
import pyghmi.ipmi.bmc as bmc
class Fake(bmc.Bmc):
    def __init__(self, authdata, port, address):
        super().__init__(authdata, port=port, address=address)
        self.powerstate, self.bootdevice = 'off', 'default'
    def get_boot_device(self): return self.bootdevice
    def set_boot_device(self, device): self.bootdevice = device
    def get_power_state(self): return self.powerstate
    def power_off(self): self.powerstate = 'off'
    def power_on(self): self.powerstate = 'on'
    def power_reset(self): pass
    def power_shutdown(self): self.powerstate = 'off'
Fake({'root': sys.argv[1]}, int(sys.argv[2]), '::').listen()
";
    command
        .args(["-c", program, PASSWORD, &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// OpenStack's `sushy-emulator`: Redfish over TLS, a machine that switches some seconds after it was told.
pub struct Sushy {
    emulator: Option<Running>,
    folder: tempfile::TempDir,
    port: u16,
}

impl Sushy {
    /// Starts one on `127.0.0.1:port` of the segment.
    pub fn start(segment: &Segment, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        // bcrypt of the password.
        std::fs::write(
            folder.path().join("htpasswd"),
            "root:$2b$04$7ijAilaXrrFECVuBK5RRfOKGK9Tqz0TW8Ra4o87ocYMycjnFlaoZq\n",
        )
        .unwrap();
        let mut sushy = Self {
            emulator: None,
            folder,
            port,
        };
        sushy.new_certificate();
        sushy.run(segment);
        sushy
    }

    /// Makes a certificate, another one than before.
    pub fn new_certificate(&self) {
        let path = self.folder.path();
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bmc",
            ])
            .arg("-keyout")
            .arg(path.join("key.pem"))
            .arg("-out")
            .arg(path.join("cert.pem"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Starts it, anew if it runs.
    pub fn run(&mut self, segment: &Segment) {
        self.emulator = None;
        let path = self.folder.path().display();
        let config = format!(
            "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = {}\n\
             SUSHY_EMULATOR_SSL_CERT = '{path}/cert.pem'\nSUSHY_EMULATOR_SSL_KEY = '{path}/key.pem'\n\
             SUSHY_EMULATOR_AUTH_FILE = '{path}/htpasswd'\nSUSHY_EMULATOR_FAKE_DRIVER = True\n\
             SUSHY_EMULATOR_FEATURE_SET = 'full'\nSUSHY_EMULATOR_STATE_DIR = '{path}/state'\n\
             SUSHY_EMULATOR_FAKE_SYSTEMS = [{{'uuid': '11111111-1111-4111-8111-000000000001', 'name': 'sushy', \
             'power_state': 'Off', 'external_notifier': False, \
             'nics': [{{'mac': '52:54:00:00:00:01', 'ip': '172.22.0.101'}}]}}]\n",
            self.port
        );
        let file = self.folder.path().join("emulator.conf");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = segment.command(python("sushy-emulator").to_str().unwrap());
        command
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.emulator = Some(Running(command.spawn().unwrap()));
    }
}

/// A cluster of nodes whose BMCs stand in `nodes`, each line of it below `nodes:`.
pub fn cluster(defaults: &str, nodes: &str) -> String {
    format!(
        "cluster: rack\nnetworks:\n  boot: {{ prefix: 10.77.0.0/24 }}\n\
         defaults:\n  bmc: {{ user: root, password_from: \"env:BMC_PASSWORD\", {defaults} }}\nnodes:\n{nodes}"
    )
}
