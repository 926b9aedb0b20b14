"""The agent on a real machine, in the machine's own namespace; all that it does there is written down to be undone.

`watchdog` starts it and undoes (`undo`) whatever became of it; `server` answers the front; `machine` says what there
is; `lab` builds children on real NICs; `station` probes the endpoints that are here, while other machines probe
theirs; `crossing` proves silence across the wire.
"""
