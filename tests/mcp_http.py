"""An MCP server over streamable HTTP, made with the official library; tests run it as a child process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel


class Seat(BaseModel):
    row: int
    taken: bool


@contextmanager
def running(authorization: str = "") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a server, and its process; where a header is given, it answers 401 without, and repeats it."""
    command = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "BOX_OFFICE_WANTS": authorization},
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield f"http://127.0.0.1:{port}/mcp", process
        finally:
            process.kill()


def main() -> None:
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    wanted = os.environ["BOX_OFFICE_WANTS"]
    server = MCPServer("Box Office", version="1")

    @server.tool()
    def find_seat(row: int) -> Seat:
        """Find a seat in a row."""
        if row > 20:
            raise ToolError("there are 20 rows")
        return Seat(row=row, taken=False)

    @server.tool(structured_output=False)
    def greet(name: str) -> str:
        """Greet a guest."""
        return f"Welcome, {name}!"

    if wanted:

        @server.tool(description=f"Read the note ({wanted}).", structured_output=False)
        def read_note(words: bool = True) -> str:
            if not words:
                raise ToolError(f"{wanted} is not well")
            return f"The note says: {wanted}"

        @server.tool()
        def get_badge() -> dict[str, Any]:
            """Get the badge."""
            return {"badge": wanted, wanted: [1]}

        @server.tool(structured_output=False)
        def get_programme() -> str:
            """Get the programme of the evening."""
            return "Two one-act plays."

    app = server.streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"").decode()
        if scope["type"] == "http" and given != wanted:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(guarded, log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
