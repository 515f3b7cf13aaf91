#!/bin/sh
# Mail servers that Debian lets nobody install beside Postfix, without touching the machine's own packages.
#
#   layer.sh make PACKAGE[/SUITE]...    installs each package into a layer over this machine's root, unless that is done; from
#                                       another suite of the same mirror when one is named
#   layer.sh run PACKAGE COMMAND...     runs a command where the package is installed; needs `make` before
#
# A layer is a tar file: what the installation changed. `run` unpacks it into memory, lays it over `/` and enters it in a mount
# namespace of its own. So any number of hosts can use a layer at the same time. The current directory is the same inside and
# outside; whatever else the command writes only it sees, and it is gone afterwards. The command takes the place of this shell:
# its pid, signals and exit status are the command's.
set -eu

layers=$(cd "$(dirname "$0")/.." && pwd)/target/layers
# Where each namespace mounts its own tree; outside it stays empty.
place=$layers/mounted

fail() {
  echo "layer.sh: $*" >&2
  exit 1
}

# Puts together the root of a layer at $place/root; $1 is its archive, or empty for a new layer.
enter() {
  mount -t tmpfs -o mode=755 tmpfs "$place"
  mkdir "$place/upper" "$place/work" "$place/root"
  if [ -n "$1" ]; then
    tar --xattrs --xattrs-include='trusted.overlay.*' -C "$place/upper" -xf "$1"
  fi
  # An upper tree on the lower one's own file system could not be used twice; in memory it can, also where / is an overlay.
  mount -t overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work,index=off,metacopy=off,redirect_dir=off" overlay "$place/root"
  mount --rbind /dev "$place/root/dev"
  mount --rbind /sys "$place/root/sys"
  # What is mounted over these files here is not in the lower tree.
  for file in hosts resolv.conf; do
    rm -f "$place/root/etc/$file"
    cp -L "/etc/$file" "$place/root/etc/$file"
  done
}

# Fresh when made after the machine's packages last changed.
fresh() {
  [ "$1" -nt /var/lib/dpkg/status ] && [ "$1" -nt "$0" ]
}

case ${1:-} in
  make)
    shift
    for package; do
      archive=$layers/${package%%/*}.tar
      if fresh "$archive"; then
        continue
      fi
      [ "$(id -u)" = 0 ] || fail "the layer for $package is to be made; run: sudo make packages"
      mkdir -p "$place"
      # Not to leave a user without a target/ to build in.
      chown --reference="$layers/../.." "$layers/.." "$layers"
      # A pid namespace, so that no maintainer script ends a process of the machine or leaves one behind.
      unshare --mount --propagation private --pid --fork sh "$0" install "$package" "$archive.$$" ||
        fail "$package could not be installed into a layer"
      mv "$archive.$$" "$archive"
    done
    ;;
  install)
    enter ''
    root=$place/root
    mount -t proc proc "$root/proc"
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    export DEBIAN_FRONTEND=noninteractive
    case $2 in
      */*)
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
        echo "deb $mirror ${2#*/} main" > "$root/etc/apt/sources.list.d/layer.list"
        ;;
    esac
    chroot "$root" apt-get update -q
    chroot "$root" apt-get install -y -q --no-install-recommends "$2"
    tar --xattrs --xattrs-include='trusted.overlay.opaque' -C "$place/upper" --exclude=./var/lib/apt --exclude=./var/cache --exclude=./tmp -cf "$3" .
    ;;
  run)
    [ $# -ge 3 ] || fail "layer.sh run PACKAGE COMMAND..."
    [ "$(id -u)" = 0 ] || fail "a layer is entered by root; run it with sudo"
    [ -e "$layers/$2.tar" ] || fail "the layer for $2 is not made yet; run: sudo make packages"
    shift
    exec unshare --mount --propagation private sh "$0" inside "$@"
    ;;
  inside)
    enter "$layers/$2.tar"
    shift 2
    mount --rbind /proc "$place/root/proc"
    mkdir -p "$place/root$PWD"
    mount --rbind . "$place/root$PWD"
    # shellcheck disable=SC2016
    exec chroot "$place/root" sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
    ;;
  *)
    fail "layer.sh make PACKAGE... | layer.sh run PACKAGE COMMAND..."
    ;;
esac
