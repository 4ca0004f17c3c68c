"""The offline teacher words a plan: request, question, reply and answer. A grammar, and it says so."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from callwright.errors import GenerationError
from callwright.generators.planning.plan import list_in
from callwright.generators.planning.scenario import Goal, Plan, Served, is_opaque
from callwright.llm.base import Completion
from callwright.schemas.base import digest
from callwright.schemas.message import ToolCall
from callwright.schemas.phrases import REGISTERS, Field_, PhraseSheet, Register, ToolPhrases
from callwright.schemas.tool import Toolkit
from callwright.values.makers import field_for
from callwright.values.spoken import is_noun, plain_words, say_list
from callwright.values.wording import fill, say_field, slots

SHOWN = 6
"""Entries of a list that an answer names; the rest are counted."""

QUOTED = 120
"""Characters of a text that an answer repeats; nobody reads a page aloud."""

_GREETING = re.compile(r"(?:hi|hey|hello|okay|ok|so|oh|ooh|ugh|good|quick|thanks)\b", re.IGNORECASE)
"""How a message begins that nothing should stand before."""

_GLAD = re.compile(
    r"(?:sure|happy|of course|gladly|certainly|no problem|i can|i'll|let me|okay)\b", re.IGNORECASE
)
"""How a question begins that does not follow a refusal."""

_HELLO = re.compile(r"^(?:hi|hey|hello)(?: there)?[!,] +(?!\{)", re.IGNORECASE)
"""A greeting that can be left out where it stands in the middle."""

_OF_TWO = re.compile(r"\bsecond\b|\bthat's one\b", re.IGNORECASE)
"""What leads over to the second of several requests alone."""

_LAST = re.compile(r"\blast\b|\bthe other\b", re.IGNORECASE)
"""What leads over to the last of them alone."""

_COUNTS = re.compile(f"{_OF_TWO.pattern}|{_LAST.pattern}", re.IGNORECASE)

_DONE = re.compile(
    r"(?:done|saved|all set|congratulations|that worked|that's \w+(?: care of)?"
    r"|I(?:'ve)? (?:changed|arranged|checked|looked)(?: it)?(?: up)?)[.!:]",
    re.IGNORECASE,
)
"""How an answer begins that reports success, which one message does once."""

_MANY = re.compile(
    r"\b(?:are|were|these|those|they|them|matches|results|entries|which one|in all|one of)\b", re.IGNORECASE
)
"""What is said of several things."""

_LEADS = re.compile(
    r"(?:The|Your|Its?|It's|There|There's|That|That's|Here|Here's|You|You're|You've|You'll|An?|Of|For|In|On|At|From"
    r"|This|No|Nobody|Nothing|We|With|By|As|To)\b"
)
"""First words of a sentence that are small in the middle of one."""

_LEANS = re.compile(
    r"\b(?:it|that|those|these|one|ones|them|they)\b|^I (?:mean|meant|only|don't|need)\b|^I'm (?:asking|talking)\b"
)
"""What a sentence holds that makes no sense before anyone knows what it is about."""

_NEXT = r"(?= (?:on|at|for|with|from|in|until|by|to|as) |[,)]| \(|$)"
"""What follows a phrase that can be left out without harm."""

_SHORT = 150
"""Characters of an answer that another can follow in the same paragraph."""

_CHATTER: Mapping[Register, float] = {"plain": 0.3, "polite": 0.35, "terse": 0.12, "chatty": 0.0}
"""How often a register brings up something that is no part of the request; a chatty wording has its own."""


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
        sentences: list[str] = []
        for index, (goal, served) in enumerate(self._goals()):
            if goal.follows:
                first = self._scenario.goals[index - 1]
                sentences += self._follow(first, goal, served, self._hidden(index), rng)
            elif goal.again:
                sentences.append(self._again(goal, served, index))
            else:
                if index:
                    sentences.append(self._joint(register, index))
                hidden = self._hidden(index)
                if self._plan.refusal:
                    served = served.model_copy(update={"arguments": self._plan.refusal.arguments})
                sentences += self._ask(goal, served, hidden, register, rng)
        if rng.random() < _CHATTER[register]:
            context = rng.choice(self._sheet.contexts or frames()["contexts"])
            opens = rng.random() < 0.7 and not _GREETING.match(sentences[0])
            sentences.insert(0 if opens else len(sentences), context)
        return " ".join(sentences)

    def _hidden(self, index: int) -> tuple[str, ...]:
        """The arguments of a goal that the request leaves out: the scenario's, and any that whoever asks names."""
        missing = (self._scenario.missing,) if self._scenario.missing else ()
        named = self._variables.get("hidden", ())
        return (*missing, *(name for goal, name in named if goal == index))

    def _goals(self) -> list[tuple[Goal, Served]]:
        return list(zip(self._scenario.goals, self._plan.served, strict=True))

    def _joint(self, register: Register, index: int) -> str:
        """What leads over to another request, none twice in one message."""
        later = [
            at for at, goal in enumerate(self._scenario.goals) if at and not (goal.follows or goal.again)
        ]
        taken: set[str] = set()
        for at in later[: later.index(index) + 1]:
            worded = [one for one in frames()["joints"][register] if one not in taken]
            # "Now for the second thing" leads to the second, "one last thing" to the last.
            if len(later) > 1:
                wrong = _OF_TWO if at == later[-1] else _LAST if at == later[0] else _COUNTS
                worded = [one for one in worded if not wrong.search(one)]
            chosen = str(worded[self._rotate(len(worded), f"joint {at}")])
            taken.add(chosen)
        return chosen

    def _again(self, goal: Goal, served: Served, index: int) -> str:
        """The same once more, for another thing, place or day."""
        name = served.varied
        assert name is not None
        said = self._words(goal.tool, {name: served.arguments[name]}, "request", served)[name]
        mark = self._mark(self._sheet.tools[goal.tool], name)
        if any(f"the {{{name}}} one" in one for one in self._sheet.tools[goal.tool].details.get(name, ())):
            mark, said = "the ", f"{said} one"
        value = f'"{said}"' if mark == '"' or not is_name(said) else mark + said
        worded = frames()["again" if index == 1 else "once_more"]
        return fill(worded[self._rotate(len(worded), f"again {index}")], {"value": value})

    def _mark(self, phrases: ToolPhrases, name: str) -> str:
        """What stands before an argument's value where nothing follows it: a quotation mark, an article, or nothing."""
        asks = [one for wordings in phrases.asks.values() for one in wordings]
        texts = (*asks, *phrases.details.get(name, ()), *phrases.replies.get(name, ()))
        ends = re.compile(rf'("|\b(?:the|my) |)\{{{name}\}}(?=["?!.,]|$)')
        marks = Counter(match[1] for text in texts for match in ends.finditer(text))
        return marks.most_common(1)[0][0] if marks else ""

    def _ask(
        self,
        goal: Goal,
        served: Served,
        hidden: tuple[str, ...],
        register: Register,
        rng: random.Random,
    ) -> list[str]:
        """The request and a sentence for each argument that it leaves out, as separate sentences."""
        tool, phrases = goal.tool, self._sheet.tools[goal.tool]
        said = {name: value for name, value in served.arguments.items() if name not in hidden}
        words = self._words(tool, said, "request", served)
        template = self._template(phrases, tool, register, words, opens=goal is self._scenario.goals[0])
        details = self._details(phrases, tool, template, words, rng)
        ask = fill(template, words)
        early = register in ("plain", "chatty") and rng.random() < 0.2 and not _GREETING.match(ask)
        if early and details and self._stands_first(details[0]):
            return [details[0], ask, *details[1:]]
        return [ask, *details]

    def _stands_first(self, sentence: str) -> bool:
        """Whether a detail makes sense before anyone knows what it is about."""
        opening = sentence.split()[0] in ("I", "My", "We", "Our", "I'm", "I'd", "We're")
        return opening and not _LEANS.search(sentence)

    def _template(
        self, phrases: ToolPhrases, tool: str, register: Register, words: Mapping[str, str], opens: bool
    ) -> str:
        """The next wording in turn: of this register where one is usable, else of any."""
        for registers in ((register,), REGISTERS):
            usable = [
                one for name in registers for one in phrases.asks.get(name, ()) if slots(one) <= set(words)
            ]
            if not opens:  # nobody says hello in the middle
                usable = [_HELLO.sub("", one, count=1) for one in usable]
                usable = [one for one in usable if not _GREETING.match(one)]
            if usable:
                # The fuller ones first in rotation: a request that says all it has to is the commonest.
                full = [one for one in usable if slots(one)] or usable
                pool = full + usable if len(full) < len(usable) else usable
                return pool[self._rotate(len(pool), f"ask {tool} {register}", len(REGISTERS))]
        raise GenerationError("offline_no_wording", f"{tool}: no wording fits the arguments {sorted(words)}")

    def _follow(
        self, first: Goal, goal: Goal, served: Served, hidden: tuple[str, ...], rng: random.Random
    ) -> list[str]:
        """What is asked for in the same breath, with a sentence for each argument that it leaves out."""
        tool, phrases = self._toolkit.tool(goal.tool), self._sheet.tools[goal.tool]
        own = {
            name: value
            for name, value in served.arguments.items()
            if not is_opaque(tool, name) and name not in hidden
        }
        words = self._words(tool.name, own, "request", served)
        usable = [one for one in phrases.follows[first.tool] if slots(one) <= set(words)]
        if not usable:
            raise GenerationError("offline_no_wording", f"{tool.name}: no follow-up wording fits")
        template = usable[self._rotate(len(usable), "follow")]
        return [fill(template, words), *self._details(phrases, tool.name, template, words, rng)]

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
        """What the user answers when asked for the missing argument, or for another value of a refused one."""
        name = self._asked
        goal, served = self._goals()[-1]
        words = self._words(goal.tool, {name: served.arguments[name]}, "reply", served)
        worded = self._phrases.replies.get(name)
        if worded:
            return fill(worded[self._rotate(len(worded), "reply")], words)
        generic = frames()["replies"]
        return fill(generic[self._rotate(len(generic), "reply")], {"value": words[name]})

    def request_with_fallback(self) -> str:
        """The request, and what the user would take instead of what may be refused, for who cannot be asked."""
        if self._plan.refusal is None:
            return self.request()
        goal, served = self._goals()[-1]
        words = self._words(goal.tool, {self._asked: served.arguments[self._asked]}, "request", served)
        worded = frames()["fallbacks"]
        template = worded[self._rotate(len(worded), "fallback")]
        human = plain_words(self._asked)
        return f"{self.request()} {fill(template, {'value': words[self._asked], 'human': human})}"

    @property
    def _asked(self) -> str:
        """The argument that the user is asked for."""
        name = self._plan.refusal.argument if self._plan.refusal else self._scenario.missing
        assert name is not None
        return name

    def assistant_turn(self) -> Completion:
        """The next calls of the plan, the question before or between them, or the answer after the last."""
        seen, answered = self._variables["observations"], self._variables["answered"]
        if self._variables["withheld"]:
            return Completion(text=self._decline())
        if self._scenario.missing and not answered:
            return Completion(text=self._question(self._scenario.missing))
        if seen and seen[-1]["status"] >= 300:
            if not self._plan.refusal or len(seen) == len(self._plan.calls):
                raise GenerationError("plan_failed", f"{seen[-1]['name']} answered {seen[-1]['status']}")
            if not answered:
                return Completion(text=self._regret(seen[-1]["body"]["error"]))
        if len(seen) < len(self._plan.calls):
            return Completion(tool_calls=self._next_calls(len(seen)), finish_reason="tool_calls")
        told = [self._tell(goal, served, index, seen) for index, (goal, served) in enumerate(self._goals())]
        return Completion(text=self._message(told))

    def recovered_turn(self) -> Completion:
        """As `assistant_turn`; an answer that comes after a refusal says so."""
        turn = self.assistant_turn()
        seen = self._variables["observations"]
        if self._plan.refusal is None or turn.tool_calls or len(seen) < 2:
            return turn
        refused = next(one for one in seen if one["status"] >= 300)
        worded = frames()["recovered"]
        template = worded[self._rotate(len(worded), "recovered")]
        return turn.model_copy(
            update={
                "text": fill(template, {"error": _plainly(refused["body"]["error"]), "answer": turn.text})
            }
        )

    def _message(self, told: Sequence[str]) -> str:
        """Several answers as one message: a paragraph each where they are long, else one leading to the next."""
        if max(map(len, told)) > _SHORT:
            return "\n\n".join(told)
        text = told[0]
        for index, one in enumerate(told[1:], 1):
            links = frames()["links"]
            link = links[self._rotate(len(links), f"link {index}", index=index)]
            small, names = _LEADS.match(one), tuple(self._plan.served[index].names.values())
            led = small or one.startswith(("I ", "I'", *names)) or not one[0].isalpha()
            rest = one[0].lower() + one[1:] if small else one
            text += f" {link} {rest}" if link and led else f" {one}"
        return text

    def _next_calls(self, done: int) -> tuple[ToolCall, ...]:
        """The calls of the turn that begins after so many calls."""
        for together in self._plan.rounds:
            if done <= 0:
                break
            done -= len(together)
        made = [json.dumps(call.arguments, ensure_ascii=False, allow_nan=False) for call in together]
        return tuple(
            ToolCall(id=f"call_{index}", name=call.name, arguments=arguments)
            for index, (call, arguments) in enumerate(zip(together, made, strict=True))
        )

    def _regret(self, error: str) -> str:
        """What went wrong, and the question for another value."""
        worded = frames()["regrets"]
        words = {"error": _plainly(error), "question": self._question(self._asked, glad=False)}
        return fill(worded[self._rotate(len(worded), "regret")], words)

    def _decline(self) -> str:
        worded = frames()
        decline = worded["declines"][self._rotate(len(worded["declines"]), "decline")]
        offer = worded["offers"][self._rotate(len(worded["offers"]), "offer")]
        return fill(decline + offer, {"does": self._phrases.does, "noun": self._sheet.noun})

    def _question(self, name: str, glad: bool = True) -> str:
        worded: Sequence[str] = self._phrases.questions[name]
        if not glad:
            worded = [one for one in worded if not _GLAD.match(one)] or worded
        return fill(worded[self._rotate(len(worded), "question")], {"human": plain_words(name)})

    def _tell(self, goal: Goal, served: Served, index: int, seen: Sequence[Mapping[str, Any]]) -> str:
        """What the assistant says of one goal's answer."""
        tool, body = goal.tool, seen[served.call]["body"]
        phrases = self._sheet.tools[tool]
        words = self._words(tool, served.arguments, "answer", served)
        rows = list_in(body)
        if rows is not None and not rows and phrases.empty:
            usable: Sequence[str] = phrases.empty
        else:
            words |= self._reply_words(tool, phrases, body, rows, served)
            usable = [one for one in phrases.answers if slots(one) <= set(words)]
            if words.keys() & {"facts", "value"}:  # what came back is worth more than that something did
                usable = [one for one in usable if slots(one)] or usable
            extra = set(served.arguments) - set(self._toolkit.tool(tool).required) - set(served.names)
            extra |= {f"reply.{name}" for name in extra}
            fuller = [one for one in usable if slots(one) & extra]
            if len(fuller) > 1:  # who asked for something special hears of it
                usable = fuller
            if words.get("count") == "1":  # "1 events" is what a count of one makes of most sentences
                usable = [one for one in usable if "count" not in slots(one)] or usable
                usable = [one for one in usable if not _MANY.search(one)] or usable
            if index:
                usable = [one for one in usable if not _DONE.match(one)] or usable
            usable = [one for one in usable if not _nothing(body, slots(one))] or usable
            if len(self._scenario.goals) > 1:  # an answer that names what it is about
                usable = [one for one in usable if slots(one) & set(served.arguments)] or usable
            told_apart = self._plan.served[min(max(index, 1), len(self._plan.served) - 1)].varied
            if told_apart:
                usable = [one for one in usable if words[told_apart] in fill(one, words)] or usable
        if not usable:
            raise GenerationError("offline_no_wording", f"{tool}: no answer fits what came back")
        return fill(usable[self._rotate(len(usable), f"answer {tool}", index=index)], words)

    def _reply_words(
        self,
        tool: str,
        phrases: ToolPhrases,
        body: Any,
        rows: Sequence[Mapping[str, Any]] | None,
        served: Served,
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
            said = self._words(tool, plain, "reply", served)
            inner = self._words(tool, _inner_fields(body), "reply", served)
            words |= {f"reply.{name}": text for name, text in (said | inner).items()}
            facts = [
                f"the {plain_words(name)} {_is_or_are(plain[name])} {_set_apart(plain[name], text)}"
                for name, text in said.items()
                # A thing that people call by its name has been named; its id is not that name.
                if name not in served.names and _tellable(name, plain[name])
            ]
            if facts:
                words["facts"] = say_list(facts[:4])
        elif body is not None and not isinstance(body, list) and (told := self._quoted(body)):
            words["value"] = told
        if rows:
            words["count"] = str(len(rows))
            words["entries"] = "1 entry" if len(rows) == 1 else f"{len(rows)} entries"
        if rows and phrases.item and all(isinstance(row, dict) for row in rows):
            shown = len(rows) if len(rows) <= SHOWN + 1 else SHOWN
            item = self._lean(phrases.item, rows, served)
            items = [self._item(tool, item, row) for row in rows[:shown]]
            rest = [f"{len(rows) - shown} more"] if len(rows) > shown else []
            if all(items):
                words["items"] = say_list([item for item in items if item] + rest)
        return words

    def _quoted(self, body: Any) -> str | None:
        """An answer that is one value: a number or a date as it is said, other text word for word, if it is short."""
        said = say_field(body, Field_(), self._clock, self._rng("reply"))
        if said != body or re.fullmatch(r"[\w-]+", said):
            return said
        text = said.strip().rstrip(".")
        fits = 0 < len(text) <= QUOTED and '"' not in text and "\n" not in text
        return f'"{text}"' if fits else None

    def _lean(self, template: str, rows: Sequence[Mapping[str, Any]], served: Served) -> str:
        """The wording of an entry without what was asked for, which each of several entries would repeat."""
        asked = {*served.names.values(), *(one for one in served.arguments.values() if isinstance(one, str))}
        for name in sorted(slots(template)) if len(rows) > 1 else ():
            shared = rows[0].get(name)
            known = shared is not None and (shared == served.arguments.get(name) or str(shared) in asked)
            if known and all(row.get(name) == shared for row in rows):
                slot = re.escape("{" + name + "}")
                aside = rf" (?:in|for|from|at|on|with|under)(?: the)? {slot}{_NEXT}| \({slot}\)"
                template = re.sub(aside, "", template, count=1)
        return template

    def _item(self, tool: str, template: str, row: Mapping[str, Any]) -> str | None:
        flat = {name: value for name, value in row.items() if not _nested(value) and value is not None}
        words = self._words(tool, flat, "item", None)
        if not slots(template) <= set(words):
            return None
        text = template
        for name in slots(template):
            text = text.replace("{" + name + "}", words[name])
        return text

    def _words(
        self, tool: str, values: Mapping[str, Any], purpose: str, served: Served | None
    ) -> dict[str, str]:
        """Each value as it is said; ids by the name that people know."""
        said: dict[str, str] = {}
        for name, value in values.items():
            rng = self._rng(purpose)  # one person says all dates in one style
            known = served.names.get(name) if served else None
            field = field_for(self._sheet, tool, name)
            said[name] = known or say_field(value, field, self._clock, rng, listed=purpose == "item")
        return said

    def _rotate(self, length: int, purpose: str, every: int = 1, index: int = 0) -> int:
        """Wordings take turns instead of being drawn, so that none crowds a tool's rows.

        `every` slows a wheel down: registers turn with each row of a scenario, wordings after all registers.
        `index` moves on within one row, so that two answers of one tool are worded differently.
        """
        offset = int(digest([self._scenario.model_dump(), purpose])[:6], 16)
        return (self._plan.turn // every + offset + index) % length

    def _rng(self, purpose: str) -> random.Random:
        return random.Random(digest([self._variables["seed"], purpose]))


def is_name(words: str) -> bool:
    """Whether words stand in a sentence without quotation marks: not a title such as "Cannot cancel the trial"."""
    inner = [word for word in words.split()[1:] if len(word) > 3 and word[0].isalpha()]
    return '"' in words or words[0].islower() or all(word[0].isupper() for word in inner)


def unwrapped(body: Any) -> Any:
    """The one thing inside an envelope: `{"data": {...}}` as what `data` holds."""
    if isinstance(body, dict) and len(body) == 1:
        (inner,) = body.values()
        return inner if isinstance(inner, dict) else body
    return body


def _plainly(error: str) -> str:
    """A server's message without its own words for values."""
    return re.sub(r"(?<=[a-z])_(?=[a-z])", " ", error)


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
    )


def _inner_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Plain fields of the objects in an answer, which a sheet can name: `target.datetime`."""
    return {
        f"{outer}.{name}": value
        for outer, inside in body.items()
        if isinstance(inside, dict)
        for name, value in inside.items()
        if value is not None and not isinstance(value, dict | list)
    }


def _nothing(body: Any, said: frozenset[str]) -> bool:
    """Whether a sentence would report an amount that is nothing, such as a late fee of $0."""
    answer = unwrapped(body)
    amounts = (
        [name for name, one in answer.items() if isinstance(one, float) and one == 0]
        if isinstance(answer, dict)
        else []
    )
    return any(f"reply.{name}" in said for name in amounts)


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
    text = (files("callwright.generators.planning") / "frames.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
