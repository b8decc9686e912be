"""What a worker says of where it is, and what its parent can read."""

import itertools
import os
from multiprocessing import Pipe
from types import SimpleNamespace

from maskgen.generation import worker
from maskgen.generation.worker import NOWHERE, Board, _Teller


def test_what_one_process_writes_on_a_board_another_reads():
    board = Board()
    assert board.read() == NOWHERE
    child = os.fork()
    if child == 0:
        Board(board.descriptor).write(1_234_567)
        os._exit(0)  # nothing of the test's is to be run twice
    os.waitpid(child, 0)
    assert board.read() == 1_234_567
    board.close()


def test_a_board_works_where_files_in_memory_are_unknown(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    board = Board()
    Board(board.descriptor).write(7)
    assert board.read() == 7
    board.close()


def test_a_board_works_where_files_in_memory_are_refused(monkeypatch):
    def refuse(name):
        raise PermissionError(name)

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    board = Board()
    Board(board.descriptor).write(7)
    assert board.read() == 7
    board.close()


def test_many_photos_are_told_in_few_messages_and_none_is_left_out(monkeypatch):
    clock = itertools.count(0.0, worker.TOLD_SECONDS / 9.5)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=clock.__next__))
    ours, theirs = Pipe()
    board, said = Board(), []
    tell = _Teller(theirs, board, 100)
    for index in range(101):
        tell(index, None if index == 0 else index - 1)
        assert board.read() == (index if index < 100 else NOWHERE)
    tell.flush()
    while ours.poll():
        said.append(ours.recv())
    for each in (ours, theirs, board):
        each.close()
    assert 8 < len(said) < 13
    assert [step for message in said for step in message.steps] == [
        (index, None if index == 0 else index - 1) for index in range(101)
    ]
