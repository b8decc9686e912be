"""Rows 500 and 501 of docs/faults.md: arguments that cannot be meant, and results that share memory with the input."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from maskgen.errors import InputError, UsageError
from maskgen.frames_settings import FramesSettings
from maskgen.masks.library import built_in
from maskgen.masks.spec import parse_spec, parse_wear
from maskgen.settings import RunSettings
from tests.helpers.restoring import ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.cli.bench import worker_numbers
from unmasknet.restore.unmasker import Unmasker

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[3]
CALLS = {
    "threads=-1": "--threads -1",
    "threads=1.5": "--threads 1.5",
    "threads=True": "--threads True",
    "threads=None": "--threads None",
    "device=None": "--device None",
    "device=''": "--device",
    "runtime=None": "--runtime None",
    "weights=None": "weights: got None",
    "weights=[]": "--weights",
    "weights=['']": "--weights",
    "weights=[None]": r"weights: got \[None\]",
    "weights=3": "weights: got 3",
}


def test_row500_arguments_that_cannot_be_meant_are_refused_by_their_value():
    """Runs without the type checks of the tests, as users do."""
    code = (
        "import re\n"
        "from maskgen.errors import UsageError\n"
        "from unmasknet import Unmasker\n"
        f"for given, words in {CALLS!r}.items():\n"
        "    try:\n"
        "        eval(f'Unmasker.from_pretrained({given})')\n"
        "    except UsageError as error:\n"
        "        assert re.match(words, str(error)) and '\\n' not in str(error), (given, str(error))\n"
        "    else:\n"
        "        raise SystemExit(f'{given} was accepted')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("faces", [(), (face_at(100, 120, 160),)])
def test_row500_an_unchanged_picture_is_a_copy_that_may_be_written(faces):
    photo = draw_photo(240, 200)
    kept = photo.copy()
    restored = Unmasker(ToyNetworks(), fixed_detector(*faces))(photo)
    assert np.array_equal(restored.picture, kept)
    assert not np.shares_memory(restored.picture, photo)
    restored.picture[:] = 0
    assert np.array_equal(photo, kept)


@pytest.mark.parametrize("digits", ["\u0661", "\uff11", "\u00b2", "\u0967", "1" * 400])
def test_row501_only_the_digits_0_to_9_make_numbers(digits):
    library = built_in()
    for text in (f"surgical:{digits}", f"surgical@.{digits}"):
        with pytest.raises(InputError):
            parse_spec(text, library)
    with pytest.raises(InputError):
        parse_wear(f"nose:{digits}")
    with pytest.raises(ValidationError):
        RunSettings(shards=f"0::{digits}")
    with pytest.raises(ValidationError):
        FramesSettings(start=f"1:{digits}")
    with pytest.raises(ValidationError):
        FramesSettings(faces=f"p{digits}")
    with pytest.raises(UsageError):
        worker_numbers(f"0,{digits}")
