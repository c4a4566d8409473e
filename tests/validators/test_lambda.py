"""deploy/lambda: cfn-lint reads the template, which gives the same rights as the files of deploy/iam.

It is never applied here.
"""

import json
import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.docs.documents import text_of
from tests.support.lambda_runtime import HANDLER
from tests.support.processes import run_to_end
from tools import ROOT

CFN_LINT: Final = Path(os.environ.get("TESTS_CFN", ROOT / ".venv-cfn" / "bin"), "cfn-lint")
DIRECTORY: Final = ROOT / "deploy" / "lambda"
TEMPLATE: Final = DIRECTORY / "template.yaml"
IAM: Final = ROOT / "deploy" / "iam"
ENTRY_POINT: Final = ["python", "-m", "awslambdaric"]


def cfn_lint(path: Path) -> str:
    done = run_to_end([CFN_LINT, "--include-checks", "I", "--", path], cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout + done.stderr


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


def test_the_function_and_the_bucket_may_use_the_queue_of_arrivals_alone() -> None:
    resources = template()
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


def test_the_command_for_the_bucket_sends_events_to_the_queue() -> None:
    [events] = re.findall(r'"Events": (\[.*?\])', text_of("docs/lambda.md"))
    assert json.loads(events) == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]


def test_the_alarm_sees_what_the_notifier_logs() -> None:
    """tests/protocols/arrivals/test_notifying.py has the line."""
    said = "hook billing failed, events are sent again: it answered 500"
    pattern = template()["FailedHooks"]["Properties"]["FilterPattern"]
    assert fnmatch(said, pattern.partition('$.message = "')[2].partition('"')[0])


def test_the_template_runs_the_handler_that_the_tests_run() -> None:
    image = template()["Function"]["Properties"]["ImageConfig"]
    assert (image["EntryPoint"], image["Command"]) == (ENTRY_POINT, [HANDLER])


def test_access_logs_have_no_path() -> None:
    """That of a share link is a secret."""
    for variable in ("$context.path", "$context.http.path", "$context.routeKey", "rawPath"):
        assert variable not in TEMPLATE.read_text()
