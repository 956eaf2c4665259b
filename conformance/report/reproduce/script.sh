#!/bin/sh
# @HEADLINE@
# Shows it again, or that it is gone: exit status 1 seen, 0 not seen, 3 the situation did not come about, 2 wrong usage.
#
#   BASE_URL=https://test.postman.gov.sg/api/v2 CAMPAIGN=campaign_… API_KEY=… sh reproduce-N.sh
#
# FAILING   a number whose messages fail (default 6511112222, the simulator's, which exists in the test environment only)
# TRIES     how often (default 3); PATIENCE seconds to wait for messages to end (default 120)
# It needs sh, curl and python3. Each try makes a batch of its own, and asks before it texts anybody.
set -u
situation=@SITUATION@
check=@CHECK@
place=@PLACE@
method=@METHOD@
auth=@AUTH@
columns=@COLUMNS@
language=@LANGUAGE@
expected=@EXPECTED@
rows=${ROWS:-3} tries=${TRIES:-3} patience=${PATIENCE:-120} failing=${FAILING:-6511112222}

stop() { printf '%s\n' "$2" >&2; exit "$1"; }
[ -n "${BASE_URL:-}" ] || stop 2 "BASE_URL is not set: give it, such as https://test.postman.gov.sg/api/v2"
[ -n "${CAMPAIGN:-}" ] || stop 2 "CAMPAIGN is not set: give the campaign's id"
[ -n "${API_KEY:-}" ] || stop 2 "API_KEY is not set: give the campaign's key"
BASE_URL=${BASE_URL%/}
case $CAMPAIGN in *[!A-Za-z0-9_-]*) stop 2 "CAMPAIGN holds other characters than letters, digits, _ and -" ;; esac
case $API_KEY in *[\"\\]*|*"
"*) stop 2 "API_KEY holds a quote, a backslash or a line break" ;; esac
case $failing in ''|*[!0-9]*) stop 2 "FAILING is no number: give digits with the country code" ;; esac
for n in "$rows" "$tries" "$patience"; do
    case $n in ''|*[!0-9]*|?????*) stop 2 "ROWS, TRIES and PATIENCE are whole numbers" ;; esac
done
[ "$rows" -ge 1 ] && [ "$rows" -le 20 ] || stop 2 "ROWS is from 1 to 20"
command -v curl >/dev/null || stop 2 "curl is missing"
command -v python3 >/dev/null || stop 2 "python3 is missing"
umask 077
dir=$(mktemp -d) || stop 2 "no temporary folder can be made"
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cat >"$dir/helper.py" <<'END_OF_HELPER'
@HELPER@
END_OF_HELPER
ask() { python3 -I "$dir/helper.py" "$@"; }
ask url "$BASE_URL" || stop 2 "BASE_URL may not be tested: of gov.sg only test.postman.gov.sg, and no user, query or fragment"

# request METHOD PATH FILE AUTH [curl options]: the status; the body is in FILE.
request() {
    verb=$1 path=$2 file=$3 kind=$4
    shift 4
    : >"$file"
    case $kind in
        none) header='' ;;
        wrong) header='header = "Authorization: Bearer wrong-key"' ;;
        cut) header="header = \"Authorization: Bearer ${API_KEY%?}\"" ;;
        extended) header="header = \"Authorization: Bearer ${API_KEY}0\"" ;;
        case) header="header = \"Authorization: Bearer $(printf %s "$API_KEY" | tr 'a-zA-Z' 'A-Za-z')\"" ;;
        scheme) header="header = \"Authorization: Basic $API_KEY\"" ;;
        *) header="header = \"Authorization: Bearer $API_KEY\"" ;;
    esac
    # The key goes through standard input: a command line can be seen by others. -q and --noproxy: no settings of the user's.
    printf '%s\n' "$header" | curl -q -K - --noproxy '*' -sS --globoff --max-time 60 -o "$file" -w '%{http_code}' \
        -X "$verb" "$@" "$BASE_URL/campaigns/$CAMPAIGN$path" 2>"$dir/error" || cat "$dir/error" >&2
}
# part METHOD PATH FILE: the same as a section of a curl configuration.
part() {
    printf 'url = "%s"\nrequest = "%s"\noutput = "%s"\n' "$BASE_URL/campaigns/$CAMPAIGN$2" "$1" "$3"
    printf 'header = "Authorization: Bearer %s"\n' "$API_KEY"
    printf 'write-out = "%%{http_code}\\n"\nsilent\nshow-error\ngloboff\nmax-time = 60\nnoproxy = "*"\n'
}
listing() { [ "$(request GET "/batch/$batch/messages?limit=1000" "$1" valid)" = 200 ]; }
until_ended() {
    left=$patience
    while [ "$left" -gt 0 ]; do
        listing "$1" && ask ended "$1" "$rows" && return 0
        sleep 1
        left=$((left - 1))
    done
    printf '  the messages did not end within %s s\n' "$patience"
    return 1
}
retry() { request "$method" "/batch/$batch/retry" "$1" "$auth"; }
plain_retry() { request POST "/batch/$batch/retry" "$1" valid; }

