#!/bin/sh
# The first process of the tests' node. It runs in namespaces of its own, and all that runs on the node ends with
# it, mounts and network too.
set -eu
home=$1

# Sockets, locks and network namespaces of the node's own.
mount -t tmpfs tmpfs /run
mount --bind "$home/resolv.conf" "$(readlink -f /etc/resolv.conf)"

# The kubelet sets these for the whole machine, unless it finds them as it wants them.
while read -r setting value; do
  echo "$value" >"$home/setting"
  cp "$home/setting" "/run/$(basename "$setting")"
  mount --bind "/run/$(basename "$setting")" "/proc/sys/$setting"
done <<SETTINGS
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SETTINGS

# Pods' packets pass through, and Services' rules see what stays on the bridge.
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
ip link set lo up

touch "$home/ready"
exec sleep infinity
