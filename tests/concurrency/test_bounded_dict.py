from service.concurrency.bounded_dict import BoundedDict


def test_a_new_key_drops_the_oldest_entry() -> None:
    cache = BoundedDict[str, int](2)
    cache["a"], cache["b"] = 1, 2
    cache["a"] = 3
    assert list(cache.items()) == [("a", 3), ("b", 2)]
    cache["c"] = 4
    assert list(cache.items()) == [("b", 2), ("c", 4)]
