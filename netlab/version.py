"""Which netlab this is, for modules that the package itself knows: to import nothing, it says so in its own file."""

from __future__ import annotations

import sys

__version__: str = sys.modules["netlab"].__version__
