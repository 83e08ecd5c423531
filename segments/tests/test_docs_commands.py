"""docs/reference/commands.md has every command, option, reject code and exit code."""

import argparse
import re
import signal

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from segments.importing import readers
from segments.importing.receipt import BUCKETS
from segments.management import endings, imports

PAGE = (settings.BASE_DIR / "docs" / "reference" / "commands.md").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
OURS = sorted(name for name, app in get_commands().items() if app == "segments")


def options_of(command: BaseCommand) -> list[argparse.Action]:
    own = command.create_parser("manage.py", "x")._actions
    everybodys = {action.dest for action in BaseCommand().create_parser("manage.py", "x")._actions}
    return [action for action in own if action.dest not in everybodys]


@pytest.mark.parametrize("name", OURS)
def test_it_has_the_command_with_all_its_options(name):
    section = SECTIONS[name]

    for action in options_of(load_command_class("segments", name)):
        told = action.option_strings or ([f"`{choice}`" for choice in action.choices] if action.choices else [])
        for option in told:
            assert re.search(rf"{re.escape(option)}(?![\w-])", section), option


def test_it_has_no_command_or_option_that_is_not_there():
    options = {
        option
        for name in OURS
        for action in options_of(load_command_class("segments", name))
        for option in action.option_strings
    }

    assert sorted(SECTIONS) == sorted([*OURS, "Imports"])
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) - {"--help"} == options


def test_it_defines_the_receipt():
    for word in (*BUCKETS, "lines", "reasons"):
        assert f"`{word}`" in SECTIONS["Imports"]
    for fault in (readers.LINE_TOO_LONG, readers.NOT_UTF8, readers.NULL_CHARACTER, readers.BROKEN_QUOTES):
        assert f"`{fault.code}`" in SECTIONS["Imports"]
    interrupted = endings.SIGNALLED + signal.SIGINT
    for code in (0, imports.SOME_REJECTED, imports.REFUSED, imports.FAILED, interrupted, endings.READER_HAS_GONE):
        assert f"\n| {code} | " in SECTIONS["Imports"]
