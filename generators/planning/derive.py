"""Derive a phrase sheet from documentation alone, and refuse, with a code, what the rules cannot serve.

offline_no_wording   the title is no plain verb phrase, so a request would not read like one
offline_no_value     a required argument or the documented reply has nothing to take a value from
offline_nested       a required argument is an object, or a list of objects
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.planning.plan import Planner
from callwright.generators.planning.scenario import Scenario, is_opaque
from callwright.generators.planning.walks import first_scenario
from callwright.generators.planning.wording import Wording, frames
from callwright.schemas.base import digest
from callwright.schemas.phrases import Field_, Lookup, PhraseSheet, ToolPhrases
from callwright.schemas.task import Kind
from callwright.schemas.tool import OpenAPIBinding, Refusal, Tool, Toolkit
from callwright.toolbox.rehearsal import can_rehearse
from callwright.values.makers import NOTHING, field_for, json_type, make
from callwright.values.spoken import article, humanise, is_noun, plain_words, singular

_VERBS = frozenset(
    "get list save create update delete remove add search find show look check cancel buy book order send set retrieve "
    "fetch read return register submit place renew suggest start stop pause resume play open close move copy rename "
    "archive restore approve reject assign upload download import export convert calculate compute estimate validate "
    "verify track schedule reserve subscribe unsubscribe enable disable invite join leave merge split count compare "
    "translate detect generate query view edit change replace post publish share lock unlock reset refund pay charge "
    "transfer withdraw deposit request confirm complete mark close report describe browse lookup".split(" ")
)
_SAID = {"tell": "find out", "give": "get", "provide": "get"}
"""A server's verb -> what the person wants who asks for it."""
_LOOKS_UP = frozenset(
    "get list search find show look check retrieve fetch read return track browse view query".split(" ")
)
_SCALARS = frozenset(("string", "number", "integer", "boolean"))
_CHANGES = frozenset(("update", "edit", "change", "set"))
_NAMES = ("name", "title", "label", "displayName", "full_name", "fullName")
_NOUNS_BY_NAME = {
    "to": "recipient",
    "from": "sender",
    "cc": "copy recipient",
    "q": "search term",
    "query": "search term",
    "n": "number",
    "lat": "latitude",
    "lon": "longitude",
    "lng": "longitude",
}
_DATES_BY_NAME = {
    "from": "start date",
    "since": "start date",
    "to": "end date",
    "until": "end date",
    "on": "date",
}
_TRIED: tuple[Kind, ...] = ("single", "multi_step", "clarification")
_SAMPLES = 3
"""Conversations of each kind that are made up to see whether the documentation says enough."""
_REHEARSED_ON = dt.date(2025, 1, 6)


