#!/bin/sh
# Runs a Chroma server, and watches the disk that its data lies on.
#
#   chroma-watchdog.sh FOLDER COMMAND...
#
# While less than KNOWLEDGE_CHROMA_RESERVE KiB are free there, the file KNOWLEDGE_DISK_FULL is there too, where that is
# set: the proxy in front of the server then refuses what writes (infra/front). A server that may have met a full disk
# is started again as soon as there is room: Chroma 1.5.9 then holds connections to its database whose transactions
# never end. Its writes hang, then its reads too; or they are acknowledged and gone at the next start.
#
# Ends when the server ends, with its exit code. POSIX sh: it runs in containers and on machines without bash.

folder=$1
shift
: "${KNOWLEDGE_CHROMA_RESERVE:=262144}"
# Less than what a single write and the index that it has saved may take.
: "${KNOWLEDGE_CHROMA_FULL:=32768}"
: "${KNOWLEDGE_WATCH_EVERY:=2}"
# The journal of a transaction that is under way; one this old never ends.
journal=$folder/chroma.sqlite3-journal
journal_minutes=2

# KiB that are free. Columns are counted from the percentage on, since names of disks have blanks on some systems.
available() {
  line=$(df -Pk "$folder" | tail -n 1)
  # shellcheck disable=SC2086
  set -- ${line%%%*}
  while [ $# -gt 2 ]; do shift; done
  echo "${1:-0}"
}

mark() {
  [ -n "$KNOWLEDGE_DISK_FULL" ] || return 0
  if [ "$1" -lt "$KNOWLEDGE_CHROMA_RESERVE" ]; then : >"$KNOWLEDGE_DISK_FULL"; else rm -f "$KNOWLEDGE_DISK_FULL"; fi
}

is_stuck() {
  [ -e "$journal" ] && [ -n "$(find "$journal" -mmin +$journal_minutes 2>/dev/null)" ]
}

watch() {
  trap 'kill "$pause" 2>/dev/null; exit' TERM
  met_full=no
  while kill -0 $$ 2>/dev/null; do
    free=$(available)
    mark "$free"
    if [ "$free" -lt "$KNOWLEDGE_CHROMA_FULL" ]; then
      met_full=yes
    elif [ "$free" -ge "$KNOWLEDGE_CHROMA_RESERVE" ] && { [ $met_full = yes ] || is_stuck; }; then
      echo "There is room on the disk of $folder again: Chroma is started again"
      met_full=no
      kill -USR1 $$
      # The journal is taken back by the new one; until then it looks as old as before.
      sleep 10 &
      pause=$!
      wait $pause
    fi
    sleep "$KNOWLEDGE_WATCH_EVERY" &
    pause=$!
    wait $pause
  done
}

# Ends the server; with force where it waits for a write that never ends.
stop() {
  kill -TERM "$server"
  (
    trap 'kill "$pause"; exit' TERM
    sleep 10 &
    pause=$!
    wait $pause
    kill -KILL "$server"
  ) 2>/dev/null &
  killer=$!
}

server=
killer=
again=
ending=
trap 'again=yes; stop' USR1
trap 'ending=yes; kill -TERM "$server"' TERM INT

mark "$(available)"
watch &
watcher=$!
while :; do
  again=
  [ -z "$ending" ] || break
  "$@" &
  server=$!
  # A signal ends the waiting and not the server.
  while wait "$server"; code=$?; kill -0 "$server" 2>/dev/null; do :; done
  [ -z "$killer" ] || kill "$killer" 2>/dev/null
  killer=
  [ -n "$again" ] || break
done
kill "$watcher" 2>/dev/null
wait "$watcher"
exit "$code"
