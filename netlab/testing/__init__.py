"""Labs in tests: topologies built in Python, processes and sockets inside, questions answered with proof.

The pytest plugin (`netlab.pytest_plugin`) hands out `Lab` as a fixture; elsewhere `Labs` opens them.
"""
