"""``python -m netlab``: the command, where it isn't on the PATH."""

from __future__ import annotations

from netlab.cli import main

if __name__ == "__main__":
    main()
