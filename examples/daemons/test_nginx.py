"""nginx as it is shipped, twice: each in its own host, with its own pid file, logs and port 80."""

from __future__ import annotations

import time

import pytest

LAN = """
private: true
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}, files: {/var/www/html/index.html: "this is A"}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}, files: {/var/www/html/index.html: "this is B"}}
  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}
"""

GET = "import urllib.request, sys; print(urllib.request.urlopen('http://' + sys.argv[1], timeout=30).read().decode())"


@pytest.mark.topology(LAN)
def test_two_servers(lab, needs, other_users):
    """By its name each server gives its own page, and only to those that the filter lets in."""
    needs("nginx")
    for host in "AB":
        lab[host].daemon("nginx", "-g", "daemon off;", port=80)
    for host in "AB":
        assert lab["C"].run("python3", "-c", GET, host).stdout == f"this is {host}\n"
        # It logs what it has answered.
        until = time.monotonic() + 30
        while "GET / HTTP" not in lab[host].run("cat", "/var/log/nginx/access.log").stdout:
            assert time.monotonic() < until
    lab.must_reach("C", "A", tcp=80)
    lab["A"].run("nft", "add table ip f; add chain ip f i { type filter hook input priority 0; }")
    lab["A"].run("nft", "add rule ip f i tcp dport 80 drop")
    lab.must_not_reach("C", "A", tcp=80)
    lab.must_reach("C", "B", tcp=80)
