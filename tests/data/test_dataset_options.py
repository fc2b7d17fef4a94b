from harness.data import dataset_options


def test_elements_keep_their_order_and_no_thread_tunes() -> None:
    options = dataset_options.in_order()
    assert options.deterministic is True
    assert options.autotune.enabled is False
