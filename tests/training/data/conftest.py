"""A web site of our own, and a cache folder that is empty."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from striate.training.data import downloads


class Site:
    """What a site holds, how it behaves, and what it was asked for."""

    def __init__(self):
        self.files = {}
        self.address = ""
        self.ranges = True  # whether it sends parts of files
        self.cuts = []  # after how many bytes it breaks off the next answers
        self.asked = []  # the first byte asked for, of each request


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return an empty cache folder, with no other folder of data."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def site(monkeypatch):
    """Return a site that answers at `site.address`."""
    held = Site()

    class Answering(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            content = held.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404, "nothing there")
                return
            match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
            begin = int(match[1]) if match else 0
            held.asked.append(begin)
            if held.ranges and begin >= len(content) > 0:
                self.send_error(416, "nothing from there on")
                return
            partial = bool(match) and held.ranges
            body = content[begin:] if partial else content
            self.send_response(206 if partial else 200)
            if partial:
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {begin}-{last}/{len(content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: held.cuts.pop(0)] if held.cuts else body)

    monkeypatch.setattr(downloads, "PAUSE", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        held.address = f"http://127.0.0.1:{server.server_port}"
        yield held
        server.shutdown()
        thread.join()
