#!/bin/bash
# Runs a program under mpirun on two hosts that are network namespaces of this machine, joined by a shaped link.
#   Tests/Benchmarks/namespaces.sh [--rate GBITS] [--delay MICROSECONDS] [--ranks PER_HOST] PROGRAM [ARGUMENT…]
# Default: 10 Gbit/s, 50 µs, one rank a host. Each rank is bound to a core, in turn. Needs root, iproute2 and ethtool.
#
# The rate is tc's token bucket (tbf). The delay is tc's netem where the kernel has it; else the receiving end of the
# link looks for packets only once in the delay (deferred NAPI polls, as network cards do against interrupt storms):
# packets are as large as the interface allows, since only what was not cut by the sender's stack passes there.
set -euo pipefail
rate=10 delay=50 ranks=1
while [[ ${1:-} == --* ]]; do
  case $1 in
    --rate) rate=$2 ;;
    --delay) delay=$2 ;;
    --ranks) ranks=$2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[[ $# -gt 0 ]] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
for tool in ip tc ethtool mpirun; do
  command -v $tool >/dev/null || { echo "$tool is missing: apt-get install iproute2 ethtool openmpi-bin" >&2; exit 2; }
done

id=$$ net=10.77.$(($$ % 200))
work=$(mktemp -d)
cleanup() {
  for host in 1 2; do ip netns delete "kelip$id-$host" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

in_host() { ip netns exec "kelip$id-$1" "${@:2}"; }

for host in 1 2; do ip netns add "kelip$id-$host"; done
ip link add "kl1" netns "kelip$id-1" type veth peer name "kl2" netns "kelip$id-2"
for host in 1 2; do
  in_host $host ip address add "$net.$host/24" dev "kl$host"
  in_host $host ip link set lo up
  in_host $host ip link set "kl$host" up mtu 65000
  if in_host $host tc qdisc add dev "kl$host" root netem delay "${delay}us" rate "${rate}gbit" limit 100000 2>/dev/null
  then
    how="netem"
  else
    how="tbf and deferred polls"
    in_host $host tc qdisc add dev "kl$host" root tbf rate "${rate}gbit" burst 256kb latency 20ms
    in_host $host ethtool -K "kl$host" tso off gro on >/dev/null
    in_host $host sh -c "echo $((delay * 1000)) > /sys/class/net/kl$host/gro_flush_timeout
      echo 1000000000 > /sys/class/net/kl$host/napi_defer_hard_irqs"
  fi
done
echo "link: $rate Gbit/s, $delay µs ($how)" >&2

# Stands in for ssh: runs a command on the host of that address.
cat > "$work/agent" <<END
#!/bin/bash
host=\${1##*.}
shift
exec ip netns exec "kelip$id-\$host" unshare --uts sh -c "hostname kelip-host\$host; \$*"
END
# One core a rank: both hosts count the same cores.
cat > "$work/bound" <<'END'
#!/bin/bash
exec taskset -c $((OMPI_COMM_WORLD_RANK % $(nproc))) "$@"
END
chmod +x "$work"/*

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
in_host 1 unshare --uts sh -c 'hostname kelip-host1; exec "$@"' sh \
  mpirun --host "$net.1:$ranks,$net.2:$ranks" --bind-to none \
  --mca plm_rsh_agent "$work/agent" --mca plm ^slurm --mca ras ^slurm --mca btl self,vader,tcp \
  --mca btl_tcp_if_include "$net.0/24" --mca oob_tcp_if_include "$net.0/24" \
  "$work/bound" "$@" </dev/null
