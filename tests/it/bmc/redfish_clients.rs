//! The Redfish of our virtual BMC against the clients of others, and both its doors on one state.

use std::process::Output;

use super::emulators::{python, until};
use super::virtuals::{bmcs, ipmitool, said};
use crate::support::segment::Segment;

fn redfishtool(segment: &Segment, login: &str, words: &[&str]) -> Output {
    let mut command = segment.command(python("redfishtool").to_str().unwrap());
    command
        .args([
            "-r",
            "127.0.1.1",
            "-u",
            "admin",
            "-p",
            "lab",
            "-S",
            "Always",
            "-A",
            login,
        ])
        .args(words)
        .env("PYTHONWARNINGS", "ignore");
    command.output().unwrap()
}

/// Runs a program in Python that has to end well; what it printed.
fn run(segment: &Segment, program: &str) -> String {
    let mut command = segment.command(python("python").to_str().unwrap());
    command.args(["-W", "ignore", "-c", program]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn started(segment: &Segment, words: &[&str]) -> super::emulators::Running {
    let running = bmcs(segment, &[&["127.0.1.1"], words].concat());
    until("the BMC answers", || {
        redfishtool(segment, "None", &["root"]).status.success()
    });
    running
}

#[test]
fn redfishtool_operates_a_virtual_bmc_and_ipmi_shows_the_same() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = started(&segment, &[]);
    for login in ["Basic", "Session"] {
        let ask = |words: &[&str]| {
            let output = redfishtool(&segment, login, words);
            assert!(output.status.success(), "{login} {words:?}: {}", said(&output));
            said(&output)
        };
        let ipmi = |words: &[&str]| said(&ipmitool(&segment, "17", words));
        ask(&["Systems", "-1", "reset", "On"]);
        until("it is on", || {
            ask(&["Systems", "-1", "get", "-P", "PowerState"]).contains("On")
        });
        assert!(ipmi(&["power", "status"]).contains("is on"));
        // What one door sets the other shows, either way round.
        let boot = ask(&["Systems", "-1", "setBootOverride", "Once", "Pxe"]);
        assert!(boot.contains("\"BootSourceOverrideTarget\": \"Pxe\""), "{boot}");
        let flags = ipmi(&["chassis", "bootparam", "get", "5"]);
        for wanted in ["Boot Flag Valid", "only next boot", "BIOS EFI boot", "Force PXE"] {
            assert!(flags.contains(wanted), "{wanted}: {flags}");
        }
        ipmi(&["chassis", "bootdev", "disk", "options=persistent"]);
        let boot = ask(&["Systems", "-1", "get", "-P", "Boot"]);
        assert!(boot.contains("\"Continuous\"") && boot.contains("\"Hdd\""), "{boot}");
        ask(&["Systems", "-1", "setBootOverride", "Disabled"]);
        ipmi(&["chassis", "identify", "force"]);
        let led = ask(&["Systems", "-1", "get", "-P", "IndicatorLED"]);
        assert!(led.contains("Blinking"), "{led}");
        ask(&["Systems", "-1", "setIndicatorLed", "Off"]);
        assert!(ask(&["Systems", "-1", "get", "-P", "IndicatorLED"]).contains("Off"));
        assert!(ask(&["Managers", "-1", "get", "-P", "FirmwareVersion"]).contains("1.00"));
        assert!(ask(&["Chassis", "-1", "Thermal"]).contains("5700"));
        assert!(ask(&["Systems", "-1", "EthernetInterfaces", "-a"]).contains("52:54:01:00:00:00"));
        ask(&["Systems", "-1", "reset", "ForceOff"]);
        until("it is off", || ipmi(&["power", "status"]).contains("is off"));
        let log = ask(&["Systems", "-1", "Logs", "-i", "SEL", "-E"]);
        assert!(log.contains("power on") && log.contains("switched off"), "{log}");
        let counted = format!("Entries          : {}", log.matches("\"EntryType\"").count());
        assert!(ipmi(&["sel", "info"]).contains(&counted), "{counted}");
        // What cannot be done is refused.
        let late = redfishtool(&segment, login, &["Systems", "-1", "reset", "ForceRestart"]);
        assert!(!late.status.success(), "{}", said(&late));
    }
}

#[test]
fn sushy_operates_a_virtual_bmc() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = started(&segment, &[]);
    let program = r"
import time, sushy
from sushy import auth
def wait(system, state):
    while system.power_state != state:
        time.sleep(0.1)
        system.refresh(force=True)
for login in (auth.BasicAuth('admin', 'lab'), auth.SessionAuth('admin', 'lab')):
    root = sushy.Sushy('https://127.0.1.1', auth=login, verify=False)
    system = root.get_system()
    assert system.power_state == sushy.PowerState.OFF
    assert sushy.ResetType.POWER_CYCLE in system.get_allowed_reset_system_values()
    system.reset_system(sushy.ResetType.ON)
    wait(system, sushy.PowerState.ON)
    system.set_system_boot_options(sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE,
        mode=sushy.BootSourceOverrideMode.UEFI)
    system.refresh(force=True)
    assert (system.boot.target, system.boot.mode) == (sushy.BootSource.PXE, sushy.BootSourceOverrideMode.UEFI)
    system.set_indicator_led(sushy.INDICATOR_LED_BLINKING)
    assert list(system.ethernet_interfaces.summary) == ['52:54:01:00:00:00']
    assert system.managers[0].firmware_version == '1.00'
    system.reset_system(sushy.ResetType.FORCE_OFF)
    wait(system, sushy.PowerState.OFF)
try:
    sushy.Sushy('https://127.0.1.1', auth=auth.SessionAuth('admin', 'wrong'), verify=False)
    raise SystemExit('a wrong password was taken')
except sushy.exceptions.AccessError:
    pass
";
    run(&segment, program);
}

