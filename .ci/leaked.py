"""Look for passwords and keys in every line that was ever added, in all commits behind this one.

python .ci/leaked.py      exit code 1 where there is one

Keys are known by their form, passwords by what they are assigned to or the address that they are
in. Texts that only look random are not: commits, digests and versions are such.

Left out are files whose business is something like a secret: examples in tests of what must never
be shown, emulators' keys, digests, and pictures and scripts inside notebooks.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings, transient_settings

LEFT_OUT = re.compile(r"^(tests|\.ci)/|\.(csv|json|svg|ipynb|png|gz)$|^docs/assets/")


def added() -> Iterator[tuple[str, str, str]]:
    """Commit, file and text of each line that a commit, or a merge on its own account, has added.

    Raises:
        SystemExit: If git does not tell.
    """
    command = ["git", "log", "--patch", "--unified=0", "--no-color", "--format=commit %h"]
    command += ["--diff-merges=remerge"]
    commit = file = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as log:
        for line in log.stdout or ():
            if line.startswith("commit "):
                commit = line.split()[1]
            elif line.startswith("+++ "):
                file = line[4:].strip().removeprefix("b/")
            elif line.startswith("+") and not LEFT_OUT.search(file):
                yield commit, file, line[1:].strip()
    if log.returncode:
        raise SystemExit(f"{' '.join(command)} failed, see above")


def main() -> int:
    """Say where something like a secret is; it is not printed."""
    seen: dict[str, tuple[str, str, str] | None] = {}
    lines = 0
    with default_settings() as defaults:
        known = [
            plugin for plugin in defaults.json()["plugins_used"] if "Entropy" not in plugin["name"]
        ]
    with transient_settings({"plugins_used": known}):
        for commit, file, text in added():
            lines += 1
            if text not in seen:
                kinds = sorted({secret.type for secret in scan_line(text)})
                seen[text] = (commit, file, ", ".join(kinds)) if kinds else None
    found = sorted({place for place in seen.values() if place})
    for place in found:
        print(*place)
    print(f"{lines} added lines looked at, {len(found)} places with something like a secret")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
