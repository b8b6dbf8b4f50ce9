#!/bin/bash
# What goes into the initrd of the agent: drivers for disks and NICs, real tools for partitions and filesystems, and the
# agent itself.

check() {
    # Only when asked for by name.
    return 255
}

depends() {
    echo base udev-rules kernel-modules
}

installkernel() {
    # Every wired NIC and every disk the kernel knows: nobody can say which machine will boot this.
    hostonly='' instmods =drivers/net/ethernet =drivers/net/phy =drivers/net/mdio =drivers/net/usb \
        virtio_net virtio_pci virtio_mmio virtio-rng hv_netvsc vmxnet3 xen-netfront ena gve af_packet
    hostonly='' instmods =drivers/nvme =drivers/scsi =drivers/ata =drivers/message =drivers/mmc =drivers/block
    hostonly='' instmods ext4 xfs btrfs vfat nls_cp437 nls_ascii nls_iso8859-1 nls_utf8 dm_mod efivarfs loop
    hostonly='' instmods ehci_pci ehci_hcd uhci_hcd xhci_pci xhci_hcd usbhid hid_generic i8042 atkbd
}

install() {
    # dracut's own shell is dash; ours is busybox, whose `read` knows a time-out.
    inst_multiple busybox ip cat cp chroot cut dd df du head install ln ls mkdir mkfifo mount mv readlink rm rmdir sed \
        sha256sum sleep sort stat sync tail tee touch tr truncate umount
    inst_multiple blkid blockdev dmsetup efibootmgr lvm mkswap sfdisk udevadm wipefs
    inst_multiple mke2fs mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat e2fsck resize2fs xfs_growfs btrfs
    inst_multiple curl unsquashfs zstd
    inst_simple /etc/mke2fs.conf
    # A NIC that is up cannot be renamed any more, so it gets its lasting name here.
    inst_rules 60-persistent-storage.rules 75-net-description.rules 80-net-setup-link.rules
    inst_multiple -o /usr/lib/systemd/network/99-default.link
    for part in network.sh report.sh plan.sh disks.sh layout.sh fetch.sh tree.sh whole.sh firmware.sh; do
        inst_simple "$moddir/$part" "/lib/bellwether/$part"
    done
    inst_script "$moddir/bellwether-agent" /sbin/bellwether-agent
    inst_script "$moddir/dhcp-lease" /sbin/bellwether-dhcp-lease
    inst_hook cmdline 20 "$moddir/claim-root.sh"
    inst_hook mount 10 "$moddir/run-agent.sh"
}
