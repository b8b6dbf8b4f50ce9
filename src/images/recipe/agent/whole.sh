# Sourced by the agent: an image that is a whole disk, compressed with zstd.

# It has the disk's own partitions in it.
put_whole() {
    [ "$(blockdev --getss "$DISK")" = 512 ] ||
        fail "$DISK has sectors of $(blockdev --getss "$DISK") bytes, the image is made for 512"
    tell "writing $URL ($(human "$SIZE"), $(human "$UNPACKED") unpacked)"
    write_whole
    tell "written and checked"
    settle_whole
}

# The first MiB, where partitions and boot loader begin, is kept back and written last of all, when the checksum is right: a
# disk that is not whole does not boot.
write_whole() {
    rm -f "$RUN/sum-pipe"
    mkfifo "$RUN/sum-pipe" || fail "cannot make a pipe"
    sha256sum <"$RUN/sum-pipe" >"$RUN/sum" &
    summing=$!
    write_stream "$URL" "$SIZE" "$DISK" "$RUN/sum-pipe" &
    work=$!
    written() { written_bytes "$DISK"; }
    watch_while "$work" "$UNPACKED" written 2 90 writing
    wait "$work"
    status=$?
    wait "$summing"
    [ -s "$RUN/fetch-error" ] && fail "$(cat "$RUN/fetch-error")"
    [ "$status" = 0 ] || fail "the image cannot be unpacked, or not be written to $DISK"
    read -r found _ <"$RUN/sum"
    [ "$found" = "$SHA256" ] || fail "$URL has the SHA-256 $found, expected $SHA256: bellwether image verify $IMAGE"
    must "write the beginning of $DISK" dd if="$RUN/first" of="$DISK" bs=1M conv=fsync
}

# Fetch $1 of $2 bytes and unpack it to the disk $3; what is fetched goes into the pipe $4 too.
write_stream() {
    set -o pipefail
    # shellcheck disable=SC2094
    stream "$1" "$2" | tee "$4" | zstd -d -c -q -T1 2>>"$LOG" | {
        dd of="$RUN/first" bs=1M count=1 iflag=fullblock 2>/dev/null &&
            exec dd of="$3" bs=1M seek=1 iflag=fullblock conv=fsync 2>>"$LOG"
    }
}

# How far the writer of disk $1 has come.
written_bytes() {
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/fd/1" 2>/dev/null)" = "$1" ] || continue
        position "${process##*/}" 1
        return
    done
}

# The disk is hardly ever as large as the image: the second copy of the partition table goes to its end, and the last
# partition and what is in it take the rest.
settle_whole() {
    run blockdev --rereadpt "$DISK"
    settle
    if [ "$(blkid -p -s PTTYPE -o value "$DISK")" = gpt ]; then
        must "move the second partition table to the end of $DISK" sfdisk --quiet --relocate gpt-bak-std "$DISK"
    fi
    last=$(last_partition)
    if [ -n "$last" ]; then
        # sfdisk's words for: begin where it begins, take all there is.
        echo ', +' | run_in sfdisk --quiet --force -N "$(partition_number "$last")" "$DISK" ||
            tell "the last partition of $DISK keeps its size"
        settle
        grow "$last"
    fi
    find_root && seed_whole
    esp=$(blkid_esp)
    [ -z "$esp" ] || fallback_loader "$esp"
}

run_in() {
    "$@" >>"$LOG" 2>&1
}

# The partition that begins last.
last_partition() {
    sfdisk --dump "$DISK" 2>/dev/null | sed -n 's/^\([^ ]*\) : start= *\([0-9]*\),.*/\2 \1/p' | sort -n | tail -n 1 |
        cut -d ' ' -f 2
}

grow() {
    mkdir -p "$TARGET"
    case "$(blkid -p -s TYPE -o value "$1")" in
        ext2 | ext3 | ext4)
            run e2fsck -f -y "$1"
            run resize2fs "$1"
            ;;
        xfs) run mount -t xfs "$1" "$TARGET" && { run xfs_growfs "$TARGET"; run umount "$TARGET"; } ;;
        btrfs) run mount -t btrfs "$1" "$TARGET" && { run btrfs filesystem resize max "$TARGET"; run umount "$TARGET"; } ;;
    esac
}

# Mount the partition that holds a system with cloud-init.
find_root() {
    mkdir -p "$TARGET"
    for part in "$DISK"?*; do
        [ -b "$part" ] || continue
        kind=$(blkid -p -s TYPE -o value "$part")
        case "$kind" in
            ext[234] | xfs | btrfs) ;;
            *) continue ;;
        esac
        run mount -t "$kind" "$part" "$TARGET" || continue
        [ -d "$TARGET/etc/cloud" ] && return 0
        umount "$TARGET"
    done
    tell "no system with cloud-init in this image: it gets no settings and will not report when it is ready"
    return 1
}

seed_whole() {
    seed "$TARGET"
    # Data sources are searched for where ds-identify does not know ours; this names it.
    mkdir -p "$TARGET/etc/cloud/cloud.cfg.d"
    printf '%s\n' '# Written by Bellwether: the settings are in /var/lib/cloud/seed/nocloud.' \
        'datasource_list: [ NoCloud, None ]' >"$TARGET/etc/cloud/cloud.cfg.d/99_bellwether.cfg"
    rm -rf "$TARGET/var/lib/cloud/instance" "$TARGET/var/lib/cloud/instances" "$TARGET/var/lib/cloud/data"
    : >"$TARGET/etc/machine-id"
    rm -f "$TARGET"/etc/ssh/ssh_host_*_key "$TARGET"/etc/ssh/ssh_host_*_key.pub
    must "finish writing" umount "$TARGET"
}

blkid_esp() {
    sfdisk --dump "$DISK" 2>/dev/null |
        sed -n 's/^\([^ ]*\) : .*type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B.*/\1/p' | head -n 1
}

# Firmware that has no entry for this disk starts \EFI\BOOT\BOOTX64.EFI.
fallback_loader() {
    mkdir -p "$RUN/esp"
    run mount -t vfat "$1" "$RUN/esp" || return 0
    loader=
    for file in "$RUN"/esp/EFI/BOOT/BOOTX64.EFI "$RUN"/esp/EFI/*/shimx64.efi "$RUN"/esp/EFI/*/grubx64.efi; do
        [ -f "$file" ] && loader=$file && break
    done
    case "$loader" in
        '') tell "no boot loader for UEFI in this image" ;;
        */BOOT/*) ;;
        *)
            mkdir -p "$RUN/esp/EFI/BOOT"
            run cp "${loader%/*}"/*.efi "$RUN/esp/EFI/BOOT/"
            run cp "$loader" "$RUN/esp/EFI/BOOT/BOOTX64.EFI"
            ;;
    esac
    run umount "$RUN/esp"
    [ -z "$loader" ] || firmware_entry '\EFI\BOOT\BOOTX64.EFI' "$IMAGE" "$(partition_number "$1")"
}
