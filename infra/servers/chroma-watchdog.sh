#!/bin/sh
# Runs a Chroma server, and watches the disk that its data lies on.
#
#   chroma-watchdog.sh FOLDER COMMAND...
#
# The file KNOWLEDGE_ROOM_FILE is there as long as the server may be asked to write: KNOWLEDGE_CHROMA_RESERVE KiB are
# free on the disk of FOLDER, and the server has not met a disk that was full. One that may have is started again as soon
# as there is room: Chroma 1.5.9 then holds connections to its database whose transactions never end. Its writes hang,
# then its reads too; or they are acknowledged and gone at the next start. Whoever asks it to write and is told that it
# found no room takes KNOWLEDGE_ROOM_FILE.sound away, since a disk may be full for a moment that nobody sees here.
#
# One whose disk filled under its writes is started again at once too, so that what is stored can be read. To start, it
# has to write a little: FOLDER/reserve holds the room for that, and is given up then.
#
# Where an upgrade was taken back, FOLDER/before-upgrade/put-back names the server whose start it waits for: what was copied
# before takes the place of the data when KNOWLEDGE_CHROMA_SERVER is that one (checks/chroma-files/data-copy.ts).
#
# A folder of Chroma 0.4 to 0.6 is not touched: Chroma 1.x would rewrite it as it starts, and 0.x could not read it any more
# (measured: 0.4.15 and 0.5.23 under 1.5.9).
#
# Ends when the server ends, with its exit code; but one that ends on a full disk, or does not start there, is started
# again when there is room. POSIX sh: it runs in containers and on machines without bash.

folder=$1
shift
: "${KNOWLEDGE_ROOM_FILE:?}"
sound=$KNOWLEDGE_ROOM_FILE.sound
: "${KNOWLEDGE_CHROMA_RESERVE:=262144}"
# Less than what a single write and the index that it has saved may take.
: "${KNOWLEDGE_CHROMA_FULL:=32768}"
: "${KNOWLEDGE_WATCH_EVERY:=2}"
reserve=$folder/reserve
reserve_kib=16384
# The journal of a transaction that is under way; one this old never ends.
journal=$folder/chroma.sqlite3-journal
journal_minutes=2

# KiB that are free; fails where that cannot be told. The column is the one before the first percentage: names of disks
# may have blanks in them.
available() {
  said=$(df -Pk "$folder" 2>/dev/null) || return 1
  # shellcheck disable=SC2086
  set -- ${said%%%*}
  while [ $# -gt 2 ]; do shift; done
  [ "$1" -ge 0 ] 2>/dev/null && echo "$1"
}

# A full disk lets a file be removed when it lets none be made.
may_write() { : >"$KNOWLEDGE_ROOM_FILE"; }
may_not_write() { rm -f "$KNOWLEDGE_ROOM_FILE"; }

is_new() { : >"$sound"; }
is_sound() { [ -e "$sound" ]; }

is_full() { free=$(available) && [ "$free" -lt "$1" ]; }

# Another process holds the journal then; one that was killed meanwhile holds it for an hour at most.
is_rewritten() { [ -n "$(find "$folder/rewriting" -mmin -60 2>/dev/null)" ]; }

is_stuck() {
  [ -e "$journal" ] && ! is_rewritten && [ -n "$(find "$journal" -mmin +$journal_minutes 2>/dev/null)" ]
}

# Of noise: a disk that compresses would keep no room for zeros.
keep_reserve() {
  [ -e "$reserve" ] || dd if=/dev/urandom of="$reserve" bs=1024 count=$reserve_kib 2>/dev/null || rm -f "$reserve"
}

# The database with its journal, and the indexes: what else is there is none of Chroma's.
is_data() {
  case $1 in
  chroma.sqlite3 | chroma.sqlite3-journal | chroma.sqlite3-wal | chroma.sqlite3-shm) return 0 ;;
  *[!0-9a-f-]*) return 1 ;;
  ????????-????-????-????-????????????) return 0 ;;
  esac
  return 1
}

# Each part may be done again after it was interrupted: what is back is not in the copy any more.
put_back() {
  copy=$folder/before-upgrade
  [ -e "$copy/put-back" ] && [ "$(cat "$copy/put-back")" = "${KNOWLEDGE_CHROMA_SERVER:-}" ] || return 0
  [ -s "$copy/entries" ] || return 1
  echo "The data of before the upgrade takes its place again"
  for entry in "$folder"/*; do
    name=${entry##*/}
    is_data "$name" || continue
    grep -qxF -- "$name" "$copy/entries"
    case $? in
    0) ;;
    1) rm -rf "$entry" || return 1 ;;
    *) return 1 ;;
    esac
  done
  for entry in "$copy"/data/*; do
    [ -e "$entry" ] || continue
    rm -rf "$folder/${entry##*/}" && mv "$entry" "$folder/" || return 1
  done
  [ ! -d "$copy/data" ] || rmdir "$copy/data" || return 1
  rm -f "$copy/put-back" && rm -rf "$copy"
}

