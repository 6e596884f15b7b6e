output "deploy_role_arn" {
  description = "The role that the console assumes in this account."
  value       = aws_iam_role.deploy.arn
}

output "user_boundary_arn" {
  description = "The permissions boundary of the users whose policies the console writes."
  value       = aws_iam_policy.boundary.arn
}
