"""Exact shares of entries and states of wear, at any time and whatever photos are skipped."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.masks.balance import Deck, EvenDraw
from maskgen.masks.selection import open_wardrobe
from maskgen.settings import MaskSettings


def deck(masks: str, wear: str = "correct", seed: int = 0, **settings: object) -> Deck:
    wardrobe = open_wardrobe(MaskSettings.model_validate({"masks": masks, "wear": wear, **settings}))
    return Deck(wardrobe, np.random.default_rng(seed))


def deal(cards: Deck, count: int, skipped: frozenset[int] = frozenset()) -> list[tuple[str, str]]:
    """Deals to `count` photos; those in `skipped` give no sample."""
    found = []
    for photo in range(count):
        dealt = cards.deal(photo)
        cards.note_shown(photo)
        cards.settle(made=photo not in skipped)
        if photo not in skipped:
            found.append((f"{dealt.choice.family} {dealt.choice.colour}".strip(), dealt.wear))
    return found


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_each_count_is_its_share_rounded_up_or_down_at_any_time(weights, draws, seed):
    even, rng = EvenDraw([float(weight) for weight in weights]), np.random.default_rng(seed)
    for n in range(1, draws + 1):
        even.draw(rng)
        for weight, count in zip(weights, even.counts.tolist(), strict=True):
            exact = n * weight / sum(weights)
            assert math.floor(exact + 1e-9) <= count <= math.ceil(exact - 1e-9)


def test_60_and_40_percent_of_1000_are_600_and_400():
    found = [entry for entry, _ in deal(deck("surgical-plain-blue:6, cloth-plain-black:4"), 1000)]
    assert (found.count("surgical #0000ff"), found.count("cloth #000000")) == (600, 400)


def test_the_order_is_random_and_a_function_of_the_seed():
    spec = "surgical:6, cloth:4"
    orders = [tuple(deal(deck(spec, seed=seed), 40)) for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3
    runs = sum(a != b for a, b in zip(orders[0], orders[0][1:], strict=False))
    assert 10 < runs < 38


def test_skipped_photos_and_masks_that_are_not_visible_do_not_break_the_shares():
    found = [entry for entry, _ in deal(deck("surgical:6, cloth:4"), 150, frozenset(range(0, 150, 3)))]
    assert (found.count("surgical"), found.count("cloth")) == (60, 40)
    hidden = deck("surgical:6, cloth:4")
    for photo in range(50):  # dealt, but in no sample
        hidden.deal(photo)
        hidden.settle(made=True)
    after = [entry for entry, _ in deal(hidden, 100)]
    assert (after.count("surgical"), after.count("cloth")) == (60, 40)


def test_a_face_in_several_crops_of_a_photo_counts_once():
    cards = deck("surgical, cloth")
    first = [cards.deal(7).choice.family for _ in range(5)]
    assert len(set(first)) == 1
    cards.note_shown(7)
    cards.settle(made=True)
    assert cards.deal(8).choice.family != first[0]


def test_states_of_wear_and_bare_faces_are_balanced_too():
    found = deal(deck("surgical:3, cloth:2", "correct:.8, nose:.1, chin:.1", share=0.5), 400)
    wears = [wear for entry, wear in found if entry != "bare"]
    assert [entry for entry, _ in found].count("bare") == 200
    assert {wear: wears.count(wear) for wear in set(wears)} == {"correct": 160, "nose": 20, "chin": 20}
    assert {wear for entry, wear in found if entry == "bare"} == {""}


def test_entries_and_states_of_wear_do_not_go_together():
    found = deal(deck("surgical:6, cloth:4", "correct:.6, nose:.4"), 500)
    assert found.count(("surgical", "correct")) == pytest.approx(180, abs=6)
    assert found.count(("cloth", "nose")) == pytest.approx(80, abs=6)


def test_a_family_without_a_state_of_wear_gets_another_and_the_others_make_up_for_it():
    found = deal(deck("respirator, surgical:3", "correct:.5, chin:.5"), 200)
    assert ("respirator", "chin") not in found
    assert [wear for _, wear in found].count("chin") == pytest.approx(100, abs=1)
    assert {wear for _, wear in deal(deck("respirator", "chin"), 5)} == {""}
