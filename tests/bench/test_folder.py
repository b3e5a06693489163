"""Image folders: read to the pixel, and every way to be wrong said in one line that names the place."""

import shutil

import numpy as np
import pytest
from PIL import Image

from archkit.bench.data.load import load_data
from archkit.errors import DataError


def test_every_pixel_and_label_is_read_in_order(write_folder):
    folder = write_folder(classes=("b", "a", "c"), train=70, test=2)  # 210 files: several tasks of a thread
    data = load_data(str(folder))
    assert data.name == "images"
    assert data.classes == ("a", "b", "c")
    assert data.input == (3, 4, 6)
    for part, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("test", data.test_images, data.test_labels),
    ):
        files = sorted((folder / part).glob("*/*.png"))
        assert len(files) == len(images)
        for path, image, label in zip(files, images, labels, strict=True):
            assert data.classes[label] == path.parent.name
            assert np.array_equal(image.transpose(1, 2, 0), np.asarray(Image.open(path)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_images_of_other_modes_become_rgb(write_folder, mode):
    folder = write_folder()
    path = folder / "train" / "cat" / "0.png"
    if mode == "CMYK":
        path.unlink()
        path = path.with_suffix(".JPG")
    image = Image.new("RGB", (6, 4), (200, 200, 200)).convert(mode)
    image.save(path)
    data = load_data(str(folder))
    expected = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(data.train_images[0], expected)


def test_other_files_and_hidden_ones_are_left_alone(write_folder):
    folder = write_folder()
    (folder / "README.txt").write_text("hello")
    (folder / "train" / ".cache").mkdir()
    (folder / "train" / "labels.csv").write_text("x")
    (folder / "train" / "cat" / "notes.txt").write_text("x")
    (folder / "train" / "cat" / "._0.png").write_bytes(b"resource fork")
    assert len(load_data(str(folder)).train_labels) == 6


def refused(folder) -> str:
    with pytest.raises(DataError) as caught:
        load_data(str(folder))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_part(write_folder, part):
    folder = write_folder()
    shutil.rmtree(folder / part)
    assert f"has no folder '{part}'; expected DIR/{{train,test}}/<class>/" in refused(folder)


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "x.png").write_bytes(b"x")
    assert "is not a folder" in refused(tmp_path / "x.png")


def test_no_classes(write_folder):
    folder = write_folder()
    shutil.rmtree(folder / "train")
    (folder / "train").mkdir()
    assert "has no class folders" in refused(folder)


def test_one_class(write_folder):
    assert "has 1 class; at least two are needed" in refused(write_folder(classes=("cat",)))


def test_a_class_without_images(write_folder):
    folder = write_folder()
    for path in (folder / "test" / "dog").iterdir():
        path.unlink()
    assert "test/dog has no .png, .jpg or .jpeg images" in refused(folder)


@pytest.mark.parametrize(("part", "other"), [("train", "test"), ("test", "train")])
def test_classes_that_are_in_one_part_only(write_folder, part, other):
    folder = write_folder(classes=("cat", "dog", "emu", "fox"))
    for name in ("cat", "fox"):
        shutil.rmtree(folder / other / name)
    assert f"class 'cat' and 1 more is in {part} but not in {other}" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"this is no image", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_image(write_folder, content):
    folder = write_folder()
    (folder / "train" / "dog" / "1.png").write_bytes(content)
    assert "train/dog/1.png is not a readable image" in refused(folder)


def test_an_image_that_is_cut_off(write_folder):
    folder = write_folder(size=(60, 40))
    path = folder / "test" / "dog" / "1.png"
    path.write_bytes(path.read_bytes()[:-200])
    assert "test/dog/1.png is not a readable image" in refused(folder)


def test_images_of_two_sizes(write_folder):
    folder = write_folder()
    Image.new("RGB", (7, 4)).save(folder / "test" / "cat" / "1.png")
    assert "test/cat/1.png is 7x4 pixels, the first image 6x4" in refused(folder)


@pytest.mark.long
@pytest.mark.cifar10
def test_the_real_cifar10_is_read_whole(cifar10_folder):
    """Mean and standard deviation are those that everybody normalises CIFAR-10 by."""
    data = load_data(str(cifar10_folder))
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    pixels = data.train_images / np.float32(255)
    assert pixels.mean((0, 2, 3), dtype=np.float64) == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
    assert pixels.std((0, 2, 3), dtype=np.float64) == pytest.approx([0.2470, 0.2435, 0.2616], abs=5e-5)
