"""What else a fault breaks: requirements that a finding may name too, but need not, for the fault to be found.

Worked out from the contract alone, without a look at what the suite says. A finding that names neither these nor what
the fault declares accuses the target of what it does not do.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Requirements without their prefix, by fault.
_ALSO: dict[str, str] = {
    # What a retry decides and does
    "accepts-while-processing": "ERR-01 SEL-06 BLK-01 CON-01",
    "only-one-round": "ACC-02 ACC-03 SEL-01 SEL-06 ERR-02 BLK-02",
    "never-retryable": "ACC-03 ACC-06 SEL-04 SEL-06 ERR-02 BLK-02 SEC-05 SEL-10",
    "expires-after-five-seconds": "ACC-03 ACC-06 SEL-04 SEL-10 ERR-02 BLK-02",
    "enqueuing-failed-is-final": "ACC-02 ACC-06 SEL-04 SEL-06 ERR-02",
    "answers200": "SCH-01 ACC-02 ACC-03 ACC-06",
    "answers-a-body": "SCH-01",
    "attempts-nothing": "SEL-05 CON-01 LIV-02 SEL-04",
    "created-does-not-block": "BLK-02 ERR-02",
    "only-the-first-blocks": "BLK-02 ERR-02",
    "the-last-does-not-block": "BLK-02 ERR-02",
    "blocked-retries-the-rest": "CON-01 CON-03 SEL-04 SEL-05 ACC-04",
    "retries-the-delivered": "SEL-04",
    "resets-those-underway": "SEL-04 SEL-05 CON-01 CON-03",
    "status-of-an-old-attempt": "LIV-02",
    "limit-of-one": "ACC-02 ACC-03 ACC-06 SEL-01 SEL-09",
    "two-attempts-at-once": "SEL-04 CON-01 CON-03",
    "accepts-the-delivered": "ACC-05 SEL-04 SEL-05 CON-01",
    "retries-by-itself": "SEL-04 SEL-05 SEL-08",
    "retries-other-batches": "SEL-04 SEL-08 ACC-02 ACC-06",
    "one-spent-stops-all": "ACC-02 ACC-06 SEL-01 SEL-04",
    "created-elsewhere-blocks": "ACC-03 ACC-06 SEC-05 SEL-04 SEL-06",
    "retried-get-stuck": "CON-02 CON-03 ACC-06 LIV-02",
    "new-ids": "IDS-02 IDS-03 IDS-05 IDS-06 SEL-01 SEL-05 ACC-05",
    "loses-a-message": "IDS-03 IDS-04 IDS-05 SEL-01 ACC-05",
    "copies-messages": "IDS-03 IDS-05 IDS-06 SEL-07",
    "new-batch": "IDS-03 IDS-05 BLK-02 ACC-06",
    "escapes-again": "IDS-06",
    "folds-blanks": "IDS-06",
    "falls-back-to-english": "IDS-06",
    "swaps-same-recipients": "IDS-04",
    "created-anew": "IDS-04 IDS-06",
    # Who may retry, and by which request
    "get-retries": "SEL-07",
    "put-retries": "SEL-07",
    "no-key-needed": "SEC-07",
    "any-key": "SEC-07",
    "refuses-too-late": "SEC-07 SEC-02",
    "prefix-of-a-key": "SEC-01",
    "foreign-key": "SGL-03",
    "body-names-the-recipient": "IDS-03 IDS-04 IDS-06",
    **dict.fromkeys(
        ("finds-by-the-beginning", "cuts-ids-to-their-column", "ids-end-at-nul", "ids-are-patterns"), "SEL-07 ERR-01"
    ),
    "body-needed": "ACC-03 ACC-06 SEL-04 SEL-06 SEL-10 ERR-01 ERR-02 BLK-02",
    # What is shown, and said
    "unknown-is-accepted": "ACC-01 ACC-05 SEC-03",
    "html-errors": "ERR-01 ERR-02 SEL-04 SEL-06 SGL-01 SCH-02",
    "shows-stack-traces": "ERR-01 ERR-02 SEL-04 SEL-06 SGL-01 SCH-01 SCH-02",
    "bodies-break": "ERR-08 ACC-02",
    "numbers-break": "ERR-08",
    "forms-break": "ERR-08",
    "foreign-letters-break": "ERR-08",
    # Programs
    "one-by-itself-closes-its-batch": "ACC-03 ACC-06 SEL-04",
    "two-attempts-after-a-batch-retry": "SGL-02 SEL-04 CON-03",
    "refuses-what-came-too-early": "ACC-03 ACC-06 ERR-02 BLK-02",
    "locks-what-came-too-early": "ACC-03 ACC-06 ERR-02 BLK-02",
    # Races: what was checked is not looked at again
    **dict.fromkeys(
        ("both-retries-act-25-ms", "both-retries-act-5-ms", "both-retries-act-1-ms"), "CON-03 SEL-02 SEL-04 SEL-05"
    ),
    **dict.fromkeys(
        ("later-retry-overwrites-25-ms", "later-retry-overwrites-5-ms", "later-retry-overwrites-1-ms"),
        "CON-02 CON-03 SEL-05 SGL-02 ACC-05 SEL-02",
    ),
    **dict.fromkeys(("single-beside-batch-25-ms", "single-beside-batch-5-ms"), "SEL-02 SEL-04 SEL-05 SGL-02"),
    "loser-rolls-back": "CON-01 CON-03 SEL-01 SEL-05 SGL-02",
    "loser-leaves-stuck": "LIV-01 CON-03 ACC-06",
    "one-retry-at-a-time": "ACC-06 SEL-01",
    "loser-acts-all-the-same": "BLK-03 CON-03 SEL-02 SEL-04 SEL-05 ACC-04",
    # Requests
    "body-is-refused-and-carried-out": "ACC-04",
    "query-is-refused-and-carried-out": "ACC-04",
    "force-resends-the-delivered": "SEL-04",
    "status-in-the-query-selects": "SEL-01 SEL-04",
    "body-is-accepted-and-dropped": "SEL-05",
    "body-replaces-values": "IDS-04 IDS-06",
    "body-replaces-the-language": "IDS-04 IDS-06",
    "header-sets-the-language": "IDS-04 IDS-06",
    "override-deletes": "IDS-03 IDS-04 IDS-05 BLK-03 ACC-02 ACC-04 ACC-05 SCH-01",
    "override-makes-a-post": "SEL-07",
    "query-makes-a-post": "SEL-07",
    "dry-run-is-accepted-and-dropped": "SEL-05",
    "put-empties-values": "IDS-03 IDS-06",
    "delete-removes-a-message": "IDS-03 IDS-04 IDS-05",
    # Storage
    "shows-the-template": "SGL-02",
    # Refusals
    "blocked-clears-the-errors": "SGL-02 SEC-05",
    "breaks-when-blocked": "SCH-01 ERR-04",
    "breaks-when-two-are-created": "SCH-01 ERR-04 BLK-02",
    "breaks-with-nothing-to-retry": "SCH-01 ERR-04",
    "breaks-and-carries-out": "ACC-02 ACC-03 ACC-06 SEC-05 SEL-10 SCH-01",
    "breaks-and-carries-out-now-and-then": "ACC-02 SCH-01",
    "refuses-every-other-and-carries-it-out": "ACC-03 ACC-04 SEL-04 SEL-05 SEC-05",
    "blocked-is-carried-out-later": "SEL-04 SEL-07 SGL-02",
    "blocked-repeats-the-last-round": "SEL-04 CON-01 CON-03 SGL-02",
    "throttled-is-carried-out": "ACC-04",
    "blocked-empties-values": "IDS-03 IDS-06",
    "blocked-changes-the-language": "IDS-03 IDS-06",
    "blocked-restarts-the-blocking": "SEL-04 CON-01 CON-03 SGL-02",
    "breaks-for-the-loser": "SCH-01",
    # Sizes
    "breaks-on-more-than-ten": "ACC-03 ACC-06 SEL-01 SCH-01",
    "only-the-first-fifteen-listed": "ACC-06 SEL-04 SEL-09",
    "only-the-first-ten-block": "BLK-02 ERR-02",
    "chunks-overlap": "SEL-04 CON-01",
    "chunks-cross-their-texts": "IDS-04",
    # Single retries
    "single-retries-the-delivered": "SEL-04",
    "unknown-message-is-accepted": "SGL-03",
    "single-retries-those-in-progress": "CON-03 SEL-02 SEL-04 SEL-05",
    "single-retries-the-created": "CON-03 SEL-02 SEL-04 SEL-05",
    "refused-single-is-carried-out": "CON-03 SEL-04 SEL-05 SEL-07",
    "single-retries-its-batch": "CON-03 SEL-04 SEL-07",
    "single-retries-the-first": "CON-03 SEL-04 SEL-07",
    "single-makes-a-new-id": "IDS-03 IDS-05 IDS-06 SEL-01 SEL-05 ACC-05",
    "single-gives-two-attempts": "CON-03 SEL-04",
    "single-empties-values": "IDS-06",
    # Views
    "listing-keeps-two-attempts": "SEL-04 SEL-05",
    "single-read-never-catches-up": "LIV-02",
    "resends-those-with-the-telco": "SEL-04 SEL-05 CON-01 CON-03",
    "retried-in-malay-stay-enqueued": "ACC-06 CON-02 CON-03",
    "single-repeats-its-answer": "SGL-02 CON-03 SEL-09",
    "limits-that-are-no-number-break": "ERR-08",
    "listing-never-catches-up": "SEL-01 SEL-04 SEL-05 LIV-02",
    "further-pages-forget-the-batch": "IDS-01 IDS-02",
    # Rounds
    "batch-retries-stop-at-two": "SEL-01 SEL-09",
    "accepts-the-exhausted-next-to-a-delivered": "ACC-05 SEL-05 SEL-09 CON-01",
    "accepts-what-a-retry-delivered": "ACC-05 SEL-04 SEL-05 CON-01",
    "second-batch-appears": "IDS-04",
    "resets-the-delivered-in-place": "SEL-03",
    "exhausted-do-not-block": "BLK-02 ERR-02",
    "carries-out-while-processing": "ERR-01",
    "worker-acts-blindly": "SEL-04 SEL-05 CON-01",
    "redelivers-jobs": "CON-01 CON-03",
    "redelivers-one-job-in-twenty": "CON-01 CON-03",
    "one-worker-of-four-does-not-block": "BLK-02 ERR-02",
    "one-worker-of-four-answers200": "SCH-01 ACC-02 ACC-03 ACC-06",
    # Decisions
    "accepts-once-all-have-ended": "ERR-01",
    "remembers-the-block": "ACC-02 ACC-06 SEL-04 SEL-06 SEL-10",
    "finds-nothing-in-a-blocked-batch": "ACC-02 ACC-06 SEL-01 SEL-04 SEL-10",
    "stays-processing": "SEL-04",
    "another-code-while-processing": "ERR-02",
    "created-singles-block": "ACC-03 ACC-06 SEC-05 SEL-04 SEL-06",
    "failures-elsewhere-admit": "ACC-05 SEL-04 CON-01",
    "one-batch-at-a-time": "ACC-03 ACC-06 BLK-02 ERR-02 SEC-05 SEL-04 SEL-06",
    "retried-stay-created": "ACC-06 CON-02 CON-03 LIV-02",
    "queue-loses-every-third": "ACC-06 CON-02 CON-03 LIV-02",
    "foreign-key-is-refused-too-late": "SEC-03",
    "marks-what-it-does-not-admit": "SEC-07",
    # Factors
    "two-do-not-block": "BLK-02 ERR-02",
    "only-english-blocks": "BLK-02 ERR-02",
    "second-rows-do-not-block": "BLK-02 ERR-02",
    "single-retries-the-number": "CON-03 SEL-04 SEL-07",
    "tamil-comes-back-in-english": "IDS-06",
    "only-the-first-language": "ACC-02",
    # Shapes
    "errors-are-texts": "ERR-01 ERR-02 SEL-04 SEL-06 SGL-01 SGL-03 SCH-02",
    "codes-are-numbers": "ERR-01 ERR-02 SEL-04 SEL-06 SGL-01 SGL-03 SCH-02",
    "failure-until-the-end": "IDS-07 ACC-02 ACC-06",
    "renames-the-batch": "ACC-05 SEL-01 IDS-01 IDS-04",
    "full-pages-are-the-last": "IDS-01",
    "texts-by-recipient": "IDS-04",
    "loser-takes-the-first-off": "CON-01 CON-03 SEL-01 SEL-05 SGL-02",
}

ALSO: Mapping[str, tuple[str, ...]] = {
    name: tuple(f"BR-{short}" for short in said.split()) for name, said in _ALSO.items()
}
