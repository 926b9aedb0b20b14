"""Topologies for the tests of reports."""

from __future__ import annotations

#: Everything that a person can name freely is hostile: to HTML, to scripts, to attributes, to Markdown.
HOSTILE = r"""
name: "<script>alert(1)</script>"
description: >-
  </script></style><script>alert(2)</script> ``` | @everyone [x](javascript:alert(3))
  <img src=x onerror=alert(4)>
claim:
  number: "7<b>\"'"
  says: "</blockquote><script>alert(5)</script> @everyone #12 \"><img src=x onerror=alert(6)>"
  test:
    - A -> B: unreachable
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.1/24]}
    containers:
      web:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.2/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.3/24]}
steps:
  - name: "</h2><script>alert(7)</script>"
    description: "<script>alert(8)</script>\" onmouseover=\"alert(9)"
    set: {"B:eth0": {state: down}}
"""

#: What a hostile hand could put in the place of a name inside of a record.
SPELLS = (
    "<script>alert(10)</script>",
    '"><img src=x onerror=alert(11)>',
    "'onmouseover='alert(12)",
    "</script><script>alert(13)</script>",
    "`|*_[x](javascript:alert(14))",
    "]]><svg onload=alert(15)>",
)

HUNDRED = """
name: hundred
switches: {lan: {}}
hosts:
  h:
    replicas: 100
    interfaces:
      eth0: {switch: lan, addresses: [10.26.0.1/24]}
"""

#: An expectation that does not hold, so that there is red to be seen; and something of everything.
MIXED = """
name: mixed
description: A bit of everything.
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.1/24], port: {hairpin: true}}
      mv0: {type: macvlan, parent: eth0, mode: private, addresses: [192.168.26.2/24]}
    containers:
      web:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: vepa, addresses: [192.168.26.3/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.9/24]}
expect:
  - B -> A/web: unreachable
  - A/web -> B: reachable
steps:
  - name: B-down
    set: {"B:eth0": {state: down}}
    expect:
      - A -> B: unreachable
"""

#: A bridge inside of a host, with containers plugged into it and a way out.
BRIDGED = """
name: bridged
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, master: br0}
      br0: {type: bridge, addresses: [10.0.0.1/24]}
    containers:
      c1:
        interfaces:
          eth0: {bridge: br0, addresses: [10.0.0.11/24]}
      c2:
        interfaces:
          eth0: {bridge: br0, addresses: [10.0.0.12/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
  C:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.3/24]}
"""

#: Two throughputs, each measured once, by a few bytes.
MEASURED = """
name: measured
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
throughput:
  - {pairs: [A -> B], engine: sockets, bytes: 1M, repetitions: 1}
  - {pairs: [B -> A], engine: sockets, bytes: 1M, repetitions: 1}
"""
