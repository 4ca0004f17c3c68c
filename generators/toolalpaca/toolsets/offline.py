"""The offline teacher's part in toolset construction: typed APIs by rule, from what `archetypes.yaml` knows.

A seed's category and one line choose a kind of service; chance, from the seed alone, chooses which of its filters,
things and functions this one has. Such toolkits are many and well-formed, but of some fifty kinds in all, and say so:
their documents are labelled with the teacher's name.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from callwright.generators.toolalpaca.toolsets import asking
from callwright.generators.toolalpaca.toolsets.archetypes import archetypes, kind_of
from callwright.generators.toolalpaca.toolsets.seeds import Seed
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json, digest
from callwright.values.spoken import article, humanise

_THINGS = 7
"""Things that one API knows of."""
_LIMIT = "limit"
_LIMITS = [2, 3, 4, 5]
"""How many people ask for who know of a handful."""
_TEXT = {"type": "string"}


def answers() -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for the stages of toolset construction."""

    def api(request: Request) -> _Api:
        return _api(canonical_json(request.variables["seed"]))

    def introduction(request: Request) -> Completion:
        return Completion(text=api(request).introduction())

    def functions(request: Request) -> Completion:
        listed = {"functions": api(request).functions()}
        return Completion(text=json.dumps(listed, ensure_ascii=False), parsed=listed)

    def specification(request: Request) -> Completion:
        return Completion(text=json.dumps(api(request).document(), ensure_ascii=False))

    return {
        "toolalpaca.introduction": introduction,
        "toolalpaca.functions": functions,
        "toolalpaca.specification": specification,
    }


def phrases(seed: Seed) -> dict[str, Any]:
    """How people ask for the functions that were invented for a seed: a phrase sheet, as JSON values."""
    return _api(canonical_json(seed.model_dump())).phrases()


@lru_cache(maxsize=64)
def _api(seed: str) -> _Api:
    return _Api(Seed.model_validate_json(seed))


class _Tool:
    """One function: its operation in the document, and how people speak of it."""

    def __init__(
        self, name: str, method: str, path: str, operation: dict[str, Any], sheet: dict[str, Any]
    ) -> None:
        self.name = name
        self.method = method
        self.path = path
        self.operation = {"operationId": name, **operation}
        self.sheet = sheet


