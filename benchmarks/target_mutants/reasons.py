"""Why a mutant that some answer tells from the original breaks no requirement: what the contract leaves open.

A reason is for places of the source, by function and by what stands in the changed lines. Whatever has none is missed by the suite.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What stands for the whole of a module, outside of any function.
MODULE = ""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Mutants of these functions whose changed lines hold one of ``where`` (or any of them) are legal, and why."""

    why: str
    functions: tuple[str, ...]
    where: tuple[str, ...] = ("",)


REASONS: tuple[Reason, ...] = (
    Reason(
        why="a provider state is the vendor's own help, and no operation of the API; one that does not come about is reported",
        functions=("provide",),
    ),
    Reason(
        why="no page binds what else a message, an attempt, a batch or a template shows, as long as retries leave it alone",
        functions=("attempt", "batch", "short_attempt", "template", "view"),
    ),
    Reason(
        why="the code and type of a failed delivery are the telco's",
        functions=(MODULE, "begin"),
        where=("_error", "ERRORS.get"),
    ),
    Reason(
        why="no page binds how ids are spelled",
        functions=("_uuid", "begin", "error", "send", "send_one"),
        where=("new_id", "uuid"),
    ),
    Reason(
        why="the codes of 401, 403, 404 and 405, the text and the type of an error are not bound",
        functions=("admit", "error_text", "error_type", "odd_path", "other_method"),
    ),
    Reason(
        why="a read of an unknown message and other methods on it: 404 and 405 are both a no",
        functions=("_message",),
        where=("404", "call.method"),
    ),
    Reason(
        why="a message may be shown with the fields of a listing",
        functions=("_message", "accepted_one"),
        where=("self.behaviour.view", "self.view"),
    ),
    Reason(
        why="Single Send is no operation of this contract: where it fails, no message is sent singly, and nothing is judged by one",
        functions=("_single_send", "send_one"),
    ),
    Reason(
        why="a job of the target is done a moment earlier or later",
        functions=("now",),
    ),
    Reason(
        why="a status that no document names is neither created nor terminal (ruling 6)",
        functions=(MODULE,),
        where=("LIFECYCLE",),
    ),
    Reason(
        why="what Batch Send makes of a row, and how long it processes, is its own matter: retries leave it as it is",
        functions=("send", "rows_in"),
        where=("batch.path", "isValid", "Message(", "csv.reader"),
    ),
)


def why(function: str, before: str) -> str:
    """Return the reason for which this change breaks nothing; empty if there is none.

    :param function: that it is in; :param before: the lines that were changed.
    """
    found = (r.why for r in REASONS if function in r.functions and any(part in before for part in r.where))
    return next(found, "")
