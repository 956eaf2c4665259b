"""The plugin in other people's projects: it is not noticed, and never makes a session look better than it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance.catalogue import load
from conformance.report.write import data_files, read_report
from conformance.verdicts import VerdictName
from tests.greens import report

SUITE = ("--pyargs", "conformance.suite")
#: Nor is schemathesis' own plugin loaded, which takes half a second of each session; `test_plugin.py` has it.
QUIET = ("-p", "no:cacheprovider", "-p", "no:schemathesis")


def _handed(folder: Path, verdicts: dict[str, VerdictName] | None = None, exit_status: int = 0) -> str:
    """A finished run, to be shown; returns its file."""
    path = folder / "done" / "conformance.json"
    path.parent.mkdir()
    path.write_bytes(data_files(report(verdicts, exit_status=exit_status))["conformance.json"])
    return str(path)


FOREIGN = {
    "passes": ("def test_theirs(): assert True", 0),
    "fails": ("def test_theirs(): assert False", 1),
    "breaks in its set-up": (
        "import pytest\n@pytest.fixture\ndef broken(): raise OSError\ndef test_theirs(broken): pass",
        1,
    ),
    "breaks in its tear-down": (
        "import pytest\n@pytest.fixture\ndef broken():\n    yield\n    raise OSError\ndef test_theirs(broken): pass",
        1,
    ),
    "breaks when the session is over": (
        "import pytest\n@pytest.fixture(scope='session', autouse=True)\ndef broken():\n    yield\n    raise OSError('theirs')\n"
        "def test_theirs(): pass",
        1,
    ),
    "cannot be collected": ("import nothing_of_this_name", 2),
    "is an expected failure that passes": (
        "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_theirs(): pass",
        1,
    ),
}


@pytest.mark.parametrize(
    ("case", "ours"), [*((case, 0) for case in FOREIGN), ("fails", 3), ("passes", 1), ("passes", 3)]
)
def test_a_session_is_never_better_than_its_other_tests(case: str, ours: int, pytester: pytest.Pytester) -> None:
    text, theirs = FOREIGN[case]
    pytester.makepyfile(test_theirs=text)
    verdicts: dict[int, dict[str, VerdictName]] = {
        0: {"BR-ERR-05": "not_applicable"},
        1: {"BR-ACC-01": "fail"},
        3: {"BR-ACC-01": "inconclusive"},
    }
    handed = _handed(pytester.path, verdicts[ours], ours)
    result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *SUITE, "--conformance-report", handed)
    assert result.ret == (theirs or ours), result.stdout.str()
    assert ("theirs" in result.stdout.str()) or "session" not in case, "what broke is told"
    assert "user_properties" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("body", "arguments", "status"),
    [
        ("assert True", ("-k", "test_theirs"), 2),
        ("assert True", ("-m", "not conformance_must and not conformance_should"), 2),
        ("assert False", ("-k", "test_theirs"), 1),
        ("import pytest; pytest.exit('bye', returncode=0)", (), 2),
    ],
)
def test_a_suite_that_is_named_and_left_out_is_not_passed(
    body: str, arguments: tuple[str, ...], status: int, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This test may itself run in one of several processes.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(test_theirs=f"def test_theirs(): {body}")
    result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *SUITE, *arguments)
    assert result.ret == status, result.stdout.str()
    assert "the suite was named and not run" in result.stdout.str()
    assert read_report(pytester.path / "reports" / "conformance.json").run.exit_status == status


def test_its_module_is_a_name_of_the_suite_too(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(test_theirs="def test_theirs(): pass")
    arguments = ("--pyargs", "conformance.suite.test_requirements", "-k", "test_theirs")
    assert pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *arguments).ret == 2


def test_a_status_that_another_plugin_sets_stays(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_sessionfinish(session): session.exitstatus = 1")
    result = pytester.runpytest_subprocess(*QUIET, *SUITE, "--conformance-report", _handed(pytester.path))
    assert result.ret == 1


def test_a_should_that_fails_changes_nothing(pytester: pytest.Pytester) -> None:
    should = next(r.id for r in load().requirements if r.level == "SHOULD")
    handed = _handed(pytester.path, {should: "fail"})
    junit = pytester.path / "theirs.xml"
    result = pytester.runpytest_subprocess(*QUIET, *SUITE, "--conformance-report", handed, f"--junitxml={junit}")
    assert result.ret == 0
    assert 'failures="0"' in junit.read_text(encoding="utf-8")
    assert "the target did wrong" in junit.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [(), SUITE])
def test_a_collection_error_is_pytests_to_tell(arguments: tuple[str, ...], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs="import nothing_of_this_name")
    result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *arguments)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*No module named 'nothing_of_this_name'*"])
    assert "conformance/plugin" not in result.stdout.str() + result.stderr.str()


CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--target", default="theirs")
"""
THEIRS = """
def test_theirs(request):
    assert request.config.getoption("--target") == "{}"
"""


def test_an_option_of_theirs_stays_theirs(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_theirs=THEIRS.format("here"))
    alone = pytester.runpytest_subprocess(*QUIET, "--target", "here")
    assert alone.ret == 0
    with_us = pytester.runpytest_subprocess(
        *QUIET, "test_theirs.py", *SUITE, "--target", "here", "--conformance-report", _handed(pytester.path)
    )
    assert with_us.ret == 0, with_us.stdout.str()


