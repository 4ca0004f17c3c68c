"""Runs a command until it ends, or until whoever started us is gone: python watch.py COMMAND ..."""

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    threading.Thread(target=_until_alone, daemon=True).start()
    try:
        code = subprocess.call(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]} cannot be started ({error.strerror})", file=sys.stderr)
        return 127
    return code if code >= 0 else 128 - code


def _until_alone() -> None:
    # Nothing is ever written to this pipe; it ends with the process that holds its other end.
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
