"""Keep the dashboard's API types the ones that the API has: `make types` writes them, `make check` compares them."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "dashboard"
DOCUMENT, TYPES = DASHBOARD / "openapi.json", DASHBOARD / "src" / "api" / "schema.d.ts"
GENERATOR = DASHBOARD / "node_modules" / ".bin" / "openapi-typescript"

Action = Literal["check", "write"]


def main(action: Action) -> int:
    """Write both files, or compare them with what they would be; return 1 where they differ."""
    document = make_document()
    with tempfile.TemporaryDirectory(prefix="tunewell-types-") as folder:
        made = {DOCUMENT: document, TYPES: make_types(document, Path(folder))}
    if action == "write":
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the API says now: run `make types`", file=sys.stderr)
    return 1 if stale else 0


def make_document() -> str:
    """Return the OpenAPI document of the API as it is."""
    command = [sys.executable, "-m", "api", "openapi"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def make_types(document: str, folder: Path) -> str:
    """Return the TypeScript types of a document, made by openapi-typescript in a scratch folder."""
    source, target = folder / "openapi.json", folder / "schema.d.ts"
    source.write_text(document, encoding="utf-8")
    command = [str(GENERATOR), str(source), "--output", str(target), "--alphabetize"]
    subprocess.run(command, cwd=DASHBOARD, check=True, stdout=subprocess.DEVNULL)
    return target.read_text(encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit("usage: python -m scripts.api_types check|write")
    sys.exit(main("write" if sys.argv[1] == "write" else "check"))
