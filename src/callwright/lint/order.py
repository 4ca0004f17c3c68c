"""Turns in their order, and calls with their results."""

from __future__ import annotations

from callwright.lint.conversation import Call, Conversation, Turn


def check_order(row: Conversation) -> None:
    turns = row.turns
    if not turns:
        row.report("no_messages", "there is nothing in it")
        return
    spoken = [turn for turn in turns if turn.role == "assistant"]
    if row.complete and not any(turn.text.strip() or turn.calls or turn.broken for turn in spoken):
        row.report("nothing_to_learn", "the assistant says nothing")
    first = next((turn for turn in turns if turn.role != "system"), None)
    if first is None or first.role != "user":
        row.report(
            "wrong_order", f"it begins with the {first.role if first else 'system'}, not with a person"
        )
    for place, turn in enumerate(turns):
        before = turns[place - 1] if place else None
        if turn.role == "system" and before and before.role != "system":
            row.report("wrong_order", f"message {place + 1}: a system message in the middle")
        elif before and before.role == turn.role and turn.role in ("user", "assistant") and not before.calls:
            row.report("wrong_order", f"message {place + 1}: two {turn.role} turns in a row")
        if turn.role in ("user", "assistant") and not (turn.text.strip() or turn.calls or turn.broken):
            row.report("void_turn", f"message {place + 1}: an empty {turn.role} turn")


def check_pairs(row: Conversation) -> None:
    """Each result answers an open call, and each call is answered before anybody goes on."""
    waiting: list[Call] = []
    ids = [call.id for call in row.calls]
    results = [turn for turn in row.turns if turn.role == "tool"]
    named = any(ids)
    for twice in {one for one in ids if one is not None and ids.count(one) > 1}:
        row.report("repeated_call_id", f"the id {twice} stands at {ids.count(twice)} calls")
    if named and (None in ids or any(turn.call_id is None for turn in results)):
        row.report("missing_call_id", "some calls or results have an id and some have none")
    for place, turn in enumerate(row.turns):
        if turn.role == "tool":
            _answer(row, turn, waiting, place)
            continue
        if waiting:
            row.report("unpaired_call", f"message {place + 1}: nothing answers {_names(waiting)}")
            waiting = []
        if turn.role == "assistant":
            waiting = list(turn.calls)
    if waiting and row.turns[-1].role == "tool":
        row.report("unpaired_call", f"nothing answers {_names(waiting)}")
    elif waiting:
        row.report("ends_with_call", f"nothing answers {_names(waiting)}")


def _answer(row: Conversation, turn: Turn, waiting: list[Call], place: int) -> None:
    """Take the call that a result answers off those that wait."""
    fits = [
        call
        for call in waiting
        if (turn.call_id is None or call.id is None or call.id == turn.call_id)
        and (turn.call_id is not None or turn.name is None or call.name == turn.name)
    ]
    if not fits:
        told = f"no call {turn.call_id or ''} of {turn.name or 'any tool'} waits"
        row.report("unpaired_result", f"message {place + 1}: {told}")
        return
    if turn.answers_all:
        waiting.clear()
        return
    waiting.remove(fits[0])
    if turn.name is not None and turn.name != fits[0].name:
        row.report("wrong_result_name", f"message {place + 1}: {turn.name} answers {fits[0].name}")


def _names(calls: list[Call]) -> str:
    return ", ".join(call.name for call in calls)
