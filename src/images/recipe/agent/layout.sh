# Sourced by the agent: from a disk to filesystems that are mounted at $TARGET.
# Wants DISK, and from the plan RECIPE, FILESYSTEM and SWAP.

MIB=1048576
# Room for two boot loaders and what a firmware update puts beside them.
ESP_BYTES=$((256 * MIB))

# The path of a partition: a disk whose name ends in a digit has a `p` before the number.
partition() {
    case "$DISK" in
        *[0-9]) echo "${DISK}p$1" ;;
        *) echo "$DISK$1" ;;
    esac
}

# Bytes that the disk needs for this plan. A tree takes more on a filesystem than it has bytes: blocks, inodes, a
# journal, and room to work in.
bytes_needed() {
    if [ "$KIND" = disk ]; then
        echo "$UNPACKED"
    else
        echo $((4 * MIB + ESP_BYTES + SWAP + UNPACKED * 5 / 4 + KERNEL_SIZE + INITRD_SIZE + $(bytes_beside) + 192 * MIB))
    fi
}

# The image itself, where it has to lie on the disk while it is unpacked.
bytes_beside() {
    if fits_in_ram; then
        echo 0
    else
        echo "$SIZE"
    fi
}

# Forget what was on the disk: every signature of every partition and of the disk, both copies of a GPT, what a boot
# loader left in the first MiB.
wipe_disk() {
    for part in "$DISK"?*; do
        [ -b "$part" ] && run wipefs -a -f "$part"
    done
    must "wipe $DISK" wipefs -a -f "$DISK"
    must "wipe $DISK" dd if=/dev/zero of="$DISK" bs="$MIB" count=1 conv=fsync
    # The second copy of a GPT whose first one is gone already is no signature to wipefs.
    sectors=$(($(blockdev --getsize64 "$DISK") / 512))
    must "wipe the end of $DISK" dd if=/dev/zero of="$DISK" bs=512 seek=$((sectors - 2048)) count=2048 conv=fsync
    run blockdev --rereadpt "$DISK"
    settle
}

settle() {
    udevadm settle --timeout=20
}

# sfdisk's description of the disk: for BIOS a partition for GRUB's core, for UEFI its system partition, the same disk
# boots on both. The root comes last, so that it can grow.
layout() {
    kind=0FC63DAF-8483-4772-8E79-3D69D8477DE4
    [ "$RECIPE" = lvm ] && kind=E6D6D379-F507-44C2-A23C-238F2A3DF928
    echo "label: gpt"
    echo "size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios"
    echo "size=$((ESP_BYTES / MIB))MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp"
    [ "$SWAP" -gt 0 ] && [ "$RECIPE" != lvm ] &&
        echo "size=$((SWAP / MIB))MiB, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, name=swap"
    echo "type=$kind, name=root"
}

make_partitions() {
    layout >"$RUN/layout"
    # shellcheck disable=SC2024
    sfdisk --quiet --wipe always --wipe-partitions always "$DISK" <"$RUN/layout" >>"$LOG" 2>&1 ||
        fail "cannot partition $DISK"
    settle
    last=3
    [ "$SWAP" -gt 0 ] && [ "$RECIPE" != lvm ] && last=4
    tries=50
    until [ -b "$(partition "$last")" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "the partitions of $DISK did not appear"
        sleep 0.2
    done
    ESP=$(partition 2)
    SWAP_DEVICE=
    if [ "$RECIPE" = lvm ]; then
        make_volumes "$(partition 3)"
    else
        [ "$last" = 4 ] && SWAP_DEVICE=$(partition 3)
        ROOT_DEVICE=$(partition "$last")
    fi
}

# A volume group of a name that no other disk of this machine has. Nothing but this disk is looked at.
make_volumes() {
    read -r random </proc/sys/kernel/random/uuid
    GROUP=system-${random%%-*}
    # No rules of LVM's are here for udev, which it would wait for.
    only="devices{filter=[\"a|^$1\$|\",\"r|.*|\"] use_devicesfile=0} activation{udev_sync=0 udev_rules=0}"
    must "make a physical volume of $1" lvm pvcreate --config "$only" -ff -y "$1"
    must "make a volume group on $1" lvm vgcreate --config "$only" -y "$GROUP" "$1"
    if [ "$SWAP" -gt 0 ]; then
        must "make a volume for swap" lvm lvcreate --config "$only" -y -W y -n swap -L "${SWAP}b" "$GROUP"
        SWAP_DEVICE=/dev/$GROUP/swap
    fi
    must "make a volume for the root" lvm lvcreate --config "$only" -y -W y -n root -l 100%FREE "$GROUP"
    ROOT_DEVICE=/dev/$GROUP/root
    settle
}

make_filesystems() {
    must "make the EFI system partition" mkfs.vfat -F 32 -n ESP "$ESP"
    case "$FILESYSTEM" in
        # GRUB of Debian 12 reads neither of the two.
        ext4) must "make an ext4" mkfs.ext4 -q -F -L root -O ^metadata_csum_seed,^orphan_file "$ROOT_DEVICE" ;;
        xfs) must "make an XFS" mkfs.xfs -q -f -L root "$ROOT_DEVICE" ;;
        btrfs) must "make a Btrfs" mkfs.btrfs -q -f -L root "$ROOT_DEVICE" ;;
        *) fail "the plan asks for a filesystem that this agent does not know: $FILESYSTEM" ;;
    esac
    [ -z "$SWAP_DEVICE" ] || must "make swap" mkswap -L swap "$SWAP_DEVICE"
    settle
    mkdir -p "$TARGET"
    must "mount the new root" mount -t "$FILESYSTEM" "$ROOT_DEVICE" "$TARGET"
}

uuid_of() {
    blkid -p -s UUID -o value "$1"
}

fstab() {
    options=defaults
    [ "$FILESYSTEM" = ext4 ] && options=errors=remount-ro
    check=0
    [ "$FILESYSTEM" = ext4 ] && check=1
    echo "# Written by Bellwether when this system was put on its disk."
    # A disk that is slow to appear holds nothing up, and is used when it does.
    echo "UUID=$(uuid_of "$ROOT_DEVICE") / $FILESYSTEM $options 0 $check"
    echo "UUID=$(uuid_of "$ESP") /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=5min 0 0"
    [ -z "$SWAP_DEVICE" ] || echo "UUID=$(uuid_of "$SWAP_DEVICE") none swap sw,nofail,x-systemd.device-timeout=5min 0 0"
}
