#!/bin/bash
# Build a small Debian 12 box for libvirt out of packages: no box is downloaded. Root and a loop device are needed.
#   box.sh FOLDER   makes FOLDER/netlab.box and FOLDER/box.img; takes two minutes
set -euo pipefail
# In a mount namespace of its own: one that begins elsewhere meanwhile would keep the disk mounted, and its journal unwritten.
[ "${2-}" = inside ] || exec unshare --mount --propagation private "$0" "$1" inside
work=$1
root=$work/root
mirror=${NETLAB_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)}
packages=systemd-sysv,udev,dbus,kmod,netbase,ca-certificates,sudo,openssh-server,rsync
packages+=,ifupdown,isc-dhcp-client,iproute2,iputils-ping,tcpdump,iperf3,python3,python3-venv
packages+=,linux-image-cloud-amd64,initramfs-tools,grub-pc

mkdir -p "$work"
[ -e "$root/vmlinuz" ] || debootstrap --variant=minbase --include=$packages bookworm "$root" "$mirror"

# What Vagrant expects of a box: the user vagrant, its well-known key, sudo without a password, DHCP on the first NIC.
key=$(cat /usr/share/rubygems-integration/all/gems/vagrant-*/keys/vagrant.pub)
chroot "$root" bash -eu <<INSIDE
id vagrant >/dev/null 2>&1 || useradd -m -s /bin/bash vagrant
echo vagrant:vagrant | chpasswd
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/vagrant
chmod 440 /etc/sudoers.d/vagrant
install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
echo '$key' > /home/vagrant/.ssh/authorized_keys
chown vagrant: /home/vagrant/.ssh/authorized_keys
chmod 600 /home/vagrant/.ssh/authorized_keys
echo 'UseDNS no' > /etc/ssh/sshd_config.d/box.conf
echo netlab > /etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 netlab\n' > /etc/hosts
printf 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet dhcp\n' \
    > /etc/network/interfaces
echo '/dev/vda1 / ext4 rw,relatime 0 1' > /etc/fstab
cat > /etc/default/grub <<GRUB
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_TERMINAL=console
GRUB_DISABLE_OS_PROBER=true
GRUB_CMDLINE_LINUX="net.ifnames=0 console=ttyS0 quiet"
GRUB
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer
systemctl enable -q ssh
apt-get clean
INSIDE

# The disk: one bootable partition.
disk=$work/disk.raw
rm -f "$disk"
truncate -s 3G "$disk"
echo 'start=2048, type=83, bootable' | sfdisk -q --label dos "$disk"
loop=$(losetup -fP --show "$disk")
part=${loop}p1
trap 'umount -R "$work/mnt" 2>/dev/null || true; losetup -d "$loop" 2>/dev/null || true' EXIT
[ -e "/sys/class/block/${part##*/}" ] || partx -a "$loop"
if [ ! -b "$part" ]; then # no udev here: make the node
    numbers=$(cat "/sys/class/block/${part##*/}/dev")
    mknod "$part" b "${numbers%:*}" "${numbers#*:}"
fi
mkfs.ext4 -q -F "$part"
mkdir -p "$work/mnt"
mount "$part" "$work/mnt"
cp -a "$root/." "$work/mnt/"
for folder in dev proc sys; do
    mount --rbind "/$folder" "$work/mnt/$folder"
    mount --make-rslave "$work/mnt/$folder"
done
chroot "$work/mnt" grub-install --target=i386-pc --modules="part_msdos ext2 biosdisk" "$loop" >/dev/null 2>&1
chroot "$work/mnt" update-grub >/dev/null 2>&1
sed -i 's#root=[^ ]*#root=/dev/vda1#' "$work/mnt/boot/grub/grub.cfg"
umount -R "$work/mnt"
losetup -d "$loop"
trap - EXIT

qemu-img convert -c -O qcow2 "$disk" "$work/box.img"
rm -f "$disk"
echo '{"provider": "libvirt", "format": "qcow2", "virtual_size": 3}' > "$work/metadata.json"
echo 'Vagrant.configure("2") { |config| config.vm.provider(:libvirt) { |lv| lv.disk_bus = "virtio" } }' > "$work/Vagrantfile"
tar -C "$work" -cf "$work/netlab.box" metadata.json Vagrantfile box.img
rm -rf "$root" "$work/mnt"
