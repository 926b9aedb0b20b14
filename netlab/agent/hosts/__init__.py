"""The agent on a real machine, in the machine's own namespace; all that it does there is written down to be undone.

`watchdog` starts it and undoes (`undo`) whatever became of it; `server` answers the front; `machine` says what there
is; `lab` builds children on real NICs; `station` probes the endpoints that are here, while other machines probe
theirs; `crossing` proves silence across the wire.
"""

#: What the front looks for before the first message: a login shell may have printed something of its own.
READY = b"\0netlab agent\n"
#: The longest piece of a pipe or file that is passed on at once, in bytes: what a pipe holds.
PIECE = 1 << 16