class _Api:
    """Everything that the rules say of one seed."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._key = kind_of(seed)
        self._kind: Mapping[str, Any] = archetypes()[self._key]
        self._rng = random.Random(digest([seed.name, seed.link, seed.description]))
        self._one = self._kind.get("one", self._key)
        self._many = self._kind["many"]
        self._singular = self._kind.get("singular", self._one)
        self._plural = self._kind.get("plural", self._many)
        self._named = self._kind.get("name", "name")
        self._fields: Mapping[str, Mapping[str, Any]] = self._kind["fields"]
        self._id = f"{self._one}Id"
        self._rows = self._things()
        filters = [name for name, field in self._fields.items() if "clause" in field]
        self._filters = sorted(self._rng.sample(filters, min(2, len(filters))), key=filters.index)
        self._tools = list(self._made())

    def _things(self) -> list[dict[str, Any]]:
        names = (self._named, *self._fields)
        rows = [dict(zip(names, row, strict=True)) for row in self._kind["rows"]]
        kept = sorted(self._rng.sample(range(len(rows)), min(_THINGS, len(rows))))
        return [rows[index] for index in kept]

    def _made(self) -> Iterator[_Tool]:
        yield self._search()
        yield self._get()
        choices = [name for name in self._filters if self._fields[name].get("choice")]
        if choices:
            yield self._suggest(choices[0])
        for action in self._kind.get("actions", ()):
            yield self._action(action)
        for report in self._kind.get("reports", ()):
            yield self._report(report)

    # Stages

    def introduction(self) -> str:
        """T1: what the service is, in prose."""
        seed = self._seed
        opening = self._rng_for("introduction").choice(
            (
                f"{seed.name} is a service from the field {seed.category}: {seed.description}.",
                f"{seed.description}. That is what {seed.name} offers, in the field {seed.category}.",
                f"In the field {seed.category} there is {seed.name}. {seed.description}.",
            )
        )
        does = _listed([tool.sheet["does"] for tool in self._tools])
        return f"{opening} It lets people {does}."

    def functions(self) -> list[dict[str, Any]]:
        """T2."""
        return [
            {
                "name": tool.name,
                "description": tool.operation["description"],
                "inputs": [
                    {
                        "name": one["name"],
                        "type": one["schema"]["type"],
                        "required": one["required"],
                        "description": one["description"],
                    }
                    for one in tool.operation["parameters"]
                ],
                "output": next(iter(tool.operation["responses"].values()))["description"],
            }
            for tool in self._tools
        ]

    def document(self) -> dict[str, Any]:
        """T3."""
        paths: dict[str, Any] = {}
        for tool in self._tools:
            paths.setdefault(tool.path, {})[tool.method] = tool.operation
        return {
            "openapi": "3.0.3",
            "info": {
                "title": self._seed.name,
                "version": "1.0.0",
                "description": f"{self._seed.description}.",
            },
            "paths": paths,
            "components": {"schemas": {_camel(self._one, upper=True): self._thing()}},
        }

    def phrases(self) -> dict[str, Any]:
        """The phrase sheet."""
        fields: dict[str, Any] = {f"{self._search_name}.{_LIMIT}": {"values": _LIMITS}}
        fields |= {name: {"say": field["say"]} for name, field in self._fields.items() if "say" in field}
        for name in self._filters:
            fields[f"{self._search_name}.{name}"] = {"values": self._values(name)}
        for tool in self._tools:
            for argument, field in tool.sheet.get("fields", {}).items():
                fields[f"{tool.name}.{argument}"] = field
        service = self._seed.name if self._seed.name.upper().endswith("API") else f"{self._seed.name} service"
        return {
            "noun": f"the {service}",
            "records": {self._path: self._rows},
            "fields": fields,
            "tools": {
                tool.name: {key: said for key, said in tool.sheet.items() if key != "fields"}
                for tool in self._tools
            },
        }

    # Functions

    @property
    def _path(self) -> str:
        return str(self._many).replace(" ", "-")

    @property
    def _search_name(self) -> str:
        return _camel(f"search {self._many}")

    def _search(self) -> _Tool:
        filters = [self._parameter(name, "query") for name in self._filters]
        query = _parameter(
            "query", "query", "Words of the name", {**_TEXT, "example": self._rows[0][self._named]}
        )
        limit = _parameter(
            _LIMIT,
            "query",
            f"Most {self._plural} in the answer",
            {"type": "integer", "minimum": 1, "maximum": 20, "default": 10, "example": 5},
        )
        by = _listed([humanise(name) for name in self._filters], "or")
        listed = {
            "type": "object",
            "required": [self._many_key, "total"],
            "properties": {
                self._many_key: {
                    "type": "array",
                    "description": f"The {self._plural} that match",
                    "items": {"$ref": self._reference},
                },
                "total": {
                    "type": "integer",
                    "description": f"How many {self._plural} there are in the answer",
                },
            },
        }
        operation = _operation(
            f"Search {self._plural}",
            f"Finds {self._plural} by {by} or by words of the name, at most as many as asked for.",
            [query, *filters, limit],
            f"The {self._plural} that match, each with its id",
            listed,
        )
        first, *rest = self._filters
        combinations = [
            (first,),
            *((name,) for name in rest),
            *((first, name) for name in rest),
            (first, _LIMIT),
        ]
        subsets = [list(one) for one in combinations if _LIMIT not in one]
        things = [" ".join([self._plural, *(self._clause(name) for name in names)]) for names in subsets]
        sheet = {
            "does": f"search for {self._plural}",
            "combinations": combinations,
            "asks": asking.asks("search", [{"things": one} for one in things]),
            "details": {
                **{name: asking.only(self._clause(name)) for name in self._filters},
                _LIMIT: [
                    f"No more than {{{_LIMIT}}}, please.",
                    f"{{{_LIMIT}}} are enough.",
                    f"At most {{{_LIMIT}}}.",
                ],
            },
            "answers": [one.replace("{many}", self._plural) for one in archetypes()["answers"]["search"]],
            "empty": [one.replace("{many}", self._plural) for one in archetypes()["answers"]["empty"]],
            "item": self._kind["item"],
        }
        return _Tool(self._search_name, "get", f"/{self._path}", operation, sheet)

    def _get(self) -> _Tool:
        name = _camel(f"get {self._one}")
        does = f"look up {_a(self._singular)}"
        operation = _operation(
            f"Get {_a(self._singular)}",
            f"Tells all that is known of one {self._singular}, by its id.",
            [self._id_parameter()],
            f"The {self._singular}",
            {"$ref": self._reference},
        )
        sheet = {
            "does": does,
            "combinations": [(self._id,)],
            "asks": asking.asks("get", [{"thing": self._spoken}], [does]),
            "answers": asking.told(self._filled(self._kind["told"])),
            **self._about_id(),
        }
        return _Tool(name, "get", f"/{self._path}/{{{self._id}}}", operation, sheet)

    def _suggest(self, field: str) -> _Tool:
        name, does = _camel(f"suggest {self._one}"), f"suggest {_a(self._singular)}"
        operation = _operation(
            f"Suggest {_a(self._singular)}",
            f"Picks one {self._singular} at random, by its {humanise(field)}.",
            [self._parameter(field, "query", required=True)],
            f"The {self._singular} that was picked",
            {"$ref": self._reference},
        )
        words = {"one": self._singular, "clause": asking.of_one(self._clause(field))}
        item = re.sub(r"\{(\w+)\}", r"{reply.\1}", self._kind["item"])
        sheet = {
            "does": does,
            "combinations": [(field,)],
            "asks": asking.asks("suggest", [words], [does]),
            "details": {field: [f"I want one {words['clause']}.", f"It should be one {words['clause']}."]},
            "questions": {field: asking.which(humanise(field))},
            "answers": [
                f"How about {item}?",
                f"I'd suggest {item}.",
                f"My pick is {item}.",
                f"What about {item}?",
            ],
            "fields": {field: {"values": self._values(field)}},
        }
        return _Tool(name, "get", f"/{self._path}/suggestion", operation, sheet)

    def _action(self, action: Mapping[str, Any]) -> _Tool:
        does = action["about"][0].lower() + action["about"][1:]
        answer = {
            "type": "object",
            "required": [self._id, "confirmationCode"],
            "properties": {
                self._id: {**_TEXT, "description": f"Id of the {self._singular}"},
                "confirmationCode": {
                    **_TEXT,
                    "description": "Confirms that it was done",
                    "example": "CF-40718",
                },
            },
        }
        operation = _operation(
            action["about"],
            f"{action['about']}, by its id.",
            [self._id_parameter()],
            "That it was done",
            answer,
            "201",
        )
        done = self._filled(action["done"])
        sheet = {
            "does": does,
            "combinations": [(self._id,)],
            "asks": asking.asks("do", [{"say": self._filled(action["say"])}], [does]),
            "answers": [
                done,
                f"Done. {done}",
                f"{done} The confirmation code is {{reply.confirmationCode}}.",
                f"All set. {done} Your confirmation code is {{reply.confirmationCode}}.",
            ],
            **self._about_id(),
        }
        path = f"/{self._path}/{{{self._id}}}/{action['path']}"
        return _Tool(_camel(action["about"]), "post", path, operation, sheet)

    def _report(self, report: Mapping[str, Any]) -> _Tool:
        takes, does = report["takes"], report["about"][0].lower() + report["about"][1:]
        parameters = [
            _parameter(name, "query", one["about"], _taken(one), required=not one.get("optional"))
            for name, one in takes.items()
        ]
        required = [name for name, one in takes.items() if not one.get("optional")]
        optional = [name for name in takes if name not in required]
        echoed = {
            name: {**_plain(_taken(takes[name])), "description": takes[name]["about"]} for name in required
        }
        given = {
            name: {**_ranged(values), "description": report["words"][name]}
            for name, values in report["gives"].items()
        }
        properties = {**echoed, **given}
        answer = {"type": "object", "required": list(properties), "properties": properties}
        operation = _operation(
            report["about"],
            f"{report['about']}.",
            parameters,
            f"What is known: {_listed([humanise(name) for name in given])}",
            answer,
        )
        whats = [report["what"], *(f"{report['what']} {takes[name]['clause']}" for name in optional)]
        sheet = {
            "does": does,
            "combinations": [tuple(required), *((*required, name) for name in optional)],
            "asks": asking.asks("report", [{"what": one} for one in whats], [does]),
            "details": {
                name: [
                    f"The {humanise(name)} is {{{name}}}.",
                    f"As for the {humanise(name)}, take {{{name}}}.",
                ]
                for name in takes
            },
            "questions": {name: [takes[name]["ask"], f"Sure. {takes[name]['ask']}"] for name in required},
            "replies": {
                name: [f"It's {{{name}}}.", f"That would be {{{name}}}.", f"I mean {{{name}}}."]
                for name in required
            },
            "answers": asking.told(report["told"]),
            "fields": {name: {"values": one["values"]} for name, one in takes.items()},
        }
        return _Tool(report["name"], "get", f"/{report['path']}", operation, sheet)

    # Parts

    @property
    def _many_key(self) -> str:
        return _camel(self._many)

    @property
    def _reference(self) -> str:
        return f"#/components/schemas/{_camel(self._one, upper=True)}"

    @property
    def _spoken(self) -> str:
        """The thing, by its name."""
        quoted = f'"{{{self._id}}}"' if '"{id}"' in self._kind["told"] else f"{{{self._id}}}"
        return (
            f"the {self._singular} {quoted}"
            if self._kind.get("called")
            else self._kind.get("article", "") + quoted
        )

    def _thing(self) -> dict[str, Any]:
        properties = {
            "id": {**_TEXT, "description": f"Id of the {self._singular}", "example": f"{self._one[:3]}-4082"},
            self._named: {
                **_TEXT,
                "description": f"{self._named.capitalize()} of the {self._singular}",
                "example": self._rows[0][self._named],
            },
            **{name: self._schema(name) for name in self._fields},
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def _schema(self, name: str) -> dict[str, Any]:
        field, values = self._fields[name], [row[name] for row in self._all(name)]
        described = {"description": field["about"], "example": self._rows[0][name]}
        if field.get("choice"):
            return {**_TEXT, "enum": list(dict.fromkeys(values)), **described}
        if isinstance(values[0], str):
            return {**_TEXT, **described}
        kind = "number" if any(isinstance(one, float) for one in values) else "integer"
        return {"type": kind, "minimum": 0, **described}

    def _all(self, name: str) -> list[dict[str, Any]]:
        index = 1 + list(self._fields).index(name)
        return [{name: row[index]} for row in self._kind["rows"]]

    def _values(self, name: str) -> list[Any]:
        return list(dict.fromkeys(row[name] for row in self._rows))

    def _parameter(self, name: str, place: str, required: bool = False) -> dict[str, Any]:
        schema = {key: value for key, value in self._schema(name).items() if key != "description"}
        return _parameter(name, place, self._fields[name]["about"], schema, required)

    def _id_parameter(self) -> dict[str, Any]:
        about = f"Id of the {self._singular}, as {self._search_name} gives it"
        return _parameter(
            self._id, "path", about, {**_TEXT, "example": f"{self._one[:3]}-4082"}, required=True
        )

    def _about_id(self) -> dict[str, Any]:
        """What is said of the id, for which people say the thing's name."""
        return {
            "details": {self._id: [f"I mean {self._spoken}.", f"It's about {self._spoken}."]},
            "questions": {self._id: asking.which(self._singular)},
            "fields": {self._id: {"lookup": {"tool": self._search_name, "by": self._named, "field": "id"}}},
        }

    def _clause(self, name: str) -> str:
        return str(self._fields[name]["clause"])

    def _filled(self, template: str) -> str:
        return template.replace("{id}", f"{{{self._id}}}")

    def _rng_for(self, purpose: str) -> random.Random:
        return random.Random(digest([self._seed.model_dump(exclude={"functions"}), purpose]))