def with_sheet(toolkit: Toolkit) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit with a phrase for every tool that the offline teacher can serve, and why it cannot the others."""
    key = digest(toolkit.model_dump(mode="json"))
    if key not in _WORDED:
        _WORDED[key] = _worded(toolkit)
    return _WORDED[key]


_WORDED: dict[str, tuple[Toolkit, tuple[Refusal, ...]]] = {}
"""What trying every tool of a toolkit came to, which takes a while."""


def _worded(toolkit: Toolkit) -> tuple[Toolkit, tuple[Refusal, ...]]:
    given = toolkit.phrases or PhraseSheet(noun=_noun(toolkit))
    fields, tools = dict(given.fields), dict(given.tools)
    refusals: list[Refusal] = []
    for tool in toolkit.tools:
        if tool.name in tools:
            continue
        fields |= _lookups(toolkit, tool, fields)
        try:
            tools[tool.name] = derive(tool, PhraseSheet(noun=given.noun, fields=fields))
        except GenerationError as error:
            refusals.append(_refusal(toolkit, tool, error))
    whole = toolkit.model_copy(
        update={"phrases": given.model_copy(update={"fields": fields, "tools": tools})}
    )
    refusals += list(_unanswerable(whole))
    refused = {refusal.where.split(": ", 1)[1] for refusal in refusals}
    left = {name: phrases for name, phrases in tools.items() if name not in refused}
    assert whole.phrases is not None
    return whole.model_copy(update={"phrases": whole.phrases.model_copy(update={"tools": left})}), tuple(
        refusals
    )


def derive(tool: Tool, sheet: PhraseSheet) -> ToolPhrases:
    """A tool's wordings by rule.

    Raises:
        GenerationError: With one of the codes above.
    """
    does = verb_phrase(tool)
    for name in tool.required:
        _check_argument(tool, name, sheet)
    worded = frames()
    names = [name for name in tool.properties if _servable(tool, name, sheet)]
    return ToolPhrases(
        does=does,
        combinations=_combinations(tool, does, names),
        asks={register: tuple(_asks(tool, does, lines)) for register, lines in worded["asks"].items()},
        details={name: _about(worded["details"], tool, name, sheet) for name in names},
        questions={
            name: _about(worded["questions"], tool, name, sheet) for name in names if name in tool.required
        },
        answers=tuple(_answers(tool)),
        item=_item(tool),
        empty=tuple(worded["answers"]["empty"]),
    )


def verb_phrase(tool: Tool) -> str:
    """The title as a verb phrase: "Get museum hours" as "get museum hours".

    Raises:
        GenerationError: `offline_no_wording`.
    """
    title = tool.summary.strip().rstrip(".") or humanise(tool.name)
    words = title.split()
    plain = re.fullmatch(r"[A-Za-z][A-Za-z' -]*", title) and not re.search(r"[a-z][A-Z]|_", title)
    if not plain or not 2 <= len(words) <= 9:
        raise GenerationError(
            "offline_no_wording", f"the title {title!r} is no plain phrase of two to nine words"
        )
    verb = re.sub(r"(?<=[^aeious])s$", "", words[0].lower())
    verb = _SAID.get(verb, verb)
    if verb.split(" ")[0] not in _VERBS:
        raise GenerationError("offline_no_wording", f"the title {title!r} does not begin with a verb")
    rest = [word if word.isupper() and len(word) > 1 else word.lower() for word in words[1:]]
    return " ".join([verb, *_with_article(verb, rest)])


def _with_article(verb: str, rest: list[str]) -> list[str]:
    """The object with an article when it is one countable thing: "get berry" becomes "get a berry"."""
    counted = {
        "a",
        "an",
        "the",
        "all",
        "my",
        "your",
        "this",
        "for",
        "to",
        "by",
        "of",
        "with",
        "in",
        "from",
        "up",
    }
    last = rest[-1]
    if verb in ("list", "search") or rest[0] in counted or last.endswith("s") or set(rest) & counted:
        return rest
    mass = {
        "information",
        "data",
        "metadata",
        "status",
        "weather",
        "history",
        "availability",
        "content",
        "access",
    }
    return rest if last in mass else [article(rest[0]), *rest]


def _check_argument(tool: Tool, name: str, sheet: PhraseSheet) -> None:
    schema = tool.properties[name]
    kind = json_type(schema)
    if kind == "object" or (kind == "array" and json_type(schema.get("items") or {}) in ("object", "array")):
        raise GenerationError("offline_nested", f"{name} is nested")
    if field_for(sheet, tool.name, name).lookup:
        return
    if argument_words(name, schema) == plain_words(name) and not is_noun(name):
        raise GenerationError("offline_no_wording", f"{name} is no noun, so nobody can say what it should be")
    if is_opaque(tool, name, sheet):
        raise GenerationError("offline_no_value", f"{name} is an id that no listed answer gives with a name")
    if _sample(tool, name, sheet) is NOTHING:
        raise GenerationError("offline_no_value", f"nothing in the documentation gives a value for {name}")


def _servable(tool: Tool, name: str, sheet: PhraseSheet) -> bool:
    try:
        _check_argument(tool, name, sheet)
    except GenerationError:
        return False
    # A yes-or-no needs a sentence of its own, which no rule can word.
    return json_type(tool.properties[name]) != "boolean"


def _sample(tool: Tool, name: str, sheet: PhraseSheet) -> Any:
    known = tuple(example[name] for example in tool.examples if name in example)
    field = field_for(sheet, tool.name, name)
    value = make(humanise(name), field, tool.properties[name], random.Random(0), dt.date(2025, 1, 6), known)
    return value if value is NOTHING or _sayable(value) else NOTHING


def _sayable(value: Any) -> bool:
    """Whether a value can stand in a sentence: no code, no markup, no address of a server, no bare word "string"."""
    values = value if isinstance(value, list) else [value]
    return all(not isinstance(one, str) or _plain_text(one) for one in values)


def _plain_text(text: str) -> bool:
    if (
        not text.strip()
        or len(text) > 80
        or text.lower() in ("string", "text", "value", "foo", "bar", "test")
    ):
        return False
    return not re.search(r"[{}<>\[\]|\\$#*_]|https?:|[a-z][A-Z]", text)


def _combinations(tool: Tool, does: str, names: list[str]) -> tuple[tuple[str, ...], ...]:
    """The required arguments, each optional one alone beside them, and what a documented example combines."""
    required = tuple(tool.required)
    found = [required] + [(*required, name) for name in names if name not in required]
    if not required and does.split()[0] not in _LOOKS_UP and _has_body(tool):
        in_url = {name for name in names if not _in_body(tool, name)}
        found = [one for one in found if set(one) - in_url]  # "create a task" without saying which
    # An update that says nothing but what is to be updated changes nothing.
    if len(found) > 1 and does.split()[0] in _CHANGES and all(is_opaque(tool, name) for name in required):
        found.remove(required)
    for example in tool.examples:
        used = tuple(name for name in tool.properties if name in example)
        if set(required) <= set(used) and set(used) <= set(names):
            found.append(used)
    if not found:
        raise GenerationError("offline_no_value", "nothing that it takes can be given a value")
    return tuple(dict.fromkeys(found))


def _has_body(tool: Tool) -> bool:
    return any(_in_body(tool, name) for name in tool.properties)


def _in_body(tool: Tool, name: str) -> bool:
    """Whether an argument says what is to be made or changed; without a binding, every one may."""
    if not isinstance(tool.binding, OpenAPIBinding) or name not in tool.binding.places:
        return True
    return tool.binding.places[name].location == "body"


def _asks(tool: Tool, does: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        filled = line.replace("{does}", does)
        yield filled[:1].upper() + filled[1:]


def _about(lines: list[str], tool: Tool, name: str, sheet: PhraseSheet) -> tuple[str, ...]:
    words = argument_words(name, tool.properties[name])
    if field_for(sheet, tool.name, name).lookup:  # people say the thing's name, so they don't speak of an id
        thing = re.sub(r"\s*\b(?:id|uuid)$", "", words, flags=re.I)
        words = thing or singular(humanise(tool.resource)) or words
    return tuple(line.replace("{human}", words).replace("{value}", "{" + name + "}") for line in lines)


def argument_words(name: str, schema: Mapping[str, Any]) -> str:
    """An argument in plain words; prepositions and letters, which are no nouns, by what they usually stand for."""
    known = _DATES_BY_NAME if schema.get("format") in ("date", "date-time") else _NOUNS_BY_NAME
    return known.get(name.lower(), plain_words(name))


def _answers(tool: Tool) -> list[str]:
    """Templates for the answer's shape: a list with or without names, one thing, or nothing to show."""
    worded: dict[str, list[str]] = frames()["answers"]
    if _is_list(tool):
        return worded["many"] if _item(tool) else worded["counted"]
    if json_type(tool.returns or {}) in _SCALARS:
        return worded["told"]
    if tool.returns is None and tool.reply.media_type and not can_rehearse(tool):
        # A real tool that does not say what it answers: whatever comes back is told.
        return [*worded["one"], *worded["told"], *worded["counted"]]
    acts = verb_phrase(tool).split()[0] not in _LOOKS_UP
    one = [line for line in worded["one"] if not (acts and "look" in line)]  # nobody looked up what was made
    return (one if tool.returns else []) + (worded["nothing"] if acts or not tool.returns else [])


