"""What the ``lab`` fixture costs: a suite of empty tests, each with a lab of its own, run by pytest.

``python benchmarks/fixtures.py [TESTS]`` prints how long a lab takes to be ready (the first, and the others), and what
a test costs sustained, teardown included: the time of the whole suite, its start left out, divided by its tests.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pytest

SUITE = '''
import pytest

@pytest.mark.topology("""
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
""")
@pytest.mark.parametrize("number", range(%d))
def test_lab(lab, number):
    pass
'''


class Watch:
    """Notes how long each phase of each test took."""

    def __init__(self) -> None:
        self.setups: list[float] = []
        self.others: list[float] = []
        self.first = self.last = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase is over."""
        if report.when == "setup":
            self.setups.append(report.duration)
        else:
            self.others.append(report.duration)
        self.last = time.perf_counter()
        self.first = self.first or self.last


def main(tests: int) -> None:
    """Run the suite and print the figures, in milliseconds."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_fixture.py"
        path.write_text(SUITE % tests)
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", str(path)], plugins=[watch])
    assert code == 0
    rest = sorted(watch.setups[1:])
    ninety = rest[int(len(rest) * 0.9)]
    print(f"first lab ready in {watch.setups[0] * 1e3:.0f} ms")
    print(f"further labs ready in {statistics.median(rest) * 1e3:.1f} ms (median), {ninety * 1e3:.1f} ms (9 of 10)")
    print(f"a test costs {(watch.last - watch.first) / (tests - 1) * 1e3:.1f} ms, teardown included")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
