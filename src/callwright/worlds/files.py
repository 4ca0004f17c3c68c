"""A cloud drive: files in folders, shared with people, with a trash and limited storage."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import NotFound, OverLimit, Refused, Thing, World, tool

Kind = Literal["document", "spreadsheet", "slides", "pdf", "image", "video"]
NewKind = Literal["document", "spreadsheet", "slides"]
Color = Literal["gray", "red", "orange", "green", "blue", "purple"]
Role = Literal["viewer", "commenter", "editor"]
Limit = Annotated[int, Field(ge=1, le=50)]

ROOT = "My Drive"
NEW_SIZE_MB: dict[NewKind, float] = {"document": 0.1, "spreadsheet": 0.5, "slides": 2.0}
MOST_PEOPLE = 6
MOST_FOLDERS = 30

# These are in every drive: people can name them.
FOLDERS = ("Recipes", "Receipts", "School", "Travel", "House", "Photos", "Projects", "Health")
MORE_FOLDERS = (
    "Garden Club",
    "Old Phone Backup",
    "Choir",
    "Band Practice",
    "Car Papers",
    "Scout Troop",
    "Book Club",
    "Board Games",
    "Pottery Studio",
    "Camping Gear",
    "Language Class",
    "Neighborhood",
)
NAMES: dict[Kind, tuple[str, ...]] = {
    "document": (
        "Letter to the landlord",
        "Packing list for the coast",
        "Speech for Nora's retirement",
        "Minutes of the parents' evening",
        "Sourdough notes",
        "Short story about a heron",
        "Cover letter for the museum",
        "House rules for guests",
        "Interview with Grandpa",
        "Chore ideas",
    ),
    "spreadsheet": (
        "Monthly budget",
        "Seed planting schedule",
        "Fuel costs of the van",
        "Bake sale orders",
        "Marathon training log",
        "Heating meter readings",
        "Wedding guest table",
        "Tool inventory",
    ),
    "slides": (
        "Pitch for the bike shop",
        "Volcano talk",
        "Onboarding deck",
        "Slide show for the anniversary",
        "Zoning workshop",
        "History of the lighthouse",
    ),
    "pdf": (
        "Lease for the apartment",
        "Boiler manual",
        "Vaccination card",
        "Night train booking",
        "Quilt pattern",
        "Trail map of Fox Hollow",
        "Dishwasher warranty",
        "Floor plan of the cabin",
    ),
    "image": (
        "Family portrait on the pier",
        "Sketch of the treehouse",
        "Scan of Aunt Wilma's postcard",
        "Logo of the soup kitchen",
        "Sunrise over the dam",
        "Kitten in the laundry basket",
    ),
    "video": (
        "School play recording",
        "First steps of Milo",
        "Drone flight over the marsh",
        "Violin recital",
        "Cake decorating lesson",
        "Canoe trip highlights",
    ),
}
SIZES_MB: dict[Kind, tuple[float, float]] = {
    "document": (0.1, 2),
    "spreadsheet": (0.2, 4),
    "slides": (2, 30),
    "pdf": (0.3, 12),
    "image": (1, 9),
    "video": (40, 240),
}


class Share(Thing):
    email: str
    role: Role
    expires_on: dt.date | None


class File(Thing):
    id: str
    name: str
    kind: Kind
    size_mb: float
    folder: str
    owner: str
    modified_on: dt.date
    shared_with: list[Share]
    trashed_on: dt.date | None
    text: str | None


class Folder(Thing):
    id: str
    name: str
    color: Color
    file_count: int
    size_mb: float


class Notice(Thing):
    subject: str = Field(description="The subject line of the e-mail.")
    text: str = Field(description="What it says.")


class Files(World):
    """A personal cloud drive with folders, sharing, a trash and limited storage."""

    title = "Cubby Drive"
    category = "storage"

    def populate(self) -> None:
        self.state |= {"drive": {}, "folders": {}, "files": {}, "notices": {}}
        me = f"{self.fake.first_name()} {self.fake.last_name()}"
        self.put("drive", {"id": "me", "owner": me, "limit_mb": 0})
        colors: tuple[Color, ...] = ("gray", "red", "orange", "green", "blue", "purple")
        for name in (ROOT, *FOLDERS, *self.rng.sample(MORE_FOLDERS, 3)):
            self._add_folder(name, self.rng.choice(colors))
        folders = [record["name"] for record in self.rows("folders") if record["name"] != ROOT]
        for kind, names in NAMES.items():
            for name in self.rng.sample(names, len(names) - 2):
                folder = ROOT if self.rng.random() < 0.4 else self.rng.choice(folders)
                guest = self.rng.random() < 0.06
                record = self._new_file(name, kind, folder, round(self.rng.uniform(*SIZES_MB[kind]), 1)) | {
                    "owner": f"{self.fake.first_name()} {self.fake.last_name()}" if guest else me,
                    "modified_on": self._past(400),
                }
                if guest or self.rng.random() < 0.2:
                    role = self.rng.choice(("viewer", "commenter", "editor"))
                    email = f"{self.fake.first_name()}.{self.fake.last_name()}@example.com".lower()
                    record["shared_with"] = [{"email": email, "role": role, "expires_on": None}]
                self.put("files", record)
        own = [record for record in self.rows("files") if record["owner"] == me]
        for record in self.rng.sample(own, 6):
            self.put("files", record | {"trashed_on": self._past(25), "shared_with": []})
        room = self.rng.choice((10, 60, 150, 300))
        self.put(
            "drive", {"id": "me", "owner": me, "limit_mb": 100 * math.ceil((self._used_mb() + room) / 100)}
        )

    def _past(self, days: int) -> str:
        return (self.clock - dt.timedelta(days=self.rng.randint(1, days))).isoformat()

    @tool(resource="files")
    def search_files(
        self,
        query: str | None = None,
        kind: Kind | None = None,
        folder: str | None = None,
        larger_than_mb: float | None = None,
        modified_since: dt.date | None = None,
        shared_only: bool = False,
        limit: Limit = 20,
    ) -> list[File]:
        """Search the files of the drive, without those in the trash. They come in order of their names.

        Args:
            query: Words that the file's name must contain.
            kind: Only files of this kind.
            folder: Only files in the folder with this name, from list_folders.
            larger_than_mb: Only files with more megabytes than this.
            modified_since: Only files that were changed on this day or later.
            shared_only: Whether to leave out files that nobody else can open.
            limit: How many files to list at most, from 1 to 50.
        """
        if folder is not None:
            self._folder(folder)
        found = [
            File(**record)
            for record in self.rows("files")
            if record["trashed_on"] is None
            and (query is None or _matches(record["name"], query))
            and (kind is None or record["kind"] == kind)
            and (folder is None or record["folder"] == folder)
            and (larger_than_mb is None or record["size_mb"] > larger_than_mb)
            and (modified_since is None or record["modified_on"] >= modified_since.isoformat())
            and (record["shared_with"] or not shared_only)
        ]
        return sorted(found, key=lambda file: (file.name, file.id))[:limit]

    @tool(resource="trashed files")
    def list_trash(
        self, query: str | None = None, deleted_since: dt.date | None = None, limit: Limit = 20
    ) -> list[File]:
        """List the files in the trash, in order of their names. They use no storage there.

        Args:
            query: Words that the file's name must contain.
            deleted_since: Only files that were deleted on this day or later.
            limit: How many files to list at most, from 1 to 50.
        """
        found = [
            File(**record)
            for record in self.rows("files")
            if record["trashed_on"] is not None
            and (query is None or _matches(record["name"], query))
            and (deleted_since is None or record["trashed_on"] >= deleted_since.isoformat())
        ]
        return sorted(found, key=lambda file: (file.name, file.id))[:limit]

    @tool(resource="folders")
    def list_folders(
        self, order_by: Literal["name", "size", "file_count"] = "name", limit: Limit = 20
    ) -> list[Folder]:
        """List the folders of the drive. By size or by number of files, the largest come first.

        Args:
            order_by: What to order them by.
            limit: How many folders to list at most, from 1 to 50.
        """
        found = sorted(
            (self._info(record) for record in self.rows("folders")), key=lambda one: (one.name, one.id)
        )
        if order_by == "size":
            found.sort(key=lambda one: -one.size_mb)
        elif order_by == "file_count":
            found.sort(key=lambda one: -one.file_count)
        return found[:limit]

    @tool(resource="folders")
    def create_folder(self, name: str, color: Color = "gray") -> Folder:
        """Create a folder. A drive can have 30 folders at most.

        Args:
            name: The folder's name, which no other folder may have.
            color: The color in which it is shown.
        """
        if not name.strip():
            raise Refused("A folder needs a name.")
        if any(record["name"].casefold() == name.casefold() for record in self.rows("folders")):
            raise Refused(f"There is a folder named {name} already.")
        if len(self.state["folders"]) >= MOST_FOLDERS:
            raise OverLimit(f"A drive can have {MOST_FOLDERS} folders at most.")
        return self._info(self._add_folder(name, color))

    @tool(resource="new files")
    def create_file(
        self, name: str, kind: NewKind = "document", folder: str = ROOT, text: str | None = None
    ) -> File:
        """Create a document, a spreadsheet or slides. It uses 0.1, 0.5 or 2 MB of the storage.

        Args:
            name: The file's name, which no other file in its folder may have.
            kind: What kind of file to create.
            folder: The name of the folder to put it into, from list_folders.
            text: What the file begins with.
        """
        self._folder(folder)
        self._check_name(name, folder)
        self._check_room(NEW_SIZE_MB[kind])
        return self._store(self._new_file(name, kind, folder, NEW_SIZE_MB[kind], text))

    @tool(resource="files")
    def rename_file(self, file_id: str, new_name: str) -> File:
        """Rename one of your own files.

        Args:
            file_id: The file's id, from search_files.
            new_name: The new name, which no other file in its folder may have.
        """
        record = self._own(file_id)
        self._check_name(new_name, record["folder"])
        return self._store(record | {"name": new_name, "modified_on": self.clock.isoformat()})

    @tool(resource="files")
    def move_file(self, file_id: str, folder: str) -> File:
        """Move a file to another folder.

        Args:
            file_id: The file's id, from search_files.
            folder: The name of the folder to put it into, from list_folders.
        """
        record = self._kept(file_id)
        self._folder(folder)
        if record["folder"] == folder:
            raise Refused(f"The file is in the folder {folder} already.")
        self._check_name(record["name"], folder)
        return self._store(record | {"folder": folder})

    @tool(resource="files")
    def share_file(
        self,
        file_id: str,
        emails: list[str],
        role: Role = "viewer",
        expires_on: dt.date | None = None,
        notice: Notice | None = None,
    ) -> File:
        """Share one of your own files with people. Who has access already gets the new role instead.

        Args:
            file_id: The file's id, from search_files.
            emails: The addresses of the people; at most 6 can have access to a file.
            role: What they may do with it.
            expires_on: The last day of their access, after today; without end unless given.
            notice: An e-mail that tells them of it.
        """
        record = self._own(file_id)
        if not emails:
            raise Refused("Nobody was named to share the file with.")
        if wrong := [one for one in emails if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", one)]:
            raise Refused(f"{wrong[0]!r} is no e-mail address.")
        if expires_on and expires_on <= self.clock:
            raise Refused("The last day of access must be after today.")
        end = expires_on.isoformat() if expires_on else None
        shares = {one["email"]: one for one in record["shared_with"]}
        shares |= {email: {"email": email, "role": role, "expires_on": end} for email in emails}
        if len(shares) > MOST_PEOPLE:
            raise OverLimit(f"At most {MOST_PEOPLE} people can have access to a file.")
        people = [shares[email] for email in sorted(shares)]
        if people == record["shared_with"]:
            raise Refused("They have this access already.")
        if notice:
            sent = {"file_id": file_id, "emails": sorted(set(emails)), **notice.model_dump()}
            self.put("notices", {"id": self.new_id("notices", "ntc", sent), **sent})
        return self._store(record | {"shared_with": people})

    @tool(resource="files")
    def delete_file(self, file_id: str) -> File:
        """Move one of your own files to the trash. Its storage becomes free, and nobody else can open it.

        Args:
            file_id: The file's id, from search_files.
        """
        return self._store(self._own(file_id) | {"trashed_on": self.clock.isoformat(), "shared_with": []})

    @tool(resource="trashed files")
    def restore_file(self, file_id: str) -> File:
        """Bring a file back from the trash, into the folder that it was in, if there is storage for it.

        Args:
            file_id: The file's id, from list_trash.
        """
        record = self.one("files", file_id)
        if record["trashed_on"] is None:
            raise Refused("The file is not in the trash.")
        self._check_name(record["name"], record["folder"])
        self._check_room(record["size_mb"])
        return self._store(record | {"trashed_on": None})

    def _add_folder(self, name: str, color: Color) -> dict[str, Any]:
        record = {"id": self.new_id("folders", "fld", name, color), "name": name, "color": color}
        return self.put("folders", record)

    def _new_file(
        self, name: str, kind: Kind, folder: str, size_mb: float, text: str | None = None
    ) -> dict[str, Any]:
        return {
            "id": self.new_id("files", "fil", name, kind, folder, text),
            "name": name,
            "kind": kind,
            "size_mb": size_mb,
            "folder": folder,
            "owner": self.one("drive", "me")["owner"],
            "modified_on": self.clock.isoformat(),
            "shared_with": [],
            "trashed_on": None,
            "text": text,
        }

    def _store(self, record: dict[str, Any]) -> File:
        return File(**self.put("files", record))

    def _info(self, folder: dict[str, Any]) -> Folder:
        sizes = [
            record["size_mb"]
            for record in self.rows("files")
            if record["trashed_on"] is None and record["folder"] == folder["name"]
        ]
        return Folder(**folder, file_count=len(sizes), size_mb=round(sum(sizes), 1))

    def _folder(self, name: str) -> None:
        if all(record["name"] != name for record in self.rows("folders")):
            raise NotFound(f"There is no folder named {name}.")

    def _kept(self, file_id: str) -> dict[str, Any]:
        record = self.one("files", file_id)
        if record["trashed_on"] is not None:
            raise Refused("The file is in the trash. Restore it first.")
        return record

    def _own(self, file_id: str) -> dict[str, Any]:
        record = self._kept(file_id)
        if record["owner"] != self.one("drive", "me")["owner"]:
            raise Refused(f"The file belongs to {record['owner']}, who alone can do that.")
        return record

    def _check_name(self, name: str, folder: str) -> None:
        if not name.strip():
            raise Refused("A file needs a name.")
        for record in self.rows("files"):
            if (record["name"].casefold(), record["folder"]) == (name.casefold(), folder) and not record[
                "trashed_on"
            ]:
                raise Refused(f"There is a file named {name} in the folder {folder} already.")

    def _check_room(self, size_mb: float) -> None:
        free = round(self.one("drive", "me")["limit_mb"] - self._used_mb(), 1)
        if size_mb > free:
            raise OverLimit(f"This needs {size_mb:g} MB of storage, and only {free:g} MB are free.")

    def _used_mb(self) -> float:
        """What the owner's own files use; files of others use theirs."""
        me = self.one("drive", "me")["owner"]
        rows = self.rows("files")
        used = sum(row["size_mb"] for row in rows if row["owner"] == me and row["trashed_on"] is None)
        return float(round(used, 1))


def _matches(name: str, query: str) -> bool:
    return all(word in name.casefold() for word in query.casefold().split())
