"""The agent: the side that touches the kernel. It serves one front over one stream, and dies with it.

Imports the standard library and `netlab.contract`, nothing else. Its start is a large part of a short run: so it speaks
netlink by itself (`netlab.agent.netlink`).
"""
