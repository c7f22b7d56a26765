"""Write `docs/features.md` from the catalogue; a test holds the two together."""

from pathlib import Path

from detector.features import FAMILIES, Feature


def page() -> str:
    """The whole catalogue as Markdown."""
    lines = ["# Features", "", "Generated from the catalogue by `make docs`. Higher is more suspicious, everywhere."]
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
    ]


if __name__ == "__main__":
    Path(__file__).with_name("features.md").write_text(page(), encoding="utf-8")
