"""Each fault of the reference target does what its title says, where the clean target does what is right.

The suite is not involved: that it finds the faults is shown by the kill matrix.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from conformance.catalogue import load
from conformance.reference import (
    faults_decisions,
    faults_factors,
    faults_refusals,
    faults_requests,
    faults_rounds,
    faults_shapes,
    faults_single,
    faults_sizes,
    faults_stale,
    faults_storage,
    faults_tls,
)
from conformance.reference.consequences import ALSO
from conformance.reference.faults import FAULTS
from conformance.reference.settings import OTHER_CAMPAIGN, OTHER_KEY, OWN_CAMPAIGN, OWN_KEY, Settings
from tests.desk import DELIVERED, FAILING, RECOVERS, Desk
from tests.probes.blocks import (
    after_a_block,
    block_keeps,
    blocked,
    blocked_again,
    blocked_and_left,
    created_does_block,
    created_in,
    errors_behind_a_block,
    exhausted_and_blocked,
    forced_next_to_created,
    newer_batch,
    two_created,
    with_the_telco,
)
from tests.probes.common import Probe, code_of
from tests.probes.races import (
    batch_and_single,
    many_at_once,
    race,
    race_of_recovering,
    race_of_singles,
    race_of_two,
    race_with_single,
)
from tests.probes.reads import campaign_in_pages, listed_in_pages, more_pages, pages_backward, views
from tests.probes.requests import (
    by_another_id,
    foreign,
    keyless,
    method,
    over_plain_http,
    told,
    unknown_body,
    unknown_code,
    without_a_key,
)
from tests.probes.retries import (
    accepted_once,
    after_an_early_retry,
    aged,
    batches_after,
    delivered_after,
    elsewhere,
    ended_in,
    equal_rows,
    error_of_the_new_attempt,
    held_and_ended,
    in_two_languages,
    joined,
    kept,
    last_code,
    one_exhausted,
    retried,
    sometimes,
    stamps_of_a_delivery,
    times_after,
    while_processing,
)
from tests.probes.singles import (
    delivered_alone,
    limits_of_both,
    next_to_a_single,
    one_by_itself,
    single,
    single_in_progress,
    single_of_a_recovered,
    single_twice,
    singles_along,
    unknown_single,
)

#: Requirements of contract 1.1; the catalogue has the others.
NEWER = {f"BR-{name}" for name in ("IDS-07", "LIV-02", "SGL-01", "SGL-02", "SGL-03", "ERR-08", "ERR-09")}


# -- the table ------------------------------------------------------------------------------------------------

UNRESOLVED = "400 unresolved_batch_messages"
EMPTY = "400 no_failed_batch_messages_to_retry"
NOT_FAILED = "400 message_not_found_or_retry_message_not_in_failure_status"
QUIET = (UNRESOLVED, [2, 1, 1], "messages_enqueuing_failed", True, {"english"})
FORCE: dict[str, Any] = {"query": {"force": "true"}}
FIRST: dict[str, Any] = {"query": {"limit": "1"}}
STATUS: dict[str, Any] = {"query": {"status": "success"}}
BODY: dict[str, Any] = {"body": {"recipient": FAILING, "language": "malay", "values": {"body": "other #0"}}}
DELETE: dict[str, Any] = {"headers": {"x-http-method-override": "DELETE"}}
ACCEPTED = ("201", True, [1, 2], True, True)
SAME = [("success", 2), ("success", 2), ("success", 2), ("success", None)]

#: Fault: probe, what the clean target shows, what the faulty one does.
TABLE: dict[str, tuple[Probe, Any, Any]] = {
    "body-is-refused-and-carried-out": (retried(**BODY), ([201], [2, 1, 2]), ([400], [2, 1, 2])),
    "query-is-refused-and-carried-out": (retried(**FIRST), ([201], [2, 1, 2]), ([400], [2, 1, 2])),
    "force-passes-the-created": (forced_next_to_created, UNRESOLVED, "201"),
    "force-resends-the-delivered": (retried(**FORCE), ([201], [2, 1, 2]), ([201], [2, 2, 2])),
    "status-in-the-query-selects": (retried(**STATUS), ([201], [2, 1, 2]), ([201], [1, 2, 1])),
    "limits-that-are-no-number-break": (
        retried(query={"limit": "ten"}),
        ([201], [2, 1, 2]),
        ([500], [1, 1, 1]),
    ),
    "limit-in-the-query-counts": (retried(**FIRST), ([201], [2, 1, 2]), ([201], [2, 1, 1])),
    "body-is-accepted-and-dropped": (retried(**BODY), ([201], [2, 1, 2]), ([201], [1, 1, 1])),
    "body-replaces-values": (kept("one", **BODY), ("one", "english", True), ("other", "english", True)),
    "body-replaces-the-language": (kept("one", **BODY), ("one", "english", True), ("one", "malay", True)),
    "header-sets-the-language": (
        kept("one", headers={"accept-language": "ta-SG"}),
        ("one", "english", True),
        ("one", "tamil", True),
    ),
    "override-deletes": (retried(**DELETE), ([201], [2, 1, 2]), ([204], [1, 1])),
    "query-makes-a-post": (
        method("GET", query={"_method": "POST"}),
        ([1, 1], ["text #0", "text #1"]),
        ([2, 2], ["text #0", "text #1"]),
    ),
    "dry-run-is-accepted-and-dropped": (
        retried(query={"dryRun": "true"}),
        ([201], [2, 1, 2]),
        ([201], [1, 1, 1]),
    ),
    "override-makes-a-post": (
        method("GET", headers={"x-http-method-override": "POST"}),
        ([1, 1], ["text #0", "text #1"]),
        ([2, 2], ["text #0", "text #1"]),
    ),
    "put-empties-values": (method("PUT"), ([1, 1], ["text #0", "text #1"]), ([1, 1], ["", ""])),
    "delete-removes-a-message": (method("DELETE"), ([1, 1], ["text #0", "text #1"]), ([1], ["text #0"])),
    "page-for-browsers": (
        lambda desk: desk.retry(desk.failed([FAILING]), headers={"accept": "text/html,*/*"}).content,
        b"",
        b"<html><p>The retry is accepted.</p></html>",
    ),
    # -- refusals
    "breaks-when-blocked": (created_does_block, UNRESOLVED, "500 internal_error"),
    "breaks-when-two-are-created": (two_created, UNRESOLVED, "500 internal_error"),
    "breaks-with-nothing-to-retry": (retried(DELIVERED), ([400], [1]), ([500], [1])),
    "breaks-and-carries-out": (retried(), ([201], [2, 1, 2]), ([500], [2, 1, 2])),
    "breaks-and-carries-out-now-and-then": (retried(times=3), ([201] * 3, [4, 1, 4]), ([201, 201, 500], [4, 1, 4])),
    "refuses-every-other-and-carries-it-out": (
        retried(times=3),
        ([201] * 3, [4, 1, 4]),
        ([201, 400, 201], [4, 1, 4]),
    ),
    "blocked-is-carried-out-later": (blocked_and_left, [2, 1], [3, 2]),
    "blocked-repeats-the-last-round": (blocked_again, [2], [3]),
    "throttled-is-carried-out": (retried(times=3), ([201] * 3, [4, 1, 4]), ([201, 201, 429], [4, 1, 4])),
    "throttled-single-is-carried-out": (
        sometimes(one_by_itself, 3),
        {("201", (2,))},
        {("201", (2,)), ("429 too_many_requests", (2,))},
    ),
    "blocked-empties-values": (blocked(), QUIET, (*QUIET[:3], False, {"english"})),
    "blocked-changes-the-language": (blocked(), QUIET, (*QUIET[:4], {"english", "tamil"})),
    "blocked-restarts-the-blocking": (blocked(), QUIET, (UNRESOLVED, [3, 1, 1], *QUIET[2:])),
    "error-tells-the-number": (told(lambda desk, batch: desk.retry(desk.created())), (400, False), (400, True)),
    "error-tells-the-text": (told(lambda desk, batch: desk.retry(batch)), (400, False), (400, True)),
    "single-error-tells-the-number": (
        told(lambda desk, batch: desk.retry_one(desk.ids(batch)[0])),
        (400, False),
        (400, True),
    ),
    "unknown-tells-numbers": (told(lambda desk, batch: desk.retry("batch_0")), (400, False), (400, True)),
    "breaks-for-the-loser": (race, ["201", UNRESOLVED], ["201", "500 internal_error"]),
    # -- sizes
    "breaks-on-more-than-ten": (retried(*[FAILING] * 11), ([201], [2] * 11), ([500], [1] * 11)),
    "only-the-first-fifteen-listed": (retried(*[FAILING] * 20), ([201], [2] * 20), ([201], [2] * 15 + [1] * 5)),
    "only-the-first-ten-block": (
        blocked(12, 11),
        (UNRESOLVED, [*[1] * 11, 2], *QUIET[2:]),
        ("201", [2] * 12, "messages_enqueued", *QUIET[3:]),
    ),
    "drops-the-last-chunk": (retried(*[FAILING] * 7), ([201], [2] * 7), ([201], [2] * 5 + [1] * 2)),
    "chunks-overlap": (retried(*[FAILING] * 11), ([201], [2] * 11), ([201], [*[2] * 10, 3])),
    "only-the-first-hundred-retried": (
        retried(*[FAILING] * 110),
        ([201], [2] * 110),
        ([201], [*[2] * 100, *[1] * 10]),
    ),
    "only-the-first-hundred-block": (
        blocked(110, 109),
        (UNRESOLVED, [*[1] * 109, 2], *QUIET[2:]),
        ("201", [2] * 110, "messages_enqueued", *QUIET[3:]),
    ),
    "lists-of-fifty": (retried(*[FAILING] * 70), ([201], [2] * 70), ([201], [*[2] * 51, *[1] * 19])),
    "a-thousand-at-most": (
        retried(*[FAILING] * 1003),
        ([201], [2] * 1003),
        ([201], [*[2] * 1000, *[1] * 3]),
    ),
    "chunks-cross-their-texts": (
        lambda desk: (batch := desk.failed([FAILING] * 11)) and desk.retry(batch) and desk.values(batch)[10],
        "one & two #10",
        "one & two #0",
    ),
    "status-by-the-first-ten": (
        blocked(12, 11),
        (UNRESOLVED, [*[1] * 11, 2], *QUIET[2:]),
        (UNRESOLVED, [*[1] * 11, 2], "messages_enqueued", *QUIET[3:]),
    ),
    # -- single retries
    "single-retries-the-delivered": (
        single(DELIVERED),
        (NOT_FAILED, False, [1, 1], True, True),
        ACCEPTED,
    ),
    "single-retries-those-in-progress": (single_in_progress, (NOT_FAILED, [2]), ("201", [3])),
    "single-retries-the-created": (
        single(FAILING, "created"),
        (NOT_FAILED, False, [1, 1], True, True),
        ACCEPTED,
    ),
    "refused-single-is-carried-out": (
        single(FAILING, "created"),
        (NOT_FAILED, False, [1, 1], True, True),
        (NOT_FAILED, False, [1, 2], True, True),
    ),
    "single-retries-what-a-retry-delivered": (single_of_a_recovered, NOT_FAILED, "201"),
    "single-repeats-its-answer": (single_twice, (NOT_FAILED, [2]), ("201", [2])),
    "unknown-message-is-accepted": (unknown_single, NOT_FAILED, "201"),
    "unknown-message-breaks": (unknown_single, NOT_FAILED, "500 internal_error"),
    "another-code-for-singles": (
        single(DELIVERED),
        (NOT_FAILED, False, [1, 1], True, True),
        ("400 parameter_invalid", False, [1, 1], True, True),
    ),
    "single-retries-its-batch": (single(FAILING), ACCEPTED, ("201", True, [2, 2], True, True)),
    "single-retries-the-first": (single(FAILING), ACCEPTED, ("201", True, [2, 1], True, True)),
    "single-answers200": (single(FAILING), ACCEPTED, ("200", *ACCEPTED[1:])),
    "single-answers-another": (single(FAILING), ACCEPTED, ("201", False, *ACCEPTED[2:])),
    "single-makes-a-new-id": (single(FAILING), ACCEPTED, ("201", False, [1, 2], False, True)),
    "single-gives-two-attempts": (single(FAILING), ACCEPTED, ("201", True, [1, 3], True, True)),
    "single-empties-values": (single(FAILING), ACCEPTED, ("201", True, [1, 2], True, False)),
    "foreign-key-retries-one": (foreign(OTHER_KEY, OWN_CAMPAIGN), (False, [1]), (True, [2])),
    "foreign-path-retries-one": (foreign(OTHER_KEY, OTHER_CAMPAIGN), (False, [1]), (True, [2])),
    "single-ignores-its-path": (foreign(OWN_KEY, OTHER_CAMPAIGN), (False, [1]), (True, [2])),
    # -- views
    "count-stays": (views(RECOVERS), SAME, [("success", 1), *SAME[1:]]),
    "number-rises-by-two": (views(RECOVERS), SAME, [("success", 3), *SAME[1:]]),
    "listing-keeps-two-attempts": (
        views(FAILING, 2),
        [("failure", 3), ("failure", 3), ("failure", 3), ("failure", None)],
        [("failure", 2), ("failure", 2), ("failure", 3), ("failure", None)],
    ),
    "single-read-never-catches-up": (views(RECOVERS), SAME, [*SAME[:2], ("failure", 1), SAME[3]]),
    "single-read-stops-at-two-attempts": (
        views(FAILING, 2),
        [("failure", 3), ("failure", 3), ("failure", 3), ("failure", None)],
        [("failure", 3), ("failure", 3), ("failure", 2), ("failure", None)],
    ),
    "listing-never-catches-up": (views(RECOVERS), SAME, [("failure", 1), ("failure", 1), *SAME[2:]]),
    "campaign-listing-never-catches-up": (views(RECOVERS), SAME, [*SAME[:3], ("sent", None)]),
    "times-without-offset": (times_after, True, False),
    "new-attempt-carries-the-old-error": (error_of_the_new_attempt, None, "recipient_invalid"),
    "no-page-before": (pages_backward, [2, 2, 1], [2]),
    "further-pages-forget-the-batch": (listed_in_pages, [True] * 3, [True, True, True, False]),
    "campaign-cursors-are-times": (campaign_in_pages, [1], [0]),
    "joins-attempts-by-recipient": (joined, [1, 1], [2, 2]),
    # -- access
    "empty-key": (without_a_key(authorization="Bearer"), 401, 201),
    "dot-needs-no-key": (without_a_key("%2e/retry"), 404, 201),
    # -- rounds
    "batch-retries-stop-at-two": (limits_of_both, [4, 4], [4, 3]),
    "accepts-the-exhausted-next-to-a-delivered": (last_code(FAILING, DELIVERED, rounds=3), EMPTY, "201"),
    "accepts-what-a-retry-delivered": (last_code(RECOVERS, rounds=1), EMPTY, "201"),
    "limit-ends-with-a-block": (exhausted_and_blocked, [4, 3], [5, 3]),
    "server-errors-do-not-count": (
        retried("6522222222", times=4),
        ([201, 201, 201, 400], [4]),
        ([201, 201, 201, 201], [5]),
    ),
    "keeps-what-a-single-delivered": (delivered_alone(), [2, 2], [3, 2]),
    "selects-by-the-number": (delivered_alone(RECOVERS), [2, 2], [3, 2]),
    "takes-singles-along": (singles_along, 1, 2),
    "second-batch-appears": (batches_after, 1, 2),
    "resets-the-delivered-in-place": (delivered_after, ("success", 1), ("created", 1)),
    "exhausted-do-not-block": (
        blocked(3, 0, retries=2),
        (UNRESOLVED, [4, 1, 1], *QUIET[2:]),
        ("201", [4, 2, 2], "messages_enqueued", *QUIET[3:]),
    ),
    "status-goes-to-the-newest-batch": (newer_batch, "messages_enqueuing_failed", "messages_enqueued"),
    "one-retry-at-a-time": (many_at_once(2), (2, 2), (1, 1)),
    "resends-those-with-the-telco": (with_the_telco, [2, 2], [2, 3]),
    "carries-out-while-processing": (while_processing, ["messages_enqueued", "201"], ["retrying_messages", "201"]),
    "retries-only-pretend": (views(RECOVERS), SAME, [("failure", count) for _, count in SAME]),
    "dropped-as-duplicates": (views(RECOVERS), SAME, [("failure", count) for _, count in SAME]),
    "worker-acts-blindly": (batch_and_single, (400, 1), (201, 2)),
    "redelivers-jobs": (retried(FAILING), ([201], [2]), ([201], [3])),
    "redelivers-one-job-in-twenty": (
        sometimes(lambda desk: retried(FAILING)(desk)[1][0], 60),
        {2},
        {2, 3},
    ),
    "one-worker-of-four-does-not-block": (sometimes(created_does_block, 4), {UNRESOLVED}, {UNRESOLVED, EMPTY}),
    "one-worker-of-four-answers200": (
        sometimes(lambda desk: accepted_once(desk)[0], 4),
        {"201"},
        {"201", "200"},
    ),
    "one-worker-of-four-retries-one": (
        sometimes(accepted_once, 4),
        {("201", (2, 2))},
        {("201", (2, 2)), ("201", (2, 1))},
    ),
    "expires-after-five-seconds": (aged(6.0), [201, 201], [201, 400]),
    "one-shard-keeps-the-status": (
        sometimes(block_keeps, 24),
        {"messages_enqueuing_failed"},
        {"messages_enqueuing_failed", "messages_enqueued"},
    ),
    # -- decisions
    "accepts-once-all-have-ended": (
        held_and_ended,
        ("messages_enqueuing", "400 batch_not_found_or_is_not_retryable"),
        ("messages_enqueuing", "201"),
    ),
    "refuses-what-came-too-early": (after_an_early_retry, "201", "400 batch_not_found_or_is_not_retryable"),
    "remembers-the-block": (after_a_block, "201", UNRESOLVED),
    "finds-nothing-in-a-blocked-batch": (after_a_block, "201", EMPTY),
    "stays-processing": (retried(FAILING, times=2), ([201, 201], [3]), ([201, 400], [2])),
    "another-code-while-processing": (
        lambda desk: code_of(desk.retry(desk.send([FAILING]))),
        "400 batch_not_found_or_is_not_retryable",
        "400 parameter_invalid",
    ),
    "exhausted-come-along": (one_exhausted, [4, 2], [5, 2]),
    "created-singles-block": (next_to_a_single, "201", UNRESOLVED),
    "failures-elsewhere-admit": (elsewhere(DELIVERED, 1.1), EMPTY, "201"),
    "one-batch-at-a-time": (elsewhere(FAILING, 0), "201", "400 batch_not_found_or_is_not_retryable"),
    "retried-stay-created": (lambda desk: views(FAILING)(desk)[0], ("failure", 2), ("created", 2)),
    "queue-loses-every-third": (
        sometimes(lambda desk: views(FAILING)(desk)[0][0], 3),
        {"failure"},
        {"failure", "enqueued"},
    ),
    "only-the-second-is-sent": (views(RECOVERS), SAME, [("failure", count) for _, count in SAME]),
    "blocked-clears-the-errors": (errors_behind_a_block, ["recipient_invalid"] * 2, [None] * 2),
    "stamps-deliveries-anew": (stamps_of_a_delivery, True, False),
    "marks-what-it-does-not-admit": (keyless, (401, "messages_enqueued"), (401, "messages_enqueuing_failed")),
    "finds-by-the-beginning": (by_another_id(lambda own: own[:-1]), ("400", [1]), ("201", [2])),
    "cuts-ids-to-their-column": (by_another_id(lambda own: f"{own}-more"), ("400", [1]), ("201", [2])),
    "ids-end-at-nul": (by_another_id(lambda own: f"{own}%00"), ("400", [1]), ("201", [2])),
    "breaks-on-nul": (by_another_id(lambda own: f"{own}%00"), ("400", [1]), ("500", [1])),
    "ids-are-patterns": (by_another_id(lambda own: f"{own}%25"), ("400", [1]), ("201", [2])),
    "longer-ids-act-all-the-same": (by_another_id(lambda own: f"{own}-more"), ("400", [1]), ("400", [2])),
    "foreign-key-is-refused-too-late": (foreign(OTHER_KEY, OWN_CAMPAIGN, batch=True), (False, [1]), (False, [2])),
    "caches-keys-without-their-campaign": (
        foreign(OTHER_KEY, OWN_CAMPAIGN, batch=True, known=True),
        (False, [1]),
        (True, [2]),
    ),
    "foreign-path-is-refused-too-late": (foreign(OTHER_KEY, OTHER_CAMPAIGN, batch=True), (False, [1]), (False, [2])),
    "ignores-its-path": (foreign(OWN_KEY, OTHER_CAMPAIGN, batch=True), (False, [1]), (True, [2])),
    "batch-overwrites-the-single": (race_with_single(True), ("201", NOT_FAILED, [2]), ("201", "201", [2])),
    "singles-at-once": (race_of_singles, (["201", NOT_FAILED], [2]), (["201", "201"], [3])),
    "single-rolls-the-batch-back": (race_with_single(False), (UNRESOLVED, "201", [2]), ("201", NOT_FAILED, [1])),
    "loser-fails-the-winners": (race_of_recovering, ("success", 2), ("failure", 2)),
    "loser-takes-the-first-off": (race_of_two, [2, 2], [1, 2]),
    # -- factors
    "retried-in-malay-stay-enqueued": (ended_in("malay"), "failure", "enqueued"),
    "two-do-not-block": (two_created, UNRESOLVED, "201"),
    "only-english-blocks": (created_in("malay"), UNRESOLVED, "201"),
    "second-rows-do-not-block": (created_in("english"), UNRESOLVED, "201"),
    "one-row-of-a-number-is-retried": (retried(FAILING, FAILING), ([201], [2, 2]), ([201], [2, 1])),
    "retries-equal-rows-once": (equal_rows, ([201], [2, 2, 2]), ([201], [2, 2, 1])),
    "single-retries-the-number": (single(FAILING), ACCEPTED, ("201", True, [2, 2], True, True)),
    "tamil-comes-back-in-english": (in_two_languages, ([2, 2], ["english", "tamil"]), ([2, 2], ["english", "english"])),
    "only-the-first-language": (in_two_languages, ([2, 2], ["english", "tamil"]), ([2, 1], ["english", "tamil"])),
    "absurd-counts": (views(RECOVERS), SAME, [("success", 10**18), *SAME[1:]]),
    "pool-of-twenty": (many_at_once(22), (22, 22), (22, 20)),
    "pool-of-five": (many_at_once(7), (7, 7), (7, 5)),
    # -- plain HTTP, next to HTTPS
    "serves-plain-http": (over_plain_http, None, 401),
    "plain-http-leads-to-plain-http": (over_plain_http, None, 308),
    "plain-http-asks-for-credentials": (over_plain_http, None, 401),
    "plain-http-shows-a-page": (over_plain_http, None, 200),
    # -- shapes
    "blocked-is409": (created_does_block, UNRESOLVED, "409 unresolved_batch_messages"),
    "errors-are-texts": (unknown_body, dict, str),
    "codes-are-numbers": (unknown_code, "batch_not_found_or_is_not_retryable", 400),
    "answers-ok": (lambda desk: desk.retry(desk.failed([FAILING])).content, b"", b"OK"),
    "shows-sql": (lambda desk: "SELECT" in str(desk.retry(desk.failed([DELIVERED])).body), False, True),
    "shows-the-key": (lambda desk: OWN_KEY in str(desk.retry("batch_0").body), False, True),
    "failure-until-the-end": (
        lambda desk: (batch := desk.failed([FAILING])) and desk.retry(batch) and desk.listing(batch)[0]["latestStatus"],
        "created",
        "failure",
    ),
    "renames-the-batch": (
        lambda desk: (batch := desk.failed([FAILING])) and desk.retry(batch) and code_of(desk.retry(batch)),
        UNRESOLVED,
        "400 batch_not_found_or_is_not_retryable",
    ),
    "full-pages-are-the-last": (more_pages, True, False),
    "texts-by-recipient": (
        lambda desk: (batch := desk.failed([FAILING, FAILING], "x")) and desk.retry(batch) and desk.values(batch),
        ["x #0", "x #1"],
        ["x #1", "x #1"],
    ),
    # -- storage: what is kept, and what becomes of it
    "question-marks": (kept("café 你好"), ("café 你好", "english", True), ("caf? ??", "english", True)),
    "mojibake": (kept("café"), ("café", "english", True), ("cafÃ©", "english", True)),
    "decomposes": (kept("caf\u00e9"), ("caf\u00e9", "english", True), ("cafe\u0301", "english", True)),
    "folds-widths": (kept("Ａ ﬁ"), ("Ａ ﬁ", "english", True), ("A fi", "english", True)),
    "loses-four-bytes": (kept("a😀b"), ("a😀b", "english", True), ("ab", "english", True)),
    "cuts-at-four-bytes": (kept("a😀b\nc"), ("a😀b\nc", "english", True), ("a", "english", True)),
    "plain-quotes": (kept("“don’t” – it"), ("“don’t” – it", "english", True), ('"don\'t" - it', "english", True)),
    "loses-leading-zeros": (kept("007 x0"), ("007 x0", "english", True), ("7 x0", "english", True)),
    "groups-digits": (kept("pay 12000 now"), ("pay 12000 now", "english", True), ("pay 12,000 now", "english", True)),
    "shortens-decimals": (kept("pay 1.50 now"), ("pay 1.50 now", "english", True), ("pay 1.5 now", "english", True)),
    "reorders-dates": (kept("by 2026-01-31"), ("by 2026-01-31", "english", True), ("by 31/01/2026", "english", True)),
    "trims-blanks": (kept("  x"), ("  x", "english", True), ("x", "english", True)),
    "plain-blanks": (kept("a\u00a0b"), ("a\u00a0b", "english", True), ("a b", "english", True)),
    "blanks-for-tabs": (kept("a\tb"), ("a\tb", "english", True), ("a b", "english", True)),
    "loses-joiners": (kept("a\u200db"), ("a\u200db", "english", True), ("ab", "english", True)),
    "fills-in-braces": (kept("a {{b}}"), ("a {{b}}", "english", True), ("a ", "english", True)),
    "lowers-addresses": (kept("A@B.C"), ("A@B.C", "english", True), ("a@b.c", "english", True)),
    "cuts-at-70": (kept("\u60a8" * 71), ("\u60a8" * 71, "english", True), ("\u60a8" * 70, "english", True)),
    "cuts-at-500": (kept("a" * 600), ("a" * 600, "english", True), ("a" * 500, "english", True)),
    "breaks-by-two": (kept("a\nb"), ("a\nb", "english", True), ("a\r\nb", "english", True)),
    "breaks-by-one": (kept("a\r\nb"), ("a\r\nb", "english", True), ("a\nb", "english", True)),
    "breaks-to-blanks": (kept("a\r\nb\nc"), ("a\r\nb\nc", "english", True), ("a b c", "english", True)),
    "cuts-at-160": (kept("x" * 170), ("x" * 170, "english", True), ("x" * 160, "english", True)),
    "cuts-at-255": (kept("é" * 130), ("é" * 130, "english", True), ("é" * 127, "english", True)),
    "latin-digits": (kept("\u0be7\u0be8 x"), ("\u0be7\u0be8 x", "english", True), ("12 x", "english", True)),
    "loses-soft-hyphens": (kept("co\u00adop"), ("co\u00adop", "english", True), ("coop", "english", True)),
    "plain-breaks": (kept("a\u2028b"), ("a\u2028b", "english", True), ("a\nb", "english", True)),
    "formats-texts": (kept("5%% of %s"), ("5%% of %s", "english", True), ("5% of ", "english", True)),
    "shortens-links": (
        kept("see https://a.example/b?c=d now"),
        ("see https://a.example/b?c=d now", "english", True),
        ("see https://go.example/x now", "english", True),
    ),
    "decodes-percent-signs": (kept("50%25+1"), ("50%25+1", "english", True), ("50% 1", "english", True)),
    "shows-the-template": (kept("x"), ("x", "english", True), ("x", "english", False)),
    "creator-of-the-retry": (
        lambda desk: (batch := desk.failed([FAILING])) and desk.retry(batch) and desk.listing(batch)[0]["creatorId"],
        "user_1",
        "user_2",
    ),
}  # fmt: skip

MODULES = (
    faults_requests,
    faults_refusals,
    faults_sizes,
    faults_single,
    faults_stale,
    faults_rounds,
    faults_storage,
    faults_decisions,
    faults_factors,
    faults_shapes,
    faults_tls,
)


@pytest.mark.parametrize("name", TABLE)
def test_the_fault_does_what_it_says(name: str) -> None:
    probe, right, wrong = TABLE[name]
    assert right != wrong
    assert probe(Desk(Settings())) == right
    assert probe(Desk(Settings(faults=(name,)))) == wrong


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__).rpartition(".")[2])
def test_every_fault_of_the_module_is_in_the_table(module: Any) -> None:
    assert set(module.FAULTS) <= set(TABLE)


def test_every_fault_breaks_something_that_the_contract_names() -> None:
    known = {requirement.id for requirement in load().requirements} | NEWER
    assert all(fault.breaks and set(fault.breaks) <= known for fault in FAULTS.values())
    assert len({fault.title for fault in FAULTS.values()}) == len(FAULTS) >= 130
    assert all(set(fault.also) <= known - set(fault.breaks) for fault in FAULTS.values())
    assert set(ALSO) <= set(FAULTS)


def test_every_requirement_is_broken_by_three_faults_or_more() -> None:
    counts = Counter(name for fault in FAULTS.values() for name in fault.breaks)
    known = {requirement.id for requirement in load().requirements} | NEWER
    # 429 and 500 that are carried out are one mechanism each, for batch and message.
    assert {name for name in known if counts[name] < 3} <= {"BR-ERR-06", "BR-ERR-07"}
