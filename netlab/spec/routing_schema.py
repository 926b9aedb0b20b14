"""The typed schema of routes and rules, and what all values of the file have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netlab.spec.fields import Family, Flag, Fwmark, Ip, Prefix, RouteType, Table, Text, Unsigned, Weight, listing


class Model(BaseModel):
    """A value of the file: it doesn't change, and has no other keys than these."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Nexthop(Model):
    """One of several ways of a route."""

    via: Ip | None = Field(None, description="Gateway.")
    dev: Text | None = Field(None, description="Interface.")
    weight: Weight | None = Field(None, description="Its share beside the others.")
    onlink: Flag | None = Field(None, description="The gateway is on the link, whatever the addresses say.")


class Route(Model):
    """A route beyond the connected ones (ip-route(8))."""

    to: Prefix = Field(description="Destination: a prefix, an address or 'default'.")
    via: Ip | None = Field(None, description="Gateway.")
    dev: Text | None = Field(None, description="Interface.")
    table: Table | None = Field(None, description="Routing table.")
    metric: Unsigned | None = Field(None, description="Of several routes to a prefix that of the least metric counts.")
    src: Ip | None = Field(None, description="Source address of programs that bind to none.")
    type: RouteType | None = Field(None, description="All but `unicast` drop packets, each with an error of its own.")
    onlink: Flag | None = Field(None, description="The gateway is on the link, whatever the addresses say.")
    nexthops: Annotated[tuple[Nexthop, ...], BeforeValidator(listing)] = Field(
        (), description="Several ways, of which each connection takes one; in the place of via and dev."
    )


class Rule(Model):
    """A routing policy rule (ip-rule(8))."""

    model_config = ConfigDict(populate_by_name=True)

    src: Prefix | None = Field(None, alias="from", description="Source prefix.")
    to: Prefix | None = Field(None, description="Destination prefix.")
    iif: Text | None = Field(None, description="Interface that the packet came in by.")
    oif: Text | None = Field(None, description="Interface that the socket is bound to.")
    table: Table = Field(description="Routing table to look in.")
    fwmark: Fwmark | None = Field(None, description="Mark of the packet, and which of its bits count.")
    priority: Unsigned | None = Field(
        None, description="Priority; the kernel's choice by default: one less than the lowest."
    )
    family: Family | None = Field(None, description="4 or 6, where no prefix says it.")


Routes = Annotated[tuple[Route, ...], BeforeValidator(listing)]
Rules = Annotated[tuple[Rule, ...], BeforeValidator(listing)]
