"""Measures restoring by a second photo on people of whom several photos are known.

    unmask gen-data --src LFW --size 0 --format png --seed 8 --out data/shards/reference-lfw
    python -m benchmarks.reference data/shards/reference-lfw [--split test] [--pairs 240] [--sheet reference.png]

One photo of a person is masked, another one is the reference, and a third one the judge: the distance to it by dlib's
network (the extra `eval`) is compared for the masked photo, the network's result, the result by reference, and the bare
photo. Intervals are a bootstrap over people. `--checks` also measures how many right and wrong references are refused.
"""

import argparse
import io
import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from maskgen.errors import InputError
from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import RGBImage
from unmasknet import Unmasker
from unmasknet.metrics import realism
from unmasknet.metrics.identity import Identity, build_identity
from unmasknet.restore.face_window import window_of
from unmasknet.restore.reference.same_person import LIMIT, PersonCheck, SeenFace, points_of

DRAWS = 2000  # of the bootstrap
NEAR = 20.0  # degrees; largest difference in yaw of pairs that count as near
ROWS, TILE = 50, 170  # of the sheet
METHODS = ("masked", "network", "reference", "bare")


@dataclass(frozen=True)
class Shot:
    """Sample of a data set: one photo of a person with and without a mask."""

    key: str
    masked: RGBImage
    bare: RGBImage
    hole: np.ndarray
    mesh: Mesh
    yaw: float


Pair = tuple[str, Shot, Shot, Shot]  # person, target, reference, judge


def main() -> None:
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--pairs", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--checks", action="store_true")
    chosen = parser.parse_args()
    people = shots_of(chosen.data, chosen.split)
    pairs = draw_pairs(people, chosen.pairs, chosen.seed)
    summary = {"split": chosen.split, **measure(pairs, chosen.jobs, chosen.sheet)}
    if chosen.checks:
        summary["checks"] = measure_checks(pairs, Unmasker.from_pretrained(threads=1), chosen.seed)
    print(json.dumps(summary, indent=1))


def shots_of(data: Path, split: str) -> dict[str, list[Shot]]:
    """Reads the samples of a split, by person."""
    people: dict[str, list[Shot]] = defaultdict(list)
    for path in sorted(data.glob(f"{split}-*.tar")):
        members: dict[str, dict[str, bytes]] = defaultdict(dict)
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, ending = member.name.partition(".")
                members[key][ending.partition(".")[0]] = tar.extractfile(member).read()  # type: ignore[union-attr]
        for key, parts in members.items():
            labels = json.loads(parts["json"])
            face = labels["faces"][0]
            if face["scheme"] != "mesh468" or not labels["identity"]:
                continue
            mesh = np.zeros((468, 3), np.float32)
            mesh[:, :2] = np.array(face["landmarks"], np.float32)[:468, :2]
            masked, bare, hole = (_decoded(parts[name]) for name in ("masked", "gt", "map"))
            shot = Shot(
                key, masked, bare, hole.reshape(*hole.shape[:2], -1)[..., 0] > 0, mesh, face["pose"]["yaw"]
            )
            people[labels["identity"]].append(shot)
    return people


def draw_pairs(people: dict[str, list[Shot]], most: int, seed: int) -> list[Pair]:
    """Draws (person, target, reference, judge): each photo of a person is the target at most once."""
    pairs = [
        (person, shot, shots[(number + 1) % len(shots)], shots[(number + 2) % len(shots)])
        for person, shots in sorted(people.items())
        if len(shots) >= 3
        for number, shot in enumerate(shots)
    ]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[place] for place in order[:most]]


def measure(pairs: Sequence[Pair], jobs: int, sheet: Path | None) -> dict[str, object]:
    """Restores every pair, and summarises the scores."""
    rows: list[dict[str, float]] = []
    people: list[str] = []
    refused: list[str] = []
    tiles: list[RGBImage] = []
    with get_context("spawn").Pool(jobs, _start) as pool:
        for number, (person, scores, refusal, tile) in enumerate(pool.imap(_measured, pairs), 1):
            print(f"{number} of {len(pairs)}", end="\r", file=sys.stderr)
            if refusal:
                refused.append(refusal)
                continue
            rows.append(scores)
            people.append(person)
            if len(tiles) < ROWS:
                tiles.append(tile)
    if sheet:
        rows_of_two = [np.hstack(tiles[at : at + 2]) for at in range(0, len(tiles) - 1, 2)]
        Image.fromarray(np.vstack(rows_of_two)).save(sheet)
    return {"pairs": len(rows), "people": len(set(people)), "refused": refused, **_summary(rows, people)}