#[test]
fn sessions_are_given_taken_back_and_bounded() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = started(&segment, &[]);
    let program = r"
import redfish, redfish_utilities
from redfish.rest.v1 import InvalidCredentialsError, SessionCreationError
def client(password='lab'):
    client = redfish.redfish_client(base_url='https://127.0.1.1', username='admin', password=password)
    client.login(auth='session')
    return client
try:
    client('wrong')
    raise SystemExit('a wrong password was taken')
except InvalidCredentialsError:
    pass
clients = [client() for _ in range(16)]
try:
    client()
    raise SystemExit('a seventeenth session was given')
except SessionCreationError as error:
    assert '503' in str(error), error
clients.pop().logout()
one = client()
# Who read before something changed does not write over it.
system = one.get('/redfish/v1/Systems/1')
tag = system.getheader('ETag')
light = {'LocationIndicatorActive': True}
assert one.patch('/redfish/v1/Systems/1', body=light, headers={'If-Match': tag}).status == 200
assert one.patch('/redfish/v1/Systems/1', body=light, headers={'If-Match': tag}).status == 412
for body, status in (({'PowerState': 'Off'}, 400), ({'Boot': {'BootSourceOverrideTarget': 'Floppy'}}, 400), ({'Boot': 1}, 400)):
    assert one.patch('/redfish/v1/Systems/1', body=body).status == status, body
assert one.post('/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', body={'ResetType': 'Explode'}).status == 400
assert one.delete('/redfish/v1/Systems/1').status == 405
assert one.get('/redfish/v1/Nowhere').status == 404
assert one.get('/redfish/v1/Systems?$expand=*').status == 501
assert one.post('/redfish/v1/SessionService/Sessions', body={'UserName': 'x' * 100000}).status == 413
names = [reading['Name'] for reading in redfish_utilities.get_sensors(one)[0]['Readings']]
assert 'Inlet Temp' in names and '12V' in names, names
redfish_utilities.clear_log_entries(one, redfish_utilities.log_container.SYSTEM, None, 'SEL')
# A BMC that starts anew knows nobody any more.
redfish_utilities.manager_reset(one, None, 'GracefulRestart')
assert one.get('/redfish/v1/Systems/1').status == 401
client()
# An operator switches, and does not administer.
operator = redfish.redfish_client(base_url='https://127.0.1.1', username='operator', password='lab')
operator.login(auth='basic')
assert operator.post('/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', body={'ResetType': 'On'}).status == 204
assert operator.post('/redfish/v1/Managers/1/Actions/Manager.Reset', body={}).status == 403
";
    run(&segment, program);
}

#[test]
fn the_protocol_validator_finds_no_fault_but_that_there_are_no_accounts() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = started(&segment, &[]);
    let folder = tempfile::tempdir().unwrap();
    let mut shown = segment.command("openssl");
    shown
        .args(["s_client", "-connect", "127.0.1.1:443"])
        .stdin(std::process::Stdio::null());
    let shown = said(&shown.output().unwrap());
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n");
    let from = shown.find(begin).unwrap();
    let to = shown.find(end).unwrap() + end.len();
    let certificate = folder.path().join("bmc.pem");
    std::fs::write(&certificate, &shown[from..to]).unwrap();
    let mut validator = segment.command(python("rf_protocol_validator").to_str().unwrap());
    validator
        .args([
            "-u",
            "admin",
            "-p",
            "lab",
            "-r",
            "https://127.0.1.1",
            "--avoid-http-redirect",
        ])
        .arg("--ca-bundle")
        .arg(&certificate)
        .arg("--report-dir")
        .arg(folder.path())
        .env("REQUESTS_CA_BUNDLE", &certificate);
    let output = validator.output().unwrap();
    let reports = std::fs::read_dir(folder.path()).unwrap();
    let report = reports
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "tsv"));
    let report = report.unwrap_or_else(|| panic!("no report: {}", said(&output)));
    let report = std::fs::read_to_string(report).unwrap();
    let lines = |verdict: &str| -> Vec<String> {
        let lines = report.lines().filter(|line| line.split('\t').nth(4) == Some(verdict));
        lines.map(str::to_string).collect()
    };
    assert!(lines("PASS").len() > 150, "{}", said(&output));
    // Users are not administered here.
    let failed: Vec<String> = lines("FAIL")
        .into_iter()
        .filter(|line| !line.starts_with("SEC_PRIV_SUPPORT_PREDEFINED_ROLES"))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
