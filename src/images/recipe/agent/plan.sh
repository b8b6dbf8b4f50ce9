# Sourced by the agent: what it is to do, with which disk, and whether it still may.
# Wants PLAN_URL and RUN.
# Invariant: nothing is written to a disk here.

# A line of the plan is a name, `=`, and a value that goes to the end of the line: nothing is quoted, nothing is run.
read_plan() {
    read -r first <"$RUN/plan"
    [ "$first" = "#bellwether-plan 1" ] ||
        fail "this agent does not understand its plan ($first): bellwether image build agent"
    while IFS= read -r line; do
        value=${line#*=}
        case "$line" in
            NODE=*) NODE=$value ;;
            HOSTNAME=*) HOSTNAME=$value ;;
            KIND=*) KIND=$value ;;
            IMAGE=*) IMAGE=$value ;;
            URL=*) URL=$value ;;
            SIZE=*) SIZE=$value ;;
            SHA256=*) SHA256=$value ;;
            UNPACKED=*) UNPACKED=$value ;;
            KERNEL_URL=*) KERNEL_URL=$value ;;
            KERNEL_SIZE=*) KERNEL_SIZE=$value ;;
            KERNEL_SHA256=*) KERNEL_SHA256=$value ;;
            INITRD_URL=*) INITRD_URL=$value ;;
            INITRD_SIZE=*) INITRD_SIZE=$value ;;
            INITRD_SHA256=*) INITRD_SHA256=$value ;;
            SEED=*) SEED=$value ;;
            DISK_PATH=*) DISK_PATH=$value ;;
            DISK_MODEL=*) DISK_MODEL=$value ;;
            DISK_SERIAL=*) DISK_SERIAL=$value ;;
            DISK_MIN=*) DISK_MIN=$value ;;
            DISK_MAX=*) DISK_MAX=$value ;;
            DISK_PICK=*) DISK_PICK=$value ;;
            RECIPE=*) RECIPE=$value ;;
            FILESYSTEM=*) FILESYSTEM=$value ;;
            SWAP=*) SWAP=$value ;;
            CONSOLE=*) CONSOLE=$value ;;
            KERNEL_ARGS=*) KERNEL_ARGS=$value ;;
            AFTER=*) AFTER=$value ;;
        esac
    done <"$RUN/plan"
    for needed in NODE KIND IMAGE URL SIZE SHA256 UNPACKED SEED; do
        eval "[ -n \"\$$needed\" ]" || fail "the plan lacks $needed"
    done
}

fetch_plan() {
    case "$PLAN_URL$HOOKS" in
        http://*http://*) ;;
        *) fail "no bellwether.plan= and bellwether.hooks= on the kernel command line" ;;
    esac
    left=20
    until curl -s -S -f --connect-timeout 10 --max-time 30 -o "$RUN/plan" "$PLAN_URL" 2>"$RUN/curl"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "cannot fetch the plan $PLAN_URL: $(cat "$RUN/curl")"
        sleep 3
    done
}

# Disks that are slow to appear get half a minute.
find_disk() {
    left=30
    while :; do
        disks >"$RUN/disks"
        chosen=$(choose_disk <"$RUN/disks")
        [ -n "$chosen" ] && break
        left=$((left - 1))
        if [ "$left" = 0 ]; then
            there=$(list_disks <"$RUN/disks")
            wanted=$(wanted_disk)
            fail "no disk of this machine is meant by the plan${wanted:+ ($wanted)}; there are:
${there:-none; is the driver in the agent?}"
        fi
        sleep 1
    done
    DISK=${chosen% *}
    DISK_BYTES=${chosen#* }
    needed=$(bytes_needed)
    if [ "$DISK_BYTES" -lt "$needed" ]; then
        fail "$DISK is too small: it has $(human "$DISK_BYTES"), $IMAGE needs $(human "$needed"); nothing was changed. Disks:
$(list_disks <"$RUN/disks")"
    fi
}

# The server's consent. Without it this attempt is over, or never was one, and the disk stays as it is.
ask() {
    {
        echo "$IMAGE goes to $DISK"
        list_disks <"$RUN/disks"
    } | post started 60
    case $? in
        0) ;;
        2)
            tell "the server does not know of this attempt (any more): nothing was changed; rebooting in 30 s"
            sleep 30
            leave reboot
            ;;
        *) fail "the server does not answer: nothing was changed" ;;
    esac
}
