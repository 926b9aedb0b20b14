"""netlab: a network-namespace lab that predicts, builds, probes and judges."""

__version__ = "0.1.0"
