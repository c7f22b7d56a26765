"""Write `docs/features.md` from the catalogue; a test holds the two together."""

import json
from pathlib import Path

from detector.features import FAMILIES, Feature

_READABLE = 200  # characters of an example


def page() -> str:
    """The whole catalogue as Markdown."""
    lines = [
        "# Features",
        "",
        "Generated from the catalogue by `make docs`. Higher is more suspicious, everywhere. An example is some days "
        "of an account, as `features.window_of` takes them, and the value that they give.",
    ]
    for family in FAMILIES:
        lines += ["", f"## {family.__name__}", "", str(family.__doc__).strip()]
        for feature in family.features:
            lines += ["", *_feature(feature)]
    return "\n".join(lines) + "\n"


def _feature(feature: Feature) -> list[str]:
    return [
        f"### `{feature.name}` ({feature.unit})",
        "",
        feature.says,
        "",
        f"- null: {feature.missing}"
        + ("" if feature.missing == "never" else "; the model is then given what is typical"),
        f"- telling alone: {'yes' if feature.telling else 'no'}",
        f"- may be innocent: {', '.join(feature.innocent)}",
        f"- a reviewer reads: {feature.when_high}",
        *_example(feature),
    ]


def _example(feature: Feature) -> list[str]:
    """The shortest example with a value other than nought, where one is short enough to be read."""
    told = [(json.dumps(rows), value) for rows, value in feature.examples if value]
    written, value = min(told, key=lambda example: len(example[0]), default=("", None))
    return [f"- for example: `{written}` → {value:g}"] if value and len(written) <= _READABLE else []


if __name__ == "__main__":
    Path(__file__).with_name("features.md").write_text(page(), encoding="utf-8")
