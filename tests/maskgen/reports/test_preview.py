import re

import numpy as np
import pytest
from PIL import Image

from maskgen.dataset import shards, skipped_thumbnails
from maskgen.dataset.plan import ShardPlan
from maskgen.dataset.reader import Skipped, open_data_set
from maskgen.errors import InputError, Skip, UnmaskError
from maskgen.generation.make_shard import make_shard
from maskgen.generation.worker_tools import Kit
from maskgen.images.codecs import encode_jpeg
from maskgen.reports.preview import pick, preview, spread
from maskgen.settings import GenSettings, SourceSettings
from maskgen.types import PhotoRef
from tests.helpers.small_images import drawn_photo, write_data_set

EVIL = "<img src=x onerror=alert(1)>.jpg"


def labels(family, wear="correct"):
    return {"faces": [{"mask": {"family": family, "wear": wear}}]}


def test_preview_writes_a_sheet_and_a_page(tmp_path):
    folder = write_data_set(tmp_path / "set", [f"{n}.jpg" for n in range(7)])
    report = preview(folder, n=5)
    assert (report.samples, report.shown) == (7, 5)
    with Image.open(report.sheet) as sheet:
        assert sheet.format == "PNG"
    text = report.page.read_text("utf-8")
    assert text.count('<article class="card"') == 5
    assert {report.sheet.parent, report.page.parent} == {folder}


