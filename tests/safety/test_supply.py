"""What callwright is made of: every package pinned, none that is known to be bad, and an audit that claims no more than
it was told."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = ROOT / "requirements" / "constraints.txt"
BAD = {
    "diskcache": "reads pickles, and no release mends it (CVE-2025-69872)",
}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in PINS.read_text(encoding="utf-8").splitlines())
    return dict(_pin(line) for line in lines if line)


def _pin(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"([\w.-]+)==([\w.+!]+)", line)
    assert found, f"{line!r} is no pin"
    return plain(found[1]), found[2]


def test_every_dependency_is_pinned_to_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {plain(re.match(r"[\w.-]+", one)[0]) for group in groups for one in group}
    assert len(named) > 30
    assert named - pinned().keys() == set()


def test_nothing_that_is_known_to_be_bad_comes_along():
    assert BAD.keys() & pinned().keys() == set()
    for name in BAD:
        assert importlib.util.find_spec(name.replace("-", "_")) is None, BAD[name]


def audited(tmp_path: Path, capsys: pytest.CaptureFixture[str], told: object) -> tuple[int, str]:
    """Exit code and words of the audit where pip-audit tells this; None where it tells nothing."""
    program = tmp_path / "pip-audit"
    write = f"open(sys.argv[sys.argv.index('--output') + 1], 'w').write({json.dumps(told)!r})" if told else ""
    program.write_text(
        f"#!{sys.executable}\nimport sys\n{write}\nsys.stderr.write('no route to host\\n')\nsys.exit(1)\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(str(program)), capsys.readouterr().out


KNOWN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
FAULTY = {"name": "toml", "version": "0.10.2", "vulns": [{"id": "X-1", "fix_versions": ["0.10.3"]}]}
UNKNOWN = {"name": "torch", "version": "2.13.0", "skip_reason": "not found"}


def test_the_audit_tells_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert audited(tmp_path, capsys, {"dependencies": [KNOWN, UNKNOWN]}) == (
        0,
        "audit: 1 packages, 0 known vulnerabilities\naudit: not known to the index: torch\n",
    )
    code, said = audited(tmp_path, capsys, {"dependencies": [KNOWN, FAULTY]})
    assert code == 1 and "toml 0.10.2: X-1; mended in: 0.10.3" in said


@pytest.mark.parametrize("told", [None, {"dependencies": [UNKNOWN]}], ids=["no answer", "nothing known"])
def test_no_answer_is_no_all_clear_and_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], told: object
):
    code, said = audited(tmp_path, capsys, told)
    assert code == 0 and said.startswith("audit: nothing was audited") and "vulnerabilities" not in said
