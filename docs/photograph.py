"""Take the pictures of the console that the README shows, from the home of a demo: `python -m docs.photograph`."""

import argparse
import datetime as dt
import io
import secrets
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from detector import config
from detector.console import passwords
from detector.console.app import create_app
from detector.runs import open_doors

PICTURES = Path(__file__).parent / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTH, HEIGHT = 1200, 780


def photograph(demo: Path, chromium: str) -> None:
    """Sign in to a copy of the demo's home as an analyst, and keep what the queue and a case look like."""
    password, settings = secrets.token_urlsafe(12), config.load().settings
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
        shutil.copytree(demo / "home", Path(folder) / "home")
        with open_doors(Path(folder) / "home", settings) as doors:
            now = dt.datetime.now(dt.UTC)
            doors.ledger.people.add("ana", "analyst", passwords.hashed(password), actor="docs", now=now)
            case = next(case for case in doors.ledger.cases.queue() if case.kind == "resale" and case.origin == "flag")
            listening.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            app = create_app(doors, settings, lambda: dt.datetime.now(dt.UTC))
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            while not server.started:
                time.sleep(0.05)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.goto(url)
                page.get_by_label("Name").fill("ana")
                page.get_by_label("Password").fill(password)
                page.get_by_role("button", name="Sign in").click()
                _take(page, f"{url}/queue?origin=flag", "queue")
                _take(page, f"{url}/cases/{case.id}", "case")
                browser.close()
            server.should_exit = True
            thread.join()


def _take(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    if name == "case":
        page.get_by_role("heading", name="A year, day by day").wait_for()
        height = page.get_by_role("heading", name="Devices and networks as they roam").bounding_box()
        page.set_viewport_size({"width": WIDTH, "height": int(height["y"]) if height else HEIGHT})
    taken = Image.open(io.BytesIO(page.screenshot()))
    # The palette that covers most colours, not most pixels: hues are few and mean something.
    taken.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("detector-demo"), help="folder of a demo")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    arguments = parser.parse_args()
    photograph(arguments.demo, arguments.chromium)
