"""The pages of docs/coming-from: their commands and programs run as they stand, on a few crops of one photo.

Programs of others are not installed for it. What they write is drawn here in the layout that they have; what they
read is read here by their rules.
"""

import csv
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.dataset.assign import hash_split
from maskgen.masking.mask_the_face import BLOCKS, OWN_COLOURS
from maskgen.settings import SourceSettings
from maskgen.types import PhotoRef
from tests.helpers.aligned import aligned
from tests.helpers.pages import Reader
from tests.helpers.program import ROOT
from tests.helpers.record_files import write_records
from tests.test_start_pages import photos, sizes, variant


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def test_command_lines_of_mask_the_face_work(tmp_path):
    (tmp_path / "people/Ann").mkdir(parents=True)
    variant(0).save(tmp_path / "people/Ann/Ann_0001.jpg")
    reader = Reader(tmp_path)
    reader.follow("coming-from/masktheface.md")
    assert reader.shown == 4
    assert names(tmp_path / "people_masked") == ["Ann/Ann_0001-original.jpg", "Ann/Ann_0001.jpg"]
    assert names(tmp_path / "people-code") == ["Ann/Ann_0001.jpg"]


def test_every_type_of_mask_the_face_is_in_its_table():
    text = (ROOT / "docs/coming-from/masktheface.md").read_text("utf-8")
    table = text.partition("## Types of masks")[2].partition("\n## ")[0]
    for kind in (*OWN_COLOURS, *BLOCKS, "random", "all"):
        assert f"`{kind}`" in table
    for kind, (family, colour) in OWN_COLOURS.items():
        assert family in table
        assert colour in table or not kind.startswith("surgical_")


