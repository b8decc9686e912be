"""Progress reports of a worker, and the board that its parent reads."""

import itertools
import os
from multiprocessing import Pipe
from types import SimpleNamespace

from maskgen.generation import worker
from maskgen.generation.worker import NOWHERE, Board, _StepReporter


def test_a_board_is_shared_between_processes():
    board = Board()
    assert board.read() == NOWHERE
    child = os.fork()
    if child == 0:
        Board(board.descriptor).write(1_234_567)
        os._exit(0)  # the child must not run the rest of the tests
    os.waitpid(child, 0)
    assert board.read() == 1_234_567
    board.close()


def test_a_board_works_without_memfd_create(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    board = Board()
    Board(board.descriptor).write(7)
    assert board.read() == 7
    board.close()


def test_a_board_works_if_memfd_create_is_refused(monkeypatch):
    def refuse(name):
        raise PermissionError(name)

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    board = Board()
    Board(board.descriptor).write(7)
    assert board.read() == 7
    board.close()


def test_many_photos_are_reported_in_few_messages_without_loss(monkeypatch):
    clock = itertools.count(0.0, worker.MESSAGE_SECONDS / 9.5)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=clock.__next__))
    reader, writer = Pipe()
    board, messages = Board(), []
    report = _StepReporter(writer, board, 100)
    for index in range(101):
        report(index, None if index == 0 else index - 1)
        assert board.read() == (index if index < 100 else NOWHERE)
    report.flush()
    while reader.poll():
        messages.append(reader.recv())
    for each in (reader, writer, board):
        each.close()
    assert 8 < len(messages) < 13
    assert [step for message in messages for step in message.steps] == [
        (index, None if index == 0 else index - 1) for index in range(101)
    ]
