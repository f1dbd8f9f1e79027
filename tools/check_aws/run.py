"""Asks the questions, and compares the answers with the assumptions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from sandbox.aws import SandboxError
from tools.check_aws.account import Account, NotAnsweredError, is_no_answer, refusal
from tools.check_aws.experiment import Answer, Experiment, Question


class Verdict(StrEnum):
    """How an answer compares with its assumption."""

    AS_ASSUMED = "as assumed"
    DIFFERENT = "DIFFERENT"
    RECORDED = "recorded"  # there is no assumption
    UNANSWERED = "not answered"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Row:
    """A question, the verdict, and what was observed."""

    question: Question
    verdict: Verdict
    observed: str


def ask(experiments: Iterable[Experiment], account: Account) -> Iterator[Row]:
    """Yield a row for each question. A failed experiment does not stop the others."""
    for experiment in experiments:
        unasked = {question.id: question for question in experiment.questions}
        verdict, reason = Verdict.FAILED, "the experiment yielded no answer"
        account.failures.clear()
        try:
            if experiment.needs and experiment.needs not in account.options:
                raise NotAnsweredError(f"needs {experiment.needs}")
            for answer in experiment.ask(account):
                yield _row(account, unasked.pop(answer.id), answer)
        except NotAnsweredError as error:
            verdict, reason = Verdict.UNANSWERED, f"not answered by {account.name}: {error}"
        except ClientError as error:
            reason = str(error)
            if is_no_answer(error):
                verdict = Verdict.UNANSWERED
                reason = f"not answered by {account.name}: {refusal(error)}"
        except (BotoCoreError, HTTPError, SandboxError) as error:
            reason = "; ".join([str(error), *account.failures])
        for question in unasked.values():
            yield Row(question, verdict, reason)


def _row(account: Account, question: Question, answer: Answer) -> Row:
    if account.is_sandbox and question.unasked:
        reason = f"not answered by the sandbox: {question.unasked}"
        return Row(question, Verdict.UNANSWERED, reason)
    observed = f"{answer.said} ({answer.detail})" if answer.detail else answer.said
    if not question.assumed:
        return Row(question, Verdict.RECORDED, observed)
    same = answer.said == question.assumed
    return Row(question, Verdict.AS_ASSUMED if same else Verdict.DIFFERENT, observed)
