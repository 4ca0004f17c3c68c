"""The drive's own rules: names within a folder, who owns what, the trash, and storage that runs out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.files import Files

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def drive() -> Files:
    return Files(5, CLOCK)


def ask(drive: Files, name: str, /, **arguments: Any) -> Any:
    status, body = drive.call(name, arguments)
    assert status == 200, body
    return body


def made(drive: Files, name: str = "Bread diary", **more: Any) -> dict[str, Any]:
    file: dict[str, Any] = ask(drive, "create_file", name=name, **more)
    return file


def free_mb(drive: Files) -> float:
    """What the owner's files leave of the storage."""
    owner = drive.state["drive"]["me"]
    rows = [row for row in drive.rows("files") if row["owner"] == owner["owner"] and not row["trashed_on"]]
    return round(float(owner["limit_mb"] - sum(row["size_mb"] for row in rows)), 1)


def test_a_search_filters_by_words_kind_folder_and_size(drive: Files) -> None:
    file = made(drive, kind="slides", folder="School")
    found = ask(
        drive, "search_files", query="diary BREAD", kind="slides", folder="School", larger_than_mb=1.5
    )
    assert found == [file]
    assert ask(drive, "search_files", query="bread", larger_than_mb=2) == []
    assert drive.call("search_files", {"folder": "Nowhere"})[0] == 404


def test_a_name_is_taken_once_in_a_folder(drive: Files) -> None:
    file = made(drive, folder="House")
    assert drive.call("create_file", {"name": "bread DIARY", "folder": "House"})[0] == 409
    other = made(drive, folder="Health")
    assert drive.call("move_file", {"file_id": other["id"], "folder": "House"})[0] == 409
    ask(drive, "rename_file", file_id=file["id"], new_name="Baking")
    assert ask(drive, "move_file", file_id=other["id"], folder="House")["folder"] == "House"
    assert drive.call("move_file", {"file_id": other["id"], "folder": "House"})[0] == 409


def test_folders_have_names_of_their_own_and_are_ordered_by_what_they_hold(drive: Files) -> None:
    assert drive.call("create_folder", {"name": "travel"})[0] == 409
    made(drive, folder=ask(drive, "create_folder", name="Chess club", color="blue")["name"])
    listed = ask(drive, "list_folders", order_by="size")
    assert next(one for one in listed if one["name"] == "Chess club")["size_mb"] == 0.1
    sizes = [one["size_mb"] for one in listed]
    assert sizes == sorted(sizes, reverse=True)


def test_sharing_gives_roles_and_stops_at_six_people(drive: Files) -> None:
    file = made(drive)["id"]
    ask(drive, "share_file", file_id=file, emails=["rosa@example.com"], role="editor")
    assert (
        drive.call("share_file", {"file_id": file, "emails": ["rosa@example.com"], "role": "editor"})[0]
        == 409
    )
    notice = {"subject": "Bread", "text": "Have a look"}
    shared = ask(
        drive,
        "share_file",
        file_id=file,
        emails=["rosa@example.com"],
        expires_on="2026-04-01",
        notice=notice,
    )
    (told,) = drive.rows("notices")
    assert told["emails"] == ["rosa@example.com"] and told["text"] == "Have a look"
    assert shared["shared_with"] == [
        {"email": "rosa@example.com", "role": "viewer", "expires_on": "2026-04-01"}
    ]
    crowd = [f"guest{number}@example.com" for number in range(6)]
    assert drive.call("share_file", {"file_id": file, "emails": crowd})[0] == 422
    assert (
        drive.call("share_file", {"file_id": file, "emails": crowd[:1], "expires_on": "2026-03-10"})[0] == 409
    )


def test_only_the_owner_renames_shares_and_deletes_a_file(drive: Files) -> None:
    file = drive.rows("files")[0] | {"owner": "Someone Else", "trashed_on": None}
    drive.put("files", file)
    assert drive.call("rename_file", {"file_id": file["id"], "new_name": "Mine"})[0] == 409
    assert drive.call("share_file", {"file_id": file["id"], "emails": ["a@example.com"]})[0] == 409
    assert drive.call("delete_file", {"file_id": file["id"]})[0] == 409
    ask(drive, "create_folder", name="From others")
    assert ask(drive, "move_file", file_id=file["id"], folder="From others")["owner"] == "Someone Else"


def test_a_deleted_file_is_shared_with_nobody_and_can_come_back(drive: Files) -> None:
    file = made(drive, folder="House")["id"]
    assert drive.call("restore_file", {"file_id": file})[0] == 409
    ask(drive, "share_file", file_id=file, emails=["rosa@example.com"])
    gone = ask(drive, "delete_file", file_id=file)
    assert (gone["trashed_on"], gone["shared_with"]) == ("2026-03-10", [])
    assert ask(drive, "search_files", query="bread diary") == []
    assert ask(drive, "list_trash", query="bread diary", deleted_since="2026-03-10") == [gone]
    assert drive.call("rename_file", {"file_id": file, "new_name": "Baking"})[0] == 409
    taken = made(drive, folder="House")["id"]
    assert drive.call("restore_file", {"file_id": file})[0] == 409
    ask(drive, "rename_file", file_id=taken, new_name="Baking")
    assert ask(drive, "restore_file", file_id=file)["folder"] == "House"


def test_storage_runs_out_and_deleting_frees_it(drive: Files) -> None:
    drive.put("drive", drive.one("drive", "me") | {"limit_mb": 10_000})
    drive.put("drive", drive.one("drive", "me") | {"limit_mb": 10_002 - free_mb(drive)})
    assert free_mb(drive) == 2
    slides = made(drive, kind="slides")["id"]
    assert drive.call("create_file", {"name": "One more"})[0] == 422
    ask(drive, "delete_file", file_id=slides)
    made(drive, "One more")
    assert drive.call("restore_file", {"file_id": slides})[0] == 422
