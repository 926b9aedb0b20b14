"""The page with Python on the server's side: loopback only, and only for the page that this server gave out."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from netlab.playground import site

#: The longest question: as large as a topology file may be, and some more for its JSON.
MOST = 3 << 20
_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html", "json": "application/json"}


class Server(ThreadingHTTPServer):
    """Answers on 127.0.0.1; ``url`` is the page. Port 0 is any free one. Raises OSError where the port is taken."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.token = secrets.token_urlsafe(24)
        #: One prediction at a time.
        self.turn = threading.Lock()
        self.files = {
            "/": site.index("server", self.token),
            "/playground.js": site.asset("playground.js"),
            "/playground.css": site.asset("playground.css"),
            "/topologies.json": site.topologies(),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def hosts(self) -> set[str]:
        """What a browser calls this server. Another name is another page's, which points at this address."""
        port = self.server_address[1]
        return {f"127.0.0.1:{port}", f"localhost:{port}"}


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 30
    server_version = "netlab"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = self.server.files.get(path)
        if self.headers.get("Host") not in self.server.hosts():
            self._send(HTTPStatus.FORBIDDEN, "not by this name\n")
        elif content is None:
            self._send(HTTPStatus.NOT_FOUND, "there is no such page\n")
        else:
            self._send(HTTPStatus.OK, content, _TYPES.get(path.rpartition(".")[2], "text/html"))

    def do_POST(self) -> None:
        told = self.headers.get("X-Token", "")
        if self.path != "/ask" or not hmac.compare_digest(told.encode(), self.server.token.encode()):
            self._send(HTTPStatus.FORBIDDEN, "load the page again: this one is of another server\n")
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self._send(HTTPStatus.LENGTH_REQUIRED, "no length\n")
            return
        if not 0 <= length <= MOST:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long a topology\n")
            return
        try:
            question = json.loads(self.rfile.read(length))
            with self.server.turn:
                answer = self._answer(question)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._send(HTTPStatus.BAD_REQUEST, f"{type(error).__name__}: {error}\n")
            return
        self._send(HTTPStatus.OK, json.dumps(answer, ensure_ascii=False), _TYPES["json"])

    def _answer(self, question: Any) -> dict[str, Any]:
        from netlab.playground.answer import respond

        return respond(question)

    def _send(self, status: HTTPStatus, content: str, kind: str = "text/plain") -> None:
        body = content.encode("utf-8", "surrogatepass")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the user's."""
