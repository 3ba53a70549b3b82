"""Python's own web server, with what the tests ask for. Prints its port. Arguments: [CERTIFICATE KEY]"""

import http.server
import ssl
import sys
import time
import urllib.parse

connections = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        connections += 1
        super().setup()

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/echo":
            text = f"{self.requestline}\n{self.headers}{body.decode()}"
            self.answer(int(query.get("status", 200)), text.encode(), **{"X-Kind": "echo"})
        elif url.path == "/redirect":
            self.answer(int(query.get("status", 302)), b"moved", Location=query["to"])
        elif url.path == "/connections":
            self.answer(200, str(connections).encode())
        elif url.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "8")
            self.end_headers()
            for byte in b"slowness":
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.25)
        else:
            self.answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients that go away are no news."""


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) == 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
