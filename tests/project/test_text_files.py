"""Files that a user asks for appear whole, or not at all."""

import os
import threading

import pytest

from nnlite.errors import DataError
from nnlite.saving import text_file, write_text


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "t.txt"
    write_text(path, "old ä\n")
    with pytest.raises(KeyError), text_file(path) as file:
        file.write("new")
        raise KeyError
    assert path.read_bytes() == "old ä\n".encode() and os.listdir(tmp_path) == ["t.txt"]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
def test_links_are_followed_and_pipes_stay(tmp_path):
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "t.txt")
    write_text(link, "a")
    assert link.is_symlink() and (tmp_path / "t.txt").read_text() == "a"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_text, args=(pipe, "b"))
    writer.start()
    assert pipe.read_text() == "b"
    writer.join()
    assert pipe.is_fifo()


def test_messages_name_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        write_text(tmp_path, "a")
    with pytest.raises(OSError) as raised:
        write_text(tmp_path / "nowhere" / "t.txt", "a")
    assert raised.value.filename == str(tmp_path / "nowhere" / "t.txt")
