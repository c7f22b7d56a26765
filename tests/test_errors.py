"""The exception tree and its exit codes."""

import pytest

from detector import errors
from detector.errors import DetectorError

REFUSALS = [
    thing
    for thing in vars(errors).values()
    if isinstance(thing, type) and issubclass(thing, DetectorError) and thing is not DetectorError
]


def test_exit_codes_are_the_published_ones() -> None:
    """Schedulers act on these numbers: they never change, and no two refusals share one."""
    assert {refusal.__name__: refusal.exit_code for refusal in REFUSALS} == {
        "SettingsError": 2,
        "GateError": 3,
        "InputError": 4,
        "IntegrityError": 5,
        "NoChampionError": 6,
        "BusyError": 75,
        "DeniedError": 77,
    }


def test_what_is_no_known_refusal_ends_as_unexpected() -> None:
    """A bare refusal ends with 1, as a bug does; 0 is success and belongs to none."""
    assert DetectorError.exit_code == 1


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_its_sentence(refusal: type[DetectorError]) -> None:
    """What is printed is the sentence and nothing else, and one `except DetectorError` catches them all."""
    sentence = "expected a file, found 😀; look again"
    with pytest.raises(DetectorError) as refused:
        raise refusal(sentence)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_no_error_of_python_itself(refusal: type[DetectorError]) -> None:
    """Code that passes over an OSError or a ValueError does not pass over a refusal."""
    assert not issubclass(refusal, (OSError, ValueError, LookupError, RuntimeError))
    assert refusal.__doc__
