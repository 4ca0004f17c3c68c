"""Everything that can be found, how bad it is, and why it matters."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Finding(NamedTuple):
    """One fault of one row, or of a whole file or dataset."""

    code: str
    message: str


class Code(NamedTuple):
    severity: Severity
    meaning: str


_ERRORS = {
    # files and rows
    "not_json": "a line or a file is no JSON",
    "not_strict_json": "JSON with two readings: a key twice, NaN, an infinity, half a character",
    "not_utf8": "a line is no UTF-8 text",
    "line_too_long": "a line is longer than any reader should hold; it was passed over",
    "unknown_format": "a file, or a row of it, has a shape that no trainer reads",
    "not_json_value": "a value that JSON does not have, such as a date that a reader made of text",
    "secret": "what looks like a credential",
    # conversations
    "no_messages": "a row without a conversation",
    "unreadable_message": "a message is no object with a role and content",
    "unknown_role": "a role that no chat template knows",
    "void_turn": "a turn of a person or of the assistant with nothing in it",
    "nothing_to_learn": "a row in which the assistant says nothing",
    "raw_call_text": "a call as text that cannot be read, or that stands where calls have a field of their own",
    # tools
    "no_tools": "calls in a row that offers no tools",
    "unreadable_tools": "the tools are no list of tool documents",
    "invalid_tool": "a tool document that cannot be used: no name, no object, no valid schema",
    "unsafe_tool": "a tool document that hides characters or instructs the model",
    "duplicate_tool": "two tools of one row share a name",
    # calls
    "unreadable_call": "a call is no object with a name and arguments",
    "unparsable_arguments": "arguments that are no JSON object",
    "double_encoded": "arguments, or one of them, are JSON text of JSON text",
    "null_filled": "null for an argument of another tool: Arrow merged the tools' arguments",
    "null_argument": "null where the schema does not allow it",
    "unknown_tool": "a call of a tool that is not offered",
    "unknown_argument": "an argument that the schema does not name",
    "missing_argument": "a required argument is left out",
    "wrong_type": "an argument of another type than the schema's",
    "not_in_enum": "a value that is not among those that the schema lists",
    "bad_format": "a text that is not of the schema's format, such as a date",
    "invalid_argument": "an argument that breaks its schema in another way",
    # pairs
    "unpaired_call": "a call that nothing answers, with turns after it",
    "unpaired_result": "a result that no open call waits for",
    "wrong_result_name": "a result under another name than its call",
    "repeated_call_id": "two calls of one row share an id",
    # dataset
    "no_rows": "there are no rows at all",
    "split_overlap": "the same row in two splits",
    "leaked_text": "13 words in a row, or a whole short request, that a protected file has too",
    "leaked_calls": "the same calls, value by value, that a row of a protected file has",
}
_WARNINGS = {
    "huge_row": "a row of more characters than a long context holds; trainers cut it",
    "wrong_order": "turns in an order that templates refuse: no person first, one role twice, a late system message",
    "null_content": "content is null; templates print it or fail, the empty text is safe everywhere",
    "null_key": "a key of a message is null, as Arrow structs leave it; several templates fail on it",
    "empty_calls": "an empty list of calls; templates that ask whether the key is there fail",
    "empty_tools": "an empty list of tools; some templates announce it, null is safe",
    "missing_call_id": "calls or results without an id beside others that have one",
    "repeated_call": "the same call twice in one turn",
    "ungrounded_argument": "a value that stands in nothing the model could see, and follows from none of it",
    "tool_no_properties": "parameters without properties; LLaMA-Factory and several templates fail on it",
    "tool_no_description": "a tool without a description",
    "tool_name": "a tool's name that OpenAI's API refuses",
    "tool_required": "a required argument that the schema does not describe",
    "foreign_types": "type names that are not JSON Schema's, in a format that is to have them",
    "mixed_arguments": "arguments as objects in some rows and as text in others of one file",
    "mixed_formats": "rows of several formats in one file",
    "duplicate_row": "the same row twice",
    "near_duplicate": "the same calls, asked for in nearly the same words",
}
_NOTES = {
    "text_arguments": "arguments as JSON text: OpenAI and Axolotl want it, TRL's templates want an object",
    "ends_with_call": "the last call is not answered; fine for rows of a single turn",
    "tool_enum": "an enum with values other than text; LLaMA-Factory fails on it",
    "unproven_argument": "a choice, a yes or no, or words of its own, for which nothing visible speaks",
    "tools_not_read": "the format does not carry tool documents, so calls are not checked against schemas",
    "no_call_rows": "no row without a call: a model learns to call whatever is asked",
    "no_parallel_rows": "no turn with several calls",
    "no_clarification_rows": "no row in which the assistant asks before it calls",
    "no_multi_step_rows": "no row with calls in several turns",
    "duplicates_not_compared": "rows beyond the memory for duplicates; they were compared with the first ones only",
}
CODES: dict[str, Code] = {
    code: Code(severity, meaning)
    for severity, group in zip(SEVERITIES, (_ERRORS, _WARNINGS, _NOTES), strict=True)
    for code, meaning in group.items()
}
