"""What a program may do: attach a paper, settle a signal, approve a rule or take it back, revoke.

The stations are those of the command line and of the console's forms. Each refuses what is done
already, so that an act that is sent twice is done once.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, Final, Literal

from fastapi import Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from catalog.coverage import SUBJECTS
from licensing.facts.vocabulary import GRADES, LAYER_KINDS, STREAMS
from pipelines.attach.approving import Approval, approve
from pipelines.attach.checks import LONGEST_REASON
from pipelines.attach.papers import Paper
from pipelines.attach.settling import READINGS, settle
from pipelines.attach.station import attach_terms
from pipelines.attach.terms import Terms
from pipelines.attach.withdrawing import Withdrawal, withdraw
from pipelines.console.alone import held
from pipelines.console.api.acting import Act, acted
from pipelines.console.api.routing import about, post
from pipelines.console.api.shapes import Count, Day, Shape, made
from pipelines.console.attaching import KINDS, check_paper
from pipelines.console.forms import LONGEST_NAME, file_name
from pipelines.console.rights import LARGEST_PAPER
from pipelines.documents.revocation import REASONS
from pipelines.errors import ConsoleError
from pipelines.revoke import revoke

ROUTER: Final = about("acts")
_MOST: Final = 50  # words of a limit
Plain = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00]*$")]
Short = Annotated[Plain, StringConstraints(max_length=400)]
Reason = Annotated[Plain, StringConstraints(min_length=1, max_length=LONGEST_REASON)]
_Limits = Annotated[list[Short], Field(max_length=_MOST)]


class PaperSent(Shape):
    """A paper that proves a right; it is kept under its sha256."""

    name: Annotated[Plain, StringConstraints(max_length=LONGEST_NAME)] = Field(
        description="The name that it came under: a word on record, never a path."
    )
    content: str = Field(
        max_length=4 * (LARGEST_PAPER // 3 + 2), description="Its bytes, in base64.",
        examples=["TGljZW5jZTogTUlU"], json_schema_extra={"contentEncoding": "base64"},
    )  # fmt: skip


class AttachSent(Shape):
    """A paper, and what it grants for a source."""

    kind: Literal[tuple(KINDS)] = Field(description="What the paper is.")  # type: ignore[valid-type]
    said: Annotated[Short, StringConstraints(min_length=1)] = Field(
        description="The licence as written, the number of the agreement, or the actions that a"
        " person consented to, a,b."
    )
    paper: PaperSent = Field(description="The paper.")
    grade: Literal[("", *GRADES)] = Field(  # type: ignore[valid-type]
        default="", description="Strength of the evidence; empty: E3 of a licence, E1 of others."
    )
    layer: Literal[LAYER_KINDS] = Field(default="copyright", description="Which right.")  # type: ignore[valid-type]
    stream: Literal[("", *STREAMS)] = Field(  # type: ignore[valid-type]
        default="", description="Of this rights stream alone; empty: of every one."
    )
    actions: _Limits = Field(default=[], description="What an agreement grants; none: no limit.")
    territory: _Limits = Field(default=[], description="Where: ISO codes or WORLD; none: no limit.")
    valid_from: Day | None = Field(default=None, description="The first day.")
    valid_to: Day | None = Field(default=None, description="The first day after the end.")


class ReadingSent(Shape):
    """What an unread signal says, as somebody has read it."""

    reading: Literal[tuple(READINGS)] = Field(description="What it says.")  # type: ignore[valid-type]
    reason: Reason = Field(description="Where, and by what words; it stays on record.")


class ApprovalSent(Shape):
    """The approval of a statutory rule for a source."""

    lawful_access: bool | None = Field(
        default=None, description="Whether the access to the works was lawful; null: unknown."
    )
    reason: Reason = Field(description="On what opinion it rests; it stays on record.")


class WithdrawalSent(Shape):
    """The end of such an approval."""

    at: Day | None = Field(default=None, description="From which day; null: from today.")
    reason: Reason = Field(description="Why; it stays on record.")


class RevocationSent(Shape):
    """The end of rights, which nothing takes back."""

    of: Literal[tuple(one for one in SUBJECTS if one != "span")] = Field(  # type: ignore[valid-type]
        default="source", description="What is named."
    )
    what: Annotated[Short, StringConstraints(min_length=1)] = Field(description="Its id.")
    typed: Short = Field(description="Its id again, to confirm it.")
    reason: Literal[tuple(REASONS)] = Field(description="Why.")  # type: ignore[valid-type]
    at: Day | None = Field(default=None, description="From which day; null: from today.")


class AttachedShown(Shape):
    """What was attached."""

    sha256: str = Field(description="sha256 of the paper, under which it is kept.")
    facts: dict[str, int] = Field(description="How many facts were added, changed or unchanged.")
    actor: str = Field(description="The account that did it.")


class SettledShown(Shape):
    """What was settled."""

    source_id: str = Field(description="Id of the source.")
    reading: str = Field(description="What the statement says.")
    facts: Count = Field(description="How many unread marks are void now.")
    actor: str = Field(description="The account that did it.")


class ApprovedShown(Shape):
    """What was approved."""

    source_id: str = Field(description="Id of the source.")
    rule: str = Field(description="Id of the rule.")
    layers: Count = Field(description="On how many layers it stands now.")
    actor: str = Field(description="The account that did it.")


class WithdrawnShown(ApprovedShown):
    """What was taken back; `layers` says from how many."""

    at: Day = Field(description="The first day on which it no longer stands.")


class RevokedShown(Shape):
    """What a revocation ended and reaches."""

    kind: str = Field(description="What was named.")
    subject: str = Field(description="Its whole id.")
    reason: str = Field(description="Why.")
    at: Day = Field(description="The first day on which the right is gone.")
    sequence: Count = Field(description="Number of the revocation list that was published.")
    resumed: bool = Field(description="Whether it went on with one that was interrupted.")
    facts: Count = Field(description="How many facts were ended.")
    sources: list[str] = Field(description="Ids of the sources that it lies in.")
    training_sets: list[str] = Field(description="Ids of the training sets that it reaches.")
    runs: list[str] = Field(description="Ids of the runs that it reaches.")
    checkpoints: list[str] = Field(description="Ids of the checkpoints that saw some of it.")
    verdicts: dict[str, str] = Field(description="By request: the verdict now, in words.")
    actor: str = Field(description="The account that did it.")


@post(ROUTER, "/sources/{source}/attach", AttachedShown, refuses=(404, 409, 413))
def attach_paper(request: Request, source: str, sent: AttachSent) -> Response:
    """Attach a licence, an agreement or a consent with the paper that proves it."""

    def do(act: Act) -> AttachedShown:
        paper = check_paper(_paper(sent.paper))
        said = {one: sent.said if one == sent.kind else "" for one in KINDS}
        terms = Terms(
            licence=said["licence"], contract=said["contract"], consent=said["consent"],
            grade=sent.grade, layer=sent.layer, stream=sent.stream,
            actions=",".join(sent.actions), territory=",".join(sent.territory),
            valid_from=str(sent.valid_from or ""), valid_to=str(sent.valid_to or ""),
        )  # fmt: skip
        done = attach_terms(
            act.settings, source, terms, evidence=paper, now=act.now, actor=act.actor
        )
        return AttachedShown(sha256=paper.digest, facts=dict(done.facts), actor=act.actor)

    return acted(request, do)


@post(ROUTER, "/signals/{fact}/settle", SettledShown, refuses=(404, 409))
def settle_signal(request: Request, fact: str, sent: ReadingSent) -> Response:
    """Record what an unread signal says, for every file that its statement speaks of."""
    return acted(request, lambda act: made(
        SettledShown,
        settle(act.settings, fact, sent.reading, reason=sent.reason, actor=act.actor, now=act.now),
        actor=act.actor,
    ))  # fmt: skip


@post(ROUTER, "/sources/{source}/rules/{rule}/approve", ApprovedShown, refuses=(404, 409))
def approve_rule(request: Request, source: str, rule: str, *, sent: ApprovalSent) -> Response:
    """Enable a statutory rule for a source, as counsel."""
    said = Approval(rule=rule, lawful_access=sent.lawful_access, reason=sent.reason)
    return acted(request, lambda act: made(
        ApprovedShown, approve(act.settings, source, said, actor=act.actor, now=act.now),
        actor=act.actor,
    ))  # fmt: skip


@post(ROUTER, "/sources/{source}/rules/{rule}/withdraw", WithdrawnShown, refuses=(404, 409))
def withdraw_rule(request: Request, source: str, rule: str, *, sent: WithdrawalSent) -> Response:
    """Take the approval of a statutory rule back: what is decided anew finds it not enabled."""

    def do(act: Act) -> WithdrawnShown:
        said = Withdrawal(rule=rule, at=sent.at or act.now.date(), reason=sent.reason)
        done = withdraw(act.settings, source, said, actor=act.actor, now=act.now)
        return made(WithdrawnShown, done, actor=act.actor)

    return acted(request, do)


@post(ROUTER, "/revoke", RevokedShown, refuses=(404, 409, 429))
def revoke_right(request: Request, sent: RevocationSent) -> Response:
    """End rights for good, publish it and decide anew; `typed` repeats `what`."""

    def do(act: Act) -> RevokedShown:
        if sent.typed != sent.what:
            raise ConsoleError(
                f"typed {sent.typed[:60]!r}, expected {sent.what[:60]!r}: nothing was revoked",
                code="NOT_CONFIRMED", subject="typed", way_out="send in `typed` what `what` says",
            )  # fmt: skip
        with held(act.alone):
            done = revoke(
                sent.what, act.settings, reason=sent.reason, at=sent.at or act.now.date(),
                now=act.now, run_id=f"api-{act.now:%Y%m%dT%H%M%S%f}", of=sent.of, actor=act.actor,
            )  # fmt: skip
        seen = [one.checkpoint_id for one in done.checkpoints if not one.is_clean]
        return made(RevokedShown, done, checkpoints=seen, verdicts=dict(done.verdicts),
                    actor=act.actor)  # fmt: skip

    return acted(request, do)


def _paper(sent: PaperSent) -> Paper | None:
    try:
        content = b64decode(sent.content, validate=True)
    except (NotBase64, ValueError) as error:
        raise ConsoleError(
            f"paper.content in the body: {error}", code="BODY_INVALID", subject="paper.content",
            way_out="send the bytes of the paper in base64",
        ) from error  # fmt: skip
    name = file_name(sent.name)
    return Paper(name=name, found=name, content=content) if content else None
