# Sourced by the agent: which disks there are, and which one the plan means.
# Invariant: nothing is written here.

SYS=${SYS:-/sys}

attribute() {
    [ -r "$1" ] || return 0
    tr -d '\n\t' <"$1" | sed 's/^ *//; s/ *$//'
}

# A property that udev knows of a disk: the same words that an operator sees on a running system.
property() {
    udevadm info -q property -n "$1" 2>/dev/null | sed -n "s/^$2=//p" | head -n 1
}

# Every disk that may hold a system, one a line: path, bytes, serial number, model, divided by tabs.
# Never one that can be taken out, that hangs on USB, or that cannot be written.
disks() {
    for dir in "$SYS"/block/*; do
        name=${dir##*/}
        case "$name" in
            loop* | ram* | zram* | sr* | fd* | md* | dm-* | nbd* | mtd* | mmcblk*boot* | mmcblk*rpmb) continue ;;
        esac
        # Without a device it is virtual; `hidden` is a path of a multi-path NVMe disk.
        [ -e "$dir/device" ] || continue
        [ "$(attribute "$dir/removable")" != 1 ] && [ "$(attribute "$dir/ro")" != 1 ] &&
            [ "$(attribute "$dir/hidden")" != 1 ] || continue
        case "$(readlink -f "$dir")" in */usb[0-9]*) continue ;; esac
        # The kernel counts in 512 bytes here, whatever the disk does.
        bytes=$(($(attribute "$dir/size") * 512))
        [ "$bytes" -gt 0 ] || continue
        serial=$(property "/dev/$name" ID_SERIAL_SHORT)
        [ -n "$serial" ] || serial=$(attribute "$dir/serial")
        [ -n "$serial" ] || serial=$(attribute "$dir/device/serial")
        model=$(property "/dev/$name" ID_MODEL_ENC | sed 's/\\x20/ /g; s/^ *//; s/ *$//')
        [ -n "$model" ] || model=$(attribute "$dir/device/model")
        printf '/dev/%s\t%s\t%s\t%s\n' "$name" "$bytes" "${serial:--}" "${model:--}"
    done
}

# The list of `disks` for people.
list_disks() {
    while IFS='	' read -r path bytes serial model; do
        echo "$path $(human "$bytes"), model $model, serial $serial"
    done
}

# What the plan asks for, for people.
wanted_disk() {
    wanted=
    [ -z "$DISK_PATH" ] || wanted="$wanted, path $DISK_PATH"
    [ -z "$DISK_MODEL" ] || wanted="$wanted, model $DISK_MODEL"
    [ -z "$DISK_SERIAL" ] || wanted="$wanted, serial $DISK_SERIAL"
    [ -z "$DISK_MIN" ] || wanted="$wanted, at least $(human "$DISK_MIN")"
    [ -z "$DISK_MAX" ] || wanted="$wanted, at most $(human "$DISK_MAX")"
    echo "${wanted#, }"
}

# Print path and bytes of the disk that the plan means, out of the list on standard input; nothing if there is none.
# Model and serial number are compared without regard to case; the model may be a part of the whole.
choose_disk() {
    # What /dev/disk/by-path and the like point at.
    path=
    [ -z "$DISK_PATH" ] || path=$(readlink -f "$DISK_PATH")
    # A value reaches awk through its environment: -v would read backslashes in it.
    path=$path model=$DISK_MODEL serial=$DISK_SERIAL busybox awk -F '\t' \
        -v least="${DISK_MIN:-0}" -v most="${DISK_MAX:-0}" -v pick="${DISK_PICK:-first}" '
        ENVIRON["path"] != "" && $1 != ENVIRON["path"] { next }
        ENVIRON["model"] != "" && !index(tolower($4), tolower(ENVIRON["model"])) { next }
        ENVIRON["serial"] != "" && tolower($3) != tolower(ENVIRON["serial"]) { next }
        $2 + 0 < least + 0 || (most + 0 && $2 + 0 > most + 0) { next }
        found == "" || (pick == "smallest" && $2 + 0 < size) || (pick == "largest" && $2 + 0 > size) {
            found = $1; size = $2 + 0; bytes = $2
        }
        END { if (found != "") print found, bytes }'
}
