"""The typed schema of what hosts are given besides their network: files and programs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from netlab.spec.fields import (
    Environment,
    FileMode,
    FilePath,
    Name,
    Owner,
    Pattern,
    PortName,
    Signal,
    Text,
    Words,
    file_section,
    section,
)
from netlab.spec.routing_schema import Model


class File(Model):
    """A file of a private host; a text alone is its contents."""

    model_config = ConfigDict(populate_by_name=True)

    text: Text | None = Field(None, description="Its contents.")
    source: Text | None = Field(
        None, alias="from", description="A file that has its contents, beside the topology or in a folder below."
    )
    mode: FileMode | None = Field(None, description="Permissions in octal (0644).")
    owner: Owner | None = Field(None, description="User, or user:group; root by default.")


Files = Annotated[dict[FilePath, Annotated[File, BeforeValidator(file_section)]], BeforeValidator(section)]


class Program(Model):
    """A program that goes on, in the foreground."""

    run: Words = Field((), description="The program and its arguments; no shell takes them.")
    ready: Pattern | None = Field(None, description="It is ready when its output matches this regular expression,")
    port: PortName | None = Field(None, description="and when a program of the host listens at this port.")
    stop: Signal = Field(15, description="The signal that ends it.")
    env: Environment | None = Field(None, description="Variables of its environment, beside those of netlab's.")


Programs = Annotated[dict[Name, Annotated[Program, BeforeValidator(section)]], BeforeValidator(section)]
