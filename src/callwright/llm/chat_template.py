"""How a local model's tokenizer writes a chat: the prompt as the model sees it, and an answer's tokens after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callwright.errors import UsageError
from callwright.llm import hermes
from callwright.values.canonical import parse_json

_OPENING = [{"role": "system", "content": "."}, {"role": "user", "content": "?"}]
"""Some templates show tools with a system message alone; every row has one."""
_SENTINEL = "sentinel_tool_name"
_END = "<|im_end|>"


class ChatTemplate:
    """A tokenizer with a chat template that renders tools."""

    def __init__(self, tokenizer: Any, template: str | None = None, name: str = "the model") -> None:
        """The template is the one given, else the tokenizer's own if it renders tools, else ours.

        Args:
            tokenizer: One of transformers' tokenizers.

        Raises:
            UsageError: Ours is needed and the tokenizer does not know its marks, or no token ends a turn.
        """
        self._tokenizer = tokenizer
        own = tokenizer.chat_template
        self.text: str = template or (own if own and self._renders_tools(own) else "") or _ours()
        vocabulary = tokenizer.get_vocab()
        if self.text == _ours() and _END not in vocabulary:
            raise UsageError(
                f"{name}: its chat template renders no tools, and it does not know the marks of ChatML, which ours is "
                "made of; give it a `template`"
            )
        marks = {tokenizer.eos_token, _END if self.text == _ours() else None}
        self.ends: tuple[int, ...] = tuple(sorted(vocabulary[mark] for mark in marks if mark in vocabulary))
        """Tokens that end a turn."""
        if not self.ends:
            raise UsageError(f"{name}: its tokenizer names no token that ends a turn; set its eos_token")
        self.thinks = self._text([{"role": "user", "content": "?"}], ()).rstrip().endswith("<think>")
        """Whether the prompt ends with the mark that opens a thought."""

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """The tokens of a chat, up to where the assistant's turn begins."""
        return self._ids(self._text(messages, tools))

    def pair(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        answer: Mapping[str, Any],
    ) -> tuple[list[int], list[int]]:
        """The tokens of a chat, and those of an answer to it, with the one that ends it.

        They are encoded apart, as a model meets them: first the prompt, then token by token what it says itself.

        Raises:
            ValueError: The template writes the answer in another way than as a continuation of the prompt.
        """
        prompt = self._text(messages, tools)
        whole = self._text([*messages, answer], tools, answered=True)
        if not whole.startswith(prompt):
            raise ValueError("the chat template does not write an answer after its prompt")
        completion = self._ids(whole[len(prompt) :])
        while completion and completion[-1] not in self.ends:
            completion.pop()
        if not completion:
            raise ValueError("the chat template does not end the assistant's turn")
        return self._ids(prompt), completion

    def decode(self, ids: Sequence[int]) -> str:
        """Text of tokens, without marks such as the one that ends a turn."""
        marks = set(self._tokenizer.all_special_ids) | set(self.ends)
        text: str = self._tokenizer.decode(
            [one for one in ids if one not in marks], clean_up_tokenization_spaces=False
        )
        return text

    def _renders_tools(self, template: str) -> bool:
        tool = {
            "type": "function",
            "function": {
                "name": _SENTINEL,
                "description": "",
                "parameters": {"type": "object", "properties": {}},
            },
        }
        try:
            return _SENTINEL in self._render(template, _OPENING, [tool])
        except Exception:  # a template is a program of somebody else's; one that fails here serves no tools
            return False

    def _text(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        *,
        answered: bool = False,
    ) -> str:
        return self._render(self.text, [_parsed(one) for one in messages], tools, answered=answered)

    def _render(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        *,
        answered: bool = False,
    ) -> str:
        text: str = self._tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=list(tools) or None,
            chat_template=template,
            add_generation_prompt=not answered,
            tokenize=False,
            enable_thinking=False,
        )
        return text

    def _ids(self, text: str) -> list[int]:
        # The template has written whatever marks there are to be.
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _ours() -> str:
    return hermes.TEMPLATE.read_text(encoding="utf-8")


def _parsed(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message with arguments as objects, which most templates expect; text that is none stays as it is."""
    calls = [
        {**call, "function": {**call["function"], "arguments": _value(call["function"]["arguments"])}}
        for call in message.get("tool_calls") or ()
    ]
    return {**message, "tool_calls": calls} if calls else message


def _value(arguments: Any) -> Any:
    """Arguments as an object, whichever way they came."""
    try:
        return parse_json(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments
