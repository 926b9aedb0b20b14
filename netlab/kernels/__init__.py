"""Kernels other than the machine's own: User-Mode Linux, kept in the user's cache.

`cache` finds them, `facts` asks a program what it is; `build` makes one of its source, `fetch` takes Debian's.
"""

from netlab.contract.kernels import OWN
from netlab.kernels.cache import AUTO, Cached, Choice, cached, choose, folder, having
from netlab.kernels.facts import KernelError

__all__ = ["AUTO", "OWN", "Cached", "Choice", "KernelError", "cached", "choose", "folder", "having"]
