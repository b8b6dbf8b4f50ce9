# Sourced by the agent: everything that leaves this machine, and the log behind it.
# Wants HOOKS (address of the callbacks, with a slash at its end) and RUN.

LOG=$RUN/agent.log

# The console and the log.
tell() {
    say "$*"
    echo "[$(uptime_now)] $*" >>"$LOG"
}

# Run a command with everything it says in the log.
run() {
    echo "[$(uptime_now)] \$ $*" >>"$LOG"
    "$@" >>"$LOG" 2>&1 </dev/null
}

# Run a command that has to work. $1 is what it is for, as it stands in a report.
must() {
    purpose=$1
    shift
    run "$@" || fail "cannot $purpose: $1 ended with status $?"
}

# POST standard input to a hook, once. 0: taken. 1: worth another try. 2: refused for good, this attempt is over.
post_once() {
    status=$(curl -s -o /dev/null -w '%{http_code}' --connect-timeout 10 --max-time "${patience:-30}" -H 'Content-Type: text/plain' \
        -H 'Expect:' --data-binary @- "$HOOKS$1") || return 1
    case "$status" in
        2??) return 0 ;;
        4??) return 2 ;;
        *) return 1 ;;
    esac
}

# POST standard input to the hook $1, with $2 tries. The statuses of post_once.
post() {
    cat >"$RUN/post"
    left=$2
    while :; do
        post_once "$1" <"$RUN/post"
        posted=$?
        left=$((left - 1))
        [ "$posted" = 1 ] && [ "$left" -gt 0 ] || return "$posted"
        sleep 3
    done
}

# Percent and a sentence to the server and the console, at most every 4 s and never the same twice.
# A report that does not get through is none: the work goes on.
progress() {
    read -r up _ </proc/uptime
    up=${up%.*}
    if [ "$1" = "$last_percent" ] || [ $((up - ${last_report:-0})) -lt 4 ]; then
        return 0
    fi
    last_percent=$1
    last_report=$up
    say "$1% $2"
    echo "$1% $2" | patience=8 post_once progress
    return 0
}

# Bytes as people read them, in the decimal units in which disks are sold.
human() {
    busybox awk -v bytes="$1" 'BEGIN {
        split("kB MB GB TB PB", unit)
        for (at = 0; bytes >= 1000 && at < 5; at++) bytes /= 1000
        if (at == 0) printf "%d bytes\n", bytes; else printf "%.1f %s\n", bytes, unit[at]
    }'
}

fail() {
    tell "CANNOT INSTALL: $*"
    if [ -n "$HOOKS" ] && [ -e "$RUN/lease" ]; then
        { echo "$*"; echo; tail -n 25 "$LOG"; } | post failed 5 || say "the server did not take this report"
    fi
    case "${ONFAIL:-reboot}" in
        shell) rescue ;;
        poweroff) leave poweroff ;;
        *)
            say "rebooting in 60 s; press Enter for a shell"
            # shellcheck disable=SC3045  # busybox has read -t
            if read -r -t 60 _ </dev/console; then
                rescue
            fi
            ;;
    esac
    leave reboot
}

# Leave this machine with everything written.
leave() {
    sync
    umount -R "$TARGET" 2>/dev/null
    sync
    busybox "$1" -f
    # Not reached; should the kernel refuse, nothing else may follow.
    while :; do sleep 60; done
}
