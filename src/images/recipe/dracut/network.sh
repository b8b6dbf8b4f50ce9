# Sourced by what runs in an initrd of ours: how to speak on the console, and how the NIC that booted gets its address.
# The caller has `fail`, which does not return, and sets RUN (a folder) and BOOTIF (from the kernel command line).

uptime_now() {
    read -r up _ </proc/uptime
    echo "$up"
}

# Straight to the console: the kernel's own log level must not hide what an operator waits for.
say() {
    echo "bellwether: [$(uptime_now)] $*" >/dev/console
}

rescue() {
    say "a shell; leave it with 'exit' to reboot"
    busybox setsid -c busybox sh -l </dev/console >/dev/console 2>&1
}

# Print the names of the wired NICs; with $1 only the one that has this MAC address.
nics() {
    for dir in /sys/class/net/*; do
        [ -e "$dir/device" ] && [ "$(cat "$dir/type")" = 1 ] && [ ! -e "$dir/wireless" ] || continue
        [ -z "$1" ] || [ "$(cat "$dir/address")" = "$1" ] || continue
        echo "${dir##*/}"
    done
}

# PXELINUX's form is a hardware type and the MAC with dashes; a plain MAC is welcome too.
booted_mac() {
    mac=$(echo "$BOOTIF" | tr 'A-F-' 'a-f:')
    case "$mac" in
        ??:??:??:??:??:??:??) echo "${mac#??:}" ;;
        *) echo "$mac" ;;
    esac
}

wait_for_nic() {
    mac=$(booted_mac)
    tries=150
    while [ -z "$(nics "$mac")" ]; do
        tries=$((tries - 1))
        if [ "$tries" = 0 ]; then
            present=$(for nic in $(nics); do echo "$nic $(cat "/sys/class/net/$nic/address");"; done)
            fail "no NIC${mac:+ with the address $mac} appeared in 30 s (there: ${present:-none; is its driver in the image?})"
        fi
        sleep 0.2
    done
    nics "$mac"
}

# Wait until one of the NICs has a link; print those that have one.
with_carrier() {
    for nic in "$@"; do
        ip link set dev "$nic" up
    done
    tries=150
    while :; do
        up=
        for nic in "$@"; do
            [ "$(cat "/sys/class/net/$nic/carrier" 2>/dev/null)" = 1 ] && up="$up $nic"
        done
        [ -n "$up" ] && break
        tries=$((tries - 1))
        [ "$tries" = 0 ] && fail "no link on $* for 30 s: is the cable in, is the switch port up?"
        sleep 0.2
    done
    echo "$up"
}

# The client identifier is 01 + MAC, as in the firmware's and the loader's requests: one machine, one lease.
# Spanning tree may keep a fresh switch port silent for 30 s and more, hence 20 rounds.
network() {
    nics=$(wait_for_nic) || exit 1
    # shellcheck disable=SC2086
    nics=$(with_carrier $nics) || exit 1
    for round in 1 2 3 4 5 6 7 8 9 10; do
        for nic in $nics; do
            busybox udhcpc -i "$nic" -n -q -f -t 2 -T 3 -A 1 -V bellwether-initrd -s /sbin/bellwether-dhcp-lease \
                >>"$RUN/dhcp.log" 2>&1 && return
        done
        say "no DHCP answer on $nics yet (round $round of 10)"
    done
    fail "no DHCP answer on $nics"
}
