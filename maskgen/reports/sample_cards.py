"""Sections of a page about a data set: charts, cards of samples, skipped photos. Pure functions that return HTML."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

from maskgen.dataset.reader import Encoded, Labels, Skipped, mask_name, posed, worn
from maskgen.dataset.skipped_thumbnails import SIDE, shrink
from maskgen.errors import SKIP_REASONS
from maskgen.images.codecs import encode_jpeg
from maskgen.images.contact_sheet import PARTS, AnyPicture, overlay_parts
from maskgen.reports.html import Axis, data_uri, esc, histogram, pose_dial, shares
from maskgen.types import BARE, RGBImage

EMBED_SIDE = 400  # pixels; larger images are reduced before they are embedded in the page
EMBED_QUALITY = 88
YAW = Axis(range(-80, 81, 10), range(-60, 61, 30), "°")
PITCH = Axis(range(-45, 46, 5), range(-30, 31, 15), "°")
HOLE = Axis(range(0, 61, 2), range(0, 61, 20), " %")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
VIEWS = {
    "compare": "true",
    "photo": "false",
    "masked": "false",
    "map": "false",
    "all": "false",
}  # name of the view: whether its button is pressed
FILTERS = ("family", "wear", "split")
ORDERS = (
    ("", "as drawn"),
    ("yaw", "yaw, left to right"),
    ("pitch", "pitch, down to up"),
    ("hole", "hole, small to large"),
)


def charts(facts: Iterable[Labels]) -> str:
    """Draws charts of families, wear, splits, head pose and hole size."""
    rows = list(facts)
    poses = [posed(labels) for labels in rows]
    masks = [face["mask"] for labels in rows for face in labels["faces"]]
    return (
        '<div class="charts">'
        + shares("Families", Counter(mask["family"] for mask in masks))
        + shares("Wear", Counter(mask["wear"] for mask in masks if mask["wear"]))
        + shares("Splits", Counter(labels["split"] for labels in rows))
        + histogram("Yaw", [yaw for yaw, _, _ in poses], YAW)
        + histogram("Pitch", [pitch for _, pitch, _ in poses], PITCH)
        + histogram("Hole, fraction of the crop", [100 * float(labels["hole"]) for labels in rows], HOLE)
        + "</div>"
    )


def filters(samples: Sequence[Encoded]) -> str:
    """Builds the bar of views, filters and orders; every filter button shows its number of cards."""
    views = "".join(
        f'<button class="chip" type="button" data-view-name="{view}" aria-pressed="{pressed}">{view}</button>'
        for view, pressed in VIEWS.items()
    )
    groups = "".join(
        _chips(name, Counter(_tags(sample.labels)[name] for sample in samples)) for name in FILTERS
    )
    orders = "".join(f'<option value="{value}">{text}</option>' for value, text in ORDERS)
    return (
        f'<div class="filters"><fieldset><legend>view</legend>{views}</fieldset>{groups}'
        f'<label><span class="label">order</span><select>{orders}</select></label><output></output></div>'
    )


def _tags(labels: Labels) -> dict[str, str]:
    mask = worn(labels)
    wear = str(mask.get("wear", "")) or "no mask"
    return {"family": str(mask["family"]), "wear": wear, "split": str(labels["split"])}


def _chips(name: str, counts: Counter[str]) -> str:
    if len(counts) < 2:
        return ""
    chips = "".join(
        f'<button class="chip" type="button" aria-pressed="false" data-filter="{name}" data-value="{esc(value)}">'
        f"{esc(value)} <small>{count}</small></button>"
        for value, count in sorted(counts.items())
    )
    return f"<fieldset><legend>{name}</legend>{chips}</fieldset>"


def cards(samples: Sequence[Encoded]) -> str:
    """Builds a grid with one card per sample: images to compare, head pose, mask and source."""
    return f'<div class="cards" data-view="compare">{"".join(card(sample) for sample in samples)}</div>'


def card(sample: Encoded) -> str:
    """Builds one sample's card. It shows the masked image until the pointer or the arrow keys draw the mask aside."""
    labels, mask, (yaw, pitch, roll) = sample.labels, worn(sample.labels), posed(sample.labels)
    name = mask_name(mask)
    tags = "".join(f' data-{key}="{esc(value)}"' for key, value in _tags(labels).items())
    swatch = (
        f'<span class="swatch" style="background:{mask["colour"]}"></span>'
        if COLOUR.fullmatch(str(mask.get("colour", "")))
        else ""
    )
    return (
        f'<article class="card" id="{esc(sample.key)}"{tags} data-yaw="{yaw:.2f}" data-pitch="{pitch:.2f}" '
        f'data-hole="{float(labels["hole"]):.4f}" data-facts="{esc(json.dumps(facts(sample)))}">'
        f'<div class="compare" tabindex="0" role="button" aria-label="Compare, Enter opens: {esc(name)}">'
        f"{_pictures(sample, name)}"
        '<span class="edge"></span><span class="badge left">photo</span><span class="badge right">masked</span>'
        f"{pose_dial(yaw, pitch, roll)}</div>"
        f'<div class="text"><h3>{swatch}<span class="name">{esc(name)}</span>'
        f'<span class="split">{esc(labels["split"])}</span></h3>'
        f"<p>{esc(_tags(labels)['wear'])} · yaw {round(yaw)}° · hole {float(labels['hole']):.0%}</p>"
        f'<p class="id" title="{esc(labels["source"])}">{esc(labels["source"])}</p></div></article>'
    )


