"""Where labs ran, as properties of pytest's own JUnit report.

They belong to the suite: JUnit readers (Jenkins' schema) allow no properties in a test case.
"""

from __future__ import annotations

import pytest
from _pytest.junitxml import xml_key


class Properties:
    """A plugin of the process that writes the report: gathers kernel, substrate, seed and topologies."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seen: dict[tuple[str, str], None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test says of its lab."""
        found: list[tuple[str, str]] = getattr(report, "netlab_where", [])
        self._seen.update(dict.fromkeys((name, value) for name, value in found))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Hand them over before the report is written."""
        xml = self._config.stash.get(xml_key, None)
        if xml is not None:
            for name, value in self._seen:
                xml.add_global_property(name, value)
