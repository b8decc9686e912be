"""Refusal of a result with too many failed photos."""

from collections.abc import Mapping

from maskgen.errors import HARMLESS_REASONS, TooManyFailures


def refuse_failures(out: str, photos: int, skipped: Mapping[str, int], allowed: float, advice: str) -> None:
    """Refuses a result with too many failed photos.

    A photo skipped for its faces (too small, turned away) or as a copy does not count as failed. A photo that crashed
    its worker counts as failed whatever the fraction, unless `allowed` is 1.

    Args:
        out: the target folder.
        photos: number of photos.
        skipped: reason -> number of photos.
        allowed: fraction of the photos that may fail.
        advice: what to do, for the message.

    Raises:
        TooManyFailures: more failed, or a photo crashed its worker.
    """
    failed = {reason: n for reason, n in skipped.items() if reason not in HARMLESS_REASONS}
    count = sum(failed.values())
    if count / max(photos, 1) > allowed or ("poison" in failed and allowed < 1):
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(failed.items()))
        raise TooManyFailures(f"{out}: done, but {count} of {photos} photos failed ({reasons}); {advice}")
