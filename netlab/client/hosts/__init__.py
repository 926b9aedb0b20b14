"""Labs on real machines: one agent on each, reached over ssh; the switch is the network between them.

`inventory` says which machine plays which host; `ssh` starts an agent there; `ground` fits a plan to what the machines
have; `client` drives all of them through a wave; `merge` combines what each has seen.
"""

from netlab.client.hosts.client import HostsClient
from netlab.client.hosts.inventory import Machine, parse, vagrant

__all__ = ["HostsClient", "Machine", "parse", "vagrant"]
