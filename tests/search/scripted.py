"""A server with the OpenAI chat interface, on this machine, that answers what it was told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Scripted(HTTPServer):
    """Answers with the texts it was given, in turn, and keeps what it was asked."""

    texts: list[str]
    asked: list[dict[str, Any]]
    headers: list[str | None]
    counts = True


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Scripted)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = server.texts[len(server.asked) % len(server.texts)]
        server.asked.append(body)
        server.headers.append(self.headers["Authorization"])
        reply: dict[str, Any] = {"choices": [{"message": {"content": text}}]}
        if server.counts:
            reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 50}
        sent = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(*texts: str) -> Iterator[Scripted]:
    """Run a server that answers with these texts in turn."""
    server = Scripted(("127.0.0.1", 0), Handler)
    server.texts, server.asked, server.headers = list(texts), [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
