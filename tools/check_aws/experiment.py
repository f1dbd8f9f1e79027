"""A question about AWS, and an experiment: a few calls that answer some questions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.check_aws.account import Account


@dataclass(frozen=True)
class Question:
    """A question about AWS.

    assumed: the answer that the provider relies on; "" if the provider must work either way.
    source: who says so. unasked: why the sandbox cannot answer; "" if it can.
    """

    id: str
    text: str
    assumed: str = ""
    source: str = "unknown"
    unasked: str = ""

    @property
    def assumption(self) -> str:
        """The assumption, for readers."""
        return self.assumed or "none: the provider must work either way"


@dataclass(frozen=True)
class Answer:
    """An answer in the words of the assumption, and a detail for readers."""

    id: str
    said: str
    detail: str = ""


Answers = Iterator[Answer]


@dataclass(frozen=True)
class Experiment:
    """A few calls that answer questions; needs: the option that must be on."""

    ask: Callable[[Account], Answers]
    questions: tuple[Question, ...]
    needs: str = ""


def experiment(
    *questions: Question, needs: str = ""
) -> Callable[[Callable[[Account], Answers]], Experiment]:
    """Make an experiment of a generator."""
    return lambda ask: Experiment(ask, questions, needs)
