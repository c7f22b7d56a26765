"""`detector.pictures`: what is drawn is a picture, whatever there is to draw."""

import io

import polars as pl
from matplotlib import image

from detector import evaluation, pictures


def _found(labels: list[str]) -> evaluation.Evaluation:
    n = len(labels)
    truth = pl.DataFrame({"account": range(n), "kind": [f"kind of {label}" for label in labels], "label": labels})
    scores = pl.DataFrame({"account": range(n), "score": [float(i % 5) for i in range(n)]})
    features = scores.select("account", devices=pl.col("account") % 3)
    return evaluation.evaluate(scores, truth, features, draws=10)


def _opened(png: bytes) -> tuple[int, int, int]:
    """Height, width and number of colours."""
    pixels = image.imread(io.BytesIO(png), format="png")
    return pixels.shape[0], pixels.shape[1], len({tuple(row) for row in pixels.reshape(-1, pixels.shape[2]).tolist()})


def test_the_picture_opens() -> None:
    """It is a PNG of a readable size with more on it than two colours."""
    height, width, colours = _opened(pictures.draw(_found(["abuse"] * 5 + ["benign"] * 15)))
    assert width > 1000
    assert height > 250
    assert colours > 10


def test_more_kinds_need_more_room() -> None:
    """Each kind has a line of its own: the picture grows with them."""
    truth = pl.DataFrame({"account": range(20), "kind": [f"kind {i}" for i in range(20)], "label": "abuse"})
    truth = truth.with_columns(label=pl.when(pl.col("account") < 2).then(pl.lit("benign")).otherwise("label"))
    scores = pl.DataFrame({"account": range(20), "score": [float(i) for i in range(20)]})
    many = evaluation.evaluate(scores, truth, scores.select("account", devices=1), draws=5)
    assert _opened(pictures.draw(many))[0] > _opened(pictures.draw(_found(["abuse", "benign"])))[0] + 300


def test_nothing_to_draw_is_drawn() -> None:
    """Where there is nobody of a class, its half stays empty."""
    for labels in (["benign"] * 3, ["abuse"] * 3):
        assert _opened(pictures.draw(_found(labels)))[1] > 1000