def test_preview_is_written_to_the_given_folder(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    before = sorted(folder.iterdir())
    preview(folder, out=tmp_path / "look")
    assert sorted(folder.iterdir()) == before
    assert sorted(path.name for path in (tmp_path / "look").iterdir()) == ["preview.html", "preview.png"]


def test_preview_is_the_same_every_time(tmp_path):
    folder = write_data_set(tmp_path / "set", [f"{n}.jpg" for n in range(4)])
    pages = [preview(folder, out=tmp_path / name).page.read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_the_sheet_names_folder_and_file(tmp_path, monkeypatch):
    """Many people have an `img005.jpg`."""
    drawn = []
    folder = write_data_set(tmp_path / "set", ["Ann/img1.jpg"], skips=[("x/Bo/img1.jpg", "no_face", "")])
    monkeypatch.setattr(
        "maskgen.images.contact_sheet.draw_sheet",
        lambda *args: drawn.extend(args[2]) or np.zeros((8, 8, 3), np.uint8),
    )
    preview(folder)
    assert drawn[0].tiles[0].lines[-1] == "Ann/img1.jpg"
    assert drawn[1].tiles[0].lines == ("no face", "x/Bo", "img1.jpg")


def test_names_of_files_are_escaped(tmp_path):
    folder = write_data_set(tmp_path / "set", [EVIL], skips=[("<script>alert(2)</script>", "no_face", "<b>")])
    text = preview(folder).page.read_text("utf-8")
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(2)" in text


def test_page_makes_no_network_requests(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    text = preview(folder).page.read_text("utf-8")
    assert {address[:5] for address in re.findall(r'(?:src|href)="([^"]*)"', text)} == {"data:"}


def test_large_and_lossless_images_are_reduced(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.png"], encoding="png", photo=drawn_photo(1, 900))
    assert preview(folder).page.stat().st_size < 200_000


def test_skipped_photo_is_shown_with_image_and_reason(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"], skips=[("dir/lost.jpg", "tiny_face", "12 px")])
    skipped_thumbnails.keep_thumb(folder, "dir/lost.jpg", drawn_photo(5, 400))
    text = preview(folder).page.read_text("utf-8")
    assert re.search(r'<figure class="skip"><img [^>]*src="data:image/jpeg', text)
    assert "tiny face" in text
    assert "12 px" in text
    assert "dir/lost.jpg" in text


def test_skipped_photo_without_stored_image_says_so(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"], skips=[("x.jpg", "truncated", "")])
    text = preview(folder).page.read_text("utf-8")
    assert text.count("no image</div>") == 1
    assert "the file ends before the image is complete" in text


def test_data_set_whose_photos_were_all_skipped_is_shown(tmp_path):
    folder = write_data_set(tmp_path / "set", [], skips=[("x.jpg", "no_face", "")])
    report = preview(folder)
    assert (report.samples, report.shown, report.skipped) == (0, 0, {"no_face": 1})


def test_folder_without_data_set_is_refused(tmp_path):
    with pytest.raises(InputError, match="found no finished shard"):
        preview(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        preview(tmp_path / "nothing")


def test_every_family_and_wear_is_picked_before_a_second_of_one():
    facts = {f"k{n}": labels("surgical") for n in range(50)} | {
        "rare": labels("n95"),
        "low": labels("surgical", "chin"),
    }
    assert {"rare", "low"} <= set(pick(facts, 3))
    assert len(pick(facts, 60)) == 52


def test_skips_are_spread_over_reasons():
    many = [Skipped(f"{n}", "no_face") for n in range(30)] + [Skipped("rare", "profile")]
    assert {skip.reason for skip in spread(many, 2)} == {"no_face", "profile"}
    assert spread([], 5) == []


def test_labels_of_a_large_set_come_from_whole_shards(tmp_path):
    folder = write_data_set(tmp_path / "set", [f"{n}.jpg" for n in range(3)])
    write_data_set(folder, ["x.jpg"], split="val")
    assert len(open_data_set(folder).labels(1)) in {1, 3}
    assert len(open_data_set(folder).labels(100)) == 4


def test_thumbnail_is_small_and_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        skipped_thumbnails.keep_thumb(tmp_path / name, "x.jpg", drawn_photo(1, 500))
    paths = [skipped_thumbnails.thumb_path(tmp_path / name, "x.jpg") for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert np.shape(skipped_thumbnails.read_thumb(tmp_path / "a", "x.jpg")) == (
        skipped_thumbnails.SIDE,
        skipped_thumbnails.SIDE,
        3,
    )
    assert skipped_thumbnails.read_thumb(tmp_path / "a", "other.jpg") is None


def test_damaged_thumbnail_is_ignored(tmp_path):
    skipped_thumbnails.keep_thumb(tmp_path, "x.jpg", drawn_photo(1))
    skipped_thumbnails.thumb_path(tmp_path, "x.jpg").write_bytes(b"\xff\xd8\xff broken")
    assert skipped_thumbnails.read_thumb(tmp_path, "x.jpg") is None


class OnePhoto:
    """Source with one photo."""

    name, terms = "one", ""

    def __init__(self):
        self.reads = 0
        self.notes = ()

    def refs(self):
        return [PhotoRef("x.jpg")]

    def read(self, ref):
        self.reads += 1
        return encode_jpeg(drawn_photo(1), 90)


@pytest.mark.parametrize(
    ("number", "reason", "kept"),
    [
        (1, "no_face", True),
        (skipped_thumbnails.A_SHARD, "profile", True),
        (skipped_thumbnails.A_SHARD + 1, "no_face", False),
        (1, "poison", False),
    ],
)
def test_only_the_first_readable_skipped_photos_are_kept(tmp_path, number, reason, kept):
    source = OnePhoto()
    skipped_thumbnails.keep_skipped(
        tmp_path, number, PhotoRef("x.jpg"), Skip(reason), source, SourceSettings()
    )
    assert skipped_thumbnails.thumb_path(tmp_path, "x.jpg").exists() == kept
    assert source.reads == kept


def test_shard_keeps_thumbnails_of_skipped_photos(tmp_path):
    (tmp_path / ".work").mkdir()
    kit = Kit(OnePhoto(), mask=lambda photo, base: Skip("no_face"), versions={})
    make_shard(ShardPlan("train-000000", "train", (PhotoRef("x.jpg"),)), GenSettings(), tmp_path, kit)
    assert preview(tmp_path).page.read_text("utf-8").count('<figure class="skip"><img') == 1


def test_a_failure_to_make_the_folder_of_thumbnails_is_reported_in_one_line(tmp_path):
    (tmp_path / ".work").write_text("a file")
    with pytest.raises(
        UnmaskError, match="skipped: cannot write this folder: a file is in the way; choose another folder"
    ):
        skipped_thumbnails.keep_thumb(tmp_path, "x.jpg", drawn_photo(1))


def test_a_file_in_the_way_of_the_folder_is_reported_in_one_line(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnmaskError, match="a file is in the way"):
        preview(folder, out=tmp_path / "file")


def test_labels_of_another_program_are_reported_in_one_line(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    [(key, members)] = shards.read_shard(folder / "train-000000.tar")
    with shards.ShardWriter(folder, folder, "train-000000", 1) as writer:
        writer.add_photo([(key, members | {"json": b'{"faces": [{}]}'})])
        writer.finish()
    with pytest.raises(InputError, match=r"labels are not ours, look at faces\.box.* Run unmask verify"):
        preview(folder)


def test_a_sample_without_a_mask_is_shown_as_bare(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a/1.jpg", "b/2.jpg"], unmasked=["b/2.jpg"])
    page = preview(folder).page.read_text()
    assert 'data-family="bare" data-wear="no mask"' in page
    assert 'data-filter="wear" data-value="no mask"' in page
    assert "none, the face is bare" in page
    assert 'data-value=""' not in page
