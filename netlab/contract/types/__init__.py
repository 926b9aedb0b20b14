"""The plan: frozen values that say exactly what the kernel is to be asked for.

Everything that another room needs to know of a topology is here, resolved: names, MACs, ifindexes,
ports, sysctls, endpoints, the order of creation, and what the author of the file expects. The plan
knows no YAML and no kernel; it travels to the agent as JSON (`netlab.contract.wire`).

Identifiers are plain strings, the ones that people write:

- a *namespace*: ``A`` (a host), ``A/c1`` (a container), ``lan`` (a switch);
- a *link*: ``A:ens160``, ``A/c1:eth0``; the bridge of a switch is ``lan``; the link between two
  switches is ``s2--s1``;
- an *endpoint*: a link's id, or ``A:eth0@192.168.26.5`` for a further address of it;
- a *switch port*: ``port(A:ens160)``, the switch's end of that interface's wire; of an interface that is plugged
  into a bridge inside of a host, that bridge's end.
"""

from __future__ import annotations

from netlab.contract.types.changes import (
    AddLink,
    AddNamespace,
    AnyChange,
    Change,
    DeleteLink,
    DeleteNamespace,
    Places,
    Refusal,
    RefusedAt,
    SetFiles,
    SetLink,
    SetNftables,
    SetProgram,
    SetRouting,
    SetSysctl,
)
from netlab.contract.types.expectations import (
    AnyExpectation,
    Expectation,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
    Outcome,
)
from netlab.contract.types.layers import (
    ALL_LAYERS,
    BY_NAME,
    BY_ROW,
    GROUPS,
    HOST_LAYERS,
    LAYERS,
    ON_LINK,
    as_written,
    asks_host,
    base_layer,
    host_layer,
    layer_family,
    port_of,
    probe_of,
    size_of,
)
from netlab.contract.types.links import (
    AnyLink,
    Bridge,
    Link,
    Macvlan,
    Macvtap,
    Pair,
    Place,
    Plug,
    Switch,
    SwitchLink,
    Veth,
    joins,
    nics,
    stack,
    with_state,
)
from netlab.contract.types.parts import (
    MAIN_TABLE,
    Address,
    GivenFile,
    Limit,
    MacvlanMode,
    Namespace,
    Neighbor,
    Netem,
    Nexthop,
    NsKind,
    Port,
    PortState,
    Private,
    Program,
    Route,
    RouteType,
    Rule,
)
from netlab.contract.types.state import (
    AnySource,
    AnyTarget,
    Asker,
    Endpoint,
    State,
    Target,
    ends,
)
from netlab.contract.types.whole import (
    Claim,
    Plan,
    Step,
)
from netlab.contract.where import Where
