"""`unmask pairs`."""

from pathlib import Path

from maskgen.cli.options import Output, count_of
from maskgen.command_settings import PairsSettings


def pairs(settings: PairsSettings) -> Output:
    """Draw pairs of photos of one person and of two, to score face verification, by the protocol of LFW's view 2.

    Folds share no person, no pair occurs twice, and copies of a photo make no pair. Photos are named by their ids in
    the source, which are also their paths in what unpack --layout tree writes.

    Example: [bold]unmask pairs data/shards/mine --split test --out pairs.txt[/bold]

    Example: [bold]unmask pairs data/shards/mine --form bin --out mine_masked.bin[/bold]
    """
    from maskgen.dataset.draw_pairs import write_pairs

    report = write_pairs(
        Path(settings.dir),
        Path(settings.out),
        split="" if settings.split == "all" else settings.split,
        folds=settings.folds,
        each=settings.per_fold,
        form=settings.form,
        sides=settings.sides,
        seed=settings.seed,
    )
    text = (
        f"{count_of(report.pairs, 'pair')} of {report.people:,} people in {count_of(report.folds, 'fold')}, half of "
        f"them of one person: {report.out}"
    )
    return Output(report, text)
