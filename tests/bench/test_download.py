"""Data sets through torchvision, on small ones in the same files, and what is said where there are none."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import importlib.machinery
import io
import pickle
import sys
import tarfile
import threading
import types
import urllib.error

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100, SVHN, FashionMNIST

from archkit.bench.data.load import load_data
from archkit.errors import DataError, DownloadError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture
def published(monkeypatch):
    """Ten images a batch in CIFAR-10's format, their checksums told to torchvision; name -> content."""
    random = np.random.default_rng(0)
    files = {}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {
            "data": random.integers(0, 256, (10, 3072), dtype=np.uint8),
            "labels": random.permutation(10).tolist(),
        }
        files[name] = pickle.dumps(batch)
    files["batches.meta"] = pickle.dumps({"label_names": NAMES})

    def md5(name):
        return hashlib.md5(files[name]).hexdigest()  # noqa: S324 - what torchvision compares

    monkeypatch.setattr(
        CIFAR10, "train_list", [[f"data_batch_{i}", md5(f"data_batch_{i}")] for i in range(1, 6)]
    )
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5("test_batch")]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5("batches.meta")})
    return files


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of requests, nor of a client that has gone."""

    def log_message(self, *_args):
        pass

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):  # who meets what was not published, hangs up
            super().copyfile(source, outputfile)


@pytest.fixture
def server(published, tmp_path, monkeypatch):
    """Serves the archive of `published`, and torchvision is told to fetch it there; the archive's path."""
    archive = tmp_path / "served" / CIFAR10.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in published.items():
            info = tarfile.TarInfo(f"{CIFAR10.base_folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())  # noqa: S324
    handler = functools.partial(Quiet, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{serving.server_port}/{archive.name}")
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield archive
        serving.shutdown()


def put(files, folder):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def check(data, files):
    """Every pixel: a row of a batch is a channel after the other, each row by row."""
    batches = [pickle.loads(files[f"data_batch_{i}"]) for i in range(1, 6)]  # noqa: S301 - made above
    assert np.array_equal(
        data.train_images, np.concatenate([b["data"] for b in batches]).reshape(-1, 3, 32, 32)
    )
    assert data.train_labels.tolist() == [label for b in batches for label in b["labels"]]
    test = pickle.loads(files["test_batch"])  # noqa: S301 - made above
    assert np.array_equal(data.test_images, test["data"].reshape(-1, 3, 32, 32))
    assert data.test_labels.tolist() == test["labels"]
    assert data.classes == tuple(NAMES)


def test_what_is_in_the_cache_is_read(published, tmp_path):
    put(published, tmp_path / "cache" / "cifar10" / CIFAR10.base_folder)
    check(load_data("cifar10", cache=tmp_path / "cache"), published)


def test_it_is_downloaded_once(server, published, tmp_path, capfd):
    cache = tmp_path / "cache"
    check(load_data("cifar10", cache=cache), published)
    assert capfd.readouterr().out == ""
    assert sorted(p.name for p in cache.iterdir()) == ["cifar10", "decoded"]
    assert [p.name for p in (cache / "cifar10").iterdir()] == [CIFAR10.base_folder]
    server.unlink()
    check(load_data("cifar10", cache=cache), published)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
def test_an_altered_cache_is_downloaded_again(published, tmp_path, name):
    folder = tmp_path / "cache" / "cifar10" / CIFAR10.base_folder
    put(published, folder)
    (folder / name).write_bytes(b"altered")
    check(load_data("cifar10", cache=tmp_path / "cache"), published)


def test_an_altered_cache_that_cannot_be_replaced_stays_and_is_not_read(server, published, tmp_path):
    folder = tmp_path / "cache" / "cifar10" / CIFAR10.base_folder
    put(published, folder)
    (folder / "test_batch").write_bytes(published["test_batch"][:-1])
    server.unlink()
    with pytest.raises(DownloadError):
        load_data("cifar10", cache=tmp_path / "cache")
    assert (folder / "data_batch_1").read_bytes() == published["data_batch_1"]


def refused(cache) -> str:
    with pytest.raises(DownloadError) as caught:
        load_data("cifar10", cache=cache)
    message = str(caught.value)
    assert "\n" not in message
    assert "--data DIR (DIR/{train,test}/<class>/*.png|jpg|jpeg)" in message
    assert "--data shapes" in message
    return message


def test_no_network(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr("urllib.request.urlopen", fail)
    assert "could not be downloaded (Name or service not known)" in refused(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-40], lambda _content: b"<html>no such page</html>"]
)
def test_a_download_that_is_not_what_was_published(server, tmp_path, damage):
    server.write_bytes(damage(server.read_bytes()))
    refused(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_data("cifar10", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file")


def test_cifar100_has_its_fine_labels(tmp_path, monkeypatch):
    folder = tmp_path / "cifar100" / CIFAR100.base_folder
    pixels = np.random.default_rng(1).integers(0, 256, (100, 3072), dtype=np.uint8)
    names = [f"class {i}" for i in range(100)]
    files = {
        "train": {"data": pixels, "fine_labels": list(range(100)), "coarse_labels": [0] * 100},
        "test": {"data": pixels[::-1], "fine_labels": list(range(100)), "coarse_labels": [0] * 100},
        "meta": {"fine_label_names": names},
    }
    put({name: pickle.dumps(content) for name, content in files.items()}, folder)

    def md5(name):
        return hashlib.md5((folder / name).read_bytes()).hexdigest()  # noqa: S324 - what torchvision compares

    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5("train")]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5("test")]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": md5("meta")})
    data = load_data("cifar100", cache=tmp_path)
    assert (data.name, data.input, data.classes) == ("cifar100", (3, 32, 32), tuple(names))
    assert np.array_equal(data.train_images, pixels.reshape(-1, 3, 32, 32))
    assert data.train_labels.tolist() == list(range(100))


def fashion(folder, monkeypatch):
    """Fashion-MNIST's four archives with 20 and 10 images; part -> its pixels."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels, resources = {}, []
    for part, count in (("train", 20), ("t10k", 10)):
        pixels[part] = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        for kind, array in (("images-idx3", pixels[part]), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            content = gzip.compress(header + array.tobytes())
            (raw / f"{part}-{kind}-ubyte.gz").write_bytes(content)
            resources.append((f"{part}-{kind}-ubyte.gz", hashlib.md5(content).hexdigest()))  # noqa: S324
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    return pixels


def test_fashion_mnist_has_one_channel(tmp_path, monkeypatch):
    pixels = fashion(tmp_path / "fashion-mnist", monkeypatch)
    data = load_data("fashion-mnist", cache=tmp_path)
    assert data.input == (1, 28, 28)
    assert data.classes[9] == "Ankle boot"
    assert np.array_equal(data.train_images[:, 0], pixels["train"])
    assert np.array_equal(data.test_images[:, 0], pixels["t10k"])
    assert data.test_labels.tolist() == list(range(10))


def test_an_altered_archive_of_fashion_mnist_is_not_read(tmp_path, monkeypatch):
    fashion(tmp_path / "fashion-mnist", monkeypatch)
    path = tmp_path / "fashion-mnist" / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"x")

    def fail(*_args, **_options):
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(DownloadError, match="Fashion-MNIST could not be downloaded"):
        load_data("fashion-mnist", cache=tmp_path)


def test_svhn_without_scipy_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DataError, match="read with scipy, which is not installed"):
        load_data("svhn", cache=tmp_path)


def test_svhn_is_read_as_torchvision_does(tmp_path, monkeypatch):
    """scipy itself is stood in for: a .mat file holds H x W x 3 x N, and 10 for the digit 0."""
    pixels = np.random.default_rng(2).integers(0, 256, (32, 32, 3, 12), dtype=np.uint8)
    labels = np.array([[10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]], np.uint8).T
    io_module = types.ModuleType("scipy.io")
    io_module.loadmat = lambda _path: {"X": pixels, "y": labels}
    scipy = types.ModuleType("scipy")
    scipy.io = io_module
    scipy.__spec__ = importlib.machinery.ModuleSpec("scipy", None)
    monkeypatch.setitem(sys.modules, "scipy", scipy)
    monkeypatch.setitem(sys.modules, "scipy.io", io_module)
    monkeypatch.setattr(SVHN, "_check_integrity", lambda _self: True)
    data = load_data("svhn", cache=tmp_path)
    assert data.train_labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert np.array_equal(data.train_images[3], pixels[..., 3].transpose(2, 0, 1))
