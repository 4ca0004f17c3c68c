"""How long `callwright --help` takes, against a Python that does nothing.

Run: python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time

HELP = "from callwright.cli.main import main; main()"


def seconds(*command: str, runs: int = 5) -> float:
    """The shortest of a few runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    seconds(sys.executable, "-c", HELP, "--help", runs=1)  # writes the byte code
    bare = seconds(sys.executable, "-c", "pass")
    answered = seconds(sys.executable, "-c", HELP, "--help")
    print(f"python -c pass {bare:.3f} s, callwright --help {answered:.3f} s, ratio {answered / bare:.1f}")


if __name__ == "__main__":
    main()
