"""What a private host has of its own besides its network: its name, its processes, and folders that programs change.

/run, /tmp and /dev/shm are its own and empty at first; in /var/log are folders alone. Of /etc and /var it has a copy on
write: it sees what the machine has there, and what it changes is its own (overlayfs,
Documentation/filesystems/overlayfs.rst). All of it is memory, and gone with the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence

from netlab.agent import system
from netlab.agent.users import SHELVES, Owned
from netlab.contract.types import GivenFile, Private
from netlab.contract.types.parts import OWN_FOLDERS

_FLAGS = system.MS_NOSUID | system.MS_NODEV
#: Folders that are empty at first, with their modes.
_EMPTY = {"/run": "755", "/tmp": "1777", "/dev/shm": "1777"}
#: Folders that are copied on write.
_COPIED = ("/etc", "/var")
#: Where the machine's folders are, for links that lead there.
_MACHINE = "/run/.machine"
#: The longest hostname, in bytes (__NEW_UTS_LEN, include/uapi/linux/utsname.h).
_HOSTNAME = 64


def dress(ns_id: str, private: Private, *, rootless: bool, owned: Sequence[Owned] = ()) -> None:
    """Make the calling thread's UTS and mount namespaces, which are new, those of a private host.

    ``owned`` are folders of the machine with other owners than root, whom the lab has as users, too. Raises OSError.
    """
    socket.sethostname(private.hostname.encode()[:_HOSTNAME].decode(errors="ignore"))
    # Changes of the copied folders are kept in a tmpfs that the host's own /tmp then hides.
    system.mount("tmpfs", "/tmp", "tmpfs", _FLAGS, "mode=700")
    _empty("/run")
    for folder in _COPIED:
        if not rootless:
            _overlay(folder, [])
            continue
        known = {path: rest for path, *rest in owned if path.startswith(folder)}
        found = [path for shelf in SHELVES if shelf.startswith(folder) for path in _folders(shelf)]
        given = (above for file in private.files for above in _above(file.path) if above.startswith(f"{folder}/"))
        folders = [*dict.fromkeys((*found, *filter(_is_folder, given)))]
        # A folder of root's can't be copied by another user (ovl_copy_up): an own one is merged with it.
        for path in folders:
            _make(f"/tmp{path}", path, known.get(path))
        try:
            _overlay(folder, folders)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # Something is mounted below it that may not be uncovered in a user namespace (clone_private_mount).
            _link(folder, folders)
        for path in folders:
            if not _readable(path):
                # What this user may not see of the machine's is empty.
                system.mount("tmpfs", path, "tmpfs", _FLAGS, "mode=755")
                _make(path, path, known.get(path))
    _bare("/var/log")
    _empty("/tmp")
    _empty("/dev/shm")
    os.mkdir("/run/lock")
    os.chmod("/run/lock", 0o1777)
    # The lab's name of a host is its id for software, too: the same in every run, and another in every host.
    from hashlib import md5

    named = {file.path for file in private.files}
    own = {
        "/etc/hostname": f"{private.hostname}\n",
        "/etc/machine-id": f"{md5(ns_id.encode(), usedforsecurity=False).hexdigest()}\n",
        "/etc/resolv.conf": "# No name server: the names of the lab are in /etc/hosts.\n",
    }
    put([GivenFile(path, text) for path, text in own.items() if path not in named])
    put(private.files)


def _empty(folder: str) -> None:
    if os.path.isdir(folder):
        system.mount("tmpfs", folder, "tmpfs", _FLAGS, f"mode={_EMPTY[folder]}")


def _bare(folder: str) -> None:
    """Leave of a folder the folders in it, and nothing that is in them: the machine's logs are not a host's."""
    kept = [(path, os.stat(path)) for path in _folders(folder)]
    if not os.path.isdir(folder):
        return
    system.mount("tmpfs", folder, "tmpfs", _FLAGS, "mode=755")
    for path, was in kept:
        os.mkdir(path)
        # The owner may be no user of the lab.
        with contextlib.suppress(OSError):
            os.chown(path, was.st_uid, was.st_gid)
        os.chmod(path, stat.S_IMODE(was.st_mode))


def _overlay(folder: str, folders: Sequence[str]) -> None:
    """Have a folder copied on write; ``folders`` of it are in the upper layer already."""
    changes, work = f"/tmp{folder}", f"/tmp/work{folder}"
    for path in (changes, work):
        os.makedirs(path, exist_ok=True)
    # In a user namespace only attributes of users can be set, and overlayfs notes deleted folders by such.
    options = f"lowerdir={folder},upperdir={changes},workdir={work}" + (",userxattr" if folders else "")
    system.mount("overlay", folder, "overlay", _FLAGS, options)


def _link(folder: str, folders: Sequence[str]) -> None:
    """Where no overlay can be had: ``folders`` of it become own ones, and all that is in them and in it links."""
    machine = f"{_MACHINE}{folder}"
    os.makedirs(machine)
    system.mount(folder, machine, None, system.MS_BIND | system.MS_REC)
    system.mount(f"/tmp{folder}", folder, None, system.MS_BIND | system.MS_REC)
    for path in (folder, *folders):
        with contextlib.suppress(PermissionError), os.scandir(_MACHINE + path) as entries:
            for entry in entries:
                if not os.path.lexists(f"{path}/{entry.name}"):
                    # Links that begin with ``..`` lead where they did.
                    target = os.readlink(entry.path) if entry.is_symlink() else entry.path
                    os.symlink(target, f"{path}/{entry.name}")


def _make(path: str, model: str, owner: Sequence[int] | None) -> None:
    """Make a folder with the mode of another and its owner, where that is a user of the lab."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, stat.S_IMODE(os.stat(model).st_mode))
    if owner is not None:
        uid, gid, mode = owner
        # Of a user beyond the range it stays root's.
        with contextlib.suppress(OSError):
            os.chown(path, uid, gid)
        os.chmod(path, mode)


