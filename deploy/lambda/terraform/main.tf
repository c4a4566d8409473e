# presign behind API Gateway, as a Lambda: ../README.md explains it. `tests/validators` parses this
# module; it was never applied.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # The policies are those of deploy/iam, with your names in place of the examples.
  iam     = "${path.module}/../../iam"
  signing = "${var.name}-signing"

  policies = {
    for file in ["role.json", "service-identity.json", "trust-assume-role.json"] : file => replace(
      replace(
        replace(
          replace(
            replace(file("${local.iam}/${file}"), "arn:aws:", "arn:${local.partition}:"),
            "111122223333", local.account
          ),
          "acme-reports-prod", var.bucket
        ),
        "role/presign-reports", "role/${local.signing}"
      ),
      "role/presign-service", "role/${var.name}"
    )
  }

  trust = replace(local.policies["trust-assume-role.json"], "presign-acme-reports", var.external_id)

  role = jsondecode(local.policies["role.json"])
  signing_statements = [
    for statement in local.role.Statement : merge(
      statement,
      statement.Sid == "Encryption" ? {
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      } : {}
    ) if statement.Sid != "Encryption" || var.kms_key_arn != null
  ]
}

resource "aws_iam_role" "function" {
  name = var.name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "assume_the_signing_role" {
  name   = "assume-the-signing-role"
  role   = aws_iam_role.function.id
  policy = local.policies["service-identity.json"]
}

resource "aws_iam_role_policy" "log_and_configuration" {
  name = "log-and-configuration"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteTheLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      },
      {
        Sid      = "ReadTheConfiguration"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${var.configuration_parameter}"
      },
    ]
  })
}

resource "aws_iam_role" "signing" {
  name                 = local.signing
  max_session_duration = 3600 # AWS's limit for a role that a role assumes
  assume_role_policy   = local.trust

  depends_on = [aws_iam_role.function] # a trust policy can only name a role that exists
}

resource "aws_iam_role_policy" "sign" {
  name   = "sign"
  role   = aws_iam_role.signing.id
  policy = jsonencode(merge(local.role, { Statement = local.signing_statements }))
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 365
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = 30
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = var.image_uri
  memory_size   = 1024 # it needs 160 MiB; CPU comes with memory, and makes cold starts short
  timeout       = 29   # an HTTP API gives up after 30 s

  image_config {
    entry_point = ["python", "-m", "awslambdaric"]
    command     = ["service.aws_lambda.handler.handler"]
  }

  environment {
    variables = {
      PRESIGN_CONFIG = "ssm:${var.configuration_parameter}"
    }
  }

  logging_config {
    log_format = "Text" # presign's own lines are JSON
    log_group  = aws_cloudwatch_log_group.function.name
  }

  depends_on = [aws_iam_role_policy.log_and_configuration]
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_route" "everything" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = 200
    throttling_rate_limit  = 100
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn

    # No path: that of a share link is a secret. integrationRequestId is presign's request_id.
    format = jsonencode({
      requestId            = "$context.requestId"
      integrationRequestId = "$context.integration.requestId"
      status               = "$context.status"
      latency              = "$context.responseLatency"
      ip                   = "$context.identity.sourceIp"
    })
  }
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

# A line of level ERROR: a caller that cannot be served, an audit trail that cannot be written.
resource "aws_cloudwatch_log_metric_filter" "error_lines" {
  name           = "${var.name}-error-lines"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.event = \"log\" && $.level = \"ERROR\" }"

  metric_transformation {
    namespace     = "presign"
    name          = "${var.name}-error-lines"
    value         = "1"
    default_value = "0"
  }
}

locals {
  alarms = {
    error-lines = {
      description = "presign logged an error"
      namespace   = "presign"
      metric      = "${var.name}-error-lines"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = null
    }
    errors = {
      description = "The function could not start, or ran out of time or memory"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = { FunctionName = aws_lambda_function.this.function_name }
    }
    throttles = {
      description = "Requests were refused because too many instances run in the account"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = { FunctionName = aws_lambda_function.this.function_name }
    }
    server-errors = {
      description = "More than one of a hundred answers is a 5xx"
      namespace   = "AWS/ApiGateway"
      metric      = "5xx"
      statistic   = "Average"
      threshold   = 0.01
      dimensions  = { ApiId = aws_apigatewayv2_api.this.id }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}
