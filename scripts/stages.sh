# For scripts that take long: their stages, shown while they run and summed up at the end. Sourced.
#
#   stage NAME COMMAND...   runs COMMAND; its output goes to build/log/NAME.log
#   stages_timed NAME COMMAND...   the same for a command that shows its progress itself
#   stages_begin            forgets the stages so far
#   stages_end              prints how long each took
#
# On a terminal one moving line shows the time and the last line of output, such as ninja's
# [137/402]; in a log there is a line every half minute. Where COMMAND fails, its output is shown.
# Needs no more than bash; $stages_root is the folder that holds build/.

stages_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stages_file="$stages_root/build/log/stages"
readonly stages_log_interval=30  # seconds

stages_begin() {
  mkdir -p "${stages_file%/*}"
  : >"$stages_file"
}

stages_end() {
  [ -s "$stages_file" ] || return 0
  awk -F'\t' '{printf "%s%s: %d s", separator, $1, $2; separator = ", "} END {print ""}' "$stages_file"
}

stages_time() {  # SECONDS: "2:05"
  printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# What a log says last, as one line that cannot move the cursor.
stages_last_line() {  # LOG
  tail -n 1 "$1" 2>/dev/null | tr '\r' '\n' | tail -n 1 | tr -cd '[:print:]'
}

stages_watch() {  # NAME PID LOG: returns when the process has ended
  local name=$1 pid=$2 log=$3 start=$SECONDS shown=$SECONDS line
  while kill -0 "$pid" 2>/dev/null; do
    if [ -t 1 ]; then
      line="$name  $(stages_time $((SECONDS - start)))  $(stages_last_line "$log")"
      printf '\r\033[K%.*s' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "$line"
    elif [ $((SECONDS - shown)) -ge $stages_log_interval ]; then
      shown=$SECONDS
      echo "  $(stages_time $((SECONDS - start)))  $(stages_last_line "$log")"
    fi
    sleep 0.3
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

stages_failure() {  # LOG: what matters of it: ninja goes on for a while after the first failure
  local first
  first=$(grep -n -m 1 '^FAILED: ' "$1" | cut -d: -f1)
  if [ -n "$first" ]; then tail -n "+$first" "$1" | head -n 100; else tail -n 100 "$1"; fi
}

stages_note() {  # NAME SECONDS
  mkdir -p "${stages_file%/*}"
  printf '%s\t%d\n' "$1" "$2" >>"$stages_file"
}

stages_timed() {  # NAME COMMAND...
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  stages_note "$name" $((SECONDS - start))
  return "$status"
}

stage() {  # NAME COMMAND...
  local name=$1 start=$SECONDS status=0 pid
  shift
  mkdir -p "${stages_file%/*}"
  local log="${stages_file%/*}/${name// /-}.log"
  [ -t 1 ] || echo "$name ..."
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  trap 'kill '"$pid"' 2>/dev/null; wait '"$pid"'; exit 130' INT TERM
  stages_watch "$name" "$pid" "$log"
  wait "$pid" || status=$?
  trap - INT TERM
  if [ "$status" -ne 0 ]; then
    stages_failure "$log" >&2
    echo "$name failed; all it said is in $log" >&2
    return "$status"
  fi
  echo "$name: done in $(stages_time $((SECONDS - start)))"
  stages_note "$name" $((SECONDS - start))
}
