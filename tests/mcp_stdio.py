"""A tiny MCP server over stdio whose tools misbehave as their names say; tests run it as a child process.

`python mcp_stdio.py FOLDER`: the process writes its id to `FOLDER/pids`, and obeys the files that lie in the folder
when it is asked: `tools.json` replaces its tools, `silent` keeps it from answering at all.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
SHAPE = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}
LONG = "é" * 20_000

CONTENT: dict[str, Any] = {
    "give_list": [{"type": "text", "text": '["a", "b"]'}],
    "give_number": [{"type": "text", "text": "42"}],
    "give_lines": [{"type": "text", "text": '{"a": 1}'}, {"type": "text", "text": "two"}],
    "give_long_text": [{"type": "text", "text": LONG}],
    "give_nothing": [],
    "give_bytes": [
        {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"},
        {"type": "audio", "data": "aGVsbG8h", "mimeType": "audio/wav"},
        {"type": "resource", "resource": {"uri": "file:///a.zip", "blob": "aGk="}},
        {"type": "resource", "resource": {"uri": "file:///a.md", "text": "# Title"}},
        {"type": "resource_link", "name": "b", "uri": "https://example.org/b", "mimeType": "text/csv"},
    ],
    "give_deep_text": [{"type": "text", "text": "[" * 950 + "]" * 950}],
}
SHAPED = ("give_price", "break_shape", "leave_out_shape", "give_infinity", "give_much")
PLAIN = ("count", "die", "hang", "babble", "garble", "flood", "refuse", "fail", "lose", "answer_wrongly")


def command(folder: Path) -> str:
    return shlex.join(["python", str(Path(__file__).resolve()), str(folder)])


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "description": f"Will {name}.", "inputSchema": NOTHING, **fields}


def default_tools() -> list[dict[str, Any]]:
    plain = [tool(name) for name in (*PLAIN, *CONTENT)]
    return plain + [tool(name, outputSchema=SHAPE) for name in SHAPED]


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = 0

    def tools(self) -> list[dict[str, Any]]:
        changed = self.folder / "tools.json"
        return json.loads(changed.read_text()) if changed.exists() else default_tools()

    def listed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Three tools to a page, in no order worth mentioning."""
        start = int(params.get("cursor", 0))
        tools = self.tools()[::-1]
        page = {"tools": tools[start : start + 3]}
        return page | ({"nextCursor": str(start + 3)} if start + 3 < len(tools) else {})

    def result(self, name: str) -> dict[str, Any]:
        self.calls += 1
        if name in CONTENT:
            return {"content": CONTENT[name]}
        match name:
            case "count":
                return {"content": [{"type": "text", "text": json.dumps({"calls": self.calls})}]}
            case "die":
                os._exit(3)
            case "hang":
                time.sleep(60)
            case "babble":
                print("Warming up ...", flush=True)
                return {"content": [{"type": "text", "text": "done"}]}
            case "garble":
                sys.stdout.buffer.write(b'{"jsonrpc": "2.0", "id": \xff\xfe\n')
                sys.stdout.buffer.flush()
                raise Silence
            case "flood":
                sys.stderr.write("A line that nobody will read.\n" * 100_000)
                return {"content": [{"type": "text", "text": "done"}]}
            case "fail":
                return {"content": [{"type": "text", "text": "There is no seat left."}], "isError": True}
            case "lose":
                left = [one for one in self.tools() if one["name"] != name]
                (self.folder / "tools.json").write_text(json.dumps(left))
                return {"content": [], "isError": True}
            case "answer_wrongly":
                return {"content": "done"}
            case "give_price":
                return {
                    "content": [{"type": "text", "text": "It is 5."}],
                    "structuredContent": {"price": 5},
                }
            case "break_shape":
                return {"content": [], "structuredContent": {"price": "free"}}
            case "leave_out_shape":
                return {"content": [{"type": "text", "text": "free"}]}
            case "give_infinity":
                return {"content": [], "structuredContent": {"price": float("inf")}}
            case "give_much":
                return {"content": [], "structuredContent": {"price": 1, "notes": ["x" * 50] * 1000}}
        raise LookupError(name)

    def answer(self, request: dict[str, Any]) -> None:
        params = request.get("params", {})
        match request["method"]:
            case "initialize":
                told = {"name": "tiny", "title": "Tiny Tools", "version": "1", "description": "For tests."}
                result = {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": told,
                }
            case "tools/list":
                result = self.listed(params)
            case "tools/call" if params["name"] != "refuse":
                result = self.result(params["name"])
            case method:
                # The code is also the client library's own for a closed connection.
                code, text = (-32000, "I refuse.") if method == "tools/call" else (-32601, "Method not found")
                send({"id": request["id"], "error": {"code": code, "message": text}})
                return
        send({"id": request["id"], "result": result})


class Silence(Exception):
    """No answer is sent."""


def main() -> None:
    folder = Path(sys.argv[1])
    with (folder / "pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    server = Server(folder)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request or (folder / "silent").exists():
            continue
        try:
            server.answer(request)
        except Silence:
            continue


if __name__ == "__main__":
    main()
