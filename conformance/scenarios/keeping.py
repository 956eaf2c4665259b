"""Messages keep their ids and data: awkward texts, languages, recipients that stand twice, small pages."""

from __future__ import annotations

from conformance.config import Config
from conformance.program.steps import AnyStep, Read, RowSpec
from conformance.scenarios.scenario import Scenario, round_of, sent, views

#: Messages in a page: fewer than there are rows.
PAGE = 3


def _content(config: Config) -> tuple[AnyStep, ...]:
    rows = [RowSpec(text="markup"), RowSpec(text="quotes"), RowSpec(text="blanks"), RowSpec(text="breaks")]
    rows += [RowSpec(same_as=0), RowSpec(same_as=0, text="markup")]
    rows += [RowSpec(language=offered.language) for offered in config.template.languages]
    pages = (Read(batch="b", limit=PAGE), Read(batch="b", view="backward", limit=PAGE))
    kept = tuple(rows[: config.limits.max_rows])
    return (*sent("b", kept), *views("b"), *pages, *round_of("b"), *views("b"), *pages)


CONTENT = Scenario(
    name="content",
    title="A batch with awkward texts, every language and a recipient three times is retried, and read in small pages.",
    requirements=("BR-IDS-01", "BR-IDS-02", "BR-IDS-03", "BR-IDS-04", "BR-IDS-05", "BR-IDS-06", "BR-SEL-01"),
    needs=("failing",),
    build=_content,
)