def _start() -> None:
    """Loads the networks of a worker."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _tools.append((Unmasker.from_pretrained(threads=1), _face_network()))


_tools: list[tuple[Unmasker, Identity]] = []


def _face_network() -> Identity:
    network = build_identity("dlib")
    assert network is not None
    return network


def _measured(pair: Pair) -> tuple[str, dict[str, float], str, RGBImage]:
    """Returns the person, the scores, why there are none, and the images of a pair."""
    person, target, reference, judge = pair
    unmasker, network = _tools[0]
    try:
        restored = unmasker(target.masked, references=[reference.bare], force=True)
    except InputError as error:
        return person, {}, f"{reference.key}: {error}", target.masked
    if not restored.by_reference:
        return person, {}, f"{target.key}: {restored.said}", target.masked
    plain = unmasker(target.masked)
    shown = target.masked, plain.picture, restored.picture, target.bare
    scores = _scores(dict(zip(METHODS, shown, strict=True)), target, reference, judge, network)
    crops = [_cut(image, target.mesh) for image in shown]
    return person, scores, "", np.hstack([crops[0], _cut(reference.bare, reference.mesh), *crops[1:]])


def _scores(
    results: dict[str, RGBImage], target: Shot, reference: Shot, judge: Shot, network: Identity
) -> dict[str, float]:
    """Scores the results of one pair."""
    goal = network.embed(judge.bare, points_of(judge.mesh))
    scores = {
        f"distance {name}": _distance(network.embed(one, points_of(target.mesh)), goal)
        for name, one in results.items()
    }
    scores["yaw"] = abs(target.yaw - reference.yaw)
    hole = torch.from_numpy(target.hole.astype(np.float32))[None, None]
    truth = _tensor(target.bare)
    for name in ("network", "reference"):
        error = (results[name].astype(float) - target.bare)[target.hole] ** 2
        scores[f"psnr {name}"] = float(10 * np.log10(255**2 / error.mean()))
        scores[f"tone {name}"] = float(realism.tone(_tensor(results[name]), truth, hole))
        for number, band in enumerate(realism.BANDS, 1):
            scores[f"detail {number} {name}"] = float(
                realism.detail(_tensor(results[name]), truth, hole, band)
            )
    return scores


def _summary(rows: Sequence[dict[str, float]], people: Sequence[str]) -> dict[str, object]:
    """Computes means and 95 % confidence intervals, by a bootstrap over people."""
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    near = table.pop("yaw") <= NEAR
    names, codes = np.unique(people, return_inverse=True)
    groups = [np.flatnonzero(codes == code) for code in range(len(names))]
    rng = np.random.default_rng(0)
    draws = [
        np.concatenate([groups[one] for one in rng.integers(len(groups), size=len(groups))])
        for _ in range(DRAWS)
    ]
    found = {
        name: _interval(lambda at, of=values: np.nanmean(of[at]), draws, len(rows))
        for name, values in table.items()
    }
    masked, network, by_reference, bare = (table[f"distance {name}"] for name in METHODS)
    found["gain over network"] = _interval(lambda at: (network - by_reference)[at].mean(), draws, len(rows))
    found["way from masked to bare"] = _interval(
        lambda at: (masked - by_reference)[at].mean() / (masked - bare)[at].mean(), draws, len(rows)
    )
    found["nearer than network"] = _interval(lambda at: (by_reference < network)[at].mean(), draws, len(rows))
    of_near = table["psnr reference"]
    found["psnr reference, near"] = _interval(
        lambda at: of_near[at][near[at]].mean() if near[at].any() else np.nan, draws, len(rows)
    )
    return {"near": int(near.sum()), **found}


def _interval(
    value: Callable[[np.ndarray], float], draws: Sequence[np.ndarray], count: int
) -> dict[str, float]:
    low, high = np.nanpercentile([value(draw) for draw in draws], (2.5, 97.5))
    return {
        "value": round(float(value(np.arange(count))), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def measure_checks(pairs: Sequence[Pair], unmasker: Unmasker, seed: int) -> dict[str, object]:
    """Measures the distances of right and wrong references, and the fractions above `LIMIT`."""
    check, rng = PersonCheck(), np.random.default_rng(seed)
    right, wrong = [], []
    for person, target, reference, _ in pairs:
        face = _seen(target, unmasker)
        if face is None:
            continue
        other = reference
        while other.key == reference.key:
            candidate = pairs[rng.integers(len(pairs))]
            other = candidate[2] if candidate[0] != person else reference
        for shot, found in ((reference, right), (other, wrong)):
            try:
                loaded = unmasker.load_references([shot.bare]).usable[0]
            except InputError:
                continue
            found += check.distances(face, [loaded])
    return {
        "limit": LIMIT,
        "right refused": round(float(np.mean(np.array(right) > LIMIT)), 4),
        "wrong refused": round(float(np.mean(np.array(wrong) > LIMIT)), 4),
        "right": [round(float(value), 4) for value in np.percentile(right, (50, 90, 95, 97, 99))],
        "wrong": [round(float(value), 4) for value in np.percentile(wrong, (1, 3, 5, 10, 50))],
    }


def _seen(target: Shot, unmasker: Unmasker) -> SeenFace | None:
    """Returns what the check sees of a target: its photo, the network's result, and the mesh on it."""
    plain = unmasker(target.masked)
    worn = [face for face in plain.faces if face.masked]
    if not plain.changed or not worn:
        return None
    finder = unmasker._restorer.meshes
    for face in unmasker.find_faces(target.masked):
        window = window_of(face.place, *target.masked.shape[:2])
        if face.box == worn[0].box and window and (mesh := finder.find(plain.picture, window)) is not None:
            return SeenFace(target.masked, plain.picture, mesh)
    return None


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


def _tensor(image: RGBImage) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def _cut(image: RGBImage, mesh: Mesh) -> RGBImage:
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    scale = TILE / (float((high - low).max()) * 1.35)
    x, y = ((low + high) / 2).tolist()
    matrix = np.array([[scale, 0, TILE / 2 - x * scale], [0, scale, TILE / 2 - y * scale]])
    return cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_CUBIC)


if __name__ == "__main__":
    main()
