"""The rules of the music service."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.music import MOST_PLAYLISTS, MOST_QUEUED, MOST_SONGS, YOU, Music

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def music() -> Music:
    return Music(7, CLOCK)


def playlist(music: Music, mine: bool = True) -> dict[str, Any]:
    return next(one for one in music.rows("playlists") if (one["owner"] == YOU) == mine)


def test_a_query_finds_the_beginnings_of_words(music: Music) -> None:
    everything = music.call("search_songs", {"limit": 50})[1]
    found = music.call("search_songs", {"query": "VELVET", "limit": 50})[1]
    assert found and found == [
        one for one in everything if "Velvet" in f"{one['title']} {one['album']} {one['artist']}"
    ]
    assert music.call("search_songs", {"query": "elvet"})[1] == []


def test_songs_of_an_album_and_of_a_playlist(music: Music) -> None:
    album = music.call("search_albums", {"artist": "hank ravelle", "limit": 1})[1][0]
    songs = music.call("search_songs", {"album_id": album["id"]})[1]
    assert len(songs) == album["song_count"] and {one["album"] for one in songs} == {album["title"]}
    made = music.call("create_playlist", {"name": "Copy", "album_id": album["id"]})[1]
    assert music.call("search_songs", {"playlist_id": made["id"]})[1] == songs
    assert music.call("search_albums", {"from_year": 2020, "to_year": 2010})[0] == 409


def test_a_song_goes_on_a_playlist_once_and_comes_off_once(music: Music) -> None:
    mine = playlist(music)
    song = next(one for one in music.rows("songs") if one["id"] not in mine["songs"])
    both = {"playlist_id": mine["id"], "song_id": song["id"]}
    assert music.call("add_song", both)[1]["song_count"] == len(mine["songs"]) + 1
    assert music.call("add_song", both)[0] == 409
    assert music.call("remove_song", both)[1]["song_count"] == len(mine["songs"])
    assert music.call("remove_song", both)[0] == 409


def test_playlists_of_others_are_only_followed(music: Music) -> None:
    other = playlist(music, mine=False)
    assert other["id"] not in [one["id"] for one in music.call("list_playlists", {})[1]]
    followed = music.call("list_playlists", {"include_followed": True})[1]
    assert other["id"] in [one["id"] for one in followed]
    assert music.call("rename_playlist", {"playlist_id": other["id"], "new_name": "Mine"})[0] == 409
    assert music.call("delete_playlist", {"playlist_id": other["id"]})[0] == 409
    assert music.call("search_songs", {"playlist_id": other["id"]})[0] == 200


def test_no_two_of_your_playlists_have_the_same_name(music: Music) -> None:
    mine = playlist(music)
    assert music.call("create_playlist", {"name": mine["name"].upper()})[0] == 409
    assert music.call("rename_playlist", {"playlist_id": mine["id"], "new_name": "Fresh"})[0] == 200
    assert music.call("create_playlist", {"name": mine["name"]})[0] == 200
    assert music.call("delete_playlist", {"playlist_id": mine["id"]})[1]["name"] == "Fresh"
    assert music.call("delete_playlist", {"playlist_id": mine["id"]})[0] == 404


def test_limits(music: Music) -> None:
    names = [music.call("create_playlist", {"name": f"No. {n}"})[0] for n in range(MOST_PLAYLISTS)]
    assert names[-1] == 422
    mine, songs = playlist(music), [one["id"] for one in music.rows("songs")]
    free = [one for one in songs if one not in mine["songs"]]
    added = [music.call("add_song", {"playlist_id": mine["id"], "song_id": one})[0] for one in free]
    assert added.count(200) == MOST_SONGS - len(mine["songs"]) and added[-1] == 422
    queued = [music.call("queue_song", {"song_id": one})[0] for one in songs]
    assert 422 in queued and len(music.call("search_songs", {"only": "queued"})[1]) == MOST_QUEUED


def test_a_song_is_liked_and_queued_once(music: Music) -> None:
    song = next(one for one in music.call("search_songs", {})[1] if not one["liked"] and not one["queued"])
    assert music.call("like_song", {"song_id": song["id"]})[1]["liked"]
    assert music.call("like_song", {"song_id": song["id"]})[0] == 409
    assert music.call("queue_song", {"song_id": song["id"], "placement": "next"})[0] == 200
    assert music.call("queue_song", {"song_id": song["id"]})[0] == 409
