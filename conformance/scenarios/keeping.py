"""Messages keep their ids and data: texts that systems change, languages, recipients that stand twice, small pages."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.config import Config
from conformance.program.steps import AnyStep, Read, Retry, RowSpec, Text
from conformance.scenarios.scenario import Scenario, retried, sent, single

#: Rows that are read by themselves as well.
SINGLES = 4
_TEXTS: tuple[Text, ...] = (*("emoji", "decomposed", "zeros", "long", "chinese", "tamil", "date", "number"),)


def _page(rows: int) -> int:
    """How many messages a page holds, so that a batch has three pages: one stands between the first and the last."""
    return max(1, (rows - 1) // 2)


def _kept(rows: Sequence[RowSpec], config: Config, *, pages: bool) -> tuple[AnyStep, ...]:
    sending = tuple(rows[: config.limits.max_rows])
    views: list[AnyStep] = [single("b", *range(1, min(SINGLES, len(sending))))]
    if pages:
        views += [Read(batch="b", view="campaign"), Read(batch="b", view="backward", limit=_page(len(sending)))]
    return (*sent("b", sending), *views, Retry(batch="b"), retried("b"), *views)


def _content(config: Config) -> tuple[AnyStep, ...]:
    rows = [RowSpec(text="markup"), RowSpec(text="quotes"), RowSpec(text="blanks"), RowSpec(text="breaks")]
    rows += [RowSpec(same_as=0), RowSpec(same_as=0, text="markup")]
    scripts: dict[str, Text] = {"chinese": "chinese", "tamil": "tamil"}
    for offered in config.template.languages:
        rows.append(RowSpec(language=offered.language, text=scripts.get(offered.language, "plain")))
    return _kept(rows, config, pages=True)


def _texts(config: Config) -> tuple[AnyStep, ...]:
    """The languages stand here in a second batch: what is stuck in one of them is stuck twice (BR-LIV-01)."""
    offered = [language.language for language in config.template.languages]
    languages: dict[Text, str] = {"chinese": "chinese", "tamil": "tamil", "date": "malay"}
    rows = [
        RowSpec(text=text, language=wanted if (wanted := languages.get(text)) in offered else None) for text in _TEXTS
    ]
    # What takes two rows for one by all that they say retries one of them.
    rows.insert(1, RowSpec(same_as=0, copy=True))
    return _kept(rows, config, pages=False)


CONTENT = Scenario(
    name="content",
    title="A batch with markup, line breaks, every language and a recipient three times is retried, and read in small pages.",
    requirements=("BR-IDS-01", "BR-IDS-02", "BR-IDS-03", "BR-IDS-04", "BR-IDS-05", "BR-IDS-06", "BR-SEL-01"),
    needs=("failing",),
    build=_content,
)
TEXTS = Scenario(
    name="texts",
    title="A batch is retried whose texts are not ASCII, look like numbers or dates, are longer than one SMS, or stand twice.",
    requirements=("BR-IDS-03", "BR-IDS-04", "BR-SEL-01"),
    needs=("failing",),
    build=_texts,
)
