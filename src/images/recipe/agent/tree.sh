# Sourced by the agent: an image that is a tree of files (a squashfs), with its kernel and initrd beside it.

put_tree() {
    make_partitions
    make_filesystems
    if fits_in_ram; then
        archive=$RUN/image/root.squashfs
        mkdir -p "$RUN/image"
        must "make room in memory" mount -t tmpfs -o "mode=0700,size=$((SIZE + 1048576))" bellwether-image "$RUN/image"
    else
        archive=$TARGET/.bellwether-root.squashfs
    fi
    tell "fetching $URL ($(human "$SIZE"))"
    fetched() { stat -c %s "$archive" 2>/dev/null; }
    fetch_file "$URL" "$archive" "$SIZE" "$SHA256" &
    work=$!
    watch_while "$work" "$SIZE" fetched 2 45 fetching
    wait "$work" || fail "cannot fetch $URL"
    unpack
    rm -f "$archive"
    umount "$RUN/image" 2>/dev/null
    boot_files
    settings
    make_bootable
}

unpack() {
    tell "unpacking"
    # It draws a bar, each state of it after a carriage return.
    unpacked_percent() { tr '\r' '\n' <"$RUN/unpack" | sed -n 's/.* \([0-9]*\)%$/\1/p' | tail -n 1; }
    unsquashfs -f -d "$TARGET" "$archive" >"$RUN/unpack" 2>"$RUN/unpack-errors" </dev/null &
    work=$!
    watch_unpacking "$work"
    if ! wait "$work"; then
        head -n 20 "$RUN/unpack-errors" >>"$LOG"
        fail "cannot unpack the image: $(head -n 1 "$RUN/unpack-errors")"
    fi
    [ -d "$TARGET/etc" ] && [ -d "$TARGET/usr" ] || fail "the image holds no system: there is no /etc or no /usr in it"
}

watch_unpacking() {
    while [ -d "/proc/$1" ] && [ "$(busybox awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null)" != Z ]; do
        now=$(unpacked_percent)
        [ -z "$now" ] || progress $((45 + 40 * now / 100)) "unpacking: $now%"
        sleep 1
    done
}

# The kernel package is installed in the tree without its files in /boot: those of the image itself go there.
boot_files() {
    release=
    for dir in "$TARGET"/usr/lib/modules/*; do
        [ -z "$release" ] || fail "the image has modules for more than one kernel"
        release=${dir##*/}
    done
    mkdir -p "$TARGET/boot/efi"
    fetch_file "$KERNEL_URL" "$TARGET/boot/vmlinuz-$release" "$KERNEL_SIZE" "$KERNEL_SHA256"
    fetch_file "$INITRD_URL" "$TARGET/boot/initrd.img-$release" "$INITRD_SIZE" "$INITRD_SHA256"
    must "mount the EFI system partition" mount -t vfat -o umask=0077 "$ESP" "$TARGET/boot/efi"
}

# Who the system is. What else it is to be, cloud-init does when it first starts, from the seed that is put here.
settings() {
    tell "settings"
    fstab >"$TARGET/etc/fstab" || fail "cannot write /etc/fstab"
    echo "$HOSTNAME" >"$TARGET/etc/hostname"
    seed "$TARGET"
}

# The settings of this node, as the server has them now. They stay on the disk: later starts need no server.
seed() {
    dir=$1/var/lib/cloud/seed/nocloud
    mkdir -p "$dir" || fail "cannot make $dir"
    for document in meta-data user-data vendor-data; do
        left=20
        until curl -s -S -f --connect-timeout 10 --max-time 60 -o "$dir/$document" "$SEED$document" 2>"$RUN/curl"; do
            left=$((left - 1))
            [ "$left" -gt 0 ] || fail "cannot fetch the settings $SEED$document: $(cat "$RUN/curl")"
            sleep 3
        done
        chmod 600 "$dir/$document"
    done
    # Without it cloud-init takes local settings to need no network, and would call back before there is one.
    grep -q '^dsmode:' "$dir/meta-data" || echo "dsmode: net" >>"$dir/meta-data"
}

# The boot loader is the image's own, put on the disk by the image's own script: what belongs to one release of a
# distribution stays with it.
make_bootable() {
    tell "boot loader"
    progress 88 "boot loader"
    for dir in dev proc sys run; do
        must "prepare the new system" mount --rbind "/$dir" "$TARGET/$dir"
    done
    DISK=$DISK CONSOLE=$CONSOLE KERNEL_ARGS=$KERNEL_ARGS PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        run chroot "$TARGET" /usr/lib/bellwether/to-disk || fail "the image cannot be made to boot from $DISK"
    for dir in run sys proc dev; do
        run umount -R -l "$TARGET/$dir"
    done
    firmware_entry '\EFI\debian\shimx64.efi' debian "$(partition_number "$ESP")"
}
