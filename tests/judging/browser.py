"""A real Chromium, driven over its debugging socket; nothing but aiohttp is needed for it.

`Browser.open` shows a page and gives a `Tab`: `evaluate`, `press`, and what went wrong meanwhile
(dialogs, exceptions, console and policy errors, requests).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
    "--window-size=1280,800",
)  # fmt: skip
KEY_CODES = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}


class Tab:
    """One page and everything that was said about it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.serial = 0
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.loaded = False

    async def call(self, method: str, **params: object) -> dict:
        """Call the browser and take what it says until the answer comes."""
        self.serial += 1
        await self.socket.send_json({"id": self.serial, "method": method, "params": params})
        while True:
            message = await self._hear()
            if message.get("id") == self.serial:
                assert "error" not in message, message
                return message["result"]

    async def show(self, address: str) -> None:
        """Go to an address and wait until it has loaded."""
        await self.call("Page.navigate", url=address)
        while not self.loaded:
            await self._hear()

    async def _hear(self) -> dict:
        message = json.loads((await self.socket.receive(timeout=120)).data)
        self._note(message)
        return message

    def _note(self, message: dict) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self.loaded = True
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params)[:400])
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.errors.append(json.dumps(params)[:400])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    async def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def text(self, selector: str) -> str:
        """The text of the first element that matches."""
        return str(await self.evaluate(f"document.querySelector({selector!r}).textContent"))

    async def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                            windowsVirtualKeyCode=KEY_CODES[key])  # fmt: skip


@asynccontextmanager
async def open_page(page: Path, fragment: str, folder: Path):
    """Show a file in a new browser; skip where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    command = [chromium, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(  # noqa: ASYNC220 - there is nothing else to do meanwhile
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        told = next(line for line in process.stderr if "DevTools listening on" in line)
        port = told.partition("127.0.0.1:")[2].partition("/")[0]
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new") as answer:
                address = (await answer.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=1 << 26) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.call(f"{domain}.enable")
                await tab.show(f"{page.as_uri()}#{fragment}")
                yield tab
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()
