"""Which files of a folder are images, which are left out, and which cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.data.errors import DataError
from harness.data.image_files import ImageFolder, Layout, find_images


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, "train/cat/1.png", "train/dog/1.JPG", "test/cat/2.jpeg", "test/dog/2.PNG")
    return tmp_path


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def refused(root: Path) -> str:
    with pytest.raises(DataError) as told:
        find_images(root).check()
    return str(told.value)


class TestFindImages:
    """`find_images`"""

    def test_images_are_ordered_by_class_and_file_name(self, root: Path) -> None:
        put(root, "train/cat/0.jpg", "train/cat-2/9.png", "test/cat-2/9.png")
        found = find_images(root)
        found.check()
        assert found.images["train"] == ["cat/0.jpg", "cat/1.png", "cat-2/9.png", "dog/1.JPG"]
        assert found.classes("test") == ["cat", "cat-2", "dog"]
        assert (found.faults, found.left_out, found.remark()) == ([], [], None)

    def test_a_folder_that_is_not_there_has_no_images(self, tmp_path: Path) -> None:
        assert find_images(tmp_path / "none").images == {"train": [], "test": []}
        assert find_images(tmp_path / ("x" * 5000)).images == {"train": [], "test": []}

    @pytest.mark.parametrize(
        "name",
        [
            "train/.ipynb_checkpoints/1.png",
            "train/.DS_Store",
            "train/cat/._1.png",
            "train/cat/.hidden/1.png",
            "train/cat/Thumbs.db",
            "train/dog/Desktop.ini",
            "train/__MACOSX/cat/1.png",
            "test/cat/notes.txt",
            "test/labels.csv",
            "README.md",
            "validation/cat/1.png",
            "test/cat/annotations/1.xml",
        ],
    )
    def test_what_is_no_image_and_no_class_is_left_out_and_named(
        self, root: Path, name: str
    ) -> None:
        put(root, name)
        found = find_images(root)
        found.check()
        assert found.classes("train") == found.classes("test") == ["cat", "dog"]
        assert found.names() == (
            "train/cat/1.png",
            "train/dog/1.JPG",
            "test/cat/2.jpeg",
            "test/dog/2.PNG",
        )
        (left,) = found.left_out
        assert name.startswith(left)
        assert found.remark() == f"{root}: 1 file or folder is left out as no images: {left}"

    def test_many_that_are_left_out_are_counted(self, root: Path) -> None:
        put(root, *(f"train/cat/{index}.txt" for index in range(7)))
        assert find_images(root).remark() == (
            f"{root}: 7 files or folders are left out as no images: "
            "train/cat/0.txt, train/cat/1.txt, train/cat/2.txt and 4 more"
        )

    def test_the_files_of_the_harness_are_not_mentioned(self, root: Path) -> None:
        put(root, "complete")
        assert find_images(root, own=("complete",)).left_out == []
        assert find_images(root).left_out == ["complete"]


class TestLayout:
    """`Layout`"""

    def test_images_may_lie_in_folders_within_a_class(self, root: Path) -> None:
        put(root, "train/cat/a/3.png", "train/cat/a/b/4.png", "train/cat/notes/x.txt")
        found = find_images(root, layout=Layout(nested=True))
        found.check()
        assert found.images["train"] == ["cat/1.png", "cat/a/3.png", "cat/a/b/4.png", "dog/1.JPG"]
        assert found.sizes("train") == {"cat": 3, "dog": 1}
        assert found.left_out == ["train/cat/notes"]

    def test_a_link_to_a_folder_above_is_named_and_not_followed(self, root: Path) -> None:
        put(root, "train/cat/a/3.png")
        (root / "train/cat/a/again").symlink_to(root / "train/cat")
        with pytest.raises(DataError, match="train/cat/a/again is a link to a folder that it lies"):
            find_images(root, layout=Layout(nested=True)).check()

    def test_without_splits_the_folders_are_classes(self, tmp_path: Path) -> None:
        put(tmp_path, "dog/2.png", "cat/1.png", "cat/0.jpg", ".git/x.png", "README.md")
        found = find_images(tmp_path, layout=Layout(split=False))
        found.check()
        assert found.names() == ("cat/0.jpg", "cat/1.png", "dog/2.png")
        assert (found.classes(""), found.left_out) == (["cat", "dog"], [".git", "README.md"])

    def test_without_splits_an_image_beside_the_classes_is_named(self, tmp_path: Path) -> None:
        put(tmp_path, "dog/2.png", "1.png")
        with pytest.raises(
            DataError, match=r"1\.png is in no folder of a class: images lie in <class>"
        ):
            find_images(tmp_path, layout=Layout(split=False)).check()


class TestCheck:
    """`ImageFolder.check`"""

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "train/cat/3.webp",
                "/train/cat/3.webp is an image in a format that is not read (WebP)",
            ),
            ("train/cat/3.BMP", "/train/cat/3.BMP is an image in a format that is not read (BMP)"),
            ("test/cat/3.tiff", "make it a JPEG or PNG file (.jpg, .jpeg, .png)"),
            ("test/cat/3.gif", "(GIF)"),
            ("train/3.png", "/train/3.png is in no folder of a class"),
            ("train/cat/more/3.png", "/train/cat/more/3.png is in a folder within a class"),
            ("train/cat/more/yet/3.gif", "/train/cat/more/yet/3.gif is in a folder within a class"),
            ("train/bird/3.png", "has images of bird in train and none in test"),
            ("test/bird/3.png", "has images of bird in test and none in train"),
            ("train/bird/notes.txt", "/train/bird has no images"),
        ],
    )
    def test_what_looks_like_data_and_cannot_be_used_is_named(
        self, root: Path, name: str, message: str
    ) -> None:
        put(root, name)
        assert message in refused(root)

    def test_an_empty_class_is_named(self, root: Path) -> None:
        (root / "test/bird").mkdir()
        assert f"the class {root}/test/bird has no images" in refused(root)

    def test_a_link_to_nothing_is_named_with_its_target(self, root: Path) -> None:
        (root / "train/cat/5.png").symlink_to("../objects/5.png")
        assert "/train/cat/5.png is a link to ../objects/5.png, which is not there" in refused(root)

    @pytest.mark.parametrize("place", ["train/bird", "train/cat/5.png"])
    def test_a_link_to_itself_is_named(self, root: Path, place: str) -> None:
        (root / place).symlink_to(root / place)
        assert f"{root}/{place} is a link to" in refused(root)

    def test_a_split_that_is_a_link_to_nothing_is_named(self, tmp_path: Path) -> None:
        put(tmp_path, "train/cat/1.png")
        (tmp_path / "test").symlink_to("elsewhere")
        assert f"{tmp_path}/test is a link to elsewhere" in refused(tmp_path)

    def test_a_pipe_and_a_device_are_no_images(self, root: Path) -> None:
        os.mkfifo(root / "train/cat/pipe.png")
        (root / "train/cat/zero.png").symlink_to("/dev/zero")
        message = refused(root)
        assert f"the image {root}/train/cat/pipe.png is no regular file" in message
        assert f"the image {root}/train/cat/zero.png is no regular file" in message

    def test_a_folder_that_cannot_be_read_is_named(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.scandir

        def scandir(path: Path) -> object:
            if Path(path).name == "cat":
                raise PermissionError(13, "Permission denied")
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
        assert f"cannot read the folder {root}/train/cat: Permission denied" in refused(root)

    def test_links_to_images_and_classes_are_followed(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        put(elsewhere, "bird/1.png")
        for split in ("train", "test"):
            (root / split / "bird").symlink_to(elsewhere / "bird")
        (root / "train/cat/7.png").symlink_to(elsewhere / "bird/1.png")
        found = find_images(root)
        found.check()
        assert found.images["train"] == ["bird/1.png", "cat/1.png", "cat/7.png", "dog/1.JPG"]

    def test_of_many_faults_the_first_are_told(self) -> None:
        folder = ImageFolder(
            Path(), {"train": [], "test": []}, faults=[f"fault {i}" for i in range(9)]
        )
        with pytest.raises(DataError, match=r"^fault 0; fault 1; fault 2; and 6 more like these$"):
            folder.check()
