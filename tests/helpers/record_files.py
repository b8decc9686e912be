"""Small `.rec` files as InsightFace passes its data sets on."""

from maskgen.recordio import Record, frame_record, index_text, pack_record


def write_records(folder, people, *, stem="train", ranges=True, side=112):
    """Writes a `.rec` with its `.idx` and `property`.

    Args:
        folder: made if it is missing.
        people: for each label, the encoded images of one person.
        ranges: write the ranges of keys by person, as InsightFace's `RecBuilder` does.
        side: of the images, for `property`; None writes none.

    Returns:
        Path of the `.rec`, and the offsets by key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, entries, key, spans = b"", [], 1 if ranges else 0, []

    def add(key, record):
        nonlocal data
        entries.append((key, len(data)))
        data += frame_record(pack_record(record))

    for label, images in enumerate(people):
        spans.append((float(key), float(key + len(images))))
        for image in images:
            add(key, Record((float(label),), image, key))
            key += 1
    if ranges:
        start = key
        for span in spans:
            add(key, Record(span, b"", key))
            key += 1
        add(0, Record((float(start), float(key)), b"", 0))
    (folder / f"{stem}.rec").write_bytes(data)
    (folder / f"{stem}.idx").write_text(index_text(entries))
    if side:
        (folder / "property").write_text(f"{len(people)},{side},{side}\n")
    return folder / f"{stem}.rec", dict(entries)
