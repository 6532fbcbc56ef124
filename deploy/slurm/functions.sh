# Sourced by the batch scripts beside it: from a job's start to what its end means for the queue.
#
#   start_job CONFIG [options of kelip-worker]   reads what the job needs to know about the run
#   run_job COMMAND…                             runs the ranks, hands signals on, requeues or ends
#
# Environment: KELIP_WORKER (the program; else .build/release/kelip-worker, else the one in PATH), KELIP_MAX_RESTARTS
# (restarts without progress before a job that crashes is given up; 3), KELIP_MPIRUN_OPTIONS and KELIP_SRUN_OPTIONS (what a
# site's launcher needs besides).

readonly saved=85 fatal=86

# --- The run ----------------------------------------------------------------------------------------------

# The run directory: the last --set run.directory=…, else what the configuration says (block style, one key a line).
run_directory() {
  local config=$1 found
  found=$(sed -n '/^run:/,/^[^[:space:]#]/s/^[[:space:]]\{1,\}directory:[[:space:]]*//p' "$config" | head -n 1)
  # Without a comment, blanks at the end, and quotes.
  found=$(sed 's/[[:space:]]\{1,\}#.*$//; s/[[:space:]]*$//; s/^"\(.*\)"$/\1/; s/^'\''\(.*\)'\''$/\1/' <<<"$found")
  shift
  while (($#)); do
    case $1 in
      --set) [[ ${2:-} == run.directory=* ]] && found=${2#run.directory=} ;;
      --set=run.directory=*) found=${1#--set=run.directory=} ;;
    esac
    shift
  done
  echo "$found"
}

# Sets worker, run and restarts_file. A new job begins counting anew: who submits again has changed something.
start_job() {
  local config=$1
  worker=${KELIP_WORKER:-.build/release/kelip-worker}
  [[ -x $worker || -n ${KELIP_WORKER:-} ]] || worker=kelip-worker
  # mpirun and srun tell the ranks of a missing file on every line of a screen; here it is one.
  if [[ ! -r $config ]]; then
    echo "error: no configuration $config in $PWD" >&2
    exit 2
  fi
  run=$(run_directory "$@")
  restarts_file=$run/restarts
  if [[ -n $run && ${SLURM_RESTART_COUNT:-0} == 0 ]]; then rm -f "$restarts_file"; fi
  # Under Open MPI, root has to say so twice; containers and tests run as root.
  if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
  echo "job $SLURM_JOB_ID, attempt $((${SLURM_RESTART_COUNT:-0} + 1)): $SLURM_NTASKS ranks on $SLURM_JOB_NUM_NODES" \
    "node(s), ${SLURM_CPUS_PER_TASK:-1} thread(s) a rank, $(date -u +%FT%TZ)"
}

newest_checkpoint() {
  cat "$run/checkpoints/latest" 2>/dev/null || echo none
}

# --- The ranks --------------------------------------------------------------------------------------------

# The launcher passes SIGUSR1 on to all ranks, for whom a second one means nothing: it is sent until they have ended, for
# those that come before there are ranks are lost.
ask_to_save() {
  ((asked)) && return
  asked=1
  echo "asked to stop: the ranks save and end"
  while kill -USR1 "$launcher" 2>/dev/null; do sleep 5; done &
  asking=$!
}

# Runs COMMAND… and then does with the job what its status asks for.
run_job() {
  asked=0
  launcher=
  "$@" &
  launcher=$!
  # SIGUSR1 comes before the time limit, SIGTERM from a preemption or from scontrol requeue.
  trap ask_to_save USR1 TERM

  # A trapped signal interrupts wait, whose status is then above 128 although the launcher lives.
  local status
  while
    wait "$launcher"
    status=$?
    kill -0 "$launcher" 2>/dev/null
  do :; done
  # It may have ended just as the signal came: asked again, wait knows its status, or that it has told it (127).
  wait "$launcher" 2>/dev/null
  local again=$?
  ((again == 127)) || status=$again
  # From here on only the queue is spoken to; a requeue ends this script with SIGTERM.
  trap '' USR1 TERM
  if ((asked)); then kill "$asking" 2>/dev/null; fi
  end_job "$status"
}

# --- The queue --------------------------------------------------------------------------------------------

end_job() {
  local status=$1
  case $status in
    0) rm -f "$restarts_file" ;;
    2) echo "the configuration or the input is bad: not requeued" ;;
    "$saved") requeue "saved" "$status" ;;
    "$fatal") echo "the run cannot go on by itself: not requeued" ;;
    *) restart "$status" ;;
  esac
  exit "$status"
}

# Puts the job back where Slurm does not do so by itself, and never against the will of who cancelled it.
requeue() {
  local reason=$1 status=$2 state
  state=$(scontrol show job --oneliner "$SLURM_JOB_ID" | grep -o 'JobState=[A-Z_]*')
  case ${state#JobState=} in
    RUNNING)
      echo "$reason: requeueing job $SLURM_JOB_ID"
      scontrol requeue "$SLURM_JOB_ID" || echo "job $SLURM_JOB_ID could not be requeued; submit it again to go on" >&2
      ;;
    PENDING | REQUEUED | PREEMPTED | COMPLETING | NODE_FAIL) echo "$reason: Slurm has requeued job $SLURM_JOB_ID" ;;
    *) echo "$reason: job $SLURM_JOB_ID is ${state#JobState=}, not requeued; submit it again to go on" ;;
  esac
  exit "$status"
}

# After a crash, a killed rank or a lost node. Only restarts without a new checkpoint in between count against the run.
restart() {
  local status=$1 most=${KELIP_MAX_RESTARTS:-3} newest count=0 recorded=
  newest=$(newest_checkpoint)
  if [[ -z $run ]]; then
    echo "the ranks ended with status $status, and no run.directory is known to count restarts in: not requeued" >&2
    exit "$status"
  fi
  if [[ -f $restarts_file ]]; then read -r _ count _ recorded <"$restarts_file"; fi
  [[ $recorded == "$newest" ]] || count=0
  if ((count >= most)); then
    echo "the ranks ended with status $status after $count restarts without progress beyond checkpoint $newest:" \
      "given up (status $fatal)"
    exit "$fatal"
  fi
  mkdir -p "$run"
  echo "restarts $((count + 1)) checkpoint $newest" >"$restarts_file.partial"
  mv "$restarts_file.partial" "$restarts_file"
  requeue "the ranks ended with status $status (newest checkpoint: $newest, restart $((count + 1)) of $most from it)" "$status"
}
