"""``pyeongpan collect`` reads each listening channel from a fake site, credentials from files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.collectors.conftest import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

REPOSITORY = Path(__file__).parents[2]

COMMANDS = """
import sys
from dataclasses import replace
from collectors import board
from commands.__main__ import main

# Ten seconds between two pages are a guest's manners, not a test's.
board.SPEC = replace(board.SPEC, min_interval_s=0.0)
for account in sys.argv[1:]:
    main(["collect", "--json", "--account", account], standalone_mode=False)
"""

BRAND = """
name = "새벽상회"
[[accounts]]
name = "naver"
channel = "naver_search"
credentials_file = "naver.toml"
keywords = ["새벽상회"]
base_url = "{url}"
[[accounts]]
name = "kakao"
channel = "kakao_search"
credentials_file = "kakao.toml"
keywords = ["새벽상회"]
base_url = "{url}"
[[accounts]]
name = "feed"
channel = "feed"
url = "{url}/rss.php"
keywords = ["새벽상회"]
[[accounts]]
name = "board"
channel = "board"
enabled = true
definition = "dcinside"
list_url = "{url}/lists?id={{board}}&page={{page}}"
board = "food"
keywords = ["새벽상회"]
detail = true
max_pages = 1
backfill = "9999d"
[accounts.fields]
author_id = ""
"""

PAGES = {
    "/v1/search/blog.json": "naver_search/blog.json",
    "/v1/search/cafearticle.json": "naver_search/cafearticle.json",
    "/v1/search/kin.json": "naver_search/kin.json",
    "/v1/search/news.json": "naver_search/news.json",
    "/v2/search/blog": "kakao_search/blog.json",
    "/v2/search/cafe": "kakao_search/cafe.json",
    "/rss.php": "feed/ppomppu.xml",
    "/lists": "board/dcinside.html",
    "/board/view/": "board/dcinside.post.html",
}


@pytest.fixture
def site() -> Iterator[tuple[str, Counter[str]]]:
    asked: Counter[str] = Counter()

    class Site(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            asked[path] += 1
            secrets = {
                "/v1": ("X-Naver-Client-Secret", "naver-secret"),
                "/v2": ("Authorization", "KakaoAK kakao-rest-key"),
            }
            name, secret = secrets.get(path[:3], ("Host", self.headers["Host"]))
            is_known = path in PAGES and self.headers[name] == secret
            body = (FIXTURES / PAGES[path]).read_bytes() if is_known else b""
            self.send_response(200 if is_known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_every_listening_channel_is_collected_by_command(
    tmp_path: Path, site: tuple[str, Counter[str]]
) -> None:
    url, asked = site
    brand = tmp_path / "brands" / "saebyeok"
    (brand / "manual").mkdir(parents=True)
    (brand / "brand.toml").write_text(BRAND.format(url=url), "utf-8")
    (brand / "naver.toml").write_text('client_id = "id"\nclient_secret = "naver-secret"\n')
    (brand / "kakao.toml").write_text('rest_api_key = "kakao-rest-key"\n')
    accounts = [f"saebyeok/{name}" for name in ("naver", "kakao", "feed", "board")]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *accounts],
        env={
            **os.environ,
            "PYEONGPAN_HOME": str(tmp_path / "home"),
            "PYEONGPAN_BRANDS": str(tmp_path / "brands"),
            "PYEONGPAN_ALLOW_PRIVATE_ADDRESSES": "true",
        },
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    told = {result["account"]: (result["new"], result["quarantined"]) for result in results}
    assert told == {
        "saebyeok/naver": (6, 0),
        "saebyeok/kakao": (2, 0),
        "saebyeok/feed": (1, 0),
        "saebyeok/board": (1, 0),
    }
    assert asked["/robots.txt"] == 1
    assert asked["/board/view/"] == 2
    assert set(PAGES) <= set(asked)
    assert "naver-secret" not in done.stdout + done.stderr