def test_our_alias_is_there_only_where_the_suite_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs="def test_theirs(): pass")
    result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", "--target", "x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    for given in (("--target", "ftp://x"), ("--target=ftp://x",), ("--conformance-target", "ftp://x")):
        result = pytester.runpytest_subprocess(*QUIET, *SUITE, *given)
        assert result.ret == 2
        assert "target.base_url: is no http" in result.stdout.str()


FOLDERS = {
    "plain folders": {"conformance/notes.txt": "", "specs/api.json": "{}"},
    "a package": {"conformance/__init__.py": "HERE = 1", "conformance/suite/__init__.py": ""},
    "a package that is broken": {"conformance/__init__.py": "raise SystemExit(9)"},
    "modules of our names": {"retry.py": "", "plugin.py": "raise SystemExit(9)", "specs.py": "raise SystemExit(9)"},
}


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_of_theirs_may_be_called_what_they_like(case: str, pytester: pytest.Pytester) -> None:
    for name, text in FOLDERS[case].items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    pytester.makepyfile(test_theirs="def test_theirs(): pass")
    command = (sys.executable, "-m", "pytest", *QUIET)
    assert pytester.run(*command, "test_theirs.py").ret == 0
    told = pytester.run(*command, *SUITE, "--collect-only", "-q")
    assert sum("::BR-" in line for line in told.outlines) == len(load().requirements), told.stderr.str()
    both = pytester.run(*command, "test_theirs.py", *SUITE, "--conformance-report", _handed(pytester.path))
    assert both.ret == 0, both.stdout.str()


def test_a_package_of_theirs_can_be_tested(pytester: pytest.Pytester) -> None:
    """Their own package of our name is theirs, as long as nobody asks for the suite; then the clash is one line."""
    pytester.mkpydir("conformance")
    (pytester.path / "conformance" / "theirs.py").write_text("HERE = 1", encoding="utf-8")
    pytester.makepyfile(test_theirs="from conformance.theirs import HERE\ndef test_theirs(): assert HERE")
    command = (sys.executable, "-m", "pytest", *QUIET)
    assert pytester.run(*command).ret == 0
    pytester.makeconftest("import conformance.theirs")
    clash = pytester.run(*command, "-p", "conformance.theirs", *SUITE)
    assert clash.ret == pytest.ExitCode.USAGE_ERROR
    assert "another package named conformance" in clash.stderr.str()
    assert "Traceback" not in clash.stderr.str()


PROPERTIES = """
def test_theirs(record_property):
    record_property("verdict", "pass")
    record_property("requirement", "BR-ACC-01")
    record_property("waived", "yes")
    assert False
"""


@pytest.mark.parametrize("with_us", [False, True])
def test_properties_of_theirs_mean_nothing_to_us(with_us: bool, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs=PROPERTIES)
    ours = (*SUITE, "--conformance-report", _handed(pytester.path)) if with_us else ()
    result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *ours, "-rA")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 failed*"])


def test_it_sleeps_until_it_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_theirs(request):
            assert not [name for name in sys.modules if name.partition(".")[0] == "conformance"]
            assert not request.config.pluginmanager.hasplugin("retry_conformance_suite")
        """
    )
    assert pytester.runpytest_subprocess(*QUIET).ret == 0
    markers = pytester.runpytest_subprocess(*QUIET, "--markers").stdout.str()
    assert "conformance_" not in markers
    assert "a requirement of" not in markers
    assert "@pytest.mark.conformance_must" in pytester.runpytest_subprocess(*QUIET, "--markers", *SUITE).stdout.str()


def test_processes_of_theirs_stay_theirs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs="def test_one(): pass\ndef test_two(): assert False")
    result = pytester.runpytest_subprocess(*QUIET, "-n", "2")
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)


def test_a_page_of_theirs_keeps_its_columns(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs="def test_theirs(): pass")

    def page(*ours: str) -> str:
        result = pytester.runpytest_subprocess(*QUIET, "test_theirs.py", *ours, "--html=page.html")
        assert result.ret == 0, result.stdout.str()
        return (pytester.path / "page.html").read_text(encoding="utf-8")

    for text in (page(), page(*SUITE, "--conformance-depth", "quick", "--collect-only")):
        assert 'data-column-type="duration"' in text.replace("&#34;", '"')
        assert 'data-column-type="profile"' not in text.replace("&#34;", '"')
        assert "Batch Send - Retry: conformance" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--conformance-profile", "gold"), "gold"),
        (("--conformance-seed", "x", "--conformance-wait", "long"), "'x'"),
        (("--conformance-fail-on", "mood"), "mood"),
        (("--conformance-depth", "abyss"), "--conformance-depth: "),
        (("--conformance-drivers", "taxi"), "--conformance-drivers: "),
        (("--conformance-baseline", "none.json"), "none.json"),
        (("--conformance-contract", "0.1"), "0.1"),
        (("--conformance-config", "none.toml"), "none.toml"),
        (("--conformance-report", "none.json"), "none.json"),
    ],
)
def test_wrong_options_are_told(arguments: tuple[str, ...], said: str, pytester: pytest.Pytester) -> None:
    """Before any test runs, theirs too."""
    pytester.makepyfile(test_theirs="def test_theirs(): open('ran', 'w').close()")
    result = pytester.runpytest_subprocess(
        *QUIET, "test_theirs.py", *SUITE, "--conformance-target", "http://127.0.0.1:9/api/v2", *arguments
    )
    text = result.stdout.str() + result.stderr.str()
    assert result.ret in (2, pytest.ExitCode.USAGE_ERROR)
    assert said in text
    assert not (pytester.path / "ran").exists()
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