def facts(sample: Encoded) -> list[tuple[str, str]]:
    """Lists the names and values of a sample's detailed view."""
    labels = sample.labels
    rows = [
        ("key", sample.key),
        ("source", str(labels["source"])),
        ("identity", str(labels["identity"]) or "not known"),
    ]
    for face in labels["faces"]:
        mask, pose = face["mask"], face["pose"]
        turned = f"yaw {pose['yaw']:.1f}°, pitch {pose['pitch']:.1f}°, roll {pose['roll']:.1f}°"
        rows += [("mask", _described(mask)), ("head pose", turned)]
    rows.append(("hole", f"{float(labels['hole']):.1%} of the crop"))
    rows.append(("inside the photo", f"{float(labels['valid']):.1%} of the crop"))
    rows.append(("terms", str(labels["terms"]) or "not stated"))
    return rows


def _described(mask: dict[str, Any]) -> str:
    """Describes a mask on one line."""
    if mask["family"] == BARE.family:
        return "none, the face is bare"
    colour = mask["colour"] or "own colour"
    return f"{mask_name(mask)}, {colour}, strength {mask['strength']:g}, worn {mask['wear']}"


def _pictures(sample: Encoded, name: str) -> str:
    pixels = sample.decode()
    layer = Image.fromarray(overlay_parts(pixels["parts"]), "RGBA")
    layer.thumbnail((EMBED_SIDE, EMBED_SIDE), Image.Resampling.NEAREST)
    return (
        f'<img class="gt" alt="photo" src="{_embedded(sample, "gt", pixels["gt"])}">'
        f'<img class="masked" alt="with {esc(name)}" src="{_embedded(sample, "masked", pixels["masked"])}">'
        f'<img class="parts" alt="map" src="{data_uri(_png(layer), "png")}">'
    )


def _embedded(sample: Encoded, role: str, pixels: RGBImage) -> str:
    """Embeds the member unchanged if it is a small JPEG, else a JPEG reduced to `EMBED_SIDE`."""
    data, suffix = sample.member(role)
    if suffix == "jpg" and max(pixels.shape[:2]) <= EMBED_SIDE:
        return data_uri(data, "jpeg")
    return data_uri(encode_jpeg(shrink(pixels, EMBED_SIDE), EMBED_QUALITY), "jpeg")


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.quantize(8).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def legend() -> str:
    """Builds the legend of the map's colours."""
    items = "".join(
        f'<span><i style="background:var(--{name})"></i>{name}</span>' for name in reversed(PARTS)
    )
    return f'<p class="legend">map: {items}</p>'


def closer_look() -> str:
    """Builds the dialog that a card opens; the page's script fills it."""
    return (
        '<dialog><div class="bar"><h3></h3><button class="back" type="button" aria-label="previous">←</button>'
        '<button class="next" type="button" aria-label="next">→</button>'
        '<button class="close" type="button">close</button></div>'
        '<div class="trio"></div><dl class="facts"></dl></dialog>'
    )


def skips(counts: Mapping[str, int], shown: Sequence[tuple[Skipped, AnyPicture | None]]) -> str:
    """Builds the section of skipped photos: counts per reason, and the shown ones with their thumbnails."""
    total = sum(counts.values())
    if not total:
        return '<h2 id="skipped">Skipped photos</h2><p class="faint">None: every photo gave a sample.</p>'
    rows = {
        f"{_with_spaces(reason)}: {SKIP_REASONS.get(reason, '')}": count for reason, count in counts.items()
    }
    figures = "".join(_skip(skip, pixels) for skip, pixels in shown)
    return (
        '<h2 id="skipped">Skipped photos</h2>'
        f'<p class="faint">{total:,} photos gave no sample; {len(shown):,} of them are shown.</p>'
        f'{shares("Reasons", rows)}<div class="skips">{figures}</div>'
    )


def _skip(skip: Skipped, pixels: AnyPicture | None) -> str:
    blank = '<div class="blank">no image</div>'
    image = (
        blank
        if pixels is None
        else f'<img alt="skipped photo" src="{data_uri(encode_jpeg(shrink(pixels, SIDE), EMBED_QUALITY), "jpeg")}">'
    )
    reason, detail = _with_spaces(skip.reason), skip.detail or SKIP_REASONS.get(skip.reason, "")
    return (
        f'<figure class="skip">{image}<figcaption><b>{esc(reason)}</b>{esc(detail)}'
        f'<div class="faint">{esc(skip.id)}</div></figcaption></figure>'
    )


def _with_spaces(reason: str) -> str:
    return reason.replace("_", " ")
