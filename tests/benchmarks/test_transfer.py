from collections import defaultdict

from benchmarks.transfer import Task, Time, Times, _report


def cells(task: Task, by_sender: dict[str, list[Time]]) -> list[list[str]]:
    times: Times = defaultdict(lambda: defaultdict(list))
    times[task].update(by_sender)
    return [[cell.strip() for cell in line.split("|")[4:-1]] for line in list(_report(times))[2:]]


def taken(*walls: float, is_reference: bool = False) -> list[Time]:
    return [Time(wall, wall / 2, is_reference) for wall in walls]


def test_a_rate_is_compared_with_the_best_of_its_round() -> None:
    by_sender = {
        "presign": taken(10, 10),
        "boto3": taken(5, 20, is_reference=True),
        "aws": taken(10, 10, is_reference=True),
        "s5cmd": taken(2, 2),
    }
    assert cells(Task("a store", "plain", "512 MiB up", 512), by_sender) == [
        ["presign", "51 MiB/s", "10.0 s a GiB", "0.75 (0.50 to 1.00)"],
        ["boto3", "41 MiB/s", "12.5 s a GiB", "0.75 (0.50 to 1.00)"],
        ["aws", "51 MiB/s", "10.0 s a GiB", "0.75 (0.50 to 1.00)"],
        ["s5cmd", "256 MiB/s", "2.0 s a GiB", "3.75 (2.50 to 5.00)"],
    ]


def test_a_folder_is_measured_by_its_files() -> None:
    task = Task("a store", "plain", "2,000 files of 4 KiB", 2000, is_folder=True)
    assert cells(task, {"aws": taken(4, is_reference=True)}) == [
        ["aws", "500 files/s", "1.0 ms a file", "1.00 (1.00 to 1.00)"]
    ]
