"""Ask the index about known vulnerabilities of what constraints.txt pins: `make audit`.

Where the index cannot be asked, that is said and nothing fails: no answer is no all-clear.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

PINNED = Path(__file__).with_name("constraints.txt")


def main(program: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        options = [
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "--format",
            "json",
            "--output",
            told,
        ]
        ran = subprocess.run([program, "-r", PINNED, *options], capture_output=True, text=True, check=False)
        try:
            packages = json.loads(told.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError):
            said = next((line for line in reversed(ran.stderr.splitlines()) if line.strip()), "no word")
            print(f"audit: nothing was audited, the index could not be asked: {said[:200]}")
            return 0
    found = [(one["name"], one["version"], fault) for one in packages for fault in one.get("vulns", ())]
    passed_over = [one["name"] for one in packages if "skip_reason" in one]
    for name, version, fault in found:
        mended = ", ".join(fault["fix_versions"]) or "none yet"
        print(f"audit: {name} {version}: {fault['id']}; mended in: {mended}")
    asked = len(packages) - len(passed_over)
    if not asked:  # pip-audit itself calls this "no known vulnerabilities"
        print(f"audit: nothing was audited, the index knows none of the {len(packages)} packages")
        return 0
    print(f"audit: {asked} packages, {len(found)} known vulnerabilities")
    if passed_over:
        print(f"audit: not known to the index: {', '.join(passed_over)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
