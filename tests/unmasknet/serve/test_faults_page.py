"""Row 67 of docs/faults.md: the page in a real browser, by mouse, pen, touch and keyboard."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from maskgen.images import codecs
from tests.helpers.browser import Page, browsing, find_browser
from tests.helpers.serving import MASK, Unmask, nothing, photo, serving, shop
from tests.helpers.waiting import wait_for
from unmasknet.restore.unmasker import FoundFace, Restored

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium with chromedriver on this machine"),
]
HEIGHT, WIDTH = 480, 640
FOUND = np.zeros((HEIGHT, WIDTH), bool)
FOUND[MASK] = True
DONE = "!document.getElementById('done').hidden"
BOX = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); return "
AT_REST = """
return (async () => {
  for (let last = ""; ; ) {
    await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
    const box = document.querySelector(arguments[0]).getBoundingClientRect();
    const now = [box.left, box.top, box.width, box.height];
    if (String(now) === last) return now;
    last = String(now);
  }
})();
"""
FOCUSED = "document.activeElement.id"


@pytest.fixture(scope="module")
def desktop() -> Iterator[SimpleNamespace]:
    yield from _opened(1280, 800)


@pytest.fixture(scope="module")
def phone() -> Iterator[SimpleNamespace]:
    yield from _opened(390, 844, touch=True)


def _opened(width: int, height: int, **look: bool) -> Iterator[SimpleNamespace]:
    unmask = Unmask()
    with serving(shop(unmask)) as url, browsing(width, height, **look) as page:
        yield SimpleNamespace(page=page, unmask=unmask, url=url)


def show(at: SimpleNamespace, height: int = HEIGHT, width: int = WIDTH) -> Page:
    """Opens the page anew and has a photo restored on it."""
    at.page.open(at.url)
    give(at.page, codecs.encode_jpeg(photo(height, width), 90))
    at.page.wait(DONE)
    return at.page


def give(page: Page, data: bytes, name: str = "photo.jpg", kind: str = "") -> None:
    page.run(
        "take([new File([new Uint8Array(arguments[0])], arguments[1], {type: arguments[2]})])",
        list(data), name, kind,
    )  # fmt: skip


def crowd(image, *, map, samples, seed):
    """A stand-in that finds 20 masked faces."""
    found = np.zeros(image.shape[:2], np.uint8)
    found[MASK] = 255
    boxes = [(30.0 * i, 20.0, 30.0 * i + 20, 50.0) for i in range(20)]
    faces = tuple(FoundFace(box, 0.9, True) for box in boxes)
    pictures = tuple(image for _ in range(samples))
    return Restored(
        image, found, faces, pictures, found // 9, "20 faces restored, and a sentence that is longer"
    )


def edit(at: SimpleNamespace) -> Page:
    page = show(at)
    page.click("#edit")
    page.wait("brush.found && document.activeElement.id === 'paint'")
    return page


def along(page: Page, *points: tuple[float, float]) -> list[tuple[float, float]]:
    """Turns points of the photo, as fractions of its sides, into points of the window, once the layout is at rest."""
    left, top, width, height = page.run(AT_REST, "#paint")
    return [(left + x * width, top + y * height) for x, y in points]


def sent(at: SimpleNamespace) -> np.ndarray:
    """Has the photo restored with the painted map; returns the map that arrived."""
    before = len(at.unmask.maps)
    # After a finger's stroke, chromedriver's tap now and then reaches the button without becoming a click.
    at.page.run("document.getElementById('use').click()")
    wait_for(lambda: len(at.unmask.maps) > before)
    at.page.wait(DONE + " && document.getElementById('editor').hidden")
    return at.unmask.maps[-1] > 0


def bottom(page: Page, selector: str) -> float:
    return page.run(BOX + "box.bottom", selector)


LINE = (0.3, 0.7), (0.5, 0.7), (0.7, 0.7)  # below the found mask
ON_LINE, OFF_LINE = np.s_[330:342, 200:440], np.s_[420:, :]


@pytest.mark.parametrize("pointer", ["mouse", "pen", "touch"])
def test_row67_a_painted_map_is_used_for_restoring(desktop, pointer):
    page = edit(desktop)
    page.drag(along(page, *LINE), pointer)
    map = sent(desktop)
    assert map.shape == (HEIGHT, WIDTH)
    assert map[ON_LINE].all()
    assert map[MASK].all()  # the found map is where one starts
    assert not map[OFF_LINE].any()
    assert page.run("return document.getElementById('save').download") == "photo-unmasked.png"


def test_row67_more_guesses_are_made_with_the_painted_map(desktop):
    page = edit(desktop)
    page.click("#clear")
    page.drag(along(page, *LINE))
    map = sent(desktop)
    page.click("#more")
    page.wait(DONE + " && document.getElementById('guesses').children.length > 1")
    assert np.array_equal(desktop.unmask.maps[-1] > 0, map)
    assert not map[MASK].any()


def test_row67_the_strength_of_a_pen_does_not_count(desktop):
    maps = []
    for pressure in (0.1, 1.0):
        page = edit(desktop)
        page.drag(along(page, *LINE), "pen", pressure=pressure)
        maps.append(sent(desktop))
    assert np.array_equal(*maps)


def test_row67_a_finger_paints_on_a_phone_without_scrolling(phone):
    page = edit(phone)
    page.drag(along(page, (0.5, 0.5), (0.5, 0.7), (0.5, 0.9)), "touch")
    assert page.run("return scrollY") == 0
    assert sent(phone)[250:430, 315:325].all()


def test_row67_erasing_removes_and_undo_and_redo_go_back_and_forth(desktop):
    page = edit(desktop)
    states = [painted(page)]
    page.click("[data-view=erase]")
    page.drag(along(page, (0.0, 0.05), (0.1, 0.05)))
    states.append(painted(page))
    page.click("[data-view=paint]")
    page.drag(along(page, *LINE))
    states.append(painted(page))
    page.click("#clear")
    states.append(painted(page))
    page.click("#found")
    states.append(painted(page))
    assert states[0] == states[4] > states[1] < states[2]
    assert states[1] < states[0]
    assert states[3] == 0
    undone = []
    for _ in range(4):
        page.press("z", held=["Control"])
        undone.append(painted(page))
    assert undone == states[3::-1]
    assert page.run("return document.getElementById('undo').disabled")
    redone = []
    for _ in range(4):
        page.click("#redo")
        redone.append(painted(page))
    assert redone == states[1:]


def test_row67_the_focus_stays_in_the_editor_when_nothing_is_left_to_undo_or_redo(desktop):
    page = edit(desktop)
    page.click("#clear")
    for button in ("undo", "redo"):
        page.run(f"document.getElementById('{button}').focus()")
        page.press(" ")
        assert page.run(f"return document.getElementById('{button}').disabled")
        assert page.run("return document.activeElement.id") == "paint"


def painted(page: Page) -> int:
    """Counts the painted pixels of the canvas."""
    return page.run(
        "const c = document.getElementById('paint'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 127; return n"
    )


def test_row67_the_keyboard_paints(desktop):
    page = edit(desktop)
    page.press("ArrowDown", "ArrowDown", "ArrowDown")
    before = painted(page)
    page.press("ArrowRight", "ArrowRight", held=[" "])
    once = painted(page)
    page.press("e")
    page.press("ArrowLeft", "ArrowLeft", held=[" "])
    assert once > before
    assert painted(page) < once
    page.press("z", held=["Control"])
    map = sent(desktop)
    assert map[250:350, 320:350].any()
    assert not map[OFF_LINE].any()


def test_row67_the_size_of_the_brush_changes_the_stroke(desktop):
    page, areas = edit(desktop), []
    for _ in range(2):
        page.click("#clear")
        page.run("document.getElementById('paint').focus()")
        page.drag(along(page, *LINE))
        areas.append(painted(page))
        page.press(*("]" * 6))
    assert areas[1] > 2 * areas[0]


def test_row67_an_empty_map_is_not_sent(desktop):
    page = edit(desktop)
    seen = desktop.unmask.seen
    page.click("#clear")
    page.click("#use")
    page.wait("document.getElementById('why').textContent.includes('empty')")
    assert bottom(page, "#trouble") < page.run(BOX + "box.top", "#controls")  # which stay usable
    assert desktop.unmask.seen == seen


def test_row67_a_mask_that_was_not_found_can_be_painted():
    with serving(shop(nothing)) as url, browsing() as page:
        at = SimpleNamespace(page=page, url=url)
        show(at)
        assert page.run("return document.getElementById('edit').textContent") == "Paint a mask"
        page.click("#edit")
        page.wait("brush.found")
        page.drag(along(page, *LINE))
        assert painted(page) > 0


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["ArrowRight"], 550),
        (["ArrowLeft"], 450),
        (["ArrowUp", "ArrowUp"], 600),
        (["Home"], 0),
        (["End"], 1000),
        (["Home", "ArrowDown"], 0),
    ],
    ids=str,
)
def test_row67_arrow_keys_move_the_slider_by_5_percent_and_home_and_end_by_all(desktop, keys, value):
    page = show(desktop)
    assert page.run(f"return {FOCUSED}") == "slider"
    page.press(*keys)
    assert page.run("return Number(document.getElementById('slider').value)") == value
    assert (
        page.run("return document.getElementById('stage').style.getPropertyValue('--cut')")
        == f"{value / 10:g}%"
    )


@pytest.mark.parametrize("button", ["choose", "more", "use"])
def test_row67_after_cancel_the_focus_returns_to_the_button(desktop, button):
    page, unmask = desktop.page, desktop.unmask
    if button == "choose":
        page.open(desktop.url)
    else:
        edit(desktop) if button == "use" else show(desktop)
    unmask.gate.clear()
    try:
        page.run(f"document.getElementById('{button}').focus()")
        if button == "choose":
            give(page, codecs.encode_jpeg(photo(), 90))
        else:
            page.press("Enter")
        page.wait("!document.getElementById('work').hidden")
        assert page.run(f"return {FOCUSED}") == "cancel"
        page.press("Enter")
        page.wait("document.getElementById('work').hidden")
        assert page.run(f"return {FOCUSED}") == button
        assert page.run("return document.getElementById('trouble').hidden")
        assert page.run("return document.getElementById('editor').hidden") == (button != "use")
    finally:
        unmask.gate.set()


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (500, 500), (5000, 200), (200, 5000)])
def test_row67_the_photo_and_download_are_in_view_on_a_desktop(desktop, height, width):
    page = show(desktop, height, width)
    assert bottom(page, "#save") <= bottom(page, "#note") <= 800
    assert 0 < page.run(BOX + "box.top", "#stage") < bottom(page, "#stage") <= 800
    covered = page.run(BOX + "box.width / box.height", "#before")
    assert covered == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (5000, 200), (200, 5000)])
def test_row67_a_photo_fits_the_screen_of_a_phone(phone, height, width):
    page = show(phone, height, width)
    assert bottom(page, "#stage") <= 844
    assert page.run("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("height", "width"), [(640, 480), (800, 400), (480, 640)])
def test_row67_the_photo_and_all_actions_are_in_view_on_a_phone(phone, height, width):
    page = show(phone, height, width)
    assert bottom(page, "#stage") <= page.run(BOX + "box.top", "#controls")
    assert bottom(page, "#save") <= 844
    page.click("#edit")
    page.wait("brush.found")
    assert bottom(page, "#editor") <= page.run(BOX + "box.top", "#controls")
    assert bottom(page, "#use") <= 844
    assert page.run(BOX + "box.height", "#stage") > 844 * 0.4 * min(1, 358 / width * height / 338)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (844, 390)], ids=str)
def test_row67_twenty_faces_leave_the_photo_and_all_actions_in_view(size):
    with serving(shop(crowd)) as url, browsing(*size, touch=size[0] < 1000) as page:
        show(SimpleNamespace(page=page, url=url), 640, 600)
        page.click("#more")
        page.wait(DONE + " && document.getElementById('guesses').children.length > 1")
        for button, group in (("#save", "#faces"), ("#use", "#faces")):
            assert bottom(page, button) <= size[1]
            assert page.run(BOX + "box.height", group) < 60
            assert page.run("return document.documentElement.scrollWidth") <= size[0]
            assert bottom(page, "#before") <= page.run(BOX + "box.top", "#controls") or size[1] < 400
            if button == "#save":
                page.click("#edit")
        page.run("look(19)")
        left, right = page.run(BOX + "[box.left, box.right]", "#faces button:last-child")
        assert 0 <= left < right <= size[0]


def test_row67_the_chosen_face_is_marked_on_the_photo(desktop):
    page = show(desktop)
    assert page.run("return document.getElementById('mark').hidden")
    page.run("for (const one of document.querySelectorAll('.zoom, .mark')) one.style.transition = 'none'")
    for face, box in enumerate([(5, 5, 45, 40), (46, 5, 60, 40)]):
        page.click(f"#faces [data-value='{face}']")
        left, top, width = page.run(BOX + "[box.left, box.top, box.width]", "#before")
        scale = width / WIDTH
        wanted = [left + box[0] * scale, top + box[1] * scale, left + box[2] * scale, top + box[3] * scale]
        marked = page.run(BOX + "[box.left, box.top, box.right, box.bottom]", "#mark")
        assert marked == pytest.approx(wanted, abs=1.5)
    page.click("#faces [data-value='-1']")
    assert page.run("return document.getElementById('mark').hidden")


def test_row67_a_wide_panorama_keeps_its_shape_on_a_phone(phone):
    page = show(phone, 100, 400)
    assert page.run(BOX + "box.width / box.height", "#before") == pytest.approx(4, rel=0.03)


@pytest.mark.parametrize("found", [True, False])
def test_row67_the_found_map_is_offered_only_if_one_was_found(found):
    with serving(shop(Unmask() if found else nothing)) as url, browsing() as page:
        edit(SimpleNamespace(page=page, url=url))
        assert page.run("return document.getElementById('found').disabled") != found


def test_row67_a_phone_is_told_to_take_a_photo_and_a_desktop_to_drop_one(phone, desktop):
    texts = []
    for at in (phone, desktop):
        at.page.open(at.url)
        texts.append(at.page.run("return document.getElementById('welcome').innerText"))
    assert "Choose or take a photo" in texts[0]
    assert "Drop" not in texts[0]
    assert "Drop a photo here" in texts[1]
    assert "take" not in texts[1]


def test_row67_after_an_error_nothing_says_that_work_goes_on(desktop):
    page = desktop.page
    page.open(desktop.url)
    give(page, b"nonsense")
    page.wait("!document.getElementById('trouble').hidden")
    assert page.run("return document.getElementById('live').textContent") == ""


@pytest.mark.parametrize("kind", ["video/mp4", ""])
def test_row67_the_message_for_a_video_names_the_command_that_takes_it(desktop, kind):
    page = desktop.page
    page.open(desktop.url)
    give(page, b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(100), "clip.mp4", kind)
    page.wait("!document.getElementById('trouble').hidden")
    assert "unmask run" in page.run("return document.getElementById('why').textContent")


def test_row67_the_message_for_heic_names_it(desktop):
    page = desktop.page
    page.open(desktop.url)
    give(page, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "IMG_0001.HEIC")
    page.wait("!document.getElementById('trouble').hidden")
    assert "heic" in page.run("return document.getElementById('why').textContent").lower()


def test_row67_the_page_asks_no_other_server_and_its_policy_is_kept(desktop):
    page = edit(desktop)
    page.run(
        "window.broken = []; addEventListener('securitypolicyviolation', (event) => broken.push(event.blockedURI))"
    )
    page.drag(along(page, *LINE))
    sent(desktop)
    assert page.run("return broken") == []
    asked = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked
    assert all(name.startswith((desktop.url, "blob:", "data:")) for name in asked)


def test_row67_every_control_has_a_name_and_a_size_for_fingers(phone):
    page = edit(phone)
    unnamed, small = page.run(
        "const all = document.querySelectorAll('button, a, input, canvas[tabindex]');"
        "const seen = [...all].filter((one) => one.offsetParent);"
        "const name = (one) => one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length;"
        "const low = (one) => one.matches('button') && one.offsetHeight < 38;"
        "return [seen.filter((one) => !name(one)), seen.filter(low)]"
        ".map((list) => list.map((one) => one.id || one.textContent))"
    )
    assert (unnamed, small) == ([], [])
