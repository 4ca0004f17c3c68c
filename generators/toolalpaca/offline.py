"""The offline teacher's part in ToolAlpaca: it words a plan. A grammar, and it says so."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from callwright.errors import GenerationError
from callwright.generators.toolalpaca.plan import Plan, is_opaque, list_in
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json, digest
from callwright.schemas.message import ToolCall
from callwright.schemas.phrases import REGISTERS, PhraseSheet, Register, ToolPhrases
from callwright.schemas.tool import Toolkit
from callwright.values.makers import field_for
from callwright.values.spoken import humanise, is_noun, plain_words, say_list
from callwright.values.wording import fill, say_field, slots

SHOWN = 6
"""Entries of a list that an answer names; the rest are counted."""

_GREETING = re.compile(r"(?:hi|hey|hello|okay|ok|so|oh|ooh|ugh|good|quick|thanks)\b", re.IGNORECASE)
"""How a message begins that nothing should stand before."""

_CHATTER: Mapping[Register, float] = {"plain": 0.3, "polite": 0.35, "terse": 0.12, "chatty": 0.3}
"""How often a register brings up something that is no part of the request."""


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for conversations over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def worder(request: Request) -> Wording:
        return Wording(by_name, request.variables)

    def instruction(request: Request) -> Completion:
        reply = {"request": worder(request).request(), "details": ""}
        return Completion(text=canonical_json(reply), parsed=reply)

    def assistant(request: Request) -> Completion:
        return worder(request).assistant_turn()

    def user(request: Request) -> Completion:
        return Completion(text=worder(request).user_reply())

    return {"toolalpaca.instruction": instruction, "toolalpaca.assistant": assistant, "toolalpaca.user": user}


class Wording:
    """Says one plan's request, question, reply and answer. All chance comes from the plan's own seed."""

    def __init__(self, toolkits: Mapping[str, Toolkit], variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._plan = Plan.model_validate(variables["plan"])
        self._scenario = self._plan.scenario
        self._toolkit = toolkits[self._scenario.toolkit]
        assert self._toolkit.phrases is not None
        self._sheet: PhraseSheet = self._toolkit.phrases
        self._clock = dt.date.fromisoformat(variables["clock"])
        self._phrases = self._sheet.tools[self._scenario.tool]

    def request(self) -> str:
        """The user's first message."""
        register = REGISTERS[self._rotate(len(REGISTERS), "register")]
        rng = self._rng("request")
        if self._scenario.first:
            first = self._sheet.tools[self._scenario.first]
            sentences = self._ask(first, self._scenario.first, self._plan.first_arguments, (), register, rng)
            sentences += self._follow(rng)
        else:
            hidden = (self._scenario.missing,) if self._scenario.missing else ()
            tool, arguments = self._scenario.tool, self._plan.arguments
            sentences = self._ask(self._phrases, tool, arguments, hidden, register, rng)
        if rng.random() < _CHATTER[register]:
            context = rng.choice(self._sheet.contexts or frames()["contexts"])
            opens = rng.random() < 0.7 and not _GREETING.match(sentences[0])
            sentences.insert(0 if opens else len(sentences), context)
        return " ".join(sentences)

    def _ask(
        self,
        phrases: ToolPhrases,
        tool: str,
        arguments: Mapping[str, Any],
        hidden: tuple[str, ...],
        register: Register,
        rng: random.Random,
    ) -> list[str]:
        """The request and a sentence for each argument that it leaves out, as separate sentences."""
        words = self._words(
            tool, {name: value for name, value in arguments.items() if name not in hidden}, "request"
        )
        template = self._template(phrases, tool, register, words)
        details = self._details(phrases, tool, template, words, rng)
        ask = fill(template, words)
        early = register in ("plain", "chatty") and rng.random() < 0.2 and not _GREETING.match(ask)
        if early and details and self._stands_first(details[0]):
            return [details[0], ask, *details[1:]]
        return [ask, *details]

    def _stands_first(self, sentence: str) -> bool:
        """Whether a detail makes sense before anyone knows what it is about."""
        return (
            sentence.split()[0] in ("I", "My", "We", "Our", "I'm", "I'd", "We're") and " it " not in sentence
        )

    def _template(self, phrases: ToolPhrases, tool: str, register: Register, words: Mapping[str, str]) -> str:
        """The next wording in turn: of this register where one is usable, else of any."""
        for registers in ((register,), REGISTERS):
            usable = [
                one for name in registers for one in phrases.asks.get(name, ()) if slots(one) <= set(words)
            ]
            if usable:
                # The fuller ones first in rotation: a request that says all it has to is the commonest.
                full = [one for one in usable if slots(one)] or usable
                pool = full + usable if len(full) < len(usable) else usable
                return pool[self._rotate(len(pool), f"ask {tool} {register}", len(REGISTERS))]
        raise GenerationError("offline_no_wording", f"{tool}: no wording fits the arguments {sorted(words)}")

    def _follow(self, rng: random.Random) -> list[str]:
        """What is asked for in the same breath, with a sentence for each argument that it leaves out."""
        assert self._scenario.first is not None
        tool = self._toolkit.tool(self._scenario.tool)
        own = {name: value for name, value in self._plan.arguments.items() if not is_opaque(tool, name)}
        words = self._words(tool.name, own, "request")
        usable = [one for one in self._phrases.follows[self._scenario.first] if slots(one) <= set(words)]
        if not usable:
            raise GenerationError("offline_no_wording", f"{tool.name}: no follow-up wording fits")
        template = usable[self._rotate(len(usable), "follow")]
        return [fill(template, words), *self._details(self._phrases, tool.name, template, words, rng)]

    def _details(
        self, phrases: ToolPhrases, tool: str, template: str, words: Mapping[str, str], rng: random.Random
    ) -> list[str]:
        """A sentence for each argument that a template does not say, in any order."""
        sentences = []
        for name in sorted(set(words) - slots(template)):
            usable = [one for one in phrases.details.get(name, ()) if slots(one) <= set(words)]
            if not usable:
                raise GenerationError("offline_no_wording", f"{tool}: no sentence says {name}")
            sentences.append(fill(rng.choice(usable), words))
        rng.shuffle(sentences)
        return sentences

    def user_reply(self) -> str:
        """What the user answers when asked for the missing argument."""
        name = self._scenario.missing
        assert name is not None
        value = {name: self._plan.arguments[name]}
        words = self._words(self._scenario.tool, value, "reply")
        worded = self._phrases.replies.get(name)
        if worded:
            return fill(worded[self._rotate(len(worded), "reply")], words)
        generic = frames()["replies"]
        return fill(generic[self._rotate(len(generic), "reply")], {"value": words[name]})

    def assistant_turn(self) -> Completion:
        """The next call of the plan, the question before it, or the answer after the last."""
        seen = self._variables["observations"]
        if self._variables["withheld"]:
            return Completion(text=self._decline())
        if self._scenario.missing and not self._variables["answered"]:
            return Completion(text=self._question(self._scenario.missing))
        if seen and seen[-1]["status"] >= 300:
            raise GenerationError("plan_failed", f"{seen[-1]['name']} answered {seen[-1]['status']}")
        if len(seen) < len(self._plan.calls):
            call = self._plan.calls[len(seen)]

            arguments = json.dumps(call.arguments, ensure_ascii=False, allow_nan=False)
            made = ToolCall(id=f"call_{len(seen)}", name=call.name, arguments=arguments)
            return Completion(tool_calls=(made,), finish_reason="tool_calls")
        return Completion(text=self._answer(seen))

    def _decline(self) -> str:
        worded = frames()
        decline = worded["declines"][self._rotate(len(worded["declines"]), "decline")]
        offer = worded["offers"][self._rotate(len(worded["offers"]), "offer")]
        return fill(decline + offer, {"does": self._phrases.does, "noun": self._sheet.noun})

    def _question(self, name: str) -> str:
        worded = self._phrases.questions[name]
        return fill(worded[self._rotate(len(worded), "question")], {"human": humanise(name)})

    def _answer(self, seen: Sequence[Mapping[str, Any]]) -> str:
        last = self._tell(self._scenario.tool, self._plan.arguments, seen[-1]["body"])
        if not self._scenario.first:
            return last
        return f"{self._tell(self._scenario.first, self._plan.first_arguments, seen[0]['body'])} {last}"

    def _tell(self, tool: str, arguments: Mapping[str, Any], body: Any) -> str:
        """What the assistant says of one call's answer."""
        phrases = self._sheet.tools[tool]
        words = self._words(tool, arguments, "answer")
        rows = list_in(body)
        if rows is not None and not rows and phrases.empty:
            usable: Sequence[str] = phrases.empty
        else:
            words |= self._reply_words(tool, phrases, body, rows)
            usable = [one for one in phrases.answers if slots(one) <= set(words)]
            if "facts" in words:  # what came back is worth more than that something did
                usable = [one for one in usable if slots(one)] or usable
            if words.get("count") == "1":  # "1 events" is what a count of one makes of most sentences
                usable = [one for one in usable if "count" not in slots(one)] or usable
        if not usable:
            raise GenerationError("offline_no_wording", f"{tool}: no answer fits what came back")
        return fill(usable[self._rotate(len(usable), f"answer {tool}")], words)

    def _reply_words(
        self, tool: str, phrases: ToolPhrases, body: Any, rows: Sequence[Mapping[str, Any]] | None
    ) -> dict[str, str]:
        words: dict[str, str] = {}
        body = unwrapped(body)
        if isinstance(body, dict):
            scalars = {
                name: value
                for name, value in body.items()
                if not isinstance(value, dict) and value is not None
            }
            plain = {
                name: v
                for name, v in scalars.items()
                if not (isinstance(v, list) and any(_nested(o) for o in v))
            }
            said = self._words(tool, plain, "reply")
            words |= {f"reply.{name}": text for name, text in said.items()}
            facts = [
                f"the {plain_words(name)} {_is_or_are(plain[name])} {_set_apart(plain[name], text)}"
                for name, text in said.items()
                # A thing that people call by its name has been named; its id is not that name.
                if name not in self._plan.names and _tellable(name, plain[name])
            ]
            if facts:
                words["facts"] = say_list(facts[:4])
        if rows:
            words["count"] = str(len(rows))
            words["entries"] = "1 entry" if len(rows) == 1 else f"{len(rows)} entries"
        if rows and phrases.item and all(isinstance(row, dict) for row in rows):
            shown = len(rows) if len(rows) <= SHOWN + 1 else SHOWN
            items = [self._item(tool, phrases.item, row) for row in rows[:shown]]
            rest = [f"{len(rows) - shown} more"] if len(rows) > shown else []
            if all(items):
                words["items"] = say_list([item for item in items if item] + rest)
        return words

    def _item(self, tool: str, template: str, row: Mapping[str, Any]) -> str | None:
        flat = {name: value for name, value in row.items() if not _nested(value) and value is not None}
        words = self._words(tool, flat, "item")
        if not slots(template) <= set(words):
            return None
        text = template
        for name in slots(template):
            text = text.replace("{" + name + "}", words[name])
        return text

    def _words(self, tool: str, values: Mapping[str, Any], purpose: str) -> dict[str, str]:
        """Each value as it is said; ids by the name that people know."""
        said: dict[str, str] = {}
        for name, value in values.items():
            rng = self._rng(purpose)  # one person says all dates in one style
            known = self._plan.names.get(name) if purpose != "item" else None
            field = field_for(self._sheet, tool, name)
            said[name] = known or say_field(value, field, self._clock, rng, listed=purpose == "item")
        return said

    def _rotate(self, length: int, purpose: str, every: int = 1) -> int:
        """Wordings take turns instead of being drawn, so that none crowds a tool's rows.

        `every` slows a wheel down: registers turn with each row of a scenario, wordings after all registers.
        """
        offset = int(digest([self._scenario.model_dump(), purpose])[:6], 16)
        return (self._plan.turn // every + offset) % length

    def _rng(self, purpose: str) -> random.Random:
        return random.Random(digest([self._variables["seed"], purpose]))


def unwrapped(body: Any) -> Any:
    """The one thing inside an envelope: `{"data": {...}}` as what `data` holds."""
    if isinstance(body, dict) and len(body) == 1:
        (inner,) = body.values()
        return inner if isinstance(inner, dict) else body
    return body


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
    )


def _tellable(name: str, value: Any) -> bool:
    """Whether a field is worth saying aloud: not an address of the API itself, not an empty list."""
    return (
        value != []
        and not (isinstance(value, str) and value.startswith("http"))
        and not isinstance(value, bool)
        and is_noun(name)  # "the created at is ..." is no English
    )


def _is_or_are(value: Any) -> str:
    return "are" if isinstance(value, list) and len(value) > 1 else "is"


def _set_apart(value: Any, text: str) -> str:
    """A text that would run into the sentence around it, such as a whole sentence, in quotation marks."""
    runs_on = len(text.split()) > 5 or text.endswith((".", "!", "?"))
    return f'"{text.rstrip(".")}"' if value == text and runs_on and '"' not in text else text


@cache
def frames() -> dict[str, Any]:
    """The wordings that fit any toolkit."""
    text = (files("callwright.generators.toolalpaca") / "frames.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