# A batch of failed messages, as fresh as can be.
prepare() {
    # Where the data is looked at: markup and inner blanks, which are easily changed.
    text=reproduce
    [ "$check" != data ] || text='<b>5 &lt; 7</b> &  more'
    nonce=$(python3 -c 'import secrets; print(secrets.token_hex(4))')
    { printf 'recipient,language,%s\n' "$columns"
      i=0
      while [ "$i" -lt "$rows" ]; do
          i=$((i + 1))
          printf '%s,%s' "$failing" "$language"
          printf %s "$columns" | tr ',' '\n' | while read -r _ || [ -n "$_" ]; do printf ',%s %s %s' "$text" "$nonce" "$i"; done
          printf '\n'
      done; } >"$dir/rows.csv"
    sent=$(request POST /batch/messages "$dir/sent" valid -F "file=@$dir/rows.csv;type=text/csv")
    [ "$sent" = 201 ] || { printf '  the send was answered %s\n' "$sent"; return 1; }
    batch=$(ask batch "$dir/sent") || return 1
    until_ended "$dir/before"
}

# Each situation returns 0 if it is seen, 1 if not, 3 if the situation did not come about.
race() {
    plain_retry "$dir/a" >"$dir/a.status" &
    plain_retry "$dir/b" >"$dir/b.status" &
    wait
    a=$(cat "$dir/a.status") b=$(cat "$dir/b.status")
    case "$a $b" in *429*|*000*|*5??*) printf '  answered %s and %s: that does not count\n' "$a" "$b"; return 3 ;; esac
    listing "$dir/during" && now=$(ask in-progress "$dir/during") || now=0
    until_ended "$dir/after" || return 3
    won=0
    [ "$a" = 201 ] && won=$((won + 1))
    [ "$b" = 201 ] && won=$((won + 1))
    set -- $(ask gained "$dir/before" "$dir/after")
    printf '  two retries at once answered %s and %s; a message gained up to %s attempts, %s in progress at once\n' "$a" "$b" "$2" "$now"
    [ "$now" -gt 1 ] || [ "$2" -gt "$won" ] || [ "$3" -lt "$won" ]
}
blocked() {
    id=$(ask failed "$dir/before" "$place") || return 3
    # One curl for all three, one right after the other: created does not last long.
    : >"$dir/single" >"$dir/answer" >"$dir/message"
    { part POST "/messages/$id/retry" "$dir/single"
      echo next
      part POST "/batch/$batch/retry" "$dir/answer"
      echo next
      part GET "/messages/$id" "$dir/message"; } | curl -q -K - >"$dir/statuses"
    set -- $(cat "$dir/statuses")
    single=${1:-000} answer=${2:-000}
    [ "${3:-000}" = 200 ] || return 3
    first=$(ask updated "$dir/single")
    if [ "$single" != 201 ] || [ "$(ask status "$dir/message")" != created ] || [ "$(ask updated "$dir/message")" != "$first" ]; then
        printf '  the message was not created all the time (single retry %s, then %s)\n' "$single" "$(ask status "$dir/message")"
        return 3
    fi
    status=$(ask batch-status "$dir/message" "$batch") code=$(ask code "$dir/answer")
    printf '  a message is created, and the retry of its batch is answered %s %s; the batch is %s\n' "$answer" "$code" "$status"
    case $check in
        accepted) case $answer in 2??) return 0 ;; *) return 1 ;; esac ;;
        status) case $answer in 4??) ;; *) return 3 ;; esac
            sleep 2
            request GET "/messages/$id" "$dir/message" valid >/dev/null
            [ "$(ask batch-status "$dir/message" "$batch")" != not\ shown ] || return 3
            [ "$status" != messages_enqueuing_failed ] &&
                { [ "$(ask status "$dir/message")" != created ] || [ "$(ask batch-status "$dir/message" "$batch")" != messages_enqueuing_failed ]; } ;;
        code) case $answer in 2??|000|5??|429) return 3 ;; esac
            [ "$answer" != 400 ] || [ "$code" != unresolved_batch_messages ] ;;
        *) case $answer in 4??) ;; *) return 3 ;; esac
            until_ended "$dir/after" || return 3
            set -- $(ask gained "$dir/before" "$dir/after" "$id")
            printf '  the other messages gained up to %s attempts\n' "$2"
            [ "$2" -gt 0 ] ;;
    esac
}
quiescent() {
    answer=$(retry "$dir/answer")
    size=$(wc -c <"$dir/answer" | tr -d ' ')
    printf '  the retry of a quiescent batch of failed messages is answered %s, with %s bytes\n' "$answer" "$size"
    case $answer in 000|5??|429) return 3 ;; esac
    case $check in
        refused) [ "$answer" != 201 ]; return ;;
        answer) case $answer in 2??) ;; *) return 3 ;; esac; [ "$answer" != 201 ] || [ "$size" != 0 ]; return ;;
    esac
    [ "$answer" = 201 ] || return 3
    listing "$dir/during" && now=$(ask in-progress "$dir/during") || now=0
    sleep 2
    until_ended "$dir/after" || return 3
    set -- $(ask gained "$dir/before" "$dir/after")
    changed=$(ask changed "$dir/before" "$dir/after")
    printf '  messages gained from %s to %s attempts; %s in progress at once; %s\n' "$1" "$2" "$now" "${changed:-nothing else changed}"
    case $check in
        missing) [ "$1" -lt 1 ] ;;
        twice) [ "$2" -gt 1 ] || [ "$now" -gt 1 ] ;;
        *) [ -n "$changed" ] ;;
    esac
}
probe() {
    answer=$(retry "$dir/answer")
    sleep 3
    until_ended "$dir/after" || return 3
    set -- $(ask gained "$dir/before" "$dir/after")
    printf '  %s with the key %s is answered %s; messages gained up to %s attempts\n' "$method" "$auth" "$answer" "$2"
    [ "$2" -gt 0 ] && return 0
    [ "$check" = accepted ] && case $answer in 2??) return 0 ;; esac
    return 1
}
unknown() {
    batch=batch_$(python3 -c 'import uuid; print(uuid.uuid4())')
    answer=$(plain_retry "$dir/answer")
    code=$(ask code "$dir/answer")
    printf '  the retry of an unknown batch is answered %s %s\n' "$answer" "$code"
    case $answer in
        000|5??|429) return 3 ;;
        404) return 1 ;;
        400) [ "$code" != batch_not_found_or_is_not_retryable ] ;;
        *) return 0 ;;
    esac
}

if [ "$situation" != unknown ]; then
    printf 'This sends up to %s messages to %s through %s, and retries them. Type yes to go on: ' $((rows * tries * 3)) "$failing" "$BASE_URL"
    read -r said || said=''
    [ "$said" = yes ] || stop 2 "nothing was sent"
fi
printf 'expected: %s\n' "$expected"
shown=0 tried=0 try=0
while [ "$try" -lt "$tries" ]; do
    try=$((try + 1))
    printf 'try %s\n' "$try"
    [ "$situation" = unknown ] || prepare || continue
    # 0: what the report says is seen; 1: it is not; 3: the situation did not come about.
    "$situation"
    case $? in
        0) shown=$((shown + 1)) tried=$((tried + 1)) ;;
        1) tried=$((tried + 1)) ;;
    esac
done
[ "$tried" -gt 0 ] || stop 3 "the situation did not come about in any of $tries tries"
if [ "$shown" -gt 0 ]; then
    printf 'observed: seen in %s of %s tries\n' "$shown" "$tried"
    exit 1
fi
printf 'observed: not seen in %s of %s tries (the suite looks at more than this script does)\n' "$tried" "$tried"
