"""The mailbox's own rules: what can be answered, moved and flagged, what waits, and what is gone for good."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.mail import Mail

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def mail() -> Mail:
    return Mail(5, CLOCK)


def ask(mail: Mail, name: str, /, **arguments: Any) -> Any:
    status, body = mail.call(name, arguments)
    assert status == 200, body
    return body


def named(mail: Mail, subject: str) -> str:
    (found,) = [one for one in ask(mail, "search_messages", query=subject) if one["subject"] == subject]
    return str(found["id"])


def sent(mail: Mail, **more: Any) -> dict[str, Any]:
    letter = {"to": ["rosa@example.com"], "subject": "Chairs", "body": "We have plenty."}
    message: dict[str, Any] = ask(mail, "send_message", **letter | more)
    return message


def test_a_search_finds_words_of_text_and_sender_but_looks_into_the_trash_only_when_told(mail: Mail) -> None:
    (found,) = ask(mail, "search_messages", query="METER readings", sender="brightwater")
    assert found["subject"] == "Your electricity statement"
    ask(mail, "delete_message", message_id=found["id"])
    assert ask(mail, "search_messages", query="meter readings") == []
    assert [one["id"] for one in ask(mail, "search_messages", query="meter readings", folder="trash")] == [
        found["id"]
    ]
    days = [one["date"] for one in ask(mail, "search_messages", limit=12)]
    assert len(days) == 12 and days == sorted(days, reverse=True)


def test_reading_a_message_marks_it_as_read(mail: Mail) -> None:
    unread = ask(mail, "search_messages", unread_only=True)[0]
    assert ask(mail, "read_message", message_id=unread["id"])["body"]
    assert unread["id"] not in [one["id"] for one in ask(mail, "search_messages", unread_only=True, limit=50)]


def test_a_reply_goes_to_the_sender_and_to_the_others_when_told_but_never_to_a_machine(mail: Mail) -> None:
    checkup = named(mail, "Time for your checkup")
    reply = ask(mail, "reply_to_message", message_id=checkup, body="See you then")
    assert (reply["subject"], reply["to"]) == ("Re: Time for your checkup", ["larkspur-dental@example.com"])
    own = sent(mail, cc=["al@example.org"])["id"]
    everybody = ask(mail, "reply_to_message", message_id=own, body="One more thing", reply_all=True)
    assert (everybody["to"], everybody["cc"]) == (["rosa@example.com"], ["al@example.org"])
    machine = named(mail, "Overdue reminder")
    assert mail.call("reply_to_message", {"message_id": machine, "body": "Sorry"})[0] == 409


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"to": []}, 409),
        ({"to": ["rosa"]}, 409),
        ({"body": " "}, 409),
        ({"send_on": "2026-03-10"}, 409),
        ({"to": [f"guest{number}@example.com" for number in range(11)]}, 422),
        ({"attachment": {"name": "Film", "size_mb": 25.5}}, 422),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(mail: Mail, arguments: dict[str, Any], status: int) -> None:
    letter = {"to": ["rosa@example.com"], "subject": "Chairs", "body": "We have plenty."}
    assert mail.call("send_message", letter | arguments)[0] == status


def test_a_scheduled_message_waits_and_is_called_off_by_deleting_it(mail: Mail) -> None:
    waiting = sent(mail, send_on="2026-03-20")
    assert (waiting["folder"], waiting["date"]) == ("scheduled", "2026-03-20")
    assert mail.call("move_message", {"message_id": waiting["id"], "folder": "archive"})[0] == 409
    ask(mail, "delete_message", message_id=waiting["id"], permanently=True)
    assert mail.call("read_message", {"message_id": waiting["id"]})[0] == 404


def test_forwarding_keeps_the_text_and_the_attachment(mail: Mail) -> None:
    letter = sent(mail, attachment={"name": "Plan", "size_mb": 2.5})
    copy = ask(mail, "forward_message", message_id=letter["id"], to=["al@example.org"], note="Look")
    assert copy["body"] == "Look\n\nWe have plenty." and copy["attachment"] == letter["attachment"]


def test_labels_add_up_to_four(mail: Mail) -> None:
    letter = sent(mail)["id"]
    ask(mail, "label_message", message_id=letter, labels=["home", "events", "home"])
    labeled = ask(mail, "label_message", message_id=letter, labels=["later", "finance"])
    assert labeled["labels"] == ["events", "finance", "home", "later"]
    assert mail.call("label_message", {"message_id": letter, "labels": ["home"]})[0] == 409
    assert mail.call("label_message", {"message_id": letter, "labels": ["urgent"]})[0] == 422


def test_what_is_in_the_trash_must_be_moved_out_before_anything_else(mail: Mail) -> None:
    letter = sent(mail)["id"]
    ask(mail, "flag_message", message_id=letter, remind_on="2026-04-01")
    ask(mail, "delete_message", message_id=letter)
    assert mail.call("delete_message", {"message_id": letter})[0] == 409
    assert mail.call("flag_message", {"message_id": letter})[0] == 409
    back = ask(mail, "move_message", message_id=letter, folder="family")
    assert (back["folder"], back["flagged"], back["remind_on"]) == ("family", False, None)