def _above(path: str) -> Iterator[str]:
    """The folders that a path leads through, the outermost first."""
    parts = path.split("/")
    for number in range(2, len(parts)):
        yield "/".join(parts[:number])


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _readable(path: str) -> bool:
    try:
        os.listdir(path)
    except OSError:
        return False
    return True


def put(files: Sequence[GivenFile]) -> None:
    """Write files into the calling thread's private folders, each in the place of one that is there. Raises OSError."""
    for file in files:
        os.close(_write(file))


def names_file(text: str) -> int:
    """Write /etc/hosts, and return a descriptor of it: where a program puts another in its place, that stays."""
    return _write(GivenFile("/etc/hosts", text))


def rewrite(fd: int, text: str) -> None:
    """Replace a file's text. Raises OSError."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode(), 0)


def _write(file: GivenFile) -> int:
    """A descriptor of the file as it has been written. No component of its path is followed as a link."""
    try:
        with contextlib.closing(_Folder(file.path)) as folder:
            fd = folder.create()
            try:
                os.write(fd, file.text.encode())
                os.fchmod(fd, file.mode)
                user, _, group = file.owner.partition(":")
                if file.owner:
                    _chown(fd, user, group)
            except BaseException:
                os.close(fd)
                raise
            return fd
    except LookupError as error:
        raise OSError(errno.EINVAL, f"no such user or group: {file.owner}", file.path) from error
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} {_why(error)}".rstrip(), file.path) from error


def _chown(fd: int, user: str, group: str) -> None:
    """Raises KeyError where there is no such user or group."""
    import grp
    import pwd

    os.fchown(fd, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid if group else -1)


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "(no link is followed, and every folder on the way must be one)"
    if error.errno == errno.EACCES:
        return "(an ordinary user gives a file in a folder of the machine's with 'files' in the topology)"
    if error.errno == errno.EINVAL:
        return "(there may be no such user in this lab: netlab doctor)"
    return ""


class _Folder:
    """The folder of a path, made where it isn't there, and the path's last component in it."""

    def __init__(self, path: str) -> None:
        root = next((own for own in OWN_FOLDERS if path.startswith(own + "/")), None)
        parts = path.split("/")
        if root is None or ".." in parts or path.endswith("/"):
            raise OSError(errno.EACCES, f"not below {', '.join(OWN_FOLDERS)}", path)
        *folders, self.name = [part for part in path[len(root) :].split("/") if part not in ("", ".")]
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in folders:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=self.fd)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                inner = os.open(name, flags, dir_fd=self.fd)
                os.close(self.fd)
                self.fd = inner
        except BaseException:
            os.close(self.fd)
            raise

    def create(self) -> int:
        """A new file, in the place of whatever has that name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name, dir_fd=self.fd)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.name, flags, 0o600, dir_fd=self.fd)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.fd)


def _folders(shelf: str) -> Iterator[str]:
    """The folders in a folder; none where it isn't there or may not be read."""
    with contextlib.suppress(OSError), os.scandir(shelf) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.path
