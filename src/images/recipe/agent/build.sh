#!/bin/sh
# Makes the agent out of a small Debian tree that is thrown away: $1 = the tree, $2 = this recipe's directory.
# Leaves kernel, initrd, kernel-version and packages in /bellwether of the tree, for the builder to take out.
set -eu

root=$1
recipe=$2

echo "bellwether: initrd" >&2
module=/usr/lib/dracut/modules.d/90bellwether-agent
for file in bellwether-agent run-agent.sh module-setup.sh report.sh plan.sh disks.sh layout.sh fetch.sh tree.sh whole.sh \
    firmware.sh; do
    install -D -m 755 "$recipe/agent/$file" "$root$module/$file"
done
for file in network.sh dhcp-lease claim-root.sh; do
    install -D -m 755 "$recipe/dracut/$file" "$root$module/$file"
done
version=$(basename "$root"/boot/vmlinuz-*)
version=${version#vmlinuz-}
mkdir "$root/bellwether"
chroot "$root" depmod "$version"
chroot "$root" dracut --force --reproducible --no-hostonly --no-hostonly-cmdline --no-early-microcode \
    --modules "dash base udev-rules kernel-modules bellwether-agent" --compress "zstd -15 -T0" --kver "$version" \
    /bellwether/initrd
cp "$root/boot/vmlinuz-$version" "$root/bellwether/kernel"
chmod 644 "$root/bellwether/initrd" "$root/bellwether/kernel"
echo "$version" >"$root/bellwether/kernel-version"
# shellcheck disable=SC2016  # dpkg's own placeholders
chroot "$root" dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' | LC_ALL=C sort \
    >"$root/bellwether/packages"
