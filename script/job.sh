# shellcheck shell=bash
# Sourced by the scripts beside it: running a command so that nothing of it outlives the script.

# Makes a signal end the script by way of its EXIT trap.
exit_when_told() {
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
exit_when_told

# Runs a command in a process group of its own and returns its status. When this script is told to
# stop, the whole group is told too and the script exits, by way of its EXIT trap. Whatever the
# command leaves running in its group ends with it.
run_job() {
  local status=0
  set -m
  "$@" <&0 &
  job=$!
  set +m
  trap 'stop_with_job HUP 129' HUP
  trap 'stop_with_job INT 130' INT
  trap 'stop_with_job TERM 143' TERM
  wait "$job" || status=$?
  end_job TERM
  exit_when_told
  return "$status"
}

stop_with_job() { # SIGNAL STATUS
  trap '' HUP INT TERM
  end_job "$1"
  exit "$2"
}

# Tells the group to end: after two seconds also what ignores an interrupt, as background processes
# of shells do, and after 20 seconds whatever is left, without asking.
end_job() { # SIGNAL
  kill -s "$1" -- "-$job" 2>/dev/null || return 0
  local tick
  for ((tick = 0; tick < 200; tick++)); do
    kill -s 0 -- "-$job" 2>/dev/null || return 0
    if ((tick == 20)); then kill -s TERM -- "-$job" 2>/dev/null || return 0; fi
    sleep 0.1
  done
  kill -s KILL -- "-$job" 2>/dev/null || return 0
}
