"""What becomes of an image's rotation, transparency, palette, depth, colours and size."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from archkit.bench.data.load import load_data
from archkit.bench.data.pixels import fitted, is_gray, pixels
from archkit.errors import DataError

RANDOM = np.random.default_rng(5)
COLOURS = RANDOM.integers(0, 256, (4, 6, 3), dtype=np.uint8)


def saved(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return Image.open(tmp_path / name)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_their_upper_eight(tmp_path, channels):
    values = np.array([[0, 100, 255, 256, 1000, 20000, 40000, 65535]], np.uint16)
    image = saved(tmp_path, Image.fromarray(values))
    assert image.mode.startswith("I")
    assert is_gray(image)
    assert pixels(image, channels).tolist() == [[[0, 0, 0, 1, 3, 78, 156, 255]]] * channels


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = saved(tmp_path, Image.fromarray(COLOURS), exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(image)).transpose(2, 0, 1)
    assert np.array_equal(pixels(image, 3), expected)
    assert pixels(image, 3).shape == ((3, 4, 6) if orientation < 5 else (3, 6, 4))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_exif_block_does_not_hide_the_pixels(tmp_path):
    image = saved(tmp_path, Image.fromarray(COLOURS), "x.jpg", exif=b"Exif\0\0MM\0*garbage")
    assert pixels(image, 3).shape == (3, 4, 6)


@pytest.mark.parametrize(("alpha", "shown"), [(0, 255), (255, 40), (51, 212)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_shows_white(tmp_path, mode, alpha, shown):
    """0.2 of 40 and 0.8 of 255 are 212."""
    colour = (40, 40, 40, alpha) if mode == "RGBA" else (40, alpha)
    image = saved(tmp_path, Image.new(mode, (2, 1), colour))
    assert pixels(image, 3).tolist() == [[[shown, shown]]] * 3
    assert pixels(image, 1).tolist() == [[[shown, shown]]]


def test_palettes(tmp_path):
    """Its colours are those of the palette; the entry that is transparent is white."""
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 0, 7, 7, 7])
    assert pixels(image, 3).reshape(3, 3).T.tolist() == [[10, 20, 30], [200, 100, 0], [7, 7, 7]]
    clear = saved(tmp_path, image, transparency=1)
    assert pixels(clear, 3).reshape(3, 3).T.tolist() == [[10, 20, 30], [255, 255, 255], [7, 7, 7]]
    assert not is_gray(image)
    image.putpalette([10, 10, 10, 200, 200, 200, 7, 7, 7])
    assert is_gray(image)


def test_one_bit_and_few_bits(tmp_path):
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert pixels(saved(tmp_path, bits), 1).tolist() == [[[0, 255]]]
    assert is_gray(bits)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [None, (2, 3), (8, 9)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_arrays_become_what_files_become(mode, channels, size):
    """The data sets that have a name come as arrays; Pillow is the oracle of both."""
    image = Image.fromarray(COLOURS).convert(mode)
    array = np.asarray(image)[None] if mode == "L" else np.asarray(image).transpose(2, 0, 1)
    expected = image.convert("L" if channels == 1 else "RGB")
    if size is not None:
        expected = expected.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    own = np.asarray(expected)
    own = own[None] if channels == 1 else own.transpose(2, 0, 1)
    assert np.array_equal(fitted(array[None], channels, size)[0], own)
    assert np.array_equal(pixels(image, channels, size), own)


# --- a folder follows the network, or the network the folder


def to_gray(folder):
    for path in folder.glob("*/*/*.png"):
        Image.open(path).convert("L").save(path)


def test_gray_images_have_one_channel(write_folder):
    folder = write_folder()
    to_gray(folder)
    data = load_data(str(folder))
    assert data.input == (1, 4, 6)
    path = sorted(folder.glob("train/*/*.png"))[0]
    assert np.array_equal(data.train_images[0, 0], np.asarray(Image.open(path)))
    three = load_data(str(folder), input=(3, 4, 6))
    assert np.array_equal(three.train_images, np.repeat(data.train_images, 3, axis=1))


def test_one_image_in_colour_makes_all_of_them_rgb(write_folder):
    folder = write_folder()
    to_gray(folder)
    Image.fromarray(COLOURS).save(folder / "test" / "dog" / "1.png")
    assert load_data(str(folder)).input == (3, 4, 6)


@pytest.mark.parametrize("source", ["shapes", "folder"])
def test_images_follow_the_network(write_folder, source):
    source = source if source == "shapes" else str(write_folder())
    own = load_data(source)
    gray = load_data(source, input=(1, *own.input[1:]))
    assert np.array_equal(gray.train_images, fitted(own.train_images, 1))
    assert gray.checksum != own.checksum
    small = load_data(source, input=(1, 2, 3), resize=True)
    assert small.input == (1, 2, 3)
    assert np.array_equal(small.test_images, fitted(own.test_images, 1, (2, 3)))
    with pytest.raises(
        DataError, match=r"has images of \d+x\d+, the network takes 2x3 .*--resize scales them"
    ):
        load_data(source, input=(1, 2, 3))
    with pytest.raises(DataError, match="images have 1 or 3 channels, and input=4x2x3 says 4"):
        load_data(source, input=(4, 2, 3))


def test_images_of_many_sizes_are_scaled_to_one(write_folder):
    folder = write_folder()
    Image.new("RGB", (70, 40), (9, 8, 7)).save(folder / "train" / "cat" / "0.png")
    data = load_data(str(folder), input=(3, 4, 6), resize=True)
    assert data.train_images[0].reshape(3, -1).T.tolist() == [[9, 8, 7]] * 24


def test_a_first_image_of_another_size_is_named_before_memory_is_taken(write_folder):
    """3,000 of 7000x7000 would be 411 GiB; only the heads of the files are read."""
    folder = write_folder(train=30)
    Image.new("L", (7000, 7000)).save(folder / "train" / "cat" / "0.png")
    with pytest.raises(DataError) as caught:
        load_data(str(folder))
    message = "train/cat/0.png is 7000x7000 pixels, and 63 of the 64 images are 6x4; one size is needed"
    assert str(caught.value).endswith(message)


def test_too_many_pixels_for_the_memory_are_one_line(write_folder, monkeypatch):
    def none_left(*_args):
        raise MemoryError

    folder = write_folder()
    monkeypatch.setattr("archkit.bench.data.folder.np.empty", none_left)
    with pytest.raises(
        DataError, match=r"6 images of 6x4 pixels take 0 GiB, more memory than there is; --resize"
    ):
        load_data(str(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems make no such names")
def test_a_class_whose_name_is_not_utf8_is_refused_before_the_training(write_folder, cli):
    folder = write_folder()
    for part in ("train", "test"):
        (folder / part / "cat").rename(os.fsdecode(os.fsencode(folder / part) + b"/caf\xe9"))
    done = cli("bench", "[1]x[8]", "--data", str(folder))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {folder}/train has a class folder whose name is not UTF-8: 'caf\\udce9'; rename it\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems make no such names")
def test_a_folder_whose_own_name_is_not_utf8(write_folder, tmp_path):
    other = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    write_folder().rename(other)
    data = load_data(other)
    assert data.name == "caf\ufffd"
    assert load_data(other).checksum == data.checksum


# --- the command

SMALL = ("bench", "--recipe", "demo", "--epochs", "1", "--batch-size", "4", "--device", "cpu", "--json")


def test_the_command_follows_input(cli, write_folder, tmp_path):
    folder = write_folder(train=10, test=5, size=(8, 8))
    refused = cli(*SMALL, "[1]x[8] input=1x16x16", "--data", str(folder), cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: images has images of 8x8, the network takes 16x16 (height x width): --resize scales them\n"
    )
    done = cli(*SMALL, "[1]x[8] input=1x16x16", "--resize", "--data", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"spec": "[1]x[8] input=1x16x16 classes=2"' in done.stdout
    unsaid = cli(*SMALL, "[1]x[8]", "--resize", "--data", str(folder), cwd=tmp_path)
    assert unsaid.returncode == 2
    assert "add input=CxHxW" in unsaid.stderr


def test_a_suite_has_one_input(cli, write, write_folder, tmp_path):
    suite = write(
        'seeds = [0]\n[[runs]]\nspecs = ["[1]x[8] input=1x8x8", "[1]x[8] input=3x8x8"]\nrecipe = "demo"\n'
    )
    done = cli("bench", str(suite), "--data", str(write_folder(size=(8, 8))), cwd=tmp_path)
    assert done.returncode == 2
    assert "runs on the same images cannot have input=1x8x8 and input=3x8x8" in done.stderr


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("shpes", "no data set or folder is called 'shpes'; did you mean shapes?"),
        ("./nowhere", "./nowhere is not a folder; expected DIR/{train,test}/<class>/*.png|jpg|jpeg"),
        (".", "has no folder 'train'; expected DIR/{train,test}/<class>/*.png|jpg|jpeg"),
    ],
)
def test_data_that_is_not_there_is_said_before_torch_is_imported(tmp_path, data, message):
    code = (
        "import sys; from archkit.cli.app import _run; code = _run()\n"
        "assert 'torch' not in sys.modules\nsys.exit(code)"
    )
    args = [sys.executable, "-c", code, "bench", "[1]x[8]", "--data", data]
    done = subprocess.run(args, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
