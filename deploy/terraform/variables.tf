variable "console_principal_arn" {
  description = "ARN of the role or user that the console runs as."
  type        = string
}

variable "organization_id" {
  description = "The organization's id; principals from outside are refused."
  type        = string
}

variable "external_id" {
  description = "The external id that the console must send (PORTCULLIS_EXTERNAL_ID)."
  type        = string
  sensitive   = true
}

variable "role_name" {
  description = "The deployment role's name (PORTCULLIS_DEPLOY_ROLE)."
  type        = string
  default     = "PortcullisDeploy"
}

variable "managed_roles" {
  description = "Path and name pattern of the roles whose trust policies may be replaced, for example portcullis/*. The roles also need the tag portcullis-managed=true."
  type        = string
  default     = "*"
}

variable "require_boundary" {
  description = "Whether the console may write policies only for users with the permissions boundary portcullis-user-boundary."
  type        = bool
  default     = true
}
