#!/usr/bin/env bash
# A real Slurm of two nodes on this one machine, for tests.
#
#   Tests/Slurm/cluster.sh start DIR        munged, slurmctld and two slurmd, n1 and n2; then: . DIR/environment
#   Tests/Slurm/cluster.sh node DIR NAME    starts the slurmd of a node again
#   Tests/Slurm/cluster.sh stop DIR         ends all of it, its jobs included
#
# Partition main requeues its jobs, after 20 s of grace, for those of partition urgent. Configuration, key, sockets,
# state and logs are in DIR, which remains for reading after stop. Needs root; installs Debian's packages where they are
# missing. No system service is used or changed. One rank a node: the files of Open MPI in shared memory are named by
# host and local rank, so those of two nodes on one machine are the same.
set -uo pipefail

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

install_packages() {
  local missing=() package
  for package in slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  # The packages would start their services: this cluster's daemons are its own.
  local policy=/usr/sbin/policy-rc.d made=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  local status=$?
  [[ -z $made ]] || rm -f "$policy"
  return "$status"
}

write_configuration() {
  local host port
  host=$(hostname -s)
  # Three ports that nobody listens on.
  port=$(python3 - <<'PYTHON'
import random, socket
def free(port):
  with socket.socket() as probe:
    return probe.connect_ex(("127.0.0.1", port)) != 0
print(next(p for p in random.sample(range(20000, 30000, 10), 100) if all(free(p + i) for i in range(3))))
PYTHON
  )
  cat >"$dir/slurm.conf" <<CONFIGURATION
ClusterName=kelip
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
# A requeued job waits for cred_expire seconds before it starts again. When that is shorter, a late signal for a step of
# the attempt before reaches the step of the same number of the next one.
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=15
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdPidFile=$dir/%n.pid
SlurmdLogFile=$dir/%n.log
SlurmdSpoolDir=$dir/spool-%n
# Two nodes share this machine's /tmp, and PMIx must not find the other node's sockets.
TmpFS=$dir/tmp-%n
SlurmctldDebug=verbose
SlurmdDebug=verbose
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=8
MinJobAge=1000
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF
CONFIGURATION
  echo "export SLURM_CONF=$dir/slurm.conf" >"$dir/environment"
}

start_node() {
  slurmd -N "$1" -f "$dir/slurm.conf"
}

start_daemons() {
  munged --socket "$dir/munge/socket" --key-file "$dir/munge/key" --pid-file "$dir/munge/pid" \
    --log-file "$dir/munge/log" --seed-file "$dir/munge/seed" --force 2>"$dir/munge/errors" &&
    slurmctld -c -f "$dir/slurm.conf" && start_node n1 && start_node n2 && wait_for_nodes
}

# `idle` of both nodes; a node that was just started may be `down` or `unk` for some seconds.
wait_for_nodes() {
  local tries
  for ((tries = 0; tries < 120; tries++)); do
    [[ $(sinfo --noheader --partition main --format '%t %D' 2>/dev/null) == "idle 2" ]] && return
    sleep 0.5
  done
  sinfo >&2
  tail -n 20 "$dir"/*.log >&2
  return 1
}

start() {
  ((EUID == 0)) || { echo "a Slurm of its own needs root" >&2; exit 2; }
  install_packages || { echo "Slurm's packages could not be installed" >&2; exit 2; }
  mkdir -p "$dir"/{munge,state,spool-n1,spool-n2,tmp-n1,tmp-n2} && chmod 0755 "$dir" "$dir/munge" || exit 2
  write_configuration
  (umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
  if ! start_daemons; then
    echo "Slurm did not start; see $dir" >&2
    cat "$dir/munge/errors" >&2
    stop
    exit 1
  fi
  cat "$dir/environment"
}

# Processes of this cluster: its daemons, its steps' keepers, and what its jobs started. All of them, and only they, have
# its configuration in their environment.
cluster_processes() {
  local entry name
  for entry in /proc/[0-9]*; do
    { tr '\0' '\n' <"$entry/environ" | grep -qxF "SLURM_CONF=$dir/slurm.conf"; } 2>/dev/null || continue
    name=$(cat "$entry/comm" 2>/dev/null)
    case $name in
      slurmctld | slurmd | slurmstepd | munged | srun) echo "${entry#/proc/}" ;;
      *) { tr '\0' '\n' <"$entry/environ" | grep -q '^SLURM_JOB_ID='; } 2>/dev/null && echo "${entry#/proc/}" ;;
    esac
  done
}

stop() {
  [[ -f $dir/slurm.conf ]] || return 0
  local signal tries left
  for signal in TERM KILL; do
    for ((tries = 0; tries < 20; tries++)); do
      left=$(cluster_processes)
      [[ -n $left ]] || return 0
      # shellcheck disable=SC2086 # a list
      kill -"$signal" $left 2>/dev/null
      sleep 0.5
    done
  done
  echo "still running: $left" >&2
  return 1
}

(($# >= 2)) || usage
mkdir -p "$2" && dir=$(cd "$2" && pwd) || exit 2
export SLURM_CONF=$dir/slurm.conf
case $1 in
  start) start ;;
  node) start_node "${3:?which node?}" ;;
  stop) stop ;;
  *) usage ;;
esac
