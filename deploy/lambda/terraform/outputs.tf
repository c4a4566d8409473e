output "url" {
  value = aws_apigatewayv2_api.this.api_endpoint
}

output "signing_role_arn" {
  description = "The role_arn of the bucket in presign.yaml"
  value       = aws_iam_role.signing.arn
}

output "arrivals_queue_arn" {
  description = "Where the bucket sends its events"
  value       = one(aws_sqs_queue.arrivals[*].arn)
}
