"""What a worker says of where it is, and what its parent can read."""

import os

from maskgen import worker
from maskgen.worker import NOWHERE, Board, Steps, _Teller


class Pipe:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.said: list[Steps] = []

    def send(self, message: Steps) -> None:
        self.said.append(message)


def test_what_one_process_writes_on_a_board_another_reads():
    board = Board()
    assert board.read() == NOWHERE
    child = os.fork()
    if child == 0:
        Board(board.descriptor).write(1_234_567)
        os._exit(0)
    os.waitpid(child, 0)
    assert board.read() == 1_234_567
    board.close()


def test_a_board_works_where_files_in_memory_are_unknown(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    board = Board()
    Board(board.descriptor).write(7)
    assert board.read() == 7
    board.close()


def test_many_photos_are_told_in_few_messages_and_none_is_left_out(monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(clock) * worker.TOLD_SECONDS / 10)
    pipe, board = Pipe(), Board()
    tell = _Teller(pipe, board, 100)
    for index in range(101):
        tell(index, None if index == 0 else index - 1)
        assert board.read() == (index if index < 100 else NOWHERE)
    tell.flush()
    assert 8 < len(pipe.said) < 13
    board.close()
    assert [step for message in pipe.said for step in message.steps] == [
        (index, None if index == 0 else index - 1) for index in range(101)
    ]
