#!/bin/bash
# What goes into the initrd of a Bellwether image: the NIC drivers, busybox, and `bellwether-root`.

check() {
    # Only when asked for by name.
    return 255
}

depends() {
    echo base udev-rules
}

installkernel() {
    # Every wired NIC the kernel knows: the image does not know which machine will boot it.
    hostonly='' instmods =drivers/net/ethernet =drivers/net/phy =drivers/net/mdio =drivers/net/usb \
        virtio_net virtio_pci virtio_mmio virtio-rng hv_netvsc vmxnet3 xen-netfront ena gve af_packet
    # What the root is made of.
    hostonly='' instmods loop squashfs overlay
    # A keyboard for the rescue shell.
    hostonly='' instmods ehci_pci ehci_hcd uhci_hcd xhci_pci xhci_hcd usbhid hid_generic i8042 atkbd
}

install() {
    inst_multiple busybox ip sha256sum losetup mount umount switch_root tail cat
    # A NIC that is up cannot be renamed any more, so it gets its lasting name here.
    inst_rules 75-net-description.rules 80-net-setup-link.rules
    inst_multiple -o /usr/lib/systemd/network/99-default.link
    inst_simple "$moddir/network.sh" /lib/bellwether/network.sh
    inst_script "$moddir/bellwether-root" /sbin/bellwether-root
    inst_script "$moddir/dhcp-lease" /sbin/bellwether-dhcp-lease
    inst_hook cmdline 20 "$moddir/claim-root.sh"
    inst_hook mount 10 "$moddir/mount-root.sh"
}
