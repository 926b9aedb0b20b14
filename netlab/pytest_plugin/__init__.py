"""The pytest plugin: labs as fixtures, topology files as tests.

It is loaded into every pytest run of an environment, so it imports nothing of netlab before a lab is needed.

- Fixtures: ``lab`` (of the test's ``@pytest.mark.topology(…)``), ``lab_factory`` (opens labs, for other scopes).
- Topology files (ini option ``netlab_topologies``) are tests: one for each step and layer.
- ``netlab_required`` (ini option): a machine that can't run labs fails the tests instead of skipping them.
- Options: ``--netlab-layers``, ``--netlab-seed``, ``--netlab-report``, ``--netlab-kernel`` (and the marker ``kernel``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netlab.pytest_plugin.session import KEEPER, asked_kernels, asked_layers, keeper_of, known

if TYPE_CHECKING:
    from netlab.testing.blueprint import Source
    from netlab.testing.lab import Lab

#: Where topology files are looked for in a project that doesn't say; known by its identity, as pytest before 8 makes an
#: empty list of a default of None.
DEFAULT = ["topologies/*.yaml"]
_PATHS: pytest.StashKey[frozenset[Path]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options and its ini option."""
    group = parser.getgroup("netlab", "network labs")
    group.addoption(
        "--netlab-layers",
        metavar="LAYERS",
        default="",
        help="Of topology files examine only these: layers (icmp,tcp,… of interfaces, host:icmp,host:tcp,… of programs "
        "that bind nothing) and measurements (throughput,latency,compare).",
    )
    group.addoption(
        "--netlab-seed", type=int, metavar="N", default=0, help="Order in which pairs are probed. [default: 0]"
    )
    group.addoption(
        "--netlab-kernel",
        metavar="KERNEL",
        action="append",
        default=[],
        help="Run labs on this kernel, in a guest: a cached one (netlab kernel list), the path of a User-Mode Linux, "
        "or own, the machine's. Given several times each test runs on each of them. [default: own]",
    )
    group.addoption(
        "--netlab-report",
        metavar="DIR",
        help="Write a report of each topology file here, and of each failed test its lab: topology, record, state, "
        "captures. [default: of failed tests only, in pytest's temporary folder]",
    )
    group.addoption(
        "--netlab-keep-on-failure",
        action="store_true",
        help="Leave the lab of a failed test up, as it is then: netlab ps lists it, netlab shell enters it.",
    )
    parser.addini(
        "netlab_topologies",
        type="args",
        default=DEFAULT,
        help="Patterns, relative to the root folder, of topology files that are tests. "
        "[of topologies/*.yaml those that have hosts: or switches: at their top]",
    )
    parser.addini(
        "netlab_required",
        type="bool",
        default=False,
        help="On a machine that can't run labs, or lacks a link kind, tests fail instead of being skipped. [false]",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the report writer where reports are asked for (only the controller writes them)."""
    if not hasattr(config, "workerinput"):
        _check_layers(config)
        if folder := config.getoption("--netlab-report"):
            from netlab.pytest_plugin.gather import Gatherer
            from netlab.report.folder import Folder

            reports = Folder(Path(folder).absolute(), option="--netlab-report DIR")
            config.pluginmanager.register(Gatherer(config.rootpath, reports), "netlab-report")
        if config.getoption("xmlpath", None):
            from netlab.pytest_plugin.junit import Properties

            config.pluginmanager.register(Properties(config), "netlab-junit")
    config.addinivalue_line(
        "markers",
        "topology(source, private=None): the topology of the test's lab: a netlab.Topology, the text of a topology "
        "file, or the name of one (beside the test, in topologies/, or shipped with netlab); whether its hosts are "
        "private.",
    )


def _check_layers(config: pytest.Config) -> None:
    if not (asked := asked_layers(config)):
        return
    from netlab.contract.types import ALL_LAYERS, base_layer
    from netlab.errors import did_you_mean

    known = (*ALL_LAYERS, "throughput", "latency", "compare")
    for name in asked:
        if base_layer(name) not in known:
            raise pytest.UsageError(
                f"--netlab-layers: no layer {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}"
            )


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the agent, and with it every lab."""
    if (keeper := config.stash.get(KEEPER, None)) is not None:
        keeper.close()


# --- topology files ---------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of ``netlab_topologies`` is a collection of tests, and so is one that the command line names; every other
    YAML file is left alone.

    Where a project doesn't set ``netlab_topologies``, only files that look like netlab's are.
    """
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    listed = file_path in _paths(parent.config)
    if not listed and not parent.session.isinitpath(file_path):
        return None
    if not listed or parent.config.getini("netlab_topologies") is DEFAULT:
        from netlab.pytest_plugin.recognise import is_topology

        try:
            if not is_topology(file_path):
                return None
        except OSError:
            # What can't be read isn't known to be netlab's.
            return None
    from netlab.pytest_plugin.topologies import TopologyFile

    return TopologyFile.from_parent(parent, path=file_path)


def _paths(config: pytest.Config) -> frozenset[Path]:
    if _PATHS not in config.stash:
        patterns: list[str] = config.getini("netlab_topologies")
        config.stash[_PATHS] = frozenset(path for pattern in patterns for path in config.rootpath.glob(pattern))
    return config.stash[_PATHS]


# --- labs -------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test that uses labs run on each kernel that is asked for."""
    if "netlab_kernel" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("kernel")
        if kernels := marker.args if marker else asked_kernels(metafunc.config):
            metafunc.parametrize("netlab_kernel", kernels, indirect=True, scope="session")


@pytest.fixture(scope="session")
def netlab_kernel(request: pytest.FixtureRequest) -> str:
    """The kernel that the test's labs run on, as ``--netlab-kernel`` names it; '' for the machine's own."""
    return known(getattr(request, "param", ""))


@pytest.fixture(scope="session")
def lab_factory(pytestconfig: pytest.Config, netlab_kernel: str) -> Callable[..., Lab]:
    """Opens labs: ``lab_factory(topology)`` returns a `netlab.Lab`, to be closed or used in a ``with`` block.

    For fixtures of your own, of any scope. A lab that is not closed ends with the session. On a machine that can't run
    labs the test is skipped, with the reason (or fails: ini option ``netlab_required``).
    """

    def open_lab(topology: Source, *, folder: Path | None = None, private: bool | None = None) -> Lab:
        return keeper_of(pytestconfig).open(topology, folder, private, kernel=netlab_kernel)

    return open_lab


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_factory: Callable[..., Lab]) -> Iterator[Lab]:
    """The lab of the test's ``topology`` marker: built, settled, ready; gone after the test."""
    marker = request.node.get_closest_marker("topology")
    if marker is None or len(marker.args) != 1 or marker.kwargs.keys() - {"private"}:
        pytest.fail('the lab fixture needs the test to have @pytest.mark.topology("file.yaml")', pytrace=False)
    from netlab import BuildError, TopologyError

    wrong = ""
    try:
        one = lab_factory(marker.args[0], folder=request.path.parent, **marker.kwargs)
    except (BuildError, TopologyError) as error:
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        # Not while the error is handled: pytest would tell it twice.
        pytest.fail(wrong, pytrace=False)
    with one:
        yield one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep topology, record, state and captures of a failed test's lab, while the lab is still there."""
    report = yield
    keeper = item.config.stash.get(KEEPER, None)
    if keeper is not None:
        keeper.report(item, report)
    return report
