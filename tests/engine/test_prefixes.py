"""What a request begins with stays the same byte for byte, so that a server's prefix cache hits."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import loopback as lb
import pytest
from teacher import museum_teacher, purpose
from workshops import museum

from callwright.engine.build import build

END_OF_MESSAGES = b'],"temperature":'


async def conversations(data: Path) -> dict[str, list[bytes]]:
    """The assistant's requests as they were sent, by conversation, in their order."""
    found: dict[str, list[bytes]] = defaultdict(list)
    async with lb.Loopback(museum_teacher) as server:
        await build(museum(server.base_url, size=20), data)
    for seen in server.seen:
        if purpose(seen.body) == "assistant":
            opening = [message["content"] for message in seen.body["messages"][:2]]
            found[json.dumps([opening, seen.body["tools"]])].append(seen.raw)
    return found


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    import asyncio

    return asyncio.run(conversations(tmp_path_factory.mktemp("data")))


def test_each_request_of_a_conversation_goes_on_where_the_one_before_ended(sent: dict[str, list[bytes]]):
    longer = [raws for raws in sent.values() if len(raws) > 1]
    assert len(longer) >= 10 and max(map(len, longer)) >= 3
    for raws in longer:
        for before, after in zip(raws, raws[1:], strict=False):
            shared = before[: before.rindex(END_OF_MESSAGES)]
            assert after.startswith(shared + b",")


def test_tools_come_first_then_the_system_message(sent: dict[str, list[bytes]]):
    for raws in sent.values():
        for raw in raws:
            assert raw.startswith(b'{"model":"toy","tools":[')
            tools, messages, rest = (
                raw.index(b'"tools"'),
                raw.index(b'"messages"'),
                raw.rindex(END_OF_MESSAGES),
            )
            assert tools < messages < rest
            assert raw[messages:].startswith(b'"messages":[{"role":"system","content":')


def test_the_tools_of_one_offer_are_the_same_bytes_in_every_request(sent: dict[str, list[bytes]]):
    offers = 0
    for raws in sent.values():
        assert len({raw[: raw.index(b'"messages"')] for raw in raws}) == 1
        offers += len(raws) > 1
    assert offers >= 10
