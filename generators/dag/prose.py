"""What the assistant says before the calls of a round: nothing that only their results could tell.

Codes of what is wrong with a thought:

hindsight        a number, date, id or name that nothing shown so far has
third_person     "the user has gathered ..." in place of the person who is spoken to
search_residue   words from a search for a path: another try, a function that must be found
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from callwright.errors import GenerationError, ReplyError
from callwright.generators.dag.prompts import prompt
from callwright.generators.dag.steps import Step
from callwright.llm.base import Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.message import Message, ToolMessage, UserMessage, to_wire
from callwright.schemas.task import Task
from callwright.values.derivations import observed_text
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions

_THIRD_PERSON = re.compile(
    r"\bthe (?:user|human|customer)(?:'s)?\b|\b(?:the|this) (?:assistant|AI|model)\b"
    r"|^(?:he|she|they) (?:wants?|asked)\b",
    re.IGNORECASE,
)
_RESIDUE = re.compile(
    r"\b(?:not (?:my|the|your) first (?:try|time|attempt)|(?:be|do) (?:something )?different|different from before"
    r"|(?:previous|earlier|last) (?:tries|try|attempts?|trials?|actions?)|give[- ]up|start(?:ing)? over|restart"
    r"|(?:find|look for|search for|choose|determine) (?:an?|the|another|which)"
    r"(?: (?:right|suitable|appropriate|other))? (?:function|tool|API|endpoint)s?)\b",
    re.IGNORECASE,
)
_REPLY = {
    "type": "object",
    "properties": {"thought": {"type": "string", "minLength": 3}},
    "required": ["thought"],
    "additionalProperties": False,
}


def against(thought: str, messages: Sequence[Message], task: Task, calls: int = 1) -> tuple[str, str] | None:
    """Code and message of what is wrong with words that come after these messages and before so many calls.

    None for good ones.
    """
    for pattern, code in ((_THIRD_PERSON, "third_person"), (_RESIDUE, "search_residue")):
        if found := pattern.search(thought):
            return code, f"{found[0]!r} has no place in what the assistant says"
    said = Mentions(thought, task.clock)
    shown = [Mentions(task.clock.isoformat(), task.clock), *_shown(messages, task)]
    early = next((words for _, words in unseen(said, shown, (float(calls),))), None) or next(
        unseen_names(said, shown), None
    )
    return ("hindsight", f"{early!r} is not known yet") if early else None


def _shown(messages: Sequence[Message], task: Task) -> Iterator[Mentions]:
    for message in messages:
        if isinstance(message, ToolMessage):
            yield Mentions(observed_text(message.content), task.clock)
        elif isinstance(message, UserMessage):
            yield Mentions(message.content, task.clock)


def search_residue(text: str) -> bool:
    """Whether a user's turn is an order of a search program's, such as to be different this time."""
    return bool(_RESIDUE.search(text))


class Prose:
    """The words before each round: kept where they still hold, written anew by a language model, or left out."""

    def __init__(self, model: Model, sampling: Sampling, always: bool) -> None:
        """`always`: a language model speaks before every round, not only where the source did."""
        self._model = model
        self._sampling = sampling
        self._always = always
        self._rules = model.reads_variables

    async def before(
        self, task: Task, messages: Sequence[Message], steps: Sequence[Step], spoken: Sequence[str], item: str
    ) -> tuple[str, list[str]]:
        """What is said before the calls of some steps, and the ledger's keys of what was asked for it.

        Args:
            task: The conversation's task.
            messages: The conversation up to here, in its new form.
            steps: The steps of the round.
            spoken: What was said before each of their turns in the source; several turns are merged.
            item: The attempt's name in the ledger.
        """
        words = [one for one in spoken if one]
        alone = words[0] if len(spoken) == 1 and words else ""
        if alone and against(alone, messages, task, len(steps)) is None:
            return alone, []
        if self._rules or not (words or self._always):
            return "", []  # rules cannot merge what was said; a turn with calls needs no words
        try:
            completion = await ask(self._model, self._request(task, messages, steps, words, item))
        except ReplyError:
            return "", []
        thought: str = completion.parsed["thought"].strip()
        if wrong := against(thought, messages, task, len(steps)):
            raise GenerationError(*wrong)
        return thought, [completion.key] if completion.key else []

    def _request(
        self, task: Task, messages: Sequence[Message], steps: Sequence[Step], words: Sequence[str], item: str
    ) -> Request:
        wire = [to_wire(message) for message in messages]
        system = (
            f"{prompt('thought').template}\n\nThe conversation's own system message: {wire[0]['content']}"
        )
        calls = "\n".join(f"- {step.call.name} {step.call.arguments}" for step in steps)
        told = f"The calls that you are about to make:\n{calls}"
        if words:
            told += "\n\nWhat was said before, one after the other, when they were not made together:\n"
            told += "\n".join(f"- {one}" for one in words)
        talk: list[dict[str, Any]] = [{"role": "system", "content": system}, *wire[1:]]
        if talk[-1]["role"] == "user":
            talk[-1] = {"role": "user", "content": f"{talk[-1]['content']}\n\n({told})"}
        else:
            talk.append({"role": "user", "content": f"({told})"})
        return Request(
            purpose="dag.thought",
            messages=tuple(talk),
            tools=tuple(tool.wire() for tool in task.tools),
            tool_choice="none",
            reply_schema=_REPLY,
            sampling=self._sampling,
            sample=task.attempt,
            item=item,
            urgency=len(talk),
        )
