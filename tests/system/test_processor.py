"""The processor as the kernel describes it: texts in its form, worked out by hand."""

import os
from pathlib import Path

import pytest

from harness.system import processor


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Pretend the kernel's files: text by path; what is not there cannot be read."""
    files: dict[str, str] = {}
    monkeypatch.setattr(processor, "_read", lambda path: files.get(str(path), ""))
    return files


class TestInstructions:
    """The widest set of instructions."""

    @pytest.mark.parametrize(
        ("description", "widest"),
        [
            ("flags\t\t: fpu sse sse2 sse4_1 sse4_2\n", "sse4"),
            ("flags\t\t: sse4_2 avx f16c\n", "avx"),
            ("flags\t\t: sse4_2 avx avx2 fma\n", "avx2"),
            ("flags\t\t: avx avx2 avx512f avx512bw\n", "avx512"),
            ("flags\t\t: avx avx2 avx512f avx512_vnni\n", "avx512 with vnni"),
            ("flags\t\t: avx avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile\n", "amx"),
            ("processor\t: 0\nFeatures\t: fp asimd evtstrm sve\n", "sve"),
            ("flags\t\t: fpu\n", "unknown"),
            ("", "unknown"),
        ],
    )
    def test_it_is_read_from_the_kernels_description(
        self, description: str, widest: str, kernel: dict[str, str]
    ) -> None:
        kernel["/proc/cpuinfo"] = description
        assert processor.instructions() == widest


class TestAllowed:
    """The CPUs in the affinity mask."""

    def test_a_mask_of_one_is_one(self) -> None:
        mask = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(mask)})
            assert processor.allowed() == 1
        finally:
            os.sched_setaffinity(0, mask)
        assert processor.allowed() == len(mask)

    def test_without_masks_all_cpus_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "sched_getaffinity")
        monkeypatch.setattr(os, "cpu_count", lambda: 7)
        assert processor.allowed() == 7


class TestQuota:
    """The time that a control group has."""

    def test_without_a_limit_there_is_none(self, kernel: dict[str, str]) -> None:
        kernel["/proc/self/cgroup"] = "0::/a/b\n"
        kernel["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000\n"
        assert processor.quota() is None

    def test_the_narrowest_limit_up_to_the_root_counts(self, kernel: dict[str, str]) -> None:
        kernel["/proc/self/cgroup"] = "0::/a/b\n"
        kernel["/sys/fs/cgroup/a/b/cpu.max"] = "400000 100000\n"
        kernel["/sys/fs/cgroup/a/cpu.max"] = "150000 100000\n"
        assert processor.quota() == 1.5

    def test_version_1_has_it_in_two_files(self, kernel: dict[str, str]) -> None:
        kernel["/proc/self/cgroup"] = "4:memory:/x\n3:cpu,cpuacct:/pod\n"
        kernel["/sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us"] = "50000\n"
        kernel["/sys/fs/cgroup/cpu/pod/cpu.cfs_period_us"] = "100000\n"
        kernel["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "-1\n"
        kernel["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "100000\n"
        assert processor.quota() == 0.5


@pytest.mark.parametrize(
    ("mask", "limit", "share", "words"),
    [
        (4, None, 4, "4 of 8"),
        (4, 1.5, 2, "4 of 8, the time of 1.5"),
        (4, 0.5, 1, "4 of 8, the time of 0.5"),
        (1, 6.0, 1, "1 of 8"),
    ],
)
def test_what_a_process_may_use(
    mask: int, limit: float | None, share: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(processor, "allowed", lambda: mask)
    monkeypatch.setattr(processor, "quota", lambda: limit)
    assert (processor.share(), processor.in_words()) == (share, words)


def test_this_processor_has_a_name() -> None:
    assert processor.name() in Path("/proc/cpuinfo").read_text()