# A database names the changes that were made to it: 0.4 made the first of these, 1.0 the second. One that is being made
# has no index yet.
is_of_before_1() {
  names() { grep -qaF "$1" "$folder/chroma.sqlite3" 2>/dev/null; }
  names 00003-full-text-tokenize && ! names 00005-max-seq-id-int || return 1
  for entry in "$folder"/????????-????-????-????-????????????; do [ -d "$entry" ] && return 0; done
  return 1
}

pause() {
  sleep "$1" &
  pausing=$!
  wait $pausing
}

# Returns when the new one runs: until then the journal of the old one is there. No file could tell of it on a full disk.
start_again() {
  restarted=
  kill -USR1 $$
  until [ -n "$restarted" ] || ! kill -0 $$ 2>/dev/null; do pause 0.2; done
}

watch() {
  trap 'kill "$pausing" 2>/dev/null; exit' TERM
  trap 'restarted=yes' USR1
  met_full=
  written=
  while kill -0 $$ 2>/dev/null; do
    if ! free=$(available); then
      :
    elif [ "$free" -lt "$KNOWLEDGE_CHROMA_FULL" ]; then
      may_not_write
      met_full=yes
      if [ -n "$written" ] || ! is_sound || is_stuck; then
        echo "The disk of $folder filled while Chroma wrote: Chroma is started again, to be read"
        written=
        start_again
      fi
    elif [ "$free" -lt "$KNOWLEDGE_CHROMA_RESERVE" ]; then
      may_not_write
      written=
    elif [ -n "$met_full" ] || ! is_sound || is_stuck; then
      echo "There is room on the disk of $folder again: Chroma is started again"
      met_full=
      may_not_write
      start_again
    else
      may_write
      written=yes
      keep_reserve
    fi
    pause "$KNOWLEDGE_WATCH_EVERY"
  done
}

# Ends the server; with force where it waits for a write that never ends, and at once where nothing can be saved.
stop() {
  if is_full "$KNOWLEDGE_CHROMA_FULL"; then
    kill -KILL "$server"
    return
  fi
  kill -TERM "$server"
  (
    trap 'kill "$pausing"; exit' TERM
    pause 10
    kill -KILL "$server"
  ) 2>/dev/null &
  killer=$!
}

if ! put_back; then
  echo "The data of before the upgrade could not be put back in $folder" >&2
  exit 74
fi
if is_of_before_1; then
  cat >&2 <<SAID
$folder has data of Chroma 0.4 to 0.6. This Chroma would rewrite it, and the old one could not read it any more; nothing was
changed. Move it away, start without it, and put its texts in by the API: how a copy of it is read stands in
docs/operations.md, "Data of Chroma 0.x".
SAID
  exit 65
fi

server=
killer=
again=
ending=
trap 'again=yes; stop' USR1
trap 'ending=yes; kill -TERM "$server" 2>/dev/null' TERM INT

# Before the watch begins: a server that is not started yet has met no full disk.
is_new
watch &
watcher=$!
while :; do
  asked=$again
  again=
  [ -z "$ending" ] || break
  if is_full "$KNOWLEDGE_CHROMA_FULL"; then rm -f "$reserve"; fi
  "$@" &
  server=$!
  is_new
  if is_full "$KNOWLEDGE_CHROMA_RESERVE"; then may_not_write; else may_write; fi
  [ -z "$asked" ] || kill -USR1 "$watcher" 2>/dev/null
  # A signal ends the waiting and not the server.
  while wait "$server"; code=$?; kill -0 "$server" 2>/dev/null; do :; done
  [ -z "$killer" ] || kill "$killer" 2>/dev/null
  killer=
  [ -z "$again" ] || continue
  is_full "$KNOWLEDGE_CHROMA_FULL" || break
  while [ -z "$ending" ] && is_full "$KNOWLEDGE_CHROMA_RESERVE"; do pause "$KNOWLEDGE_WATCH_EVERY"; done
done
# A signal that comes before a shell has set its traps is lost, and a server may end at once.
while kill "$watcher" 2>/dev/null; do pause 0.1; done
exit "$code"
