"""The agent inside another kernel: User-Mode Linux, a kernel that is an ordinary process.

`standin` runs on the machine in the launcher's place: it starts the kernel, ties its life to the front's, and passes
the stream on (`lines`) by the kernel's serial lines. `init` is PID 1 of the guest: it mounts what programs expect, and
is the agent then (`netlab.agent.guest.server.GuestServer`).
"""
