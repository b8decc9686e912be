"""`docs/data-set.md` names every key of the records and of `dataset.json`, and no other one."""

import json
import re
from dataclasses import fields
from pathlib import Path

from maskgen.dataset.shard_record import ShardReport
from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import ROOT, build, draw_photos, settings_for

PAGE = (ROOT / "docs" / "data-set.md").read_text("utf-8").partition("\n## Records and dataset.json\n")[2]
RECORD, _, FACTS = PAGE.partition("\n## ")[0].partition("`dataset.json` is one JSON object")


def keys_of(table: str) -> set[str]:
    """Returns the names in the first column of a table."""
    return {key for cell in re.findall(r"(?m)^\| (`[^|]+) \|", table) for key in re.findall(r"`(\w+)`", cell)}


def test_files_and_keys_are_those_of_the_page(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 20, ("noface",))
    out = tmp_path / "set"
    generate(settings_for(photos, out), build=build)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if ".work" not in path.parts}
    shards = {path.stem for path in out.glob("*.tar")}
    assert shards
    tars_and_records = {name for shard in shards for name in (f"{shard}.tar", f"records/{shard}.record")}
    assert names == {"README.md", "dataset.json", "records"} | tars_and_records
    facts = json.loads((out / "dataset.json").read_bytes())
    assert keys_of(FACTS) == facts.keys() | {"by_group", "tones"}
    for entry in facts["shards"]:
        record = json.loads((out / "records" / f"{entry['name']}.record").read_bytes())
        assert keys_of(RECORD) == record.keys() == {field.name for field in fields(ShardReport)}
        assert record["settings"] == facts["hash"]
        del record["prints"]
        assert entry == record
