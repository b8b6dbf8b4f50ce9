# Sourced by the agent: bytes from the server, whole or not at all.

# How long a transfer may stand still before it is given up and begun again where it broke off, in seconds.
STALL=30
# How often that is tried; with its pauses some ten minutes of a server that is away.
TRIES=40

# Whether the image can lie in memory while it is unpacked. What is left has to do for the work itself.
fits_in_ram() {
    free=$(busybox awk '$1 == "MemAvailable:" { printf "%d", $2 * 1024 }' /proc/meminfo)
    [ $((SIZE + 384 * 1048576)) -lt "$free" ]
}

# Fetch $1, of which $2 bytes are there already, to standard output. $3: where curl leaves status and number of bytes.
transfer() {
    range=
    [ "$2" -gt 0 ] && range="-r $2-"
    # shellcheck disable=SC2086  # two words or none
    curl -s -S -f $range --connect-timeout 10 --speed-limit 1 --speed-time "$STALL" \
        -w '%{stderr}\n%{http_code} %{size_download}\n' "$1" 2>"$3"
}

# Write the $2 bytes of $1 to standard output, whatever it takes: a broken transfer goes on where it broke off.
# What was not possible is left in $RUN/fetch-error.
stream() {
    url=$1
    size=$2
    got=0
    tries=$TRIES
    : >"$RUN/fetch-error"
    while :; do
        transfer "$url" "$got" "$RUN/curl"
        status=$?
        code=$(tail -n 1 "$RUN/curl" | cut -d ' ' -f 1)
        more=$(tail -n 1 "$RUN/curl" | cut -d ' ' -f 2)
        why=$(head -n 1 "$RUN/curl")
        before=$got
        got=$((got + ${more:-0}))
        if [ "$before" -gt 0 ] && [ "$code" = 200 ]; then
            # What came is the beginning once more, in a place where it does not belong.
            why="the server cannot send a part of it"
            tries=1
        elif [ "$got" = "$size" ]; then
            return 0
        elif [ "$got" -gt "$size" ]; then
            why="it is longer than the $size bytes it should have"
            tries=1
        elif [ "$status" = 0 ]; then
            why="it ended after $got of $size bytes"
        fi
        case "$code" in
            400 | 401 | 403 | 404 | 410 | 416) tries=1 ;;
        esac
        # 23: nobody reads any more, and whoever read says why.
        [ "$status" = 23 ] && return 1
        tries=$((tries - 1))
        if [ "$tries" = 0 ]; then
            echo "cannot fetch $url: $why" >"$RUN/fetch-error"
            return 1
        fi
        [ "${more:-0}" -gt 0 ] && tries=$TRIES
        say "fetching broke off after $got bytes ($why); going on"
        sleep $((tries < TRIES - 2 ? 15 : 3))
    done
}

digest() {
    sum=$(sha256sum "$1")
    echo "${sum%% *}"
}

# Fetch $1 into the file $2: $3 bytes with the SHA-256 $4. Twice, should the first come out wrong.
fetch_file() {
    for round in 1 2; do
        stream "$1" "$3" >"$2" || fail "$(cat "$RUN/fetch-error")"
        found=$(digest "$2")
        [ "$found" = "$4" ] && return 0
        tell "$1 has the SHA-256 $found, expected $4"
    done
    fail "$1 has the SHA-256 $found, expected $4: bellwether image verify $IMAGE"
}

# Bytes that process $1 has written through descriptor $2.
position() {
    sed -n 's/^pos:[[:space:]]*//p' "/proc/$1/fdinfo/$2" 2>/dev/null
}

# While process $1 runs, report how much of $2 bytes `$3` says there is, between $4 and $5 percent.
watch_while() {
    while [ -d "/proc/$1" ] && [ "$(busybox awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null)" != Z ]; do
        now=$($3)
        [ -z "$now" ] || [ "$2" -le 0 ] ||
            progress $(($4 + ($5 - $4) * (now < $2 ? now : $2) / $2)) "$6: $(human "$now") of $(human "$2")"
        sleep 1
    done
}
