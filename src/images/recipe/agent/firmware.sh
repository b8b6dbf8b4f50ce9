# Sourced by the agent: the boot entries of UEFI firmware.

partition_number() {
    attribute "$SYS/class/block/${1##*/}/partition"
}

# The order $1 (0001,0000,…) with entry $3 after entry $2, or at its end where $2 is not in it.
order_after() {
    order=$(echo ",$1," | sed "s/,$3,/,/; s/,$2,/,$2,$3,/; s/^,//; s/,\$//")
    case ",$order," in
        *",$3,"*) echo "$order" ;;
        *) echo "${order:+$order,}$3" ;;
    esac
}

# An entry for the loader $1 on partition $3 of the disk, called $2, behind the one that this start came from: whoever
# boots from the network first goes on doing so, and the server says when the disk's turn is. What other systems have
# there is left alone; entries of that name whose partition is gone are ours from last time.
# Firmware that takes no entry still finds \EFI\BOOT on the disk.
firmware_entry() {
    [ -d /sys/firmware/efi ] || return 0
    mountpoint=/sys/firmware/efi/efivars
    grep -q " $mountpoint " /proc/mounts || run mount -t efivarfs efivarfs "$mountpoint"
    efibootmgr >"$RUN/entries" 2>>"$LOG" || {
        tell "the firmware shows no boot entries: it will find the disk by itself"
        return 0
    }
    before=$(sed -n 's/^BootOrder: //p' "$RUN/entries")
    current=$(sed -n 's/^BootCurrent: //p' "$RUN/entries")
    remove_stale "$2"
    # -C: made, but not put into the order.
    if run efibootmgr -q -C -d "$DISK" -p "$3" -L "$2" -l "$1"; then
        entry=$(efibootmgr -v | our_entries "$2" "$(partition_uuid "$3")" | tail -n 1)
        kept=$(efibootmgr | sed -n 's/^BootOrder: //p')
        [ -z "$entry" ] || run efibootmgr -q -o "$(order_after "${kept:-$before}" "$current" "$entry")"
    else
        tell "the firmware takes no boot entry: it will find the disk by itself"
    fi
}

partition_uuid() {
    blkid -p -s PART_ENTRY_UUID -o value "$(partition "$1")"
}

# Numbers of the entries called $1 that are on the partition $2, out of `efibootmgr -v`.
our_entries() {
    sed -n "s/^Boot\([0-9A-F]*\)\*\{0,1\} $1	HD([0-9]*,GPT,$2,.*/\1/p"
}

remove_stale() {
    efibootmgr -v | sed -n "s/^Boot\([0-9A-F]*\)\*\{0,1\} $1	HD([0-9]*,GPT,\([^,]*\),.*/\1 \2/p" |
        while read -r number uuid; do
            [ -e "/dev/disk/by-partuuid/$uuid" ] && [ "$(partition_uuid_disk "$uuid")" != "$DISK" ] && continue
            run efibootmgr -q -B -b "$number"
        done
}

# The disk of the partition with that UUID.
partition_uuid_disk() {
    name=$(readlink -f "/dev/disk/by-partuuid/$1")
    echo "/dev/$(basename "$(readlink -f "$SYS/class/block/${name##*/}/..")")"
}
