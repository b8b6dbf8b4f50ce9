#!/bin/sh
# Turns a fresh Debian tree into a stateless one: $1 = the tree, $2 = this recipe's directory.
# $3 = `disk` for one that can be put on a disk as well, else `network`.
# Leaves kernel, initrd, initrd.disk, kernel-version, unpacked and packages in /bellwether of the tree, for the builder to
# take out.
set -eu

root=$1
recipe=$2
lives=$3

put() {
    install -D -m "$1" "$recipe/$2" "$root$3"
}

echo "bellwether: settings" >&2
put 644 rootfs/cloud.cfg /etc/cloud/cloud.cfg.d/90_bellwether.cfg
put 644 rootfs/wired.network /usr/lib/systemd/network/89-bellwether.network
put 644 rootfs/wait-online.conf /etc/systemd/system/systemd-networkd-wait-online.service.d/bellwether.conf
put 644 rootfs/journald.conf /etc/systemd/journald.conf.d/bellwether.conf

chroot "$root" systemctl enable --quiet systemd-networkd systemd-resolved systemd-timesyncd ssh
# Work for machines that live for months on a disk.
while read -r unit; do
    chroot "$root" systemctl mask --quiet "$unit"
done <"$recipe/rootfs/asleep-in-memory"
# cloud-init always runs, and its one source of settings needs the network: neither the search for a data source nor the
# stage before the network has anything to find.
mkdir -p "$root/etc/systemd/system-generators" "$root/etc/systemd/system/multi-user.target.wants"
ln -s /dev/null "$root/etc/systemd/system-generators/cloud-init-generator"
ln -s /lib/systemd/system/cloud-init.target "$root/etc/systemd/system/multi-user.target.wants/cloud-init.target"
chroot "$root" systemctl mask --quiet cloud-init-hotplugd.socket
# From 24.3 on the stages are one process that wants to be told of each.
if [ ! -e "$root/lib/systemd/system/cloud-init-main.service" ]; then
    chroot "$root" systemctl mask --quiet cloud-init-local.service
fi
chroot "$root" systemctl set-default --quiet multi-user.target
chroot "$root" passwd --quiet --lock root
: >"$root/etc/fstab"
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"

# A build with SOURCE_DATE_EPOCH compiles Python so that every import reads and hashes the source too. Time stamps are as
# reproducible (they come from the packages) and spare cloud-init a third of its start-up.
env -u SOURCE_DATE_EPOCH chroot "$root" python3 -m compileall -q -f -j 0 --invalidation-mode timestamp /usr/lib/python3 \
    /usr/lib/python3.[0-9]* || true

echo "bellwether: initrd" >&2
put 755 dracut/module-setup.sh /usr/lib/dracut/modules.d/90bellwether/module-setup.sh
for file in bellwether-root dhcp-lease claim-root.sh mount-root.sh network.sh; do
    put 755 "dracut/$file" "/usr/lib/dracut/modules.d/90bellwether/$file"
done
kernel=$(cd "$root/boot" && for file in vmlinuz-*; do echo "$file"; done)
case "$kernel" in
    *'*'* | *' '* | *'
'*)
        echo "bellwether: expected one kernel in /boot, found: $kernel" >&2
        exit 1
        ;;
esac
version=${kernel#vmlinuz-}
mkdir "$root/bellwether"
chroot "$root" depmod "$version"
chroot "$root" dracut --force --reproducible --no-hostonly --no-hostonly-cmdline --no-early-microcode \
    --modules "dash base udev-rules bellwether" --compress "zstd -15 -T0" --kver "$version" /bellwether/initrd
if [ "$lives" = disk ]; then
    put 755 rootfs/to-disk /usr/lib/bellwether/to-disk
    put 644 rootfs/asleep-in-memory /usr/lib/bellwether/asleep-in-memory
    put 644 rootfs/dracut.conf /etc/dracut.conf.d/bellwether.conf
    mkdir -p "$root/etc/default/grub.d"
    chroot "$root" dracut --force --reproducible --kver "$version" /bellwether/initrd.disk
    chmod 644 "$root/bellwether/initrd.disk"
fi
cp "$root/boot/$kernel" "$root/bellwether/kernel"
chmod 644 "$root/bellwether/initrd" "$root/bellwether/kernel"
echo "$version" >"$root/bellwether/kernel-version"
# shellcheck disable=SC2016  # dpkg's own placeholders
chroot "$root" dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' | LC_ALL=C sort \
    >"$root/bellwether/packages"

# Nothing that makes one machine differ from another, nothing that only a build needs
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
rm -rf "${root:?}"/boot/* "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/cache/ldconfig/*
: >"$root/etc/machine-id"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
# How much of a disk it takes: what a filesystem stores, without what is mounted or only passes through.
(cd "$root" && du -s -x -B 1 --exclude ./bellwether --exclude ./var/cache/apt/archives .) | cut -f 1 \
    >"$root/bellwether/unpacked"
