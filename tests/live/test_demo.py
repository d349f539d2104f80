"""`make demo`'s command as a newcomer runs it: what it prints, what it serves, and that Ctrl-C ends all of it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest


@pytest.mark.timeout(400)
def test_the_demo(tmp_path: Path, cache: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
    env = clean | {"ESN_HOME": str(tmp_path), "ESN_CACHE": str(cache), "PYTHONUNBUFFERED": "1"}
    out = tmp_path / "out.txt"
    with out.open("wb") as file:
        demo = subprocess.Popen([sys.executable, "-m", "agents", "demo"], env=env, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 300
        while "Ctrl-C ends all of it" not in out.read_text():
            assert demo.poll() is None, out.read_text()
            assert time.monotonic() < deadline, out.read_text()
            time.sleep(0.2)
        text = out.read_text()
        assert re.search(r"the company .* 76\.0%\s+117 of\s+154", text)
        assert re.search(r"seen within 7 days\s+117", text)
        assert re.search(r"D27 .* 50\.0%  of 80%", text)
        assert re.search(r"visited .* 144 +94\.1%", text)  # all but the ten who were never seen
        assert "lapsed: 15 who came once" in text
        assert re.search(r"absent .* 16\.2% +25\n", text)
        assert re.search(r"2010-06-04 \d\d:\d\d  the company .* % fewer people", text)  # a bridge day
        alarms = text.partition("Engagement drops")[2].partition("Where to look")[0]
        for holiday in ("2010-04-05", "2010-05-03", "2010-06-03"):
            assert holiday not in alarms
        [picture] = re.findall(r"drops +(/.*\.svg)", text)
        assert Path(picture).read_text().startswith("<svg")
        assert "doi:10.7910/DVN/6Z3CGX" in text
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/metrics", text)
        with urllib.request.urlopen(address) as page:  # noqa: S310  (our own, on loopback)
            assert b"esn_active_people{" in page.read()
    finally:
        demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0
    left = [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or [])]
    assert left == []