def _is_list(tool: Tool) -> bool:
    schema = tool.returns or {}
    inner = [_resolved(child, schema) for child in schema.get("properties", {}).values()]
    return json_type(schema) == "array" or sum(_lists_things(child, schema) for child in inner) == 1


def _lists_things(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether it is a list of objects; an event's dates do not make the event a list."""
    items = _resolved(schema.get("items") or {}, root)
    return json_type(schema) == "array" and (json_type(items) == "object" or "properties" in items)


def _item(tool: Tool) -> str | None:
    """The template for one entry of a list: its name."""
    properties = _entry(tool)
    found = next((name for name in _NAMES if name in properties), None)
    return "{" + found + "}" if found else None


def _entry(tool: Tool) -> Mapping[str, Any]:
    """Properties of the entries of the list that the tool's answer is or holds."""
    schema = tool.returns or {}
    for candidate in (schema, *schema.get("properties", {}).values()):
        if isinstance(candidate, dict) and json_type(candidate) == "array":
            items = _resolved(candidate.get("items") or {}, schema)
            properties: Mapping[str, Any] = items.get("properties", {})
            return properties
    return {}


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    found: Mapping[str, Any] = root.get("$defs", {}).get(name, schema) if name else schema
    return found


def _lookups(toolkit: Toolkit, tool: Tool, fields: Mapping[str, Field_]) -> dict[str, Field_]:
    """Ids that another tool's list gives with a name: `/x` lists what `/x/{id}` takes."""
    found: dict[str, Field_] = {}
    for name in tool.required:
        if not is_opaque(tool, name) or name in fields or f"{tool.name}.{name}" in fields:
            continue
        for lister in toolkit.tools:
            entry = _entry(lister)
            same = name in entry or ("id" in entry and lister.resource == tool.resource)
            by = next((one for one in _NAMES if one in entry), None)
            if same and by and not lister.required and lister.name != tool.name:
                field = None if name in entry else "id"
                found[f"{tool.name}.{name}"] = Field_(lookup=Lookup(tool=lister.name, by=by, field=field))
                break
    return found


def _unanswerable(toolkit: Toolkit) -> Iterator[Refusal]:
    """Tools with derived wordings of which no whole conversation can be made; found by making some."""
    assert toolkit.phrases is not None
    for name in toolkit.phrases.tools:
        tool = toolkit.tool(name)
        tried = [first_scenario(toolkit, kind, tool) for kind in _TRIED]
        try:
            for number in range(_SAMPLES):
                for scenario in filter(None, tried):
                    _rehearse(toolkit, scenario, number)
        except GenerationError as error:
            if error.code != "plan_failed":  # a world may say no to what was drawn; another draw will do
                yield _refusal(toolkit, tool, error)


def _rehearse(toolkit: Toolkit, scenario: Scenario, number: int) -> None:
    """Plan and word one conversation; what cannot be said or answered raises."""
    planner = Planner(toolkit, number, _REHEARSED_ON, random.Random(number))
    plan = planner.plan(scenario, number)
    executed = can_rehearse(toolkit.tool(scenario.tool))  # what a real tool answers is not known ahead
    variables = {
        "plan": plan.model_dump(mode="json"),
        "seed": number,
        "clock": _REHEARSED_ON.isoformat(),
        "withheld": None,
        "answered": True,
        "observations": planner.observations if executed else [],
    }
    wording = Wording({toolkit.name: toolkit}, variables)
    wording.request()
    if executed:
        wording.assistant_turn()


def _refusal(toolkit: Toolkit, tool: Tool, error: GenerationError) -> Refusal:
    message = str(error).removeprefix(f"{error.code}: ").removeprefix(f"{tool.name}: ")
    return Refusal(code=error.code, where=f"{toolkit.origin or toolkit.name}: {tool.name}", message=message)


def _noun(toolkit: Toolkit) -> str:
    if not toolkit.description and toolkit.title == toolkit.name:
        return "this service"
    title = re.sub(r"\s+", " ", re.sub(r"[^\w\s'&é-]", " ", toolkit.title)).strip()
    named = title.lower().startswith("the ") or " " not in title
    return title if named else f"the {title}"
