"""The agent: the side that touches the kernel. It serves one front over one stream, and dies with it.

Imports the standard library, pyroute2's message classes, `netlab.wire`, `netlab.plan.types` and
`netlab.observed`, nothing else of netlab.
"""