def write_img2dataset(words, folder):
    """Writes what img2dataset 1.47 writes with `--output_format webdataset`: two tars, one failed download."""
    import pandas

    out = folder / words[words.index("--output_folder") + 1]
    out.mkdir()
    for shard in range(2):
        rows = []
        with tarfile.open(out / f"{shard:05}.tar", "w") as tar:
            for number in range(4):
                key, failed = f"{shard:05}{number:04}", (shard, number) == (1, 3)
                row = {
                    "url": f"http://127.0.0.1/{key}.jpg", "caption": f"a photo, number {key}", "key": key,
                    "status": "failed_to_download" if failed else "success", "width": 224, "height": 224,
                    "exif": "{}", "person": ("Ann", "Bob")[number % 2],
                }  # fmt: skip
                rows.append(row)
                image = jpeg(variant(4 * shard + number))
                members = {"jpg": image, "json": json.dumps(row).encode(), "txt": row["caption"].encode()}
                for suffix, data in {} if failed else members.items():
                    info = tarfile.TarInfo(f"{key}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        pandas.DataFrame(rows).to_parquet(out / f"{shard:05}.parquet")
        (out / f"{shard:05}_stats.json").write_text(json.dumps({"count": 4, "successes": 4 - shard}))


def test_what_img2dataset_wrote_becomes_a_data_set_with_captions_and_people(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    reader = Reader(tmp_path, stand_ins={"img2dataset": write_img2dataset})
    reader.follow("coming-from/img2dataset.md")
    assert reader.shown == 3
    with (tmp_path / "captions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    for row in rows:
        key = Path(row["source"]).stem
        assert row["caption"] == f"a photo, number {key}"
        assert row["url"].endswith(f"{key}.jpg")
    with (tmp_path / "plain/samples.csv").open(newline="") as file:
        assert {row["identity"] for row in csv.DictReader(file)} == {""}
    assert names(tmp_path / "people")[0] == "Ann/000000000.jpg"
    assert len(names(tmp_path / "people")) == 7
    made = json.loads((tmp_path / "shards-of-people/dataset.json").read_text())
    assert made["format"] == 2


def iopaint(words, folder):
    """Fills as IOPaint 1.6 does with its model `cv2`: files of one stem, levels of 127 and more, PNG."""
    image, mask, output = (
        folder / words[words.index(name) + 1] for name in ("--image", "--mask", "--output")
    )
    output.mkdir()
    masks = {path.stem: path for path in mask.glob("*.*")}
    for path in image.glob("*.*"):
        with Image.open(path) as photo, Image.open(masks[path.stem]) as region:
            assert photo.size == region.size
            pixels, levels = np.asarray(photo.convert("RGB")), np.asarray(region.convert("L"))
        hole = (levels >= 127).astype(np.uint8)
        assert 0 < hole.mean() < 0.9
        filled = cv2.inpaint(np.ascontiguousarray(pixels), hole, 4, cv2.INPAINT_NS)
        Image.fromarray(filled).save(output / f"{path.stem}.png")


def test_iopaint_and_unmask_take_each_others_files(tmp_path):
    pytest.importorskip("torch")
    bare = tmp_path / "bare"
    photos(bare, 24)
    start = Reader(tmp_path)
    start.run("unmask gen-data --src bare --size 128 --masks surgical --out shards")
    start.run("unmask unpack shards --layout tree --split val --to photos")
    for extra in ("samples.csv", "skipped.csv"):
        (tmp_path / "photos" / extra).unlink()
    quick = ["--set", "features=off", "--set", "brisque=false", "--set", "train_faces=4"]
    reader = Reader(tmp_path, stand_ins={"iopaint": iopaint}, added={"unmask eval": [*quick, "--json"]})
    reader.follow("coming-from/iopaint.md")
    assert reader.shown == 2
    found = {name.removesuffix("-map.png") for name in sizes(tmp_path / "found") if name.endswith("-map.png")}
    assert found == {Path(name).stem for name in sizes(tmp_path / "masks")}
    assert len(sizes(tmp_path / "erased")) == len(sizes(tmp_path / "restored")) == len(found) > 1
    for name in found:
        with (
            Image.open(tmp_path / f"found/{name}-map.png") as image,
            Image.open(tmp_path / f"masks/{name}.png") as mask,
        ):
            assert set(np.unique(np.asarray(image))) == {0, 64, 255}
            assert ((np.asarray(image) > 0) == (np.asarray(mask) == 255)).all()
    assert "iopaint" in (tmp_path / "eval.html").read_text("utf-8")


def test_data_of_insightface_goes_in_and_out(tmp_path):
    crop = Image.fromarray(np.ascontiguousarray(aligned()[0]))
    mirror = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    write_records(tmp_path / "faces_emore", [[jpeg(crop), jpeg(mirror)]] * 2)
    names_of_train = (f"Person {number}" for number in range(100))
    train = [name for name in names_of_train if hash_split(PhotoRef(name, name), SourceSettings()) == "train"]
    for nth, person in enumerate(train[:4]):
        (tmp_path / "people" / person).mkdir(parents=True)
        for number in range(2):
            variant(2 * nth + number).save(tmp_path / "people" / person / f"{number}.jpg")
    (tmp_path / "sample.py").write_text(
        "import numpy\nsample, index = numpy.zeros((112, 112, 3), numpy.uint8), 0\n"
    )
    reader = Reader(tmp_path, saved={1: "masks.py", 2: "line.py"})
    reader.follow("coming-from/insightface.md")
    assert reader.shown == 2
    masked = [(int(Path(name).parent.name), int(Path(name).stem)) for name in names(tmp_path / "masked")]
    assert masked == [(0, 1), (0, 2), (1, 3), (1, 4)]  # label, key
    assert (tmp_path / "faces_emore_masked/property").read_text() == "2,112,112\n"
    assert len(names(tmp_path / "people-crops")) == 8
    assert (tmp_path / "pairs.txt").read_text().count("\n") > 4
    assert (tmp_path / "people-rec/people_masked.bin").stat().st_size > 1000
    whole = "".join((tmp_path / name).read_text() for name in ("masks.py", "sample.py", "line.py"))
    reader.run_program(whole + "assert sample.shape == (112, 112, 3) and sum(masks.counts.values()) == 1\n")
