"""Controls headless Chromium over its debugging protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page. Requests to other hosts than 127.0.0.1 fail, and are recorded in `foreign`. Errors of the
    console are in `errors`."""

    def __init__(self, folder: Path, width: int = 1400, height: int = 900):
        command = [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ]
        command += [f"--user-data-dir={folder}", "--remote-debugging-port=0", "--no-first-run"]
        command += [f"--window-size={width},{height}", "--disable-background-networking"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "about:blank"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        note, until = Path(folder) / "DevToolsActivePort", time.monotonic() + 60
        while not note.exists() or not note.read_text().strip():
            assert time.monotonic() < until, "Chromium did not start"
            time.sleep(0.1)
        port = note.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            pages = [page for page in json.load(answer) if page["type"] == "page"]
        self.loop = asyncio.new_event_loop()
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self._number = 0
        self.loop.run_until_complete(self._connect(pages[0]["webSocketDebuggerUrl"]))
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    async def _connect(self, address: str) -> None:
        self.session = aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(address, max_msg_size=0)

    def call(self, method: str, **parameters) -> dict:
        return self.loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method: str, parameters: dict) -> dict:
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            said = json.loads(await asyncio.wait_for(self.socket.receive_str(), 60))
            if said.get("method") == "Network.requestWillBeSent":
                address = said["params"]["request"]["url"]
                if address.startswith("http") and "//127.0.0.1" not in address:
                    self.foreign.append(address)
            self.errors += _errors(said)
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return said["result"]

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def evaluate(self, script: str):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = 60):
        """Wait until a script returns something true, and return it."""
        until = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < until, (script, self.evaluate("document.body.innerText"))
            time.sleep(0.2)
        return value

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_text(self, text: str, role: str = "*") -> None:
        """Click on the innermost element whose text is exactly this."""
        place = self.wait(f"""(() => {{
            const found = [...document.querySelectorAll({json.dumps(role)})]
                .filter((e) => e.innerText && e.innerText.trim() === {json.dumps(text)}).pop();
            if (!found) return null;
            found.scrollIntoView({{block: "center"}});
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        self.click(*place)

    def screenshot(self, path: Path) -> None:
        data = self.call("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self.loop.run_until_complete(self.session.close())
        self.process.kill()
        self.process.wait()


def _errors(said: dict) -> list[str]:
    """Return the errors of the page in a message of the browser."""
    method, known = said.get("method"), said.get("params", {})
    if method == "Runtime.exceptionThrown":
        return [known["exceptionDetails"]["text"]]
    if method == "Runtime.consoleAPICalled" and known["type"] == "error":
        return [str(known["args"])]
    if method == "Log.entryAdded" and known["entry"]["level"] == "error":
        return [known["entry"]["text"]]
    return []
