"""A headless Chromium for tests, without a network: what it was asked for and complained of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars", "--force-prefers-reduced-motion"),
)

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start a browser, and end it."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for each in _OPTIONS:
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: webdriver.Chrome, width: int, colours: str = "light") -> None:
    """Show the next page on a screen so wide, of a system with these colours."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": colours}]},
    )
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def complaints(driver: webdriver.Chrome) -> list[Any]:
    """Return what the console of the browser had to say since it was last asked."""
    return [each for each in _log(driver, "browser") if each["level"] != "INFO"]


def requests(driver: webdriver.Chrome) -> list[str]:
    """Return what was asked for since then."""
    events = [json.loads(each["message"])["message"] for each in _log(driver, "performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def _log(driver: webdriver.Chrome, kind: str) -> list[Any]:
    found: list[Any] = driver.get_log(kind)  # type: ignore[no-untyped-call]
    return found
