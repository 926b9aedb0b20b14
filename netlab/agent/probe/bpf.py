"""Classic BPF filters for our packet sockets: only frames of this agent's probes wake it."""

from __future__ import annotations

import ctypes
import socket
import struct

SO_ATTACH_FILTER = 26

# include/uapi/linux/bpf_common.h
LD_W, LD_H, LD_B = 0x20, 0x28, 0x30
LD_W_IND, LD_B_IND = 0x40, 0x50
LDX_MSH = 0xB1
AND = 0x54
JEQ, JA, RET = 0x15, 0x05, 0x06
ACCEPT = 0xFFFF
#: Where the packet type can be loaded from: SKF_AD_OFF + SKF_AD_PKTTYPE, include/uapi/linux/filter.h.
PACKET_TYPE = 0xFFFFF004
#: The same of the interface's type: SKF_AD_OFF + SKF_AD_HATYPE.
HARDWARE_TYPE = 0xFFFFF01C

Instruction = tuple[int, int, int, int]
Program = list[Instruction]


EVERYTHING: Program = [(RET, 0, 0, ACCEPT)]


class _Fprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def attach(sock: socket.socket, program: Program) -> None:
    """SO_ATTACH_FILTER. Raises OSError."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    fprog = _Fprog(len(program), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(fprog))


def all_of(*tests: tuple[int, int, int]) -> Program:
    """Accept a frame for which every ``(load instruction, offset, value)`` holds; value -1: only run the load."""
    program: Program = []
    for load, offset, value in tests:
        program.append((load, 0, 0, offset))
        if value >= 0:
            program.append((JEQ, 0, 0xFF, value))
    end = len(program)
    # Every failed comparison jumps to the last instruction, which refuses.
    patched = [
        (code, yes, end - at if code == JEQ and no == 0xFF else no, k) for at, (code, yes, no, k) in enumerate(program)
    ]
    return [*patched, (RET, 0, 0, ACCEPT), (RET, 0, 0, 0)]


def but(program: Program) -> Program:
    """Accept what a program refuses, and refuse what it accepts; in `any_of` it must be the last."""
    return [(code, yes, no, ACCEPT - k if code == RET else k) for code, yes, no, k in program]


def any_of(*programs: Program) -> Program:
    """Accept a frame that one of the programs accepts; each must end in accept, refuse."""
    joined: Program = []
    for number, program in enumerate(programs):
        body = list(program)
        if number < len(programs) - 1:
            # The refusal becomes a jump to the next program.
            body[-1] = (JA, 0, 0, 0)
        joined += body
    return joined
