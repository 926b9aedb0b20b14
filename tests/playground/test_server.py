"""The local server answers its own page only."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from netlab.playground.serve import MOST, Server

TEXT = "switches: {lan: {}}\nhosts: {A: {interfaces: {eth0: {switch: lan}}}}\n"


def asked(server: Server, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """The status and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=text if method == "POST" else None, headers=named)
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


def test_the_page_is_given_out(server: Server) -> None:
    """The page, its script and its gallery come with the type that browsers want."""
    status, page = asked(server, "GET", "/")
    assert status == 200
    assert server.token in page
    assert "POLICY" not in page
    status, said = asked(server, "GET", "/topologies.json")
    assert status == 200
    assert len(json.loads(said)) > 30


def test_a_question_needs_the_page_own_token(server: Server) -> None:
    """Without the token, or with another, nothing is answered; with it, the prediction is."""
    question = {"ask": "answer", "text": TEXT}
    assert asked(server, "POST", "/ask", question)[0] == 403
    assert asked(server, "POST", "/ask", question, X_Token="é")[0] == 403
    status, said = asked(server, "POST", "/ask", question, X_Token=server.token)
    assert status == 200
    assert json.loads(said)["page"].startswith("<!doctype html>")


def test_another_name_gets_no_token(server: Server) -> None:
    """A page of another origin that resolves to loopback is refused: it would read the token."""
    status, said = asked(server, "GET", "/", Host="rebound.example")
    assert status == 403
    assert server.token not in said


@pytest.mark.parametrize("path", ["/../etc/passwd", "/answer.py", "/pyodide/", "//etc/passwd"])
def test_nothing_else_is_given_out(server: Server, path: str) -> None:
    """Only the page's own files are there, by their exact names."""
    assert asked(server, "GET", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ({"ask": "answer"}, 400),
        ({"ask": "complete", "text": "a", "line": "x", "column": 0}, 400),
    ],
)
def test_a_broken_question_is_an_error_of_its_own(server: Server, body: Any, status: int) -> None:
    """What is no question gets an error, and the server answers the next."""
    assert asked(server, "POST", "/ask", body, X_Token=server.token)[0] == status
    assert asked(server, "POST", "/ask", {"ask": "answer", "text": TEXT}, X_Token=server.token)[0] == 200


def test_an_endless_question_is_not_read(server: Server) -> None:
    """A length beyond any topology's is refused before it is read."""
    headers = {"X_Token": server.token, "Content_Length": str(MOST + 1)}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.putrequest("POST", "/ask")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
