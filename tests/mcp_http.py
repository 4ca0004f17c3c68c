"""An MCP server over streamable HTTP, made with the official library; tests run it as a child process."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel


class Seat(BaseModel):
    row: int
    taken: bool


@contextmanager
def running() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a server, and its process."""
    command = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
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

    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(server.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
