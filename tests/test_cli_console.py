"""Who may use a home, said and asked in the terminal; and the console, started and stopped."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from commands import detector, refused
from support import clock

from detector import access, config
from detector.access import Role
from detector.console import passwords
from detector.runs import open_doors

ME = access.user_name()
PASSWORD = "correct horse battery staple"


@pytest.fixture
def folder(night_home: Path, tmp_path: Path) -> Path:
    """A folder whose `detector-home` has a published night, and nobody named."""
    shutil.copytree(night_home, tmp_path / "detector-home")
    return tmp_path


def _name(folder: Path, settings: config.Settings, name: str, role: Role) -> None:
    with open_doors(folder / "detector-home", settings) as doors:
        doors.ledger.people.add(name, role, None, actor="test", now=clock())


def test_people_are_named_from_the_terminal(folder: Path) -> None:
    """Added with a password from standard input, listed without it, given another role, removed; each on record."""
    add = ["console", "add-user", "Ana", "--role", "senior-analyst", "--password", "-"]
    assert detector(*add, cwd=folder, stdin=f"{PASSWORD}\n") == (0, "ana is senior analyst\n", "")
    refused(*add, cwd=folder, stdin=f"{PASSWORD}\n", code=2, saying="found ana named already")
    code, out, _ = detector("console", "list-users", "--json", cwd=folder)
    assert code == 0
    assert '"senior analyst"' in out
    assert "argon2" not in out
    assert detector("console", "set-role", "ana", "--role", "auditor", cwd=folder)[1] == "ana is auditor\n"
    assert detector("console", "revoke", "ana", cwd=folder)[1] == "0 sessions of ana have ended\n"
    changed = detector("console", "set-password", "ana", "--password", "-", cwd=folder, stdin=f"{PASSWORD}!\n")
    assert changed[:2] == (0, "ana has another password\n")
    assert detector("console", "remove-user", "ana", cwd=folder)[0] == 0
    refused("console", "revoke", "ana", cwd=folder, code=4, saying="nobody called ana")


@pytest.mark.parametrize(
    ("said", "stdin", "saying"),
    [
        (["--role", "root", "--password", "-"], PASSWORD, "expected a role"),
        (["--role", "admin", "--password", "-"], "short", "at least 10 characters"),
        (["--role", "admin", "--password", PASSWORD], "", "a password on the command line is seen by others"),
    ],
)
def test_what_can_not_be_is_refused(folder: Path, said: list[str], stdin: str, saying: str) -> None:
    """With a sentence, and nobody is named."""
    refused("console", "add-user", "ana", *said, cwd=folder, stdin=stdin, code=2, saying=saying)
    assert "nobody is named" in detector("console", "list-users", cwd=folder)[1]


def test_once_anybody_is_named_who_is_not_is_nobody(folder: Path, settings: config.Settings) -> None:
    """Before, whoever has the home may do everything; after, every look and act at an account asks who it is."""
    account = detector("review", "list", cwd=folder)[1].split()
    with open_doors(folder / "detector-home", settings) as doors:
        digits = doors.ledger.cases.queue()[0].account
    assert account
    _name(folder, settings, "somebody.else", "owner")
    (folder / "ids.csv").write_text("account_id\na\n")
    for command in (
        ["review", "list"], ["review", "next"], ["review", "show", digits], ["review", "stats"], ["explain", digits],
        ["review", "decide", digits, "--verdict", "undecided"], ["audit", "who", digits], ["audit", "mine"],
        ["scores", "--for", "ids.csv"], ["scores"], ["promote"], ["evaluate", "--truth", "ids.csv"],
    ):  # fmt: skip
        refused(*command, cwd=folder, code=77, saying=f"named in this home, found '{ME}'")
    with open_doors(folder / "detector-home", settings) as doors:
        looks = [look for look in doors.ledger.looks(limit=100) if look.actor != "nightly"]
        assert {look.action for look in looks} == {"review: list", "people: add"}


def test_roles_hold_in_the_terminal(folder: Path, settings: config.Settings) -> None:
    """An analyst looks and decides, opens no names and reads no log; the refusals say which right is wanted."""
    _name(folder, settings, ME, "analyst")
    with open_doors(folder / "detector-home", settings) as doors:
        digits = doors.ledger.cases.queue()[0].account
    refused("explain", digits, "--unmask", "curious", cwd=folder, code=77, saying="open names, for a purpose")
    refused("review", "show", digits, "--unmask", "curious", cwd=folder, code=77, saying="open names, for a purpose")
    refused("audit", "who", digits, cwd=folder, code=77, saying="read who looked at whom")
    refused("review", "agree", digits, cwd=folder, code=77, saying="second person")
    assert detector("review", "decide", digits, "--verdict", "undecided", cwd=folder)[0] == 0
    code, out, _ = detector("audit", "mine", "--json", cwd=folder)
    assert code == 0
    assert "review: decided" in out


def test_the_console_serves_this_machine_until_it_is_told_to_stop(folder: Path) -> None:
    """It listens where it says, answers under no other name, and ends with the signal's code."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["from detector.cli import main; main()", "console", "--port", str(port)]
    served = subprocess.Popen([sys.executable, "-c", *command], cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert served.stderr is not None
        assert "nobody is named yet" in served.stderr.readline()
        assert f"http://127.0.0.1:{port}" in served.stderr.readline()
        page = _get(f"http://127.0.0.1:{port}/sign-in")
        assert "console add-user" in page
        with pytest.raises(urllib.error.HTTPError, match="400"):
            _get(f"http://127.0.0.1:{port}/sign-in", host="evil.example")
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=30)
    assert served.returncode in (0, 130)


def test_listening_everywhere_wants_a_name(folder: Path) -> None:
    """The names under which browsers may come are known, or it does not start."""
    refused("console", "--host", "0.0.0.0", cwd=folder, code=2, saying="expected public_url under [console]")


def _get(url: str, host: str = "") -> str:
    request = urllib.request.Request(url, headers={"host": host} if host else {})
    for _ in range(200):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")


def test_the_demo_names_who_runs_it_and_a_user_for_the_desk(
    night_home: Path, tmp_path: Path, settings: config.Settings
) -> None:
    """Both may do everything; the password is another each time, and only a hash of it is kept."""
    from detector import demo

    told = set()
    for number in range(2):
        home = tmp_path / str(number)
        shutil.copytree(night_home, home)
        with open_doors(home, settings) as doors:
            password = demo._name_people(doors, clock())
            assert password is not None
            assert passwords.is_right(password, doors.ledger.people.password_hash("desk.demo"))
            assert {person.name: person.role for person in doors.ledger.people.all()} == {
                ME: "owner",
                "desk.demo": "owner",
            }
        told.add(password)
    assert len(told) == 2


def test_who_brings_a_model_into_use_may_and_is_on_record(folder: Path, settings: config.Settings) -> None:
    """An analyst may not; an admin may, and the run says who it was."""
    _name(folder, settings, "somebody.else", "owner")
    _name(folder, settings, ME, "analyst")
    refused("promote", "1", cwd=folder, code=77, saying="bring a model into use")
    with open_doors(folder / "detector-home", settings) as doors:
        doors.ledger.people.set_role(ME, "admin", actor="test", now=clock())
    code, out, err = detector("promote", "1", cwd=folder)
    assert (code, out) == (0, "model 1 is in use\n"), err
    assert json.loads(detector("runs", "--json", cwd=folder)[1])[0]["record"]["actor"] == ME
