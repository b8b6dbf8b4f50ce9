//! Where boots begin and end, told with the sequences that real firmware shows.

use super::{Boot, NodeState, Step, World};
use crate::event::{Outcome, Role, Stage, What};
use crate::story::{NODE, SECOND_MAC, Story, beginning, story};

fn state(story: &Story) -> NodeState {
    (*story.world().state(NODE)).clone()
}

/// The boots, oldest first, as the steps they reached in the order in which they reached them.
fn boots(story: &Story) -> Vec<String> {
    let state = state(story);
    let steps = |boot: &Boot| {
        boot.marks
            .iter()
            .map(|m| m.step.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    state.all_boots().rev().map(steps).collect()
}

fn position(story: &Story) -> Option<Step> {
    state(story).boot?.position().map(|m| m.step)
}

const UEFI: &str = "discover, dhcp, loader, loader dhcp, script, kernel, initrd, os dhcp, root image, answers, ready";

#[test]
fn a_uefi_pxe_boot_is_one_boot_up_to_ready() {
    let told = story().uefi_boot().ready();
    assert_eq!(boots(&told), [UEFI]);
    let boot = state(&told).boot.unwrap();
    assert_eq!(boot.discovers, 1, "iPXE's own questions are not the firmware's");
    assert_eq!(boot.firmware, Some(Stage::Firmware));
    assert_eq!(boot.loader.as_deref(), Some("snponly.efi"));
    assert_eq!(boot.image.as_deref(), Some("debian-12"));
    assert_eq!(
        boot.mark(Step::OsDhcp).unwrap().times,
        2,
        "initramfs and system ask one after the other"
    );
    assert_eq!(boot.trouble, None);
}

#[test]
fn a_uefi_http_boot_asks_for_the_length_and_is_one_boot() {
    let told = story()
        .http_firmware_dhcp()
        .transfer(Role::Loader, "loaders/ipxe.efi", 0, 851_000, 0.001, Outcome::Partial)
        .fetched(Role::Loader, "loaders/ipxe.efi", 851_000, 0.1)
        .ipxe_dhcp()
        .script("image")
        .kernel()
        .initrd();
    assert_eq!(
        boots(&told),
        ["discover, dhcp, loader, loader dhcp, script, kernel, initrd"]
    );
    assert_eq!(state(&told).boot.unwrap().firmware, Some(Stage::HttpFirmware));
}

#[test]
fn shim_and_grub_are_two_loaders_of_one_boot_and_shims_extra_files_are_no_trouble() {
    let told = story()
        .firmware_dhcp()
        .transfer(Role::Loader, "shimx64.efi", 0, 966_000, 0.01, Outcome::Probed)
        .fetched(Role::Loader, "shimx64.efi", 966_000, 0.6)
        .missing(Role::Loader, "revocations_sku.efi")
        .missing(Role::Loader, "revocations_sbat.efi")
        .fetched(Role::Loader, "grubx64.efi", 2_600_000, 1.4)
        .missing(Role::Loader, "shim_certificate_0.efi")
        .wait(3.0)
        .script("image")
        .fetched(Role::Kernel, "images/debian-12/vmlinuz", 14_200_000, 9.0);
    assert_eq!(boots(&told), ["discover, dhcp, loader, script, kernel"]);
    assert_eq!(state(&told).boot.unwrap().trouble, None);
}

#[test]
fn ipxe_in_rom_begins_a_boot_itself() {
    let rom = |story: Story| {
        story
            .discover(Stage::Ipxe)
            .wait(3.0)
            .lease(Stage::Ipxe)
            .script("image")
            .kernel()
            .initrd()
    };
    let told = rom(story().wait(2.3)).os_dhcp().root().answers().ready();
    let told = rom(told.wait(40.0));
    assert_eq!(
        boots(&told),
        [
            "discover, loader dhcp, script, kernel, initrd, os dhcp, root image, answers, ready",
            "discover, loader dhcp, script, kernel, initrd"
        ]
    );
    assert_eq!(state(&told).boot.unwrap().firmware, Some(Stage::Ipxe));
}

#[test]
fn a_script_that_hands_over_undionly_starts_the_same_boot_over() {
    let handed = story()
        .discover(Stage::Ipxe)
        .wait(3.0)
        .lease(Stage::Ipxe)
        .script("image")
        .fetched(Role::Loader, "undionly.kpxe", 88_000, 0.1);
    assert_eq!(
        position(&handed),
        Some(Step::Loader),
        "the second iPXE is awaited, no kernel"
    );
    let asked = handed.ipxe_dhcp();
    assert_eq!(position(&asked), Some(Step::LoaderDhcp));
    let told = asked.script("image").kernel().initrd();
    assert_eq!(boots(&told), ["discover, loader dhcp, script, loader, kernel, initrd"]);
    assert_eq!(state(&told).boot.unwrap().discovers, 1);
}

#[test]
fn repeated_discovers_belong_to_one_boot_and_a_long_silence_ends_it() {
    let told = story()
        .discover(Stage::Firmware)
        .wait(4.0)
        .discover(Stage::Firmware)
        .wait(32.0);
    let told = told.discover(Stage::Firmware);
    assert_eq!(boots(&told), ["discover"]);
    assert_eq!(state(&told).boot.unwrap().discovers, 3);
    assert_eq!(
        boots(&told.wait(300.0).discover(Stage::Firmware)),
        ["discover", "discover"]
    );
}

#[test]
fn an_unanswered_ipxe_in_rom_does_not_stay_in_one_boot_for_months() {
    let told = story().discover(Stage::Ipxe).wait(86_400.0).discover(Stage::Ipxe);
    assert_eq!(boots(&told), ["discover", "discover"]);
}

#[test]
fn firmware_that_asks_again_after_its_loader_was_restarted_or_refused_it() {
    let told = story().uefi_to_loader().wait(1.0).uefi_to_loader();
    assert_eq!(boots(&told), ["discover, dhcp, loader", "discover, dhcp, loader"]);
}

#[test]
fn http_boot_after_pxe_is_the_next_entry_of_one_boot() {
    let told = story().uefi_to_loader().wait(100.0).http_firmware_dhcp();
    assert_eq!(boots(&told), ["discover, dhcp, loader"]);
    assert_eq!(position(&told), Some(Step::Dhcp), "what PXE reached is over");
    let told = told.loader("ipxe.efi").ipxe_dhcp().script("image");
    assert_eq!(position(&told), Some(Step::Script));
    assert_eq!(boots(&told).len(), 1);
}

#[test]
fn a_local_script_lets_the_firmware_walk_through_its_entries_without_new_boots() {
    let told = story()
        .target("local", true)
        .uefi_to_loader()
        .ipxe_dhcp()
        .script("local")
        .wait(70.0)
        .http_firmware_dhcp()
        .loader("ipxe.efi")
        .ipxe_dhcp()
        .script("local")
        .wait(20.0)
        .os_dhcp();
    assert_eq!(boots(&told).len(), 1, "{:?}", boots(&told));
    assert_eq!(state(&told).boots, 1);
}

#[test]
fn grub_on_the_way_to_the_disk_and_a_disk_without_a_system_begin_no_boot() {
    let grub = |story: Story| {
        story
            .script("local")
            .fetched(Role::Loader, "loaders/grubx64.efi", 2_600_000, 0.2)
    };
    let told = grub(story().target("local", true).uefi_to_loader().ipxe_dhcp());
    assert_eq!(
        boots(&told),
        ["discover, dhcp, loader, loader dhcp, script, local boot"]
    );
    assert_eq!(position(&told), Some(Step::LocalBoot));
    let told = (0..3).fold(told, |story, _| grub(story.wait(32.0)));
    assert_eq!(boots(&told).len(), 1);
    assert_eq!(state(&told).boot.unwrap().mark(Step::LocalBoot).unwrap().times, 4);
    let told = told.wait(600.0).uefi_to_loader();
    assert_eq!(boots(&told).len(), 2, "switched on again");
}

#[test]
fn the_second_nic_is_tried_in_the_same_boot() {
    let told = story()
        .uefi_to_loader()
        .ipxe_dhcp()
        .script("image")
        .missing_kernel()
        .wait(1.0)
        .nic(SECOND_MAC);
    let told = told.ipxe_dhcp();
    assert_eq!(boots(&told).len(), 1);
    assert_eq!(position(&told), Some(Step::LoaderDhcp));
}

#[test]
fn a_node_that_was_ready_and_asks_from_its_other_nic_boots_anew() {
    let told = story().uefi_boot().ready().wait(60.0).nic(SECOND_MAC).firmware_dhcp();
    assert_eq!(boots(&told), [UEFI, "discover, dhcp"]);
}

#[test]
fn renewing_an_address_begins_nothing() {
    let told = story()
        .uefi_boot()
        .ready()
        .wait(1800.0)
        .lease(Stage::Os)
        .wait(1800.0)
        .lease(Stage::Os);
    assert_eq!(boots(&told), [UEFI]);
    assert!(state(&told).boot.unwrap().is_ready());
}

#[test]
fn power_comes_before_the_first_question_even_if_it_is_confirmed_after() {
    let before = story().power("on").wait(200.0).firmware_dhcp();
    assert_eq!(boots(&before), ["power, discover, dhcp"]);
    let after = story()
        .discover(Stage::Firmware)
        .wait(1.0)
        .power("on")
        .wait(3.0)
        .lease(Stage::Firmware);
    assert_eq!(boots(&after), ["discover, power, dhcp"]);
}

#[test]
fn switching_off_is_no_step_of_a_boot() {
    let told = story().uefi_boot().ready().wait(60.0).power("off");
    assert_eq!(boots(&told), [UEFI]);
    assert_eq!(state(&told).power.unwrap().0, "off");
    assert_eq!(boots(&story().power("off")), [] as [&str; 0]);
}

#[test]
fn beside_a_foreign_dhcp_server_the_loader_begins_the_boot() {
    let once = |story: Story| {
        story
            .loader("snponly.efi")
            .wait(5.0)
            .script("image")
            .kernel()
            .initrd()
            .root()
            .answers()
    };
    let steps = "loader, script, kernel, initrd, root image, answers";
    let told = once(story()).ready();
    let started = state(&told).boot.unwrap().started;
    assert!(
        started.duration_since(beginning()).as_millis() < 20,
        "counted from the beginning of the transfer"
    );
    let told = once(told.wait(100.0));
    assert_eq!(boots(&told), [&format!("{steps}, ready"), steps]);
}

#[test]
fn beside_a_foreign_dhcp_server_a_rebooted_kernel_is_recognised_by_its_script() {
    let told = story().script("image").kernel().initrd().wait(150.0).script("image");
    assert_eq!(boots(&told), ["script, kernel, initrd", "script"]);
    let retried = story()
        .script("image")
        .kernel()
        .missing(Role::Initrd, "initrd.img")
        .wait(5.0)
        .script("image");
    assert_eq!(boots(&retried).len(), 1, "a loader that tries again has not rebooted");
}

#[test]
fn late_news_of_an_earlier_boot_is_no_trouble_of_the_new_one() {
    let told = story().uefi_to_loader().wait(2.0).discover(Stage::Firmware);
    let mut late = told.wait(5.0).loader_timed_out("snponly.efi", 512);
    assert_eq!(
        state(&late).boot.unwrap().trouble,
        Some("loader snponly.efi: client went silent".into())
    );
    // The same news, of a transfer that began before this boot.
    if let Some(crate::event::What::Transfer(t)) = late.events.last_mut().map(|e| &mut e.what) {
        t.duration_ms = 60_000;
    }
    assert_eq!(state(&late).boot.unwrap().trouble, None);
}

#[test]
fn a_duplicate_request_that_times_out_later_is_no_trouble() {
    let mut told = story().uefi_to_loader();
    told = told.wait(10.0);
    told = told.transfer(Role::Loader, "snponly.efi", 1_468, 174_080, 0.0, Outcome::TimedOut);
    if let Some(crate::event::What::Transfer(t)) = told.events.last_mut().map(|e| &mut e.what) {
        t.duration_ms = 10_050; // Asked for beside the one that was completed.
    }
    assert_eq!(state(&told).boot.unwrap().trouble, None);
}

#[test]
fn what_the_node_said_when_it_failed_is_kept_through_later_transfers() {
    let told = story().uefi_to_kernel().os_dhcp().failed("no link on enp1s0").root();
    let boot = state(&told).boot.unwrap();
    assert_eq!(boot.failed.unwrap().0, "no link on enp1s0");
    assert_eq!(boot.trouble, None);
}

#[test]
fn a_client_that_names_another_server_tells_of_a_foreign_server_on_its_network() {
    let world = story().served().elsewhere([10, 77, 0, 254]).world();
    let foreign = world.networks["provision"].foreign.map(|(server, _)| server);
    assert_eq!(foreign, Some([10, 77, 0, 254].into()));
}

#[test]
fn a_snapshot_holds_every_field_of_a_boot() {
    let told = story()
        .uefi_to_loader()
        .wait(100.0)
        .http_firmware_dhcp()
        .failed("no link")
        .power("off");
    let world = told.world();
    let read = World::from_snapshot(&world.to_snapshot()).unwrap();
    assert_eq!(read.state(NODE), world.state(NODE));
}

#[test]
fn a_script_is_one_more_only_where_nothing_hangs_on_it() {
    let is_one_more = |told: &dyn Fn() -> Story| {
        let (world, next) = (told().world(), told().script("image"));
        let served = next.events.last().unwrap();
        assert!(matches!(served.what, What::ScriptServed { .. }));
        world.is_one_more_script(NODE, served.at, &served.what)
    };
    let loading = || story().uefi_to_loader().ipxe_dhcp();
    assert!(!is_one_more(&story), "it would begin a boot");
    assert!(is_one_more(&loading));
    assert!(is_one_more(&|| loading().script("image")));
    assert!(!is_one_more(&|| story().uefi_boot().ready()), "another boot begins");
    assert!(is_one_more(&|| loading().target("maintenance", false)));
    assert!(
        !is_one_more(&|| loading().target("maintenance", true)),
        "it uses the choice up"
    );
    assert!(!is_one_more(&|| loading().armed()), "a deployment counts it");
}

#[test]
fn a_script_is_the_same_if_it_starts_what_the_last_one_started() {
    let loading = || story().uefi_to_loader().ipxe_dhcp();
    let is_same = |told: Story, target| {
        let world = told.world();
        let next = told.script(target);
        world.is_same_script(NODE, &next.events.last().unwrap().what)
    };
    assert!(!is_same(loading(), "image"), "the first one");
    assert!(is_same(loading().script("image"), "image"));
    assert!(!is_same(loading().script("image"), "local"));
    assert!(
        !is_same(loading().script("image").no_image_in_script(), "image"),
        "it had no image then"
    );
}

#[test]
fn a_node_that_asks_again_and_is_given_something_else_is_not_on_the_way_to_its_disk() {
    let loading = story().uefi_to_loader().ipxe_dhcp().script("local");
    assert_eq!(position(&loading), Some(Step::LocalBoot));
    let told = loading.wait(20.0).target("shell", true).wait(1.0).script("shell");
    assert_eq!(position(&told), Some(Step::Script));
    assert_eq!(position(&told.wait(1.0).script("local")), Some(Step::LocalBoot));
}

#[test]
fn a_target_that_is_chosen_in_a_boot_is_that_of_the_boot_from_its_script_on() {
    for once in [false, true] {
        let loading = story().uefi_to_loader().ipxe_dhcp().script("image");
        let told = loading.wait(20.0).target("shell", once).wait(1.0).script("shell");
        let (world, node) = (told.world(), std::sync::Arc::new(told.node()));
        let boot = world.state(NODE).boot.clone().unwrap();
        assert_eq!(boot.target.as_deref(), Some("shell"));
        let again = crate::boot::resolve(&world, &node, Some(&boot));
        assert_eq!(
            again.target.as_str(),
            "shell",
            "a loader that asks twice gets the same answer"
        );
    }
}