def _operation(
    summary: str,
    description: str,
    parameters: Sequence[Mapping[str, Any]],
    said: str,
    schema: Mapping[str, Any],
    status: str = "200",
) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": description,
        "parameters": list(parameters),
        "responses": {
            status: {"description": said, "content": {"application/json": {"schema": dict(schema)}}}
        },
    }


def _parameter(
    name: str, place: str, description: str, schema: Mapping[str, Any], required: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": dict(schema),
    }


def _taken(one: Mapping[str, Any]) -> dict[str, Any]:
    values = one["values"]
    if isinstance(values, str):
        form = {"email": "email", "future_date": "date"}.get(values)
        return {**_TEXT, **({"format": form} if form else {})}
    return {**_TEXT, **({"enum": values} if one.get("choice") else {}), "example": values[0]}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "example"}


def _ranged(values: Sequence[Any]) -> dict[str, Any]:
    if isinstance(values[0], str):
        return {**_TEXT, "enum": list(values)}
    return {"type": "integer", "minimum": values[0], "maximum": values[1]}


def _a(noun: str) -> str:
    return f"{article(noun)} {noun}"


def _camel(text: str, upper: bool = False) -> str:
    """`Reserve a pet for a visit` as `reservePetForVisit`."""
    words = [
        word for word in re.findall(r"[A-Za-z]+", text.replace("'s", "")) if word not in ("a", "an", "the")
    ]
    first, *rest = [word.lower() for word in words]
    return "".join([first.capitalize() if upper else first, *(word.capitalize() for word in rest)])


def _listed(words: Sequence[str], joint: str = "and") -> str:
    return f" {joint} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
