#!/usr/bin/env python3
"""Drives a live page as Prometheus, as browsers and as ill-meaning clients do.

    live_page.py --demo live-page-demo
    live_page.py --address 127.0.0.1:8099 --token-file RUN/token      a page that runs already

Checks that nothing but /healthz answers without the token, that only GET and HEAD are served, that oversized,
slow and 200 simultaneous clients cost no one else their answer, and that /metrics is what prometheus_client reads.
Needs prometheus_client (checked with 0.26).
"""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import socket
import stat
import subprocess
import sys
import tempfile
import time

from prometheus_client.parser import text_string_to_metric_families

PATHS = ["/", "/status.json", "/metrics", "/evaluation.json", "/evaluation.png", "/absent", "/?since=1",
         "/healthz/", "//healthz", "/../healthz", "/%68ealthz"]


class Page:
    def __init__(self, host, port, token_file):
        self.host, self.port = host, port
        self.token_file = pathlib.Path(token_file)
        self.token = self.token_file.read_text().strip()

    def ask(self, path, method="GET", headers=None, body=None):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def allowed(self, path, method="GET"):
        return self.ask(path, method, {"Authorization": f"Bearer {self.token}"})

    def raw(self, sent=b""):
        connection = socket.create_connection((self.host, self.port), timeout=20)
        connection.sendall(sent)
        return connection


def status_of(connection):
    """The status of what a socket answers; None when it is closed without a word."""
    received = b""
    try:
        while b"\r\n" not in received:
            more = connection.recv(4096)
            if not more:
                return None
            received += more
    except (ConnectionError, TimeoutError):
        return None
    return int(received.split()[1])


def check_token(page):
    mode = stat.S_IMODE(page.token_file.stat().st_mode)
    assert mode == 0o600, f"token file has mode {mode:o}"
    assert len(page.token) >= 32, "a short token"
    for path in PATHS:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            status, _, body = page.ask(path, method)
            assert status == 401, f"{method} {path} without a token: {status}"
            assert len(body) < 40, f"{method} {path} says {body!r}"
    for token in ("", "x", page.token[:-1], page.token + "0", page.token[::-1], "0" * len(page.token)):
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"kelip={token}"},
                        {"Authorization": f"Basic {token}"}):
            assert page.ask("/status.json", headers=headers)[0] == 401, headers
        assert page.ask(f"/?token={token}")[0] == 401
    assert page.ask(f"/status.json?token={page.token}")[0] == 401, "a token in the wrong link"
    assert page.ask("/healthz")[0] == 200
    status, headers, _ = page.ask(f"/?token={page.token}")
    cookie = headers["Set-Cookie"]
    assert status == 303 and headers["Location"] == "/" and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert page.ask("/", headers={"Cookie": cookie.split(";")[0]})[0] == 200


def check_methods(page):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert page.allowed("/metrics", method)[0] == 405, method
    assert page.ask("/healthz", "POST", body=b"x" * 100_000)[0] in (405, 413)
    assert page.ask("/healthz", "GET", {"Transfer-Encoding": "chunked"})[0] == 413
    whole, head = page.allowed("/"), page.allowed("/", "HEAD")
    assert head[0] == 200 and head[2] == b"" and head[1]["Content-Length"] == str(len(whole[2]))


def check_requests(page):
    for sent in (b"\r\n\r\n", b"GET /\r\n\r\n", b"\x00\xff\xfe\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\n bad\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"):
        assert status_of(page.raw(sent)) == 400, sent
    for count in (9_000, 100_000, 1_000_000):
        connection = page.raw()
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * count + b"\r\n\r\n")
        except ConnectionError:
            pass
        assert status_of(connection) in (431, None), count
    assert page.ask("/healthz")[0] == 200


def check_metrics(page):
    families = list(text_string_to_metric_families(page.allowed("/metrics")[2].decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) and len(names) > 15, names
    samples = {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
    status = json.loads(page.allowed("/status.json")[2])
    newest = {series["name"]: series["newest"] for series in status["series"]}
    assert "kelip_step" in samples and "kelip_loss" in samples and newest["loss"] > 0
    labels = {name for family in families for sample in family.samples for name in sample.labels}
    assert labels <= {"rank", "part", "result", "level"}, labels
    assert all(family.documentation for family in families)


def seconds_to_answer(page):
    start = time.monotonic()
    assert page.ask("/healthz")[0] == 200
    return time.monotonic() - start


def check_slow_clients(page):
    """300 clients that send a byte now and then: more than the page takes at a time."""
    holders = [page.raw(b"GET / HTTP/1.1\r\nX: ") for _ in range(300)]
    slowest, start = 0.0, time.monotonic()
    while time.monotonic() - start < 13:
        for holder in holders:
            try:
                holder.sendall(b"x")
            except OSError:
                pass
        slowest = max(slowest, seconds_to_answer(page))
        time.sleep(0.5)
    answers = [status_of(holder) for holder in holders]
    assert all(answer in (408, None) for answer in answers), answers
    print(f"  300 slow clients: all given up; others waited at most {slowest * 1000:.0f} ms")
    assert slowest < 5


def check_many_clients(page):
    def client(_):
        connection = http.client.HTTPConnection(page.host, page.port, timeout=30)
        codes = []
        for path in ("/status.json?since=1", "/metrics", "/", "/healthz"):
            connection.request("GET", path, headers={"Authorization": f"Bearer {page.token}"})
            answer = connection.getresponse()
            answer.read()
            codes.append(answer.status)
        connection.close()
        return codes

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        codes = [code for codes in pool.map(client, range(200)) for code in codes]
    assert codes == [200] * 800, [code for code in codes if code != 200][:5]
    print(f"  200 clients at once: 800 answers in {time.monotonic() - start:.1f} s")


def check_deaf_clients(page):
    """Clients that ask for a lot and read nothing."""
    request = f"GET / HTTP/1.1\r\nAuthorization: Bearer {page.token}\r\n\r\n".encode() * 20
    deaf = [page.raw(request) for _ in range(50)]
    waited = max(seconds_to_answer(page) for _ in range(10))
    print(f"  50 clients that do not read: others waited at most {waited * 1000:.0f} ms")
    assert waited < 5
    for connection in deaf:
        connection.close()


CHECKS = [check_token, check_methods, check_requests, check_metrics, check_many_clients, check_deaf_clients,
          check_slow_clients]


def run(page):
    failed = 0
    for check in CHECKS:
        try:
            check(page)
            print(f"ok      {check.__name__}")
        except AssertionError as fault:
            failed += 1
            print(f"FAILED  {check.__name__}: {fault}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--demo", help="the program live-page-demo")
    parser.add_argument("--address", help="HOST:PORT of a page that runs")
    parser.add_argument("--token-file")
    options = parser.parse_args()
    if options.address and options.token_file:
        host, _, port = options.address.rpartition(":")
        sys.exit(1 if run(Page(host, int(port), options.token_file)) else 0)
    if not options.demo:
        parser.error("give --demo, or --address and --token-file")
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(
            [options.demo, folder, "0", "64", "300"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        place = json.loads(demo.stdout.readline())
        failed = run(Page("127.0.0.1", place["port"], place["token_file"]))
        demo.stdin.close()
        status = demo.wait(timeout=30)
        if status != 0:
            print(f"FAILED  the page ended with status {status}")
    sys.exit(1 if failed or status else 0)


if __name__ == "__main__":
    main()
