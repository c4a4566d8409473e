"""deploy/lambda: cfn-lint reads the SAM template, an HCL parser the Terraform module.

Neither is ever applied here. Both must give the same rights as the files of deploy/iam.
"""

import json
import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.support.lambda_runtime import HANDLER
from tests.support.processes import run_to_end
from tests.validators.validating import BIN
from tools import ROOT

CFN_LINT: Final = Path(os.environ.get("TESTS_CFN", ROOT / ".venv-cfn" / "bin"), "cfn-lint")
HCL2_TO_JSON: Final = BIN / "hcl2tojson"
DIRECTORY: Final = ROOT / "deploy" / "lambda"
TEMPLATE: Final = DIRECTORY / "template.yaml"
MODULE: Final = sorted((DIRECTORY / "terraform").glob("*.tf"))
IAM: Final = ROOT / "deploy" / "iam"
ENTRY_POINT: Final = ["python", "-m", "awslambdaric"]


def cfn_lint(path: Path) -> str:
    done = run_to_end([CFN_LINT, "--include-checks", "I", "--", path], cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def read_hcl(path: Path) -> Any:
    done = run_to_end([HCL2_TO_JSON, path])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def template() -> dict[str, Any]:
    """Return the resources, in which a value by a function is its argument."""
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_multi_constructor("!", _argument)
    resources: dict[str, Any] = yaml.load(TEMPLATE)["Resources"]
    return resources


def _argument(constructor: Any, _: str, node: Any) -> Any:
    match node.id:
        case "scalar":
            return constructor.construct_scalar(node)
        case "sequence":
            return constructor.construct_sequence(node, deep=True)
    return constructor.construct_mapping(node, deep=True)


def statements(document: dict[str, Any]) -> dict[str, tuple[str, list[str], list[str]]]:
    """Return effect, actions and keys of the conditions, by statement."""
    return {each["Sid"]: _rights(each) for each in document["Statement"]}


def _rights(statement: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    actions = statement["Action"]
    keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
    return statement["Effect"], [actions] if isinstance(actions, str) else list(actions), keys


def iam(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((IAM / name).read_text())
    return document


def test_the_template_is_valid() -> None:
    assert not cfn_lint(TEMPLATE)


def test_cfn_lint_finds_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(
        TEMPLATE.read_text().replace("RetentionInDays: 30\n", "RetentionInDays: 31\n")
    )
    assert "E3030 31 is not one of" in cfn_lint(broken)


@pytest.mark.parametrize("path", MODULE, ids=lambda path: path.name)
def test_the_module_can_be_parsed(path: Path) -> None:
    assert read_hcl(path)


def test_the_parser_finds_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "main.tf"
    broken.write_text(MODULE[0].read_text().replace("resource ", "resource = ", 1))
    assert run_to_end([HCL2_TO_JSON, broken]).returncode != 0


def test_the_template_gives_the_rights_of_the_iam_files() -> None:
    resources = template()
    signing = resources["SigningRole"]["Properties"]
    (sign,) = signing["Policies"]
    flat = [
        each["Fn::If"][1] if "Fn::If" in each else each
        for each in sign["PolicyDocument"]["Statement"]
    ]
    assert statements({"Statement": flat}) == statements(iam("role.json"))
    trust = signing["AssumeRolePolicyDocument"]
    assert statements(trust) == statements(iam("trust-assume-role.json"))
    identity = resources["AssumeTheSigningRole"]["Properties"]["PolicyDocument"]
    assert statements(identity) == statements(iam("service-identity.json"))


def test_the_function_may_only_log_read_its_configuration_and_assume_the_role() -> None:
    (policy,) = template()["FunctionRole"]["Properties"]["Policies"]
    rights = statements(policy["PolicyDocument"])
    assert {action for _, actions, _ in rights.values() for action in actions} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParameter",
    }


def test_the_module_reads_the_iam_files_and_no_example_is_left() -> None:
    main = (DIRECTORY / "terraform" / "main.tf").read_text()
    for name in ("role.json", "service-identity.json", "trust-assume-role.json"):
        text = (IAM / name).read_text()
        for example in ("acme-reports-prod", "presign-reports", "presign-service", "111122223333"):
            assert example not in text or example in main


def test_the_function_and_the_bucket_may_use_the_queue_of_arrivals_alone() -> None:
    resources, text = template(), (DIRECTORY / "terraform" / "arrivals.tf").read_text()
    [read] = resources["EmptyTheQueue"]["Properties"]["PolicyDocument"]["Statement"]
    # docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert read["Action"] == ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    assert read["Resource"] == "ArrivalsQueue.Arn"
    [fill] = resources["ArrivalsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (fill["Action"], fill["Resource"]) == ("sqs:SendMessage", "ArrivalsQueue.Arn")
    assert [key for tests in fill["Condition"].values() for key in tests] == [
        "aws:SourceArn",
        "aws:SourceAccount",
    ]
    for each in (
        *read["Action"],
        fill["Action"],
        *(k for t in fill["Condition"].values() for k in t),
    ):
        assert f'"{each}"' in text


def test_messages_that_no_hook_accepts_stay_in_the_queue_for_two_days() -> None:
    resources = template()
    queue = resources["ArrivalsQueue"]["Properties"]
    source = resources["ArrivalsEventSource"]["Properties"]
    timeout = resources["Function"]["Properties"]["Timeout"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert queue["VisibilityTimeout"] >= 6 * timeout
    tries = queue["RedrivePolicy"]["maxReceiveCount"]
    assert 2 * 86_400 <= tries * queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"]
    module = read_hcl(DIRECTORY / "terraform" / "arrivals.tf")
    same = {
        "visibility_timeout_seconds": queue["VisibilityTimeout"],
        "message_retention_seconds": queue["MessageRetentionPeriod"],
    }
    [made] = [each["arrivals"] for each in flat(module, "aws_sqs_queue") if "arrivals" in each]
    assert {name: made[name] for name in same} == same
    assert (
        f"maxReceiveCount     = {tries} " in (DIRECTORY / "terraform" / "arrivals.tf").read_text()
    )
    assert "ReportBatchItemFailures" in json.dumps(flat(module, "aws_lambda_event_source_mapping"))


def test_a_bucket_sends_the_same_events_by_hand_and_by_the_module() -> None:
    text = (DIRECTORY / "terraform" / "arrivals.tf").read_text()
    [events] = re.findall(r"^    events += (\[.*\])$", text, re.MULTILINE)
    assert f'"Events": {events}' in (DIRECTORY / "README.md").read_text()


def flat(module: Any, kind: str) -> list[dict[str, Any]]:
    """Return the resources of a kind by their label, which the parser leaves in quotes."""
    return [
        {label.strip('"'): arguments for label, arguments in each[name].items()}
        for each in module["resource"]
        for name in each
        if name.strip('"') == kind
    ]


def test_the_alarm_sees_what_the_notifier_logs() -> None:
    """tests/protocols/arrivals/test_notifying.py has the line."""
    said = "hook billing failed, events are sent again: it answered 500"
    pattern = template()["FailedHooks"]["Properties"]["FilterPattern"]
    assert fnmatch(said, pattern.partition('$.message = "')[2].partition('"')[0])
    main = read_hcl(DIRECTORY / "terraform" / "arrivals.tf")
    [made] = flat(main, "aws_cloudwatch_log_metric_filter")
    assert pattern in made["failed_hooks"]["pattern"].replace('\\"', '"')


def test_both_run_the_handler_that_the_tests_run() -> None:
    image = template()["Function"]["Properties"]["ImageConfig"]
    assert (image["EntryPoint"], image["Command"]) == (ENTRY_POINT, [HANDLER])
    (main,) = [path for path in MODULE if path.name == "main.tf"]
    text = json.dumps(read_hcl(main))
    assert all(each in text for each in (*ENTRY_POINT, HANDLER))


@pytest.mark.parametrize("path", [TEMPLATE, DIRECTORY / "terraform" / "main.tf"])
def test_access_logs_have_no_path(path: Path) -> None:
    """That of a share link is a secret."""
    for variable in ("$context.path", "$context.http.path", "$context.routeKey", "rawPath"):
        assert variable not in path.read_text()
