"""The `loop` section of a recipe: how rounds are put together, probed, verified, expanded and trained."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from callwright.schemas.base import Record

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Composition(Record):
    """Shares of one round's rows; they add up to 1."""

    error_seed: Share = 0.0
    """Rows that the student fails on, corrected ones included."""
    expansion: Share = 0.0
    """Variants of failures."""
    high_perplexity: Share = 0.0
    """Rows that it gets right and is least sure of."""
    seed: Share = 0.0
    """Rows that it has never seen."""

    @model_validator(mode="after")
    def _whole(self) -> Composition:
        total = self.error_seed + self.expansion + self.high_perplexity + self.seed
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares of a round add up to {total:g}, not to 1")
        return self


def _of(error_seed: int, expansion: int, high_perplexity: int, seed: int) -> Composition:
    total = error_seed + expansion + high_perplexity + seed
    return Composition(
        error_seed=error_seed / total,
        expansion=expansion / total,
        high_perplexity=high_perplexity / total,
        seed=seed / total,
    )


SCHEDULE = (
    _of(0, 0, 0, 18304),
    _of(1919, 6566, 4187, 5632),
    _of(3386, 8066, 4036, 2816),
    _of(3731, 8169, 4996, 1408),
)
"""Zhang et al. 2025 (LoopTool), table 3: counts of rounds 1 to 4, 18,304 rows each. Later rounds are like the last."""


class Probing(Record):
    """How the student is asked what it can do."""

    label_perplexity: bool = True
    """Whether the student is also asked how likely the label is to it, where it can tell: one more reading of each
    prompt. It is for the record; rounds are put together without it."""
    samples: int = Field(default=0, ge=0, le=64)
    """Answers that are sampled for a decision besides the greedy one, at the most; 0 for none, and no bands."""
    temperature: float = Field(default=1.0, gt=0.0, le=2.0)
    """Of the sampled answers; the first answer is greedy."""
    mastered: Share = 0.8
    """From this rate of right answers on, a decision is mastered."""
    frontier: Share = 0.2
    """Up to this rate, it is beyond the student."""
    runs: int = Field(default=0, ge=0, le=64)
    """Whole runs with tools, and as many without, for each held-out task: how much the tools are needed."""

    @model_validator(mode="after")
    def _apart(self) -> Probing:
        if self.frontier >= self.mastered:
            raise ValueError(f"frontier ({self.frontier:g}) has to lie below mastered ({self.mastered:g})")
        return self


class Verifying(Record):
    """Who is right where label and student differ."""

    enabled: bool = True
    """Whether labels are verified; without it, whatever differs from a label counts as the student's failure."""
    votes: int = Field(default=1, ge=1, le=15)
    """How often a judge is asked in each order of the two answers."""
    quorum: float = Field(default=0.6, gt=0.5, le=1.0)
    """Share of all votes, both orders together, that one ruling needs; less is undecided."""
    planted: int = Field(default=40, ge=0)
    """Pairs with a known answer that the judge rules on in each round. What it gets wrong there says whether its word
    may replace a label."""
    keep_both_right: bool = True
    """Whether a row whose label and answer are both right may stay, if the student was unsure (the paper's text);
    otherwise it goes (the paper's Algorithm 1)."""


FOCI = ("complexity", "persona", "interaction", "data")
"""What a variant changes: how much is wanted, who asks, how it is asked, with which values (Zhang et al. 2025)."""


class Expanding(Record):
    """How failures become variants."""

    variants: int = Field(default=4, ge=0, le=32)
    """Tries for each failure (the paper's k)."""
    retire: int = Field(default=3, ge=1)
    """Rounds after which a row that still fails is left alone."""
    likeness: float = Field(default=0.9, gt=0.0, le=1.0)
    """Cosine of character n-grams from which on a variant's request is a copy."""


