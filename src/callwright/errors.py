"""What can go wrong, named by the boundary that was crossed.

    CallwrightError          exit 1   one line for the user, no traceback
    ├── UsageError           exit 2   the recipe or the command line is wrong; nothing was started
    ├── SourceError          exit 1   a file of tools cannot be read
    ├── ModelError           exit 4   an endpoint failed; the run can be continued
    │   └── ReplyError       (item)   a model answered, but not in the shape that was asked for
    ├── BudgetError          exit 4   a budget of the recipe is used up; the run can be continued
    ├── GenerationError      (item)   a generator could not make its product; the attempt is a counted drop
    │   └── InterruptedCallError      what became of a call is not known; the conversation begins anew
    ├── JudgeError           (item)   a judge reached no verdict; the row stays unjudged, never failed
    ├── StoreError           exit 1   the store refused a read or a write
    ├── TrainingError        exit 4   a trainer failed or left nothing behind; the loop can be continued
    ├── LeakError            exit 3   a row repeats a benchmark or a test set
    ├── QualityError         exit 3   a round made the student worse than the recipe allows
    ├── FindingsError        exit 3   a dataset that was checked has faults
    └── ShortfallError       exit 3   the run ended with fewer accepted rows than were asked for

A bad row is data, not a crash: errors marked (item) become counted drops. Any other exception is our bug.
"""

from __future__ import annotations


def printable(text: str, kept: str = "") -> str:
    """A stranger's text for a terminal or a log: one line, and what is not drawn is shown as its escape.

    Args:
        text: Names, values and messages of files, servers and models may stand in it.
        kept: Control characters that stay, such as line ends.
    """
    if text.isprintable():
        return text
    return "".join(
        one
        if one.isprintable() or one in kept
        else (" " if one.isspace() else one.encode("unicode_escape").decode())
        for one in text
    )


class CallwrightError(Exception):
    """Base of every error that callwright raises on purpose. Its text is one line, whoever wrote parts of it."""

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(CallwrightError):
    """The recipe or the command line is wrong; nothing was started."""

    exit_code = 2


class SourceError(CallwrightError):
    """A file of tools cannot be read."""


class ModelError(CallwrightError):
    """An endpoint failed for good: it is down, refuses us, or kept failing after every retry."""

    exit_code = 4


class ReplyError(ModelError):
    """A model answered, but not in the shape that was asked for, twice."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class BudgetError(CallwrightError):
    """A budget of the recipe is used up; what was answered is kept, and a larger one goes on from there."""

    exit_code = 4


class GenerationError(CallwrightError):
    """A generator could not make its product. `code` is the stable reason that is counted."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class InterruptedCallError(GenerationError):
    """A call was sent in an earlier sitting and its answer is not known; the conversation begins anew."""

    def __init__(self, message: str) -> None:
        super().__init__("interrupted_call", message)


class JudgeError(CallwrightError):
    """No verdict could be reached."""


class StoreError(CallwrightError):
    """The store refused a read or a write."""


class StoreBusyError(StoreError):
    """Another process holds the store."""


class OldStoreError(StoreError):
    """An earlier callwright wrote the store, and nobody has brought it up to date."""


class RunBusyError(StoreBusyError):
    """Another process is at the same run."""


class ShortfallError(CallwrightError):
    """Fewer rows were accepted than the recipe asks for."""

    exit_code = 3


class LeakError(CallwrightError):
    """A row repeats a benchmark or a test set; no version was made."""

    exit_code = 3


class TrainingError(CallwrightError):
    """A trainer failed, or left no student behind; the same command goes on from there."""

    exit_code = 4


class QualityError(CallwrightError):
    """A round made the student worse than the recipe allows."""

    exit_code = 3


class FindingsError(CallwrightError):
    """A dataset that was checked has faults of the severity that must not be there."""

    exit_code = 3
