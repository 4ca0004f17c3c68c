"""A music service: songs and albums to search, playlists to keep, a queue to fill."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Genre = Literal["folk", "pop", "electronic", "country", "rock", "jazz", "soul", "classical"]
Mood = Literal["calm", "cheerful", "energetic", "focused", "romantic", "wistful"]
Limit = Annotated[int, Field(ge=1, le=50)]

MOODS: tuple[Mood, ...] = ("calm", "cheerful", "energetic", "focused", "romantic", "wistful")
YOU = "you"
MOST_SONGS = 25
MOST_PLAYLISTS = 12
MOST_QUEUED = 10
LONGEST_NAME = 60

CATALOG = """
The Gravel Choir, folk
Barnlight Hymns, 2014: Lanterns on the Levee, River with No Hurry, Three Miles of Clover, Grandmother's Winter Coat
What the Creek Said, 2019: Porchlight Moon, Carry the Kindling, Salt for the Summer, Home by the Long Hedge

Ottoline Marsh, pop
Paper Umbrellas, 2017: Umbrella for Two Strangers, Ticket Stub Summer, Window Seat Waltz, Sunday on the Escalator
Small Applause, 2022: Night Bus Bouquet, Borrowed Raincoat, My Other Moon, Confetti in the Sink

Velvet Thermostat, electronic
Room Temperature, 2018: Night Mode, Static Garden, Elevator to Neptune, Slow Blink
Cold Start, 2021: Winter Firmware, Glass Arpeggio, Moon over Modem Street, Ninety Percent Dark

Juniper Ledbetter, country
Dust on the Dial, 2011: Truck Stop Valentine, River Road Radio, Two Dogs and a Guitar, The Last Motel in Summer
Gate Left Open, 2016: Fence Post Prayer, Home Before the Hail, Waltz of the Weathervanes, Blue Mailbox

The Tin Orchard, rock
Copper Teeth, 2009: Night Shift Parade, Thunder in the Toolshed, Apples for the Wolves, Crooked Antenna
Loud Weather, 2013: Winter Is a Drummer, Broken Elevator Blues, River Made of Wire, Shout It to the Silo

Mirela Castoro, jazz
After the Trams, 2010: Moonlit Tramline, Candlewax Piano, A Window in Trieste, Velvet Umbrella
Half Past Blue, 2020: Blue Hour Bossa, Winter at the Corner Table, Slow Dance for Clarinet, Night Without Clocks

Slow Comet Club, pop
Orbit Season, 2019: Summer in Low Gravity, Comet Kiss, Home Is a Satellite, Telescope Heart
Glitter Physics, 2023: Moon Shoes Again, Disco Barometer, Window Full of Stars, Paper Rocket

Hank Ravelle, soul
Sugar and Gravel, 2008: Sweet Potato Morning, River of Honey, Tell It to the Kettle, Summer Never Pays Rent
Warm Hands, 2015: Home Cooked Heart, Night Train to Mabel, Velvet Shoes, Keep the Porch On

Nine Kettle Quartet, classical
Music for Quiet Houses, 2012: Nocturne for an Empty Hallway, Winter Pages, Window Study in Gray, The Clockmaker's Waltz
Four Small Storms, 2018: Prelude to Drizzle, Scherzo for Teacups, Moon Fugue, River Variations

