# shellcheck shell=bash disable=SC2013 # what is read has no blanks
# PID 1 of a node: gives the node its own view of cgroups, folders and network,
# creates the file ready, and reaps orphans.
# usage: init.sh FOLDER NAME ADDRESS POD_NETWORK
set -euo pipefail
folder=$1 name=$2 address=$3

hostname "$name"

# The kubelet and runc find cgroups in the table of mounts, so the machine's
# mounts are removed. systemd's hierarchy is not mounted again: it has no limits
# and would be shared with the machine.
controllers=$(cut -d: -f2 /proc/self/cgroup | grep -E '^(cpu|cpuacct|cpuset|memory|devices|freezer|blkio|pids)$' || true)
umount --recursive --lazy /sys/fs/cgroup
mount -t sysfs sysfs /sys
if [ -n "$controllers" ]; then
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for c in $controllers; do
    mkdir /sys/fs/cgroup/"$c"
    mount -t cgroup -o "$c" cgroup /sys/fs/cgroup/"$c"
  done
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # Only a group without processes may delegate its controllers.
  mkdir /sys/fs/cgroup/init
  for process in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$process" > /sys/fs/cgroup/init/cgroup.procs; done
  for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" > /sys/fs/cgroup/cgroup.subtree_control; done
fi

# containerd stacks image layers with overlayfs.
mkdir -p "$folder"/overlay/{lower,upper,work,merged}
mount -t overlay -o "lowerdir=$folder/overlay/lower,upperdir=$folder/overlay/upper,workdir=$folder/overlay/work" overlay "$folder/overlay/merged" || {
  echo "a node needs overlayfs, which does not work in $folder: set TMPDIR to a folder on ext4, xfs or tmpfs" >&2
  exit 1
}
umount "$folder/overlay/merged"

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/containerd /run/lock
for d in /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers; do
  mkdir -p "$d" "$folder$d"
  mount --bind "$folder$d" "$d"
done
mount --make-rshared /

# Both ends of the node's link are in this namespace: nothing leads out.
ip link set lo up
ip link add eth0 type veth peer name eth0-peer
ip link set eth0-peer up
ip address add "$address/32" dev eth0
ip link set eth0 up
ip route add default dev eth0
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1

touch "$folder/ready"
while :; do sleep 3600 & wait; done
