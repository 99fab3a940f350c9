"""A Hugging Face hub in small, for tests: its paths, headers, redirects and errors.

    python3 hub.py ROOT [CERTIFICATE KEY]

ROOT/<owner>/<name>/<file> are the models, ROOT/files/<file> a plain file server, and /downgrade/...
redirects to plain http. Prints "hub=URL cdn=URL" when both servers listen, over TLS if it has a
certificate.

Large files (weights) lie on the second server, where the hub redirects to. A repository with a file
.gated wants the token "hf_good". GET /_fault/KIND on the hub makes the next answer of the second
server wrong: "truncate", "error", "stall" or "changed". GET /_seen lists all requests as
"SERVER METHOD PATH range=... authorization=...".
"""

import hashlib
import http.server
import os
import ssl
import sys
import threading

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")
TOKEN = "Bearer hf_good"


class State:
    root = ""
    cdn = ""
    seen = []
    faults = []
    stop = threading.Event()


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        header = self.headers.get
        State.seen.append(f"{self.server.role} {self.command} {self.path} "
                          f"range={header('Range')} authorization={header('Authorization')}")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_file(self, data, fault=None, **headers):
        """With ranges, as RFC 9110 says, unless a fault is asked for."""
        etag = '"' + hashlib.sha256(data).hexdigest()[:32] + '"'
        first = 0
        asked = self.headers.get("Range", "")
        if asked and self.headers.get("If-Range", etag) == etag:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
        if first and first >= len(data):
            return self.answer(416, Content_Range=f"bytes */{len(data)}")
        if fault == "changed":
            data = data[:-1] + bytes([data[-1] ^ 1])
        part = data[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        for name, value in {"ETag": etag, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if fault in ("truncate", "stall"):
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            if fault == "stall":
                State.stop.wait()
            self.close_connection = True
        else:
            self.wfile.write(part)


class Cdn(Handler):
    """/blob/<owner>/<name>/<file>?signature"""

    def do_GET(self):
        self.note()
        fault = State.faults.pop(0) if State.faults else None
        if fault == "error":
            return self.answer(503, b"busy", Retry_After="0")
        path = self.path.split("?")[0].removeprefix("/blob/")
        self.answer_file(read(os.path.join(State.root, path)), fault)


class Hub(Handler):
    def do_GET(self):
        if self.path == "/_seen":
            return self.answer(200, "\n".join(State.seen).encode())
        if self.path.startswith("/_fault/"):
            State.faults.append(self.path.removeprefix("/_fault/"))
            return self.answer(200)
        self.note()
        if self.path.startswith("/files/"):
            return self.plain_file()
        if self.path.startswith("/downgrade/"):
            return self.answer(302, Location="http://127.0.0.1:1/" + self.path)
        parts = self.path.strip("/").split("/")
        if len(parts) != 5 or parts[2] != "resolve":
            return self.answer(404)
        self.resolve(f"{parts[0]}/{parts[1]}", parts[3], parts[4])

    def plain_file(self):
        path = os.path.join(State.root, self.path.split("?")[0].lstrip("/"))
        if not os.path.isfile(path):
            return self.answer(404)
        self.answer_file(read(path))

    def resolve(self, repository, revision, file):
        folder = os.path.join(State.root, repository)
        token = self.headers.get("Authorization")
        if not os.path.isdir(folder):
            # Without a token a private model and one that does not exist look alike.
            return self.answer(404 if token else 401, X_Error_Code="RepoNotFound")
        if os.path.exists(os.path.join(folder, ".gated")) and token != TOKEN:
            return self.answer(403 if token else 401, X_Error_Code="GatedRepo")
        if revision not in ("main", COMMIT):
            return self.answer(404, X_Error_Code="RevisionNotFound")
        path = os.path.join(folder, file)
        if not os.path.isfile(path):
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        data = read(path)
        if not file.endswith(LARGE):
            return self.answer_file(data, **{"X-Repo-Commit": COMMIT})
        digest = hashlib.sha256(data).hexdigest()
        self.answer(302, Location=f"{State.cdn}/blob/{repository}/{file}?signature=s",
                    X_Repo_Commit=COMMIT, X_Linked_Size=str(len(data)),
                    X_Linked_Etag=f'"{digest}"')


def start(handler, role, certificate):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.role = role
    server.daemon_threads = True
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{scheme}://127.0.0.1:{server.server_address[1]}"


if __name__ == "__main__":
    State.root = sys.argv[1]
    State.cdn = start(Cdn, "cdn", sys.argv[2:])
    print(f"hub={start(Hub, 'hub', sys.argv[2:])} cdn={State.cdn}", flush=True)
    State.stop.wait()  # until it is killed
