"""What is kept with a session of pytest: what was asked for, and the labs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netlab.contract.kernels import Version
    from netlab.pytest_plugin.keeper import Keeper

KEEPER: pytest.StashKey[Keeper] = pytest.StashKey()


def asked_layers(config: pytest.Config) -> tuple[str, ...]:
    """The names given with ``--netlab-layers``."""
    asked: str = config.getoption("--netlab-layers")
    return tuple(name.strip() for name in asked.split(",") if name.strip())


def asked_kernels(config: pytest.Config) -> tuple[str, ...]:
    """What was given with ``--netlab-kernel``, in that order."""
    return tuple(dict.fromkeys(config.getoption("--netlab-kernel")))


def known(kernel: str) -> str:
    """A kernel as labs take it: the machine's own is ''."""
    from netlab.contract.kernels import OWN

    return "" if kernel == OWN else kernel


def version_of(kernel: str) -> Version:
    """The version of a kernel that was asked for; where there is none of that name, the machine's: its tests say so."""
    from netlab.contract.kernels import here

    if name := known(kernel):
        from netlab.kernels import Choice, KernelError, choose

        with suppress(KernelError):
            return choose(Choice.read(name).kernel).facts.version
    return here()


def keeper_of(config: pytest.Config) -> Keeper:
    """The keeper of this process's labs; made when it is first asked for."""
    if KEEPER not in config.stash:
        from netlab.pytest_plugin.keeper import Keeper

        config.stash[KEEPER] = Keeper(config)
    return config.stash[KEEPER]
