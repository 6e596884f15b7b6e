output "deploy_role_arn" {
  description = "The role that the console takes in this account."
  value       = aws_iam_role.deploy.arn
}

output "user_boundary_arn" {
  description = "The permissions boundary for gated users."
  value       = aws_iam_policy.boundary.arn
}