Saffron Oduya, soul
Marigold Hour, 2016: Marigold Moon, Summer Took the Stairs, Brass in My Pockets, Honest Umbrella
Lemon Thunder, 2021: Lemon Sky Letter, Home in Your Hum, Night Market Sway, Gold Buttons
"""
"""Artists with their genre, and two albums of each. A library has at least one album of every artist."""
PLAYLISTS = (
    "Sunday Pancakes",
    "Rainy Drive",
    "Deep Focus Desk",
    "Kitchen Dance Floor",
    "Long Run Home",
    "Songs for Cleaning",
    "Attic Nostalgia",
    "Campfire Leftovers",
    "Midnight Laundry",
    "Garden Shift",
    "Slow Coffee",
    "Road Trip West",
    "Dinner with Friends",
    "Study Hall Hum",
    "Bath Time Blues",
    "Monday Rescue",
    "Yoga on the Roof",
    "Train Window Views",
    "Birthday Warmup",
    "Sleepy Satellites",
    "Snow Day Spins",
    "Bike Lane Beats",
    "Puzzle Night",
    "Porch Swing Set",
)


class Cover(BaseModel):
    """What the cover of a playlist looks like."""

    color: Literal["red", "orange", "yellow", "green", "blue", "purple"] = Field(description="Its color.")
    emblem: str = Field(description="A word or a letter to print on it.", max_length=12)


class Song(Thing):
    id: str
    title: str
    artist: str
    album: str
    album_id: str
    genre: Genre
    year: int
    duration_seconds: int
    liked: bool
    queued: bool


class Album(Thing):
    id: str
    title: str
    artist: str
    genre: Genre
    year: int
    song_count: int


class Playlist(Thing):
    id: str
    name: str
    description: str | None
    owner: str
    """`you`, or the full name of the person whose playlist you follow."""
    visibility: Literal["private", "shared"]
    moods: list[Mood]
    cover: Cover | None
    song_count: int
    total_seconds: int


class QueuedSong(Thing):
    id: str
    song_id: str
    title: str
    artist: str
    placement: Literal["next", "later"]


class Music(World):
    """A music service with a library of songs and albums, your playlists, and the queue of what plays."""

    title = "Music Library"
    category = "music"

    def populate(self) -> None:
        for table in ("albums", "songs", "playlists", "queued"):
            self.state[table] = {}
        blocks = CATALOG.strip().split("\n\n")
        complete = self.rng.sample(blocks, 3)
        for block in blocks:
            head, *albums = block.splitlines()
            artist, genre = head.split(", ")
            for album in self.rng.sample(albums, 2 if block in complete else 1):
                about, songs = album.split(": ")
                title, year = about.split(", ")
                lengths = {song: self.rng.randint(125, 390) for song in self.rng.sample(songs.split(", "), 3)}
                self._add_album(artist, genre, title, int(year), lengths)
        ids = sorted(self.state["songs"])
        names = self.rng.sample(PLAYLISTS, 9)
        for name in names:
            mine = names.index(name) < 7
            self._add_playlist(
                name,
                owner=YOU if mine else self.fake.name(),
                visibility=self.rng.choice(("private", "shared")) if mine else "shared",
                moods=[one for one in MOODS if self.rng.random() < 0.3],
                songs=self.rng.sample(ids, self.rng.randint(4, 9)),
            )
        for song_id in self.rng.sample(ids, 8):
            self.put("songs", self.one("songs", song_id) | {"liked": True})
        for song_id in self.rng.sample(ids, 3):
            self._queue(self.one("songs", song_id), "later")

    @tool(resource="songs")
    def search_songs(
        self,
        query: str | None = None,
        artist: str | None = None,
        genre: Genre | None = None,
        album_id: str | None = None,
        playlist_id: str | None = None,
        only: Literal["liked", "queued"] | None = None,
        limit: Limit = 20,
    ) -> list[Song]:
        """Search the songs of the library. All filters have to fit. Songs come in order of title.

        Args:
            query: A word or words to find in the title, the artist or the album.
            artist: The full name of the artist or band.
            genre: Only this genre.
            album_id: Only songs of this album, by its id from search_albums.
            playlist_id: Only songs on this playlist, by its id from list_playlists.
            only: Only songs that you like, or only songs in the queue.
            limit: The most songs to list.
        """
        if album_id is not None:
            self.one("albums", album_id)
        listed = None if playlist_id is None else self.one("playlists", playlist_id)["songs"]
        found = [
            song
            for song in map(self._song, self.rows("songs"))
            if (query is None or _holds(query, song.title, song.artist, song.album))
            and (artist is None or song.artist.casefold() == artist.casefold())
            and genre in (None, song.genre)
            and album_id in (None, song.album_id)
            and (listed is None or song.id in listed)
            and (only is None or (song.liked if only == "liked" else song.queued))
        ]
        return sorted(found, key=lambda one: (one.title, one.id))[:limit]

    @tool(resource="albums")
    def search_albums(
        self,
        query: str | None = None,
        artist: str | None = None,
        genre: Genre | None = None,
        from_year: int | None = None,
        to_year: int | None = None,
        limit: Limit = 20,
    ) -> list[Album]:
        """Search the albums of the library. All filters have to fit. Albums come in order of title.

        Args:
            query: A word or words to find in the title or the artist.
            artist: The full name of the artist or band.
            genre: Only this genre.
            from_year: The earliest year of release.
            to_year: The latest year of release.
            limit: The most albums to list.
        """
        if from_year is not None and to_year is not None and from_year > to_year:
            raise Refused("The earliest year is after the latest year.")
        found = [
            album
            for album in (Album(**record) for record in self.rows("albums"))
            if (query is None or _holds(query, album.title, album.artist))
            and (artist is None or album.artist.casefold() == artist.casefold())
            and genre in (None, album.genre)
            and (from_year is None or album.year >= from_year)
            and (to_year is None or album.year <= to_year)
        ]
        return sorted(found, key=lambda one: (one.title, one.id))[:limit]

    @tool(resource="playlists")
    def list_playlists(
        self, mood: Mood | None = None, include_followed: bool = False, limit: Limit = 20
    ) -> list[Playlist]:
        """List your playlists, in order of name.

        Args:
            mood: Only playlists for this mood.
            include_followed: Also list playlists of other people that you follow.
            limit: The most playlists to list.
        """
        found = [
            self._playlist(record)
            for record in self.rows("playlists")
            if (include_followed or record["owner"] == YOU) and (mood is None or mood in record["moods"])
        ]
        return sorted(found, key=lambda one: (one.name, one.id))[:limit]

    @tool(resource="playlists")
    def create_playlist(
        self,
        name: str,
        description: str | None = None,
        visibility: Literal["private", "shared"] = "private",
        moods: list[Mood] | None = None,
        album_id: str | None = None,
        cover: Cover | None = None,
    ) -> Playlist:
        """Create a playlist. No two of your playlists can have the same name, and you can have at most 12.

        Args:
            name: What to call it, at most 60 characters.
            description: A sentence about it.
            visibility: Whether only you can see it, or your friends as well.
            moods: The moods that it is for.
            album_id: An album whose songs it starts with, by its id from search_albums; empty unless given.
            cover: What its cover looks like.
        """
        self._check_name(name)
        if sum(record["owner"] == YOU for record in self.rows("playlists")) >= MOST_PLAYLISTS:
            raise OverLimit(f"You can have at most {MOST_PLAYLISTS} playlists.")
        if album_id is not None:
            self.one("albums", album_id)
        songs = [song["id"] for song in self.rows("songs") if album_id and song["album_id"] == album_id]
        made = self._add_playlist(
            name.strip(),
            owner=YOU,
            visibility=visibility,
            moods=[one for one in MOODS if one in (moods or ())],
            songs=songs,
            description=description,
            cover=cover.model_dump(mode="json") if cover else None,
        )
        return self._playlist(made)

    @tool(resource="playlists")
    def add_song(self, playlist_id: str, song_id: str) -> Playlist:
        """Add a song to one of your playlists, which holds at most 25.

        Args:
            playlist_id: The playlist's id, from list_playlists.
            song_id: The song's id, from search_songs.
        """
        record, song = self._mine(playlist_id), self.one("songs", song_id)
        if song_id in record["songs"]:
            raise Refused(f"{song['title']} is on the playlist already.")
        if len(record["songs"]) >= MOST_SONGS:
            raise OverLimit(f"A playlist holds at most {MOST_SONGS} songs.")
        return self._playlist(self.put("playlists", record | {"songs": sorted([*record["songs"], song_id])}))

    @tool(resource="playlists")
    def remove_song(self, playlist_id: str, song_id: str) -> Playlist:
        """Take a song off one of your playlists. It stays in the library.

        Args:
            playlist_id: The playlist's id, from list_playlists.
            song_id: The song's id, from search_songs with that playlist.
        """
        record, song = self._mine(playlist_id), self.one("songs", song_id)
        if song_id not in record["songs"]:
            raise Refused(f"{song['title']} is not on the playlist.")
        left = [one for one in record["songs"] if one != song_id]
        return self._playlist(self.put("playlists", record | {"songs": left}))

    @tool(resource="playlists")
    def rename_playlist(self, playlist_id: str, new_name: str) -> Playlist:
        """Give one of your playlists another name, which none of your playlists has yet.

        Args:
            playlist_id: The playlist's id, from list_playlists.
            new_name: The new name, at most 60 characters.
        """
        record = self._mine(playlist_id)
        self._check_name(new_name)
        return self._playlist(self.put("playlists", record | {"name": new_name.strip()}))

    @tool(resource="playlists")
    def delete_playlist(self, playlist_id: str) -> Playlist:
        """Delete one of your playlists for good. Its songs stay in the library.

        Args:
            playlist_id: The playlist's id, from list_playlists.
        """
        self._mine(playlist_id)
        return self._playlist(self.remove("playlists", playlist_id))

    @tool(resource="songs")
    def like_song(self, song_id: str) -> Song:
        """Add a song to the songs that you like.

        Args:
            song_id: The song's id, from search_songs.
        """
        record = self.one("songs", song_id)
        if record["liked"]:
            raise Refused(f"You like {record['title']} already.")
        return self._song(self.put("songs", record | {"liked": True}))

    @tool(resource="songs")
    def queue_song(self, song_id: str, placement: Literal["next", "later"] = "later") -> QueuedSong:
        """Put a song into the queue of what plays, which holds at most 10.

        Args:
            song_id: The song's id, from search_songs.
            placement: Whether it plays next, or after the songs that are queued already.
        """
        song = self.one("songs", song_id)
        if song_id in self._queued():
            raise Refused(f"{song['title']} is in the queue already.")
        if len(self.rows("queued")) >= MOST_QUEUED:
            raise OverLimit(f"The queue holds at most {MOST_QUEUED} songs.")
        return QueuedSong(**self._queue(song, placement))

    def _add_album(self, artist: str, genre: str, title: str, year: int, songs: dict[str, int]) -> None:
        album_id = self.new_id("albums", "alb", artist, title)
        shared = {"artist": artist, "genre": genre, "year": year}
        self.put("albums", {"id": album_id, "title": title, "song_count": len(songs)} | shared)
        for song, seconds in songs.items():
            record = {
                "id": self.new_id("songs", "sng", artist, title, song),
                "title": song,
                "album": title,
                "album_id": album_id,
                "duration_seconds": seconds,
                "liked": False,
            }
            self.put("songs", record | shared)

    def _add_playlist(
        self,
        name: str,
        *,
        owner: str,
        visibility: str,
        moods: list[Mood],
        songs: list[str],
        description: str | None = None,
        cover: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        record = {
            "id": self.new_id("playlists", "pls", name),
            "name": name,
            "description": description,
            "owner": owner,
            "visibility": visibility,
            "moods": moods,
            "cover": cover,
            "songs": sorted(songs),
        }
        return self.put("playlists", record)

    def _queue(self, song: dict[str, Any], placement: str) -> dict[str, Any]:
        record = {
            "id": self.new_id("queued", "que", song["id"]),
            "song_id": song["id"],
            "title": song["title"],
            "artist": song["artist"],
            "placement": placement,
        }
        return self.put("queued", record)

    def _song(self, record: dict[str, Any]) -> Song:
        return Song(**record, queued=record["id"] in self._queued())

    def _queued(self) -> set[str]:
        return {record["song_id"] for record in self.state["queued"].values()}

    def _playlist(self, record: dict[str, Any]) -> Playlist:
        lengths = [self.one("songs", song_id)["duration_seconds"] for song_id in record["songs"]]
        told = {name: value for name, value in record.items() if name != "songs"}
        return Playlist(**told, song_count=len(lengths), total_seconds=sum(lengths))

    def _mine(self, playlist_id: str) -> dict[str, Any]:
        record = self.one("playlists", playlist_id)
        if record["owner"] != YOU:
            raise Refused(f"The playlist belongs to {record['owner']}; you only follow it.")
        return record

    def _check_name(self, name: str) -> None:
        if not name.strip():
            raise Refused("A playlist needs a name.")
        if len(name.strip()) > LONGEST_NAME:
            raise OverLimit(f"A name has at most {LONGEST_NAME} characters.")
        wanted = name.strip().casefold()
        if any(one["owner"] == YOU and one["name"].casefold() == wanted for one in self.rows("playlists")):
            raise Refused(f"You have a playlist called {name.strip()} already.")


def _holds(query: str, *texts: str) -> bool:
    """Whether words of a text begin with the query: "rain" is in "Rainy Drive", not in "Night Train"."""
    return any(re.search(rf"\b{re.escape(query.strip())}", text, re.IGNORECASE) for text in texts)
