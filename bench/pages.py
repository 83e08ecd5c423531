"""`python -m bench.pages`: the results that are kept as tables of docs/explanation/performance.md."""

import json
import re
import sys
from pathlib import Path

from bench.report import RESULTS, tables

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
SIZES = {
    "1000000": "One million audiences",
    "10000000": "Ten million audiences",
    "importing-1000000": "Imports of one million audiences",
    "importing-5000000": "Imports of five million audiences",
}


def page(text: str) -> str:
    """The page with what was measured in the place of what stood after its title of that size."""
    for size, title in SIZES.items():
        path = RESULTS / f"{size}.json"
        if path.exists():
            parts = json.loads(path.read_text())
            # What a part says of the machine differs by other work on it alone.
            said = [f"{name}: {part['date']}, {part['machine']}." for name, part in parts.items()]
            body = "\n\n".join(["\n".join(f"- {each}" for each in said), tables(parts)])
            text = re.sub(
                rf"(## {title}\n).*?(?=\n## |\Z)", lambda found, body=body: f"{found[1]}\n{body}", text, flags=re.S
            )
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.stdout.write(f"{PAGE}\n")
