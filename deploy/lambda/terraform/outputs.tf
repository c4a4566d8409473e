output "url" {
  value = aws_apigatewayv2_api.this.api_endpoint
}

output "api_id" {
  description = "For api_gateway_ids of an issuer, if a JWT authorizer is added"
  value       = aws_apigatewayv2_api.this.id
}

output "signing_role_arn" {
  description = "The role_arn of the bucket in presign.yaml"
  value       = aws_iam_role.signing.arn
}
