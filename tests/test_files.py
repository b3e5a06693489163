"""Files that appear whole or not at all."""

import pytest

from archkit.files import half_written, replacing, write_text


@pytest.mark.parametrize("durable", [False, True])
def test_the_new_file_takes_the_place_of_the_old(tmp_path, durable):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path, durable=durable) as new:
        new.write_text("new")
        assert path.read_text() == "old"
        assert half_written(new.name)
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_changes_nothing(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as new:
            new.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_where_nothing_can_be_written_it_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


@pytest.mark.parametrize("name", ["a.txt", "a.new", ".new", "result.json"])
def test_other_files_are_not_taken_for_half_written(name):
    assert not half_written(name)
