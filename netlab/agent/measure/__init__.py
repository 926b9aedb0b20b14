"""Throughput and latency between two namespaces of a lab: a server and a client as processes of their own."""

from netlab.agent.measure.driver import Ends, measure

__all__ = ["Ends", "measure"]
