# Events of the bucket, for docs/arrivals.md.

resource "aws_sqs_queue" "arrivals" {
  count = var.arrivals ? 1 : 0
  name  = "${var.name}-arrivals"

  visibility_timeout_seconds = 180     # until the next try: six times the function's timeout
  message_retention_seconds  = 1209600 # 14 days, SQS's longest
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[0].arn
    maxReceiveCount     = 1000 # SQS's most: two days of tries
  })
}

resource "aws_sqs_queue" "dead_letters" {
  count = var.arrivals ? 1 : 0
  name  = "${var.name}-arrivals-dead"

  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "arrivals" {
  count     = var.arrivals ? 1 : 0
  queue_url = aws_sqs_queue.arrivals[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "FilledByTheBucket"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.arrivals[0].arn
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:s3:::${var.bucket}" }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}

# A bucket has one set of notifications: put in what it sends elsewhere.
resource "aws_s3_bucket_notification" "arrivals" {
  count  = var.arrivals ? 1 : 0
  bucket = var.bucket

  queue {
    id        = "presign"
    queue_arn = aws_sqs_queue.arrivals[0].arn
    events    = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
  }

  depends_on = [aws_sqs_queue_policy.arrivals] # S3 tries to send
}

resource "aws_iam_role_policy" "empty_the_queue" {
  count = var.arrivals ? 1 : 0
  name  = "empty-the-queue"
  role  = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "EmptyTheQueue"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = aws_sqs_queue.arrivals[0].arn
    }]
  })
}

resource "aws_lambda_event_source_mapping" "arrivals" {
  count            = var.arrivals ? 1 : 0
  function_name    = aws_lambda_function.this.arn
  event_source_arn = aws_sqs_queue.arrivals[0].arn
  batch_size       = 10

  function_response_types = ["ReportBatchItemFailures"] # or AWS deletes what no hook has accepted

  scaling_config {
    maximum_concurrency = 5 # the other instances answer callers
  }

  depends_on = [aws_iam_role_policy.empty_the_queue]
}

resource "aws_cloudwatch_log_metric_filter" "failed_hooks" {
  count          = var.arrivals ? 1 : 0
  name           = "${var.name}-failed-hooks"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.event = \"log\" && $.message = \"hook * failed, events are sent again*\" }"

  metric_transformation {
    namespace     = "presign"
    name          = "${var.name}-failed-hooks"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "failed_hooks" {
  count               = var.arrivals ? 1 : 0
  alarm_name          = "${var.name}-failed-hooks"
  alarm_description   = "A hook has refused events for a quarter of an hour"
  namespace           = "presign"
  metric_name         = "${var.name}-failed-hooks"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count               = var.arrivals ? 1 : 0
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "An event was given up, and is in the dead-letter queue"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters[0].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}
