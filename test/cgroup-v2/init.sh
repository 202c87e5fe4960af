#!/bin/busybox sh
# The guest's first process, from its initramfs: Debian's kernel has ext4 built in, and what finds the disk as modules.
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /bin/busybox insmod "/modules/$module" || exit 1; done </modules/order
/bin/busybox mount -t ext4 /dev/vda /root || exit 1
exec /bin/busybox switch_root /root /sbin/init