class External(Record):
    """A command of yours trains; it is run without a shell."""

    hook: Literal["external"]
    command: str
    """May hold `{data}` (the folder of the view `trl`), `{model}` (what the student is now), `{out}` (a folder) and
    `{round}`. It ends with `OUT/student.json`: `{"model": PATH}` or `{"base_url": URL, "model": NAME}`."""
    timeout_s: float = Field(default=86_400.0, gt=0.0)
    """Seconds for one training."""

    @field_validator("command")
    @classmethod
    def _can_be_split(cls, command: str) -> str:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"cannot be read as a command line ({error})") from None
        if not words:
            raise ValueError("is empty")
        return command


class Trl(Record):
    """TRL's SFTTrainer on a local model (extra `train`)."""

    hook: Literal["trl"]
    epochs: float = Field(default=2.0, gt=0.0)
    """How often all rows are gone through."""
    learning_rate: float = Field(default=2e-4, gt=0.0)
    """At the beginning; it falls to 0 in a line."""
    batch_rows: int = Field(default=8, ge=1)
    """Examples of one step."""
    max_tokens: int = Field(default=2048, ge=32)
    """Longer examples are left out, and counted; none is cut."""
    lora: int = Field(default=0, ge=0)
    """Rank of a LoRA adapter, which is merged in the end; 0 trains all weights."""
    checkpoint_steps: int = Field(default=200, ge=0)
    """A training that was killed goes on from the last so many steps; weights and optimizer take up to three times the
    model's size meanwhile. 0 keeps nothing, and begins anew.
    """
    seed: int = 0
    """Of the order of examples, and of new weights."""


class Simulated(Record):
    """The simulated learner: skills grow with the rows that need them. For rehearsals, no model is trained."""

    hook: Literal["simulated"] = "simulated"


Training = Annotated[External | Trl | Simulated, Field(discriminator="hook")]


class HeldOut(Record):
    """Tools that no round ever sees; what the student does with them is how a round is measured."""

    toolkits: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of toolkits among the recipe's `tools`."""
    rows: int = Field(default=100, ge=1)
    """Rows over these tools that the student is measured on."""


class Loop(Record):
    """Rounds of training and repair (LoopTool, Zhang et al. 2025)."""

    rows: int = Field(ge=8)
    """Rows of each round; the recipe's `size` is the pool that new seeds are drawn from."""
    schedule: Annotated[tuple[Composition, ...], Field(min_length=1)] = SCHEDULE
    """Composition of round 1, 2, ...; rounds beyond the last are like the last."""
    seeds: str | None = None
    """A version whose rows are the pool (`museum@3`); unless given, one of `size` rows is built by the recipe."""
    held_out: HeldOut
    probe: Probing = Probing()
    verify: Verifying = Verifying()
    expand: Expanding = Expanding()
    training: Training
    """Who trains, and how."""
    no_call: tuple[Share, Share] = (0.08, 0.3)
    """Share of rows without calls that each round has to stay in."""
    max_fall: Share = 0.15
    """How much of its relevance (calls where it should) or irrelevance (none where it should not) a student may lose
    from one round to the next on held-out tools; more fails the round."""
    replay: int = Field(default=50, ge=0)
    """Rows of earlier rounds that are probed again, to see what is forgotten."""
    unsure_first: bool = True
    """Whether the rows that the student gets right are taken by perplexity, and not at random."""
    control: bool = False
    """Whether a second student is trained on as many rows of fresh seeds alone, to see what the loop brings."""

    @field_validator("schedule", mode="before")
    @classmethod
    def _default(cls, given: Any) -> Any:
        return SCHEDULE if given == "paper" else given

    @field_validator("no_call")
    @classmethod
    def _band(cls, band: tuple[float, float]) -> tuple[float, float]:
        if band[0] > band[1]:
            raise ValueError("the lower end comes first")
        return band

    def composition(self, round_: int) -> Composition:
        """The composition of a round, counted from 1."""
        return self.schedule[min(round_, len(self.schedule)) - 1]
