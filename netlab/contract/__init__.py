"""What front and agent share: the plan's frozen values, the wire, observations, the order of probes, what is measured.

Pure, and importing nothing else of netlab: it is all that the agent knows of this package. Importing this package
costs nothing.
"""
