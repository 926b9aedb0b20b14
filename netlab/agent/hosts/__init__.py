"""The agent on a real machine, in the machine's own namespace; each change there is noted, and undone at the end.

`watchdog` starts it, and undoes its changes (`undo`) however it ends; `server` answers the front; `machine` says what
the machine has; `lab` builds children on real NICs; `prober` probes this machine's endpoints, while other machines
probe theirs; `barrier` proves silence across the wire.
"""
