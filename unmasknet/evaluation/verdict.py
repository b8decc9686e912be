"""Verdict of an evaluation in words: what the scores say, beside the best trivial baseline and other methods."""

from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.table import with_interval

TRIVIAL = ("masked input", "mean fill", "mean face", "telea")


def verdict(summary: Summary) -> list[str]:
    """Says in one line each how good restoring and the map are; a line about the baselines without weights."""
    lines = [*_restoring(summary), *_map(summary)]
    return lines or [_baselines(summary)]


def _restoring(summary: Summary) -> list[str]:
    score = summary["hole"]["psnr"]
    baselines = _scored(summary)
    if score is None or not baselines:
        return []
    best = max(baselines, key=baselines.__getitem__)
    lead = score - baselines[best]
    interval = summary["ci95"].get(f"hole.psnr minus {best}")
    said = f"{with_interval(lead, interval, 'psnr', sign=True)} dB over {best}, the best trivial baseline"
    if interval and interval[0] > 0:
        lines = [f"Restoring beats every trivial baseline inside the hole: {said}."]
    elif interval and interval[1] < 0:
        lines = [f"Restoring is worse than a trivial baseline inside the hole: {said}."]
    else:
        lines = [f"Restoring is not shown to beat every trivial baseline inside the hole: {said}."]
    return lines + [_against(summary, name) for name in summary["compare"] if name in summary["ahead"]]


def _against(summary: Summary, name: str) -> str:
    gain, interval = summary["ahead"][name]["psnr"], summary["ci95"].get(f"hole.psnr minus {name}")
    sure = interval and (interval[0] > 0 or interval[1] < 0)
    doubt = "" if sure else " (no significant difference)"
    return f"Against {name}: {with_interval(gain, interval, 'psnr', sign=True)} dB{doubt}."


def _map(summary: Summary) -> list[str]:
    dice = summary["map"]["dice"]
    if dice is None:
        return []
    return [
        f"The map of the mask has a Dice of {with_interval(dice, summary['ci95'].get('map.dice'), 'ssim')}."
    ]


def _baselines(summary: Summary) -> str:
    baselines = _scored(summary)
    if not baselines:
        return "Nothing was restored, and no map was predicted."
    best = max(baselines, key=baselines.__getitem__)
    return f"Only trivial baselines are scored; the best is {best}, hole PSNR {baselines[best]:.2f} dB."


def _scored(summary: Summary) -> dict[str, float]:
    """Returns the hole PSNR of each trivial baseline that has one, in dB."""
    found = {name: summary["baselines"].get(name, {}).get("hole", {}).get("psnr") for name in TRIVIAL}
    return {name: value for name, value in found.items() if value is not None}
