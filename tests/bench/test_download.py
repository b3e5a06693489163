"""CIFAR-10 through torchvision, on a small set in the same files, and what happens where it cannot be had."""

import functools
import hashlib
import http.server
import io
import pickle
import tarfile
import threading
import urllib.error

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from archkit.bench.data import load_data
from archkit.errors import DownloadError

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
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(archive.parent))
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
    assert [p.name for p in cache.iterdir()] == ["cifar10"]
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
